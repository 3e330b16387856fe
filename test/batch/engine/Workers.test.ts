import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { local, Workers } from "../../../src/batch/engine/Workers.ts"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { numbersSource } from "../source/numbersSource.ts"

/** Nine numbers per batch, in three parts: the last two wait for the first. */
const source = numbersSource<never>({
  available: () => 18,
  end: 18,
  perBatch: 9,
  partitions: (from) =>
    [0, 1, 2].map((id) => ({
      id,
      predecessors: id === 0 ? [] : [0],
      events: Stream.range(from + 3 * id, from + 3 * id + 2)
    }))
})

const run = <E = never>(
  workers: Workers,
  process: (events: Stream.Stream<number>) => Stream.Stream<number, E> = (events) => events
) =>
  Effect.gen(function*() {
    const sink = Sink.memory<number>()
    const pipeline = Pipeline.make("q", { source, process, sink, parallelism: 2 })
    yield* Query.run(pipeline, { trigger: Trigger.availableNow, retry: Schedule.recurs(3) })
    return yield* sink.committed
  }).pipe(Effect.provideService(Workers, workers), Effect.provide(CheckpointLog.layerMemory))

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

describe("Workers", () => {
  it.effect("are told of each try: query, batch, attempt, parts and what they wait for", () =>
    Effect.gen(function*() {
      const told: Array<unknown> = []
      const workers: Workers = {
        processAll: (assignment) => {
          const { attempt, batch, parallelism, parts, query } = assignment
          told.push({
            attempt,
            batch,
            parallelism,
            query,
            parts: parts.map(({ id, predecessors }) => [id, predecessors])
          })
          // Each part once, another order, one after the other: the outputs are the same.
          return Effect.forEach([...parts.slice(0, 1), ...parts.slice(1).reverse()], assignment.process, {
            discard: true
          })
        }
      }
      assert.deepStrictEqual(yield* run(workers), upTo(18))
      const parts = [[0, []], [1, [0]], [2, [0]]]
      assert.deepStrictEqual(
        told,
        [0, 1].map((batch) => ({ attempt: 1, batch, parallelism: 2, query: "q", parts }))
      )
    }))

  it.effect("whose part fails give up the try: the next one is another attempt, and nothing of the first is kept", () =>
    Effect.gen(function*() {
      const attempts: Array<string> = []
      const workers: Workers = {
        processAll: (assignment) => {
          attempts.push(`${assignment.batch}/${assignment.attempt}`)
          return local.processAll(assignment)
        }
      }
      let failures = 0
      const committed = yield* run(
        workers,
        (events) =>
          Stream.mapEffect(events, (n) => n === 14 && failures++ < 2 ? Effect.fail("lost" as const) : Effect.succeed(n))
      )
      assert.deepStrictEqual(committed, upTo(18))
      assert.deepStrictEqual(attempts, ["0/1", "1/1", "1/2", "1/3"])
    }))
})
