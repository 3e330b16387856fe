// Events that become visible together, or never: committed when the Effect succeeds, aborted when it doesn't.
import { Console, Effect, Schema, Stream } from "effect"
import { Admin, BatchReader, EventStream, Pravega, Transaction } from "effect-pravega"

const Transfer = Schema.Struct({ account: Schema.String, cents: Schema.Int })

const transfers = EventStream.make("bank/transfers", { schema: Transfer, routingKey: (transfer) => transfer.account })

const move = (from: string, to: string, cents: number) =>
  Transaction.run(transfers, (transaction) =>
    Effect.gen(function*() {
      yield* transaction.write([{ account: from, cents: -cents }])
      if (cents > 1000) return yield* Effect.fail(`${cents} is more than may be moved at once`)
      yield* transaction.write([{ account: to, cents }])
    }))

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(transfers.name, { scaling: { _tag: "Fixed", segments: 1 } })
  const start = yield* Admin.latestCut(transfers.name)

  yield* move("ada", "bob", 500)
  yield* move("bob", "ada", 5000).pipe(Effect.catch((error) => Console.log(`aborted: ${error}`)))

  // nothing of the second one is there
  yield* BatchReader.stream(transfers, { from: start, to: "latest" }).pipe(
    Stream.runForEach((read) => Console.log(`${read.event.account} ${read.event.cents}`))
  )
})

await Effect.runPromise(program.pipe(Effect.provide(Pravega.layerConfig())))
