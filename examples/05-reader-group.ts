// Readers of a group share a stream's segments: each event goes to one of them. What they have processed is the group's
// position: run this again, and it goes on after it. If it was killed, the new readers first wait until those of before have
// been silent for the session's time-out. Readers in other processes, Java's too, may join the same group.
import { Console, Deferred, Effect, Ref, Schema, Stream } from "effect"
import { Admin, EventStream, EventWriter, Pravega, ReaderGroup } from "effect-pravega"
import { EventReader } from "effect-pravega/stream"

const Quote = Schema.Struct({ symbol: Schema.String, price: Schema.Finite })
const quotes = EventStream.make("market/quotes", { schema: Quote, routingKey: (quote) => quote.symbol })

const symbols = ["AAPL", "MSFT", "NVDA", "ORCL", "TSLA"]
const count = 20

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(quotes.name, { scaling: { _tag: "Fixed", segments: 4 } })
  const processed = yield* Ref.make(0)
  const done = yield* Deferred.make<void>()

  // one symbol's quotes come in order. They are counted when they are acknowledged: what is interrupted before that comes
  // again, to whoever reads next. (EventReader.run acknowledges when a handler has succeeded; a handler can't tell that.)
  const reader = (name: string) =>
    EventReader.stream(quotes, { readerGroup: "dashboards", sessionTimeout: "10 seconds" }).pipe(
      Stream.runForEach((read) =>
        Console.log(`${name}: ${read.event.symbol} ${read.event.price}`).pipe(
          Effect.andThen(EventReader.acknowledge(read)),
          Effect.andThen(Ref.updateAndGet(processed, (n) => n + 1)),
          Effect.andThen((n) => n === count ? Deferred.succeed(done, undefined) : Effect.void)
        )
      )
    )

  const writing = Effect.scoped(Effect.gen(function*() {
    const writer = yield* EventWriter.make(quotes)
    for (let i = 0; i < count; i++) {
      yield* writer.write({ symbol: symbols[i % symbols.length] ?? "", price: 100 + i })
      yield* Effect.sleep("200 millis")
    }
  }))

  // interrupted when all is processed: the readers leave the group, and tell it how far they came
  yield* Effect.raceFirst(
    Effect.all([reader("first"), reader("second"), Effect.andThen(writing, Effect.never)], {
      concurrency: "unbounded"
    }),
    Deferred.await(done)
  )
  const group = yield* ReaderGroup.open("market/dashboards")
  yield* Console.log(`${(yield* group.onlineReaders).length} readers are left; the group is at`)
  for (const cut of yield* group.streamCuts) yield* Console.log(`  ${cut.toString()}`)
}).pipe(Effect.scoped)

await Effect.runPromise(program.pipe(Effect.provide(Pravega.layerConfig())))
