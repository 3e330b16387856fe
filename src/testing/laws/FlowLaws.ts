/**
 * A law for flows of one's own: what a flow makes of events, in whatever batches they come, is what its model says. The model
 * is `Flow.model`, given all events at once. A flow that breaks it goes by something else than its events: a clock, a variable
 * outside, or how the input was cut.
 *
 * It runs the flow in memory. That nothing is lost or repeated when a pipeline is killed is `PipelineLaws`'.
 *
 * **Example**
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Aggregate, EventTime, Flow, Window } from "effect-pravega/flow"
 * import { FlowLaws } from "effect-pravega/testing"
 * import { Schema } from "effect"
 * import fc from "fast-check"
 *
 * interface Click { readonly page: string; readonly at: number }
 *
 * const perSecond = Flow.events<Click>().pipe(
 *   Flow.keyBy("page", Schema.String, (click) => click.page),
 *   Flow.window("per second", Window.tumbling("1 second"), Aggregate.count)
 * )
 * const clicks = fc.array(fc.record({ page: fc.constantFrom("a", "b"), at: fc.nat(5000) }))
 *
 * it.effect("means its model", () => FlowLaws.meansItsModel(perSecond, { events: clicks, time: EventTime.from((click) => click.at) }))
 * ```
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Arbitrary } from "fast-check"
import * as Assert from "node:assert/strict"
import { inspect } from "node:util"
import * as Flow from "../../flow/Flow.ts"
import type { EventTime } from "../../flow/time/EventTime.ts"
import { property } from "./internal/Property.ts"

/** @category options @since 0.2.0 */
export interface Options<A> {
  /** The inputs to try it with: a fast-check arbitrary, of events in the order in which they come. */
  readonly events: Arbitrary<ReadonlyArray<A>>
  /** Where events have their times. As much disorder is allowed for as the events have, so that none is late. */
  readonly time: EventTime<A>
  /** How many inputs are tried, each cut in one way; default 100. */
  readonly runs?: number | undefined
  /** Repeats a run that failed. */
  readonly seed?: number | undefined
}

/**
 * The law: the outputs of a flow, as a multiset, are those of its model, however the events are cut into batches. It dies with
 * fast-check's report, with the events and the cuts of the smallest that break it. For flows of events: of updates and
 * changes there are more, the more batches there are.
 *
 * @category laws
 * @since 0.2.0
 */
export const meansItsModel = <A, B>(
  flow: Flow.Flow<{ readonly events: A }, B, "events", never, Flow.Stateful>,
  { events, runs, seed, time }: Options<A>
): Effect.Effect<void> =>
  property(
    { runs, seed },
    (fc) => fc.record({ events, sizes: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }) }),
    ({ events, sizes }) =>
      Effect.gen(function*() {
        const timed = events.map((value) => ({ time: time.of(value), value }))
        const batches = Stream.flattenArray(Stream.fromIterable(cut(events, sizes)))
        const allowing = { ...time, disorder: disorderOf(timed.map((event) => event.time)) }
        const outputs = yield* Stream.runCollect(Flow.toStream(flow, { time: allowing })(batches))
        const [found, meant] = [outputs, Flow.model(flow, { events: timed })].map((all) => all.map(textOf).toSorted())
        Assert.deepEqual(
          found,
          meant,
          `the flow is not what its model says: ${inspect({ found, meant }, { depth: 4 })}`
        )
      })
  )

/** Batches of these sizes, again and again. */
const cut = <A>(events: ReadonlyArray<A>, sizes: ReadonlyArray<number>): ReadonlyArray<readonly [A, ...Array<A>]> => {
  const batches: Array<readonly [A, ...Array<A>]> = []
  for (let from = 0, turn = 0; from < events.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    const [first, ...rest] = events.slice(from, from + size)
    if (first !== undefined) batches.push([first, ...rest])
    from += size
  }
  return batches
}

/** How far a time is below one before it, at most. */
const disorderOf = (times: ReadonlyArray<number>): number => {
  let greatest = -Infinity
  let most = 0
  for (const time of times) {
    greatest = Math.max(greatest, time)
    most = Math.max(most, greatest - time)
  }
  return most
}

/** Values with the same text are the same. */
const textOf = (value: unknown): string => inspect(value, { depth: null, sorted: true, maxArrayLength: null })
