/** Writers of a batch's partitions: open while a partition writes, and no longer. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { queryObjects } from "node:v8"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import * as PartitionWriters from "../../../src/batch/sink/pravega/PartitionWriters.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as BatchReader from "../../../src/pravega/read/BatchReader.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"
import { SegmentAppender } from "../../../src/pravega/write/internal/SegmentAppender.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { assertCopied, type Numbered, numberedEvents, numberedStream } from "../../numbered.ts"

const from = numberedStream("wide/from")
const to = numberedStream("wide/to")
const guarantees = ["exactly-once", "idempotent", "at-least-once"] as const
const sinkOf = (guarantee: (typeof guarantees)[number]): Sink.Sink<Numbered, unknown, Pravega> => {
  switch (guarantee) {
    case "exactly-once":
      return Sink.pravega(to, { guarantee })
    case "idempotent":
      return Sink.pravega(to, { guarantee })
    case "at-least-once":
      return Sink.pravega(to, { guarantee })
  }
}

/** Those that can still be reached: garbage is collected first. */
const liveAppenders = () => queryObjects(SegmentAppender, { format: "count" })

const stored = Effect.gen(function*() {
  const plan = yield* BatchReader.plan(to.name)
  const reads = yield* Stream.runCollect(BatchReader.readRanges(to, plan.ranges))
  return Array.from(reads, ({ event }) => event)
})

describe("Writers of partitions", () => {
  it.effect("are closed when they are flushed, and another one follows if there is more", () =>
    Effect.gen(function*() {
      const told: Array<string> = []
      const scope = yield* Scope.make()
      const writers = yield* Scope.provide(
        PartitionWriters.make(({ partition, turn }) =>
          Effect.acquireRelease(
            Effect.sync(() => {
              told.push(`open ${partition}.${turn}`)
              return { flush: Effect.sync(() => void told.push(`flush ${partition}.${turn}`)) }
            }),
            () => Effect.sync(() => void told.push(`close ${partition}.${turn}`))
          )
        ),
        scope
      )
      assert.strictEqual(yield* writers.of(1), yield* writers.of(1))
      yield* writers.of(2)
      yield* writers.flush(3)
      yield* writers.flush(1)
      yield* writers.flush(1)
      yield* writers.of(1)
      yield* writers.flushAll
      yield* writers.of(4)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(
        told.join(),
        "open 1.0,open 2.0,flush 1.0,close 1.0,open 1.1,flush 2.0,close 2.0,flush 1.1,close 1.1,open 4.0,close 4.0"
      )
    }))

  it.effect("that can't be opened or flushed are tried again", () =>
    Effect.gen(function*() {
      let failures = 2
      const closed: Array<number> = []
      const fails = Effect.suspend(() => failures-- > 0 ? Effect.fail("not now") : Effect.void)
      const writers = yield* PartitionWriters.make<{ readonly flush: Effect.Effect<void, string> }, string>((
        { turn }
      ) =>
        Effect.acquireRelease(Effect.succeed({ flush: fails }), () => Effect.sync(() => void closed.push(turn))).pipe(
          Effect.tap(() => fails)
        )
      )
      assert.strictEqual(yield* Effect.flip(writers.of(0)), "not now")
      assert.deepStrictEqual(closed, [0])
      failures = 0
      yield* writers.of(0)
      failures = 1
      assert.strictEqual(yield* Effect.flip(writers.flush(0)), "not now")
      assert.deepStrictEqual(closed, [0])
      yield* writers.flush(0)
      assert.deepStrictEqual(closed, [0, 0])
    }).pipe(Effect.scoped))

  for (const guarantee of guarantees) {
    it.live(`hold no more than what is at work, however many segments there are: ${guarantee}`, () =>
      Effect.gen(function*() {
        const segments = 24
        const count = 2400
        const parallelism = 2
        for (const { name } of [from, to]) yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments } })
        yield* Effect.scoped(
          Effect.flatMap(EventWriter.make(from), (writer) => writer.writeAll(numberedEvents(count, 600)))
        )
        let most = 0
        let ended = 0
        yield* Query.run(
          Pipeline.make("wide", {
            source: Source.microBatch(from),
            process: (reads) =>
              // each partition writes to all segments
              Stream.map(reads, ({ event: { number } }) => ({ key: `out${number}`, number })).pipe(
                Stream.onEnd(Effect.sync(() => {
                  // its own are written and not flushed; each look collects garbage first, so that one has to do
                  if (++ended === segments - 4) most = liveAppenders()
                }))
              ),
            sink: sinkOf(guarantee),
            deterministic: true,
            parallelism
          }),
          { trigger: Trigger.availableNow }
        )
        // what waits for its end may be there twice; a pair of each two segments was 576
        assert.isAtMost(most, 2 * parallelism * segments)
        assert.isAbove(most, 0)
        assertCopied(yield* stored, count)
      }).pipe(Effect.provide(Layer.merge(Pravega.layerEmbedded(), CheckpointLog.layerMemory))))

    it.live(`take what comes after a flush, in order, in another try too: ${guarantee}`, () =>
      Effect.gen(function*() {
        yield* Admin.ensureStream(to.name, { scaling: { _tag: "Fixed", segments: 2 } })
        const session = yield* sinkOf(guarantee).open
        const batch = { query: QueryName.make("wide"), batch: 0 }
        const past = { log: "log", handles: [], checkOwner: Effect.void }
        const write = Effect.fnUntraced(function*(
          attempt: Effect.Success<ReturnType<typeof session.begin>>,
          count: number
        ) {
          for (let at = 0; at < count; at += 10) {
            const [first, ...rest] = numberedEvents(10, 5, at)
            if (first !== undefined) yield* attempt.write(0, [first, ...rest])
            yield* attempt.flush(0)
          }
        })
        const dying = yield* Effect.scoped(
          Effect.tap(session.begin(batch, past), (attempt) => write(attempt, 30))
        )
        yield* session.abort(dying.handle)
        const handles = guarantee === "idempotent" ? [dying.handle] : []
        yield* Effect.scoped(Effect.gen(function*() {
          const attempt = yield* session.begin(batch, { ...past, handles })
          yield* write(attempt, 50)
          const { evidence, ...written } = yield* attempt.prepare
          assert.strictEqual(written.events, 50)
          yield* attempt.keep
          yield* session.commit(batch, { handle: attempt.handle, ...written, evidence })
        }))
        const events = yield* stored
        // at least once: the first try's are there, too
        if (guarantee === "at-least-once") assert.lengthOf(events, 80)
        else assertCopied(events, 50)
      }).pipe(Effect.scoped, Effect.provide(Pravega.layerEmbedded())))
  }
})
