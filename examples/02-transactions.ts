// Events that become visible together, or never: committed when the Effect succeeds, aborted when it doesn't.
import { Console, Data, Effect, Schema, Stream } from "effect"
import { Admin, BatchReader, EventStream, Pravega, Transaction } from "effect-pravega"

class TooMuch extends Data.TaggedError("TooMuch")<{ readonly cents: number }> {}

const Transfer = Schema.Struct({ account: Schema.String, cents: Schema.Int })

const transfers = EventStream.make("bank/transfers", { schema: Transfer, routingKey: (transfer) => transfer.account })

const move = (from: string, to: string, cents: number) =>
  Transaction.run(transfers, (transaction) =>
    Effect.gen(function*() {
      yield* transaction.write([{ account: from, cents: -cents }])
      if (cents > 1000) return yield* new TooMuch({ cents })
      yield* transaction.write([{ account: to, cents }])
    }))

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(transfers.name, { scaling: { _tag: "Fixed", segments: 1 } })
  const start = yield* Admin.latestCut(transfers.name)

  yield* move("ada", "bob", 500)
  yield* move("bob", "ada", 5000).pipe(
    Effect.catchTag("TooMuch", ({ cents }) => Console.log(`aborted: ${cents} is too much`))
  )

  // nothing of the second one is there
  yield* BatchReader.stream(transfers, { start: start, end: "latest" }).pipe(
    Stream.runForEach((read) => Console.log(`${read.event.account} ${read.event.cents}`))
  )
})

await Effect.runPromise(program.pipe(Effect.provide(Pravega.layerConfig())))
