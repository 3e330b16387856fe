/** Rule 14: a source is told of what is durably committed, and of nothing else: whoever reports it lets it be deleted. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import type { CheckpointLogError } from "../../../src/batch/protocol/CheckpointLogError.ts"
import { decode } from "../../../src/batch/protocol/CheckpointRecord.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import type * as Source from "../../../src/batch/source/Source.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { numbersSource } from "../../batch/source/numbersSource.ts"

/** Where the last batch ends that the log has as committed: what is durable now. */
const committed = (log: CheckpointLog["Service"]): Effect.Effect<Schema.Json, CheckpointLogError, Scope.Scope> =>
  Effect.gen(function*() {
    const records = yield* Effect.flatMap(log.open(QueryName.make("q")), ({ read }) => read(0))
    const ends = new Map<number, Schema.Json>()
    let end: Schema.Json = 0
    for (const { bytes } of records) {
      for (const entry of Result.getOrThrow(decode(bytes)).entries) {
        if (entry._tag === "planned") ends.set(entry.batch, entry.positions["numbers"] ?? null)
        if (entry._tag === "committed") end = ends.get(entry.batch) ?? null
      }
    }
    return end
  })

describe("What a source is told as consumed", () => {
  for (const trigger of [Trigger.availableNow, Trigger.asFastAsPossible, Trigger.every("10 millis")]) {
    it.live(`is what the log has as committed at that time, also while the next batch is planned: ${trigger._tag}`, () =>
      Effect.gen(function*() {
        const log = yield* CheckpointLog
        const told: Array<readonly [told: Schema.Json, durable: Schema.Json]> = []
        const numbers = numbersSource<never>({
          available: () => 40,
          end: 40,
          perBatch: 10,
          partitions: (from, to) => [{ id: 0, predecessors: [], events: Stream.range(from, to - 1) }]
        })
        const source: Source.Source<number, never, never> = {
          ...numbers,
          open: Effect.map(numbers.open, (session) => ({
            ...session,
            consumed: (position) =>
              Effect.map(
                Effect.scoped(Effect.orDie(committed(log))),
                (durable) => void told.push([position, durable])
              )
          }))
        }
        const memory = Sink.memory<number>()
        let mayCommit = false
        const sink: Sink.Sink<number, string, never> = {
          ...memory,
          open: Effect.map(memory.open, (session): Sink.SinkSession<number, string> => ({
            ...session,
            commit: (batch, prepared) =>
              mayCommit || batch.batch < 2 ? session.commit(batch, prepared) : Effect.fail("not now")
          }))
        }
        // takes turns, as whatever waits for a network does: meanwhile the next batch is planned
        const process = (events: Stream.Stream<number>) => Stream.tap(events, () => Effect.yieldNow)
        const pipeline = Pipeline.make("q", { source, process, sink })
        const life = Query.run(pipeline, { trigger, retry: Schedule.recurs(1) })
        assert.strictEqual(yield* Effect.flip(life), "not now")
        assert.deepStrictEqual(told, [[0, 0], [10, 10], [20, 20]])
        // who goes on has batch 2 prepared, and tells nothing before it is committed
        assert.strictEqual(yield* Effect.flip(life), "not now")
        assert.deepStrictEqual(told.length, 3)
        mayCommit = true
        yield* life
        assert.deepStrictEqual(told.slice(3), [[30, 30], [40, 40]])
        yield* life
        assert.deepStrictEqual(told.slice(5), [[40, 40]])
      }).pipe(Effect.provide(CheckpointLog.layerMemory)))
  }
})
