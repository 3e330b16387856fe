/**
 * How the Spark connector for Pravega writes a batch: each task writes into a transaction of its own, and when all tasks
 * have flushed, the driver commits the transactions, one by one. Spark around it writes down the batch's offsets before
 * the batch, and that the batch is done after it. Nothing says which transactions belong to a batch.
 *
 * This is that algorithm, and no more: for comparison, not for use.
 */
import { Effect, Schema, Stream } from "effect"
import { BatchReader, type EventStream, StreamCut, Transaction } from "effect-pravega"
import { CheckpointLog, QueryName } from "effect-pravega/batch"

/** What Spark keeps in its directories `offsets` and `commits`. */
const Entry = Schema.Union([
  Schema.TaggedStruct("offsets", { batch: Schema.Natural, from: StreamCut, to: StreamCut }),
  Schema.TaggedStruct("commits", { batch: Schema.Natural })
])
const Json = Schema.fromJsonString(Schema.toCodecJson(Entry))
const encode = (entry: typeof Entry.Type): Uint8Array => new TextEncoder().encode(Schema.encodeSync(Json)(entry))
const decode = (bytes: Uint8Array) => Schema.decodeEffect(Json)(new TextDecoder().decode(bytes))

export interface Options<A, B> {
  readonly query: string
  readonly source: EventStream.EventStream<A>
  readonly sink: EventStream.EventStream<B>
  readonly process: (event: A) => ReadonlyArray<B>
  /** Told before each commit of a task's transaction. */
  readonly onCommit?: (() => Effect.Effect<void>) | undefined
}

/** Batches, until all is read that is there. A batch that was begun and is not done is run again. */
export const run = Effect.fnUntraced(function*<A, B>(options: Options<A, B>) {
  const log = yield* (yield* CheckpointLog).open(QueryName.make(options.query))
  for (;;) {
    const records = yield* log.read(0)
    const entries = yield* Effect.forEach(records, ({ bytes }) => decode(bytes))
    const last = entries.findLast((entry) => entry._tag === "offsets")
    const isDone = entries.at(-1)?._tag !== "offsets"
    const plan = yield* BatchReader.plan(
      options.source.name,
      last === undefined ? {} : isDone ? { start: last.to } : { start: last.from, end: last.to }
    )
    if (isDone && plan.bytes === BigInt(0)) return
    const batch = last === undefined ? 0 : isDone ? last.batch + 1 : last.batch
    if (isDone) yield* log.append(records.length, encode({ _tag: "offsets", batch, from: plan.start, to: plan.end }))
    yield* Effect.scoped(runBatch(options, plan))
    yield* log.append(records.length + (isDone ? 1 : 0), encode({ _tag: "commits", batch }))
  }
})

const runBatch = Effect.fnUntraced(function*<A, B>(
  { onCommit = () => Effect.void, process, sink, source }: Options<A, B>,
  plan: BatchReader.BatchPlan
) {
  // the tasks, each with a transaction of its own
  const transactions = yield* Effect.forEach(plan.ranges, (range) =>
    Effect.gen(function*() {
      const transaction = yield* Transaction.begin(sink)
      yield* BatchReader.readRange(source, range).pipe(
        Stream.map(({ event }) => process(event)),
        Stream.runForEach(transaction.write)
      )
      yield* transaction.flush
      return transaction
    }), { concurrency: "unbounded" })
  // the driver: a crash between two of these commits leaves one of them done, and its batch to be run again
  for (const transaction of transactions) {
    yield* onCommit()
    yield* transaction.commit
    yield* transaction.awaitCommitted
  }
})
