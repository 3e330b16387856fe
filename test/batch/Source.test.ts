import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import fc from "fast-check"
import * as Source from "../../src/batch/Source.ts"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import type { KeyRange } from "../../src/core/KeyRange.ts"
import { StreamCut } from "../../src/core/StreamCut.ts"
import { BatchPlan } from "../../src/pravega/BatchReader.ts"
import { FakeStream } from "../pravega/FakeStream.ts"

const events = EventStream.make("scope/history", { codec: EventCodec.utf8 })
const planOf = Schema.decodeUnknownSync(Schema.toCodecJson(BatchPlan))
const jsonOf = Schema.encodeSync(Schema.toCodecJson(StreamCut))
const cutOf = Schema.decodeUnknownSync(Schema.toCodecJson(StreamCut))

/** Writes, scalings, and batches planned and read in between. */
const happening = fc.oneof(
  { weight: 12, arbitrary: fc.record({ write: fc.integer({ min: 0, max: 12 }).map((n) => `key${n}`) }) },
  {
    weight: 3,
    arbitrary: fc.record({ at: fc.nat(), width: fc.integer({ min: 1, max: 3 }), count: fc.integer({ min: 1, max: 3 }) })
  },
  { weight: 2, arbitrary: fc.constant("batch" as const) }
)
const limit = fc.record({
  bytes: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
  events: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined })
})

const assertCoversOnce = (ranges: ReadonlyArray<KeyRange>) => {
  const sorted = ranges.toSorted((a, b) => a.low - b.low)
  for (const [i, range] of sorted.entries()) assert.strictEqual(range.low, i === 0 ? 0 : sorted[i - 1]!.high)
  assert.strictEqual(sorted.at(-1)!.high, 1)
}

const scale = (stream: FakeStream, { at, count, width }: { at: number; width: number; count: number }) => {
  const first = at % stream.active.length
  stream.scale(first, Math.min(stream.active.length - 1, first + width - 1), count)
}

describe("Source.microBatch", () => {
  it(
    "batches follow each other without overlap or gap, in limits, each key in order, whatever is scaled meanwhile",
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(happening, { minLength: 20, maxLength: 80, size: "max" }),
          limit,
          fc.integer(),
          fc.nat(),
          fc.boolean(),
          (history, limits, seed, endAt, readsAgain) => {
            const stream = new FakeStream(seed, 2)
            return Effect.gen(function*() {
              // The end is a cut in the middle of the history, or none.
              let end: { readonly cut: StreamCut; readonly count: number } | undefined
              const session = yield* Source.microBatch(events, { limit: limits }).open
              const begun = yield* session.start
              let position = begun.start
              const read: Array<string> = []

              const batch = Effect.fnUntraced(function*() {
                const ends = end === undefined ? [] : [jsonOf(end.cut)]
                const range = yield* session.plan(position, ends)
                if (range._tag !== "range") return range._tag
                const plan = planOf(range.plan)
                assert.strictEqual(String(plan.from), String(cutOf(position)))
                assertCoversOnce([...plan.to.positions.keys()].map((id) => stream.rangeOf(id)))
                // As after a crash, a plan that comes from the log is read from the stream.
                const partitions = yield* session.partitions(
                  readsAgain ? JSON.parse(JSON.stringify(range.plan)) : range.plan
                )
                const done = new Set<number>()
                const batchEvents: Array<string> = []
                for (const partition of partitions) {
                  for (const predecessor of partition.predecessors) assert.isTrue(done.has(predecessor))
                  batchEvents.push(...(yield* Stream.runCollect(partition.events)).map(({ event }) => event))
                  done.add(partition.id)
                }
                assert.isAbove(batchEvents.length, 0)
                if (batchEvents.length > 1) {
                  assert.isAtMost(batchEvents.length, limits.events ?? Infinity)
                  const size = batchEvents.reduce((sum, event) => sum + 8 + event.length, 0)
                  if (limits.bytes !== undefined && limits.bytes > 30) assert.isAtMost(size, limits.bytes + 30)
                }
                read.push(...batchEvents)
                position = range.next
                return range._tag
              })

              for (const [i, step] of history.entries()) {
                if (i === endAt % (2 * history.length)) end = { cut: stream.cut(), count: stream.written.length }
                if (step === "batch") yield* batch()
                else if ("write" in step) stream.write(step.write)
                else scale(stream, step)
              }
              stream.seal()
              while ((yield* batch()) === "range") assert.isAtMost(read.length, stream.written.length)
              assert.strictEqual(yield* batch(), "ended")
              assert.strictEqual(read.length, end?.count ?? stream.written.length)
              assert.strictEqual(new Set(read).size, read.length)
              const last = new Map<string, number>()
              for (const event of read) {
                const [key, number] = event.split(":") as [string, string]
                assert.strictEqual(Number(number), (last.get(key) ?? -1) + 1, event)
                last.set(key, Number(number))
              }
            }).pipe(Effect.provide(stream.layer), Effect.scoped, Effect.runPromise)
          }
        ),
        { numRuns: 200 }
      ),
    120_000
  )
})
