// All that a stream holds now, read in parallel, and a table of it on the console.
import { Console, Effect, Schema, Stream } from "effect"
import { Admin, BatchReader, EventStream, EventWriter, Pravega } from "effect-pravega"

const Reading = Schema.Struct({ sensor: Schema.String, celsius: Schema.Finite })

const readings = EventStream.make("home/batch-readings", { schema: Reading, routingKey: (reading) => reading.sensor })

const rooms = ["roof", "kitchen", "cellar", "hall", "garage", "attic"]

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(readings.name, { scaling: { _tag: "Fixed", segments: 4 } })
  yield* Stream.range(0, 9999).pipe(
    Stream.map((n) => ({ sensor: rooms[n % rooms.length] ?? "", celsius: 12 + n % 7 })),
    Stream.run(EventWriter.sink(readings))
  )

  // a plan says what there is to read before any of it is read
  const plan = yield* BatchReader.plan(readings.name)
  yield* Console.log(`${plan.bytes} bytes in ${plan.ranges.length} segments`)

  const totals = yield* BatchReader.readRanges(readings, plan.ranges, { concurrency: 4 }).pipe(
    Stream.runFold(
      () => new Map<string, { count: number; sum: number }>(),
      (totals, { event: { celsius, sensor } }) => {
        const { count, sum } = totals.get(sensor) ?? { count: 0, sum: 0 }
        return totals.set(sensor, { count: count + 1, sum: sum + celsius })
      }
    )
  )
  for (const [sensor, { count, sum }] of totals) {
    yield* Console.log(`${sensor.padEnd(8)} ${count} readings, ${(sum / count).toFixed(2)} °C on average`)
  }
})

await Effect.runPromise(program.pipe(Effect.provide(Pravega.layerConfig())))
