/**
 * Each query held to what it must give, worked out apart from it, whatever the input is cut into: by the model, on a Stream,
 * and in the batch engine. And the digests of nine of them to those of other programs.
 *
 * More with NEXMARK_EVENTS (200000 or 2000000, for the digests) and NEXMARK_RUNS.
 */
import { assert, describe, it } from "@effect/vitest"
import { CheckpointLog, Pipeline, Sink } from "effect-pravega/batch"
import { Flow } from "effect-pravega/flow"
import { StateStore } from "effect-pravega/state"
import { Query as Running } from "effect-pravega/stream"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import fc from "fast-check"
import * as Digest from "./Digest.ts"
import type { Bid, Event } from "./Event.ts"
import * as Generator from "./Generator.ts"
import * as NexmarkSource from "./NexmarkSource.ts"
import { oracle } from "./Oracle.ts"
import { queries, type Query } from "./Queries.ts"
import { q12 } from "./queries/q12.ts"
import { winningBids } from "./queries/winningBids.ts"

const digested = Number(process.env["NEXMARK_EVENTS"] ?? 20_000)
const runs = Number(process.env["NEXMARK_RUNS"] ?? 2)

/** Of queries whose results change: what tells one result from the others. */
const identities: Partial<Record<keyof typeof queries, (row: Record<string, unknown>) => unknown>> = {
  q4: ({ category }) => category,
  q15: ({ day }) => day,
  q16: ({ channel, day }) => [channel, day],
  q17: ({ auction, day }) => [auction, day],
  q18: ({ auction, bidder }) => [auction, bidder],
  q19: ({ auction }) => auction
}

/** Results as a multiset; of those that change, what they are in the end. */
const results = (query: keyof typeof queries, rows: ReadonlyArray<unknown>): ReadonlyArray<string> => {
  const identity = identities[query]
  if (identity === undefined) return rows.map(textOf).toSorted()
  const last = new Map(rows.map((row) => [textOf(identity(row as Record<string, unknown>)), textOf(row)]))
  return [...last.values()].toSorted()
}

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_name, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => a < b ? -1 : 1))
      : part)

const onStream = (flow: Query, events: ReadonlyArray<Event>, size: number) =>
  Stream.fromIterable(events).pipe(
    Stream.rechunk(size),
    Flow.toStream(flow, { time: NexmarkSource.time }),
    Stream.runCollect
  )

const inEngine = Effect.fnUntraced(function*(flow: Query, events: ReadonlyArray<Event>, perBatch: number) {
  const sink = Sink.memory<unknown>()
  const source = NexmarkSource.make({ count: events.length, perBatch, event: (n) => events[n]! })
  yield* Running.run(Pipeline.make("nexmark", { source, flow, sink })).pipe(
    Effect.provide(Layer.mergeAll(CheckpointLog.layerMemory, StateStore.layerMemory()))
  )
  return yield* sink.committed
})

/** Some of the house's events, ten a second, and some of them up to four seconds late. */
const histories = fc.record({
  from: fc.nat(5000),
  delays: fc.array(fc.nat(4000), { minLength: 150, maxLength: 400 }),
  size: fc.integer({ min: 1, max: 60 })
}).map(({ delays, from, size }) => {
  const event = Generator.make({ eventsPerSecond: 10 })
  const late = delays.map((delay, i) => {
    const made = event(from + i)
    return { made, arrives: made.dateTime + (delay % 3 === 0 ? delay : 0) }
  })
  return { size, events: late.toSorted((a, b) => a.arrives - b.arrives).map(({ made }) => made) }
})

const names = Object.keys(queries) as ReadonlyArray<keyof typeof queries>

describe("Nexmark", () => {
  for (const name of names) {
    if (name === "q12") continue
    const flow: Query = queries[name]
    it(`${name} gives what it must, however its input is cut`, () =>
      fc.assert(
        fc.asyncProperty(histories, async ({ events, size }) => {
          const expected = results(name, oracle(name, events))
          const timed = events.map((value) => ({ time: value.dateTime, value }))
          assert.deepStrictEqual(results(name, Flow.model(flow, { events: timed })), expected, "the model")
          for (const cut of [size, events.length]) {
            const outputs = await Effect.runPromise(onStream(flow, events, cut))
            assert.deepStrictEqual(results(name, outputs), expected, `on a Stream, ${cut} at a time`)
          }
          const committed = await Effect.runPromise(inEngine(flow, events, size))
          assert.deepStrictEqual(results(name, committed), expected, `in the engine, ${size} in a batch`)
        }),
        { numRuns: runs }
      ))
  }

  it.effect("q12 counts by the recorded clock", () =>
    Effect.gen(function*() {
      const event = Generator.make()
      const batches = Array.from({ length: 5 }, (_, n) => Array.from({ length: 100 }, (_, i) => event(n * 100 + i)))
      const outputs = yield* Stream.fromIterable(batches).pipe(
        Stream.mapEffect((batch) => Effect.as(TestClock.adjust("4 seconds"), batch)),
        Stream.flatMap((batch) => Stream.fromArray(batch)),
        Flow.toStream(q12),
        Stream.runCollect
      )
      // at 4 and 8 seconds; at 12 and 16; at 20, when the Stream ends before the window does
      const windows = [batches.slice(0, 2), batches.slice(2, 4), batches.slice(4)].map((some) => some.flat())
      const expected = windows.flatMap((events, n) =>
        [...Map.groupBy(events.filter((event): event is Bid => event._tag === "Bid"), ({ bidder }) => bidder)].map(
          ([bidder, bids]) => ({ bidder, bids: bids.length, start: n * 10_000, end: (n + 1) * 10_000 })
        )
      )
      assert.deepStrictEqual(outputs.map(textOf).toSorted(), expected.map(textOf).toSorted())
    }))

  it.effect("q12 counts each bid once, whatever the clock is in the engine", () =>
    Effect.gen(function*() {
      const event = Generator.make()
      const events = Array.from({ length: 200 }, (_, n) => event(n))
      const counts = (yield* inEngine(q12, events, 30)) as ReadonlyArray<Flow.Output<typeof q12>>
      assert.strictEqual(
        counts.reduce((sum, { bids }) => sum + bids, 0),
        events.filter(({ _tag }) => _tag === "Bid").length
      )
    }))

  for (const [name, hash] of Object.entries(Digest.hashes)) {
    it(`${name} has the digest that other programs have`, async () => {
      const flow: Query = name === "q4" ? winningBids : queries[name as keyof typeof queries]
      const event = Generator.make()
      const events = Array.from({ length: digested }, (_, n) => event(n))
      // of each batch the last bids: those of each bid are those of batches of one
      const outputs = await Effect.runPromise(onStream(flow, events, name === "q18" ? 1 : 8192))
      const digest = outputs.reduce<number>((sum, output) => (sum + hash(output as never)) | 0, 0)
      const known = Digest.known[digested]?.[name as keyof typeof Digest.hashes]
      assert.deepStrictEqual({ outputs: outputs.length, digest: digest >>> 0 }, known)
    })
  }
})
