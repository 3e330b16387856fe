/**
 * What is left of a transaction when the controller has forgotten it: asked of a standalone with a time to live of 0 hours,
 * which forgets a completed transaction when others were completed after it, where another one takes a day or two.
 * Comments headed "Seen" say what came out.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Schedule, Schema, Stream } from "effect"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import { CheckpointLogError, LogUnavailable } from "../../../src/batch/protocol/CheckpointLogError.ts"
import { PreparedSink } from "../../../src/batch/protocol/CheckpointRecord.ts"
import type { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import * as ScalingPolicy from "../../../src/core/ScalingPolicy.ts"
import { TransactionId } from "../../../src/core/TransactionId.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as BatchReader from "../../../src/pravega/read/BatchReader.ts"
import * as Transaction from "../../../src/pravega/transaction/Transaction.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { randomScope } from "../pravega.ts"
import { type Standalone, startStandalone } from "../standalone.ts"

let server: Standalone

beforeAll(async () => {
  server = await startStandalone({ properties: ["-Dcontroller.transaction.ttl.hours=0"] })
})
afterAll(() => server.stop())

const withClient = <A, E>(effect: Effect.Effect<A, E, Pravega>) =>
  Effect.suspend(() => Effect.provide(effect, Pravega.layer({ controller: server.controller })))

const makeStream = Effect.fnUntraced(function*(name: string) {
  yield* Admin.ensureStream(name, { scaling: ScalingPolicy.fixed(2) })
  return EventStream.make(name, { codec: EventCodec.utf8, routingKey: (text) => text })
})

type Texts = EventStream.EventStream<string>

/** Writes in a transaction of its own, and ends it. */
const transaction = (stream: Texts, end: "commit" | "abort") =>
  Effect.scoped(Effect.gen(function*() {
    const open = yield* Transaction.begin(stream)
    yield* open.write(["a", "b"])
    yield* open[end]
    return open.id
  }))

/** Ends others, in another stream, until the controller knows no more of this one. */
const untilForgotten = Effect.fnUntraced(function*(stream: Texts["name"], id: TransactionId) {
  const { controller } = yield* Pravega
  const other = yield* makeStream(`${stream.scope}/other`)
  const look = Effect.andThen(transaction(other, "commit"), controller.transactionState(stream, id))
  yield* Effect.repeat(look, { until: (state) => state === "unknown" })
})

const contents = (stream: Texts) =>
  Effect.map(
    Stream.runCollect(BatchReader.stream(stream)),
    (read) => read.map(({ event }) => event).toSorted()
  )

/** A log in memory that takes no record of that number or above before it is mended: its query has failed, as if killed. */
const failingFrom = (first: number) => {
  let isMended = false
  const records: Array<string> = []
  const layer = Layer.effect(
    CheckpointLog,
    Effect.map(CheckpointLog, ({ open, ...logs }) => ({
      ...logs,
      open: (query: QueryName) =>
        Effect.map(open(query), (log) => ({
          ...log,
          append: (sequence: number, bytes: Uint8Array) => {
            if (sequence >= first && !isMended) {
              const cause = new Error("not before it is mended")
              return Effect.fail(
                new CheckpointLogError({ reason: new LogUnavailable({ query, operation: "append", cause }) })
              )
            }
            records.push(Buffer.from(bytes).toString())
            return log.append(sequence, bytes)
          }
        }))
    }))
  ).pipe(Layer.provide(CheckpointLog.layerMemory))
  return {
    layer,
    mend: () => {
      isMended = true
    },
    transaction: () => TransactionId.make(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(records[2] ?? "")?.[0] ?? "")
  }
}

describe("a transaction that the controller has forgotten", () => {
  // Seen: CheckTransactionStatus answers UNKNOWN, not gRPC's NOT_FOUND, for a committed one as for an aborted one; a commit
  // and an abort that are sent again are refused as FAILURE, where both succeed as long as it is known; a ping UNKNOWN.
  it.live.each(["commit", "abort"] as const)(
    "is unknown to all that is asked of it: %s",
    (end) =>
      withClient(Effect.gen(function*() {
        const { controller } = yield* Pravega
        const stream = yield* makeStream(`${randomScope()}/facts`)
        const id = yield* transaction(stream, end)
        const again = end === "commit" ? controller.commitTransaction : controller.abortTransaction
        yield* again(stream.name, id)
        yield* untilForgotten(stream.name, id)
        for (const request of [controller.commitTransaction, controller.abortTransaction]) {
          const refused = yield* Effect.flip(request(stream.name, id))
          assert(refused.reason._tag === "TransactionNotOpen")
          assert.strictEqual(refused.reason.state, "unknown")
        }
        assert.strictEqual(
          yield* controller.pingTransaction(stream.name, id, { lease: Duration.seconds(30) }),
          "unknown"
        )
        assert.deepStrictEqual(yield* contents(stream), end === "commit" ? ["a", "b"] : [])
      }))
  )

  it.live.each(
    [
      { isOwned: true, end: "commit", outcome: "committed" },
      { isOwned: true, end: "abort", outcome: "lost" },
      { isOwned: false, end: "commit", outcome: "unknown" },
      { isOwned: false, end: "abort", outcome: "lost" }
    ] as const
  )(
    "is $outcome by what the stream got since: $end, owned: $isOwned",
    ({ end, isOwned, outcome }) =>
      withClient(Effect.scoped(Effect.gen(function*() {
        const stream = yield* makeStream(`${randomScope()}/facts`)
        const session = yield* Sink.pravega(stream, { guarantee: "exactly-once", isOwned }).open
        const batch = { query: "facts", batch: 0 }
        const attempt = yield* session.begin(batch)
        yield* attempt.write(0, ["a", "b"])
        const prepared = new PreparedSink({ ...yield* attempt.prepare, handle: attempt.handle })
        yield* attempt.keep
        yield* end === "commit" ? session.commit(batch, prepared) : session.abort(attempt.handle)
        yield* untilForgotten(stream.name, yield* Schema.decodeUnknownEffect(TransactionId)(attempt.handle))
        assert.strictEqual((yield* session.recover(batch, prepared))._tag, outcome)
      })))
  )

  it.live("does not repeat a batch of a query that ended after its commit and before it was recorded", () =>
    withClient(Effect.gen(function*() {
      const scope = randomScope()
      const input = yield* makeStream(`${scope}/in`)
      const output = yield* makeStream(`${scope}/out`)
      const texts = Array.from({ length: 50 }, (_, i) => `event ${i}`).toSorted()
      yield* Effect.scoped(Effect.flatMap(EventWriter.make(input), (writer) => writer.writeAll(texts)))
      const pipeline = Pipeline.make("forgotten", {
        source: Source.microBatch(input),
        process: Stream.map(({ event }) => event),
        sink: Sink.pravega(output, { guarantee: "exactly-once", isOwned: true })
      })
      const logs = failingFrom(4)
      const run = Query.run(pipeline, { trigger: Trigger.availableNow, retry: Schedule.recurs(0) })
      yield* Effect.gen(function*() {
        const failure = yield* Effect.flip(run)
        assert.strictEqual(failure._tag, "CheckpointLogError")
        assert.deepStrictEqual(yield* contents(output), texts)
        yield* untilForgotten(output.name, logs.transaction())
        logs.mend()
        yield* run
        assert.deepStrictEqual(yield* contents(output), texts)
      }).pipe(Effect.provide(logs.layer))
    })))
})
