// A file into a stream: its lines as typed events, all of them in one transaction, so that readers see all or nothing.
import { Console, Effect, Schema, Stream } from "effect"
import { Admin, EventStream, Pravega, Transaction } from "effect-pravega"
import { createReadStream } from "node:fs"

const Reading = Schema.Struct({ sensor: Schema.String, celsius: Schema.Finite })

const readings = EventStream.make("home/file-readings", { schema: Reading, routingKey: (reading) => reading.sensor })

const decode = Schema.decodeUnknownEffect(Schema.Struct({ sensor: Schema.String, celsius: Schema.FiniteFromString }))

const lines = Stream.fromAsyncIterable(
  createReadStream(new URL("data/readings.csv", import.meta.url), "utf8"),
  (cause) => new Error("the file can't be read", { cause })
).pipe(Stream.splitLines, Stream.drop(1))

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(readings.name, { scaling: { _tag: "Fixed", segments: 2 } })

  const transactions = yield* lines.pipe(
    Stream.mapEffect((line) => {
      const [sensor, celsius] = line.split(",")
      return decode({ sensor, celsius })
    }),
    // a file that is too large for one: { events: 100_000 }, and more of it is there after each of them
    Transaction.through(readings, { per: { events: 1_000_000 } }),
    Stream.runCollect
  )
  for (const { events, id } of transactions) yield* Console.log(`${events} readings, committed as ${id}`)
})

await Effect.runPromise(program.pipe(Effect.provide(Pravega.layerConfig())))
