/**
 * A flow on plain Effect Streams: in memory, in one process, without Pravega. For unit tests, small programs, and any Effect
 * application. What it remembers is gone when the Stream ends; the engine that keeps it is a `Pipeline`'s.
 *
 * Each chunk of the Stream is a batch. When the Stream ends, time ends, and everything comes out.
 *
 * @since 0.2.0
 */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Change } from "../Change.ts"
import type * as Node from "../graph/Node.ts"
import type { Flow, Mode, ServicesOf } from "../graph/Typed.ts"
import { FutureEvent, type LateEvents } from "../machine/EventTimeError.ts"
import * as Machine from "../machine/Machine.ts"
import { type Event, MemoryRun } from "../machine/MemoryRun.ts"
import type { EventTime } from "../time/EventTime.ts"
import * as Watermarks from "../time/Watermarks.ts"

/** What a batch did not take in. @category models @since 0.2.0 */
export interface LeftOut {
  /** Events that came too late, by step; those whose times were not believed are those of the step "source". */
  readonly late: Readonly<Record<string, number>>
}

/** @category options @since 0.2.0 */
export interface Options<in A> {
  /** Where events have their times. A flow with steps that know of time is refused without it. */
  readonly time?: EventTime<A> | undefined
  /** Called after each batch that had late events: they are counted nowhere else. */
  readonly onLeftOut?: ((leftOut: LeftOut) => Effect.Effect<void>) | undefined
  /** How often what is due by the clock is looked for while nothing comes; default 1 second. Only if the flow has such steps. */
  readonly tick?: Duration.Input | undefined
}

/** What comes out: of a flow of changes, changes. @category utility types @since 0.2.0 */
export type OutputOf<M, B> = M extends "changes" ? Change<B> : B

/**
 * A flow on Streams of `A`: takes a Stream of events, and gives that of its outputs.
 *
 * @category models
 * @since 0.2.0
 */
export type FromStream<in A, out B, out M extends Mode, out EF, out RF> = <E, R>(
  events: Stream.Stream<A, E, R>
) => Stream.Stream<OutputOf<M, B>, E | EF | LateEvents | FutureEvent, R | ServicesOf<RF>>

/**
 * A Stream's events through a flow with one source. It fails with what the flow's effects fail with, with `LateEvents` where
 * a step was to fail for them, and with `FutureEvent` for a time that is not believed.
 *
 * Throws `FlowRefused` for steps that do not go together. For flows that are made at run time there is `toStreamResult`.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate, EventTime, Flow, Window } from "effect-pravega/flow"
 * import { Schema, Stream } from "effect"
 *
 * interface Click {
 *   readonly page: string
 *   readonly at: number
 * }
 *
 * const perSecond = Flow.events<Click>().pipe(
 *   Flow.keyBy("page", Schema.String, (click) => click.page),
 *   Flow.window("per second", Window.tumbling("1 second"), Aggregate.count)
 * )
 *
 * const counts = Stream.make({ page: "a", at: 10 }, { page: "b", at: 20 }, { page: "a", at: 1_010 }).pipe(
 *   Flow.toStream(perSecond, { time: EventTime.from((click: Click) => click.at) })
 * )
 * ```
 *
 * @category running
 * @since 0.2.0
 */
export const toStream = <A, B, M extends Mode, EF, RF>(
  flow: Flow<{ readonly events: A }, B, M, EF, RF>,
  options: Options<A> = {}
): FromStream<A, B, M, EF, RF> => {
  const program = Machine.compile(flow.node)
  const { plain } = program
  // Values have lost their types in the machine: those of the flow say what comes out.
  const typed = <E, R>(batches: Stream.Stream<ReadonlyArray<unknown>, E, R>): Stream.Stream<OutputOf<M, B>, E, R> =>
    Stream.flattenArray(
      Stream.filter(batches as Stream.Stream<ReadonlyArray<OutputOf<M, B>>, E, R>, Arr.isReadonlyArrayNonEmpty)
    )
  // Without steps there is nothing to know of time.
  if (plain !== undefined) return (events) => typed(Stream.map(Stream.chunks(events), plain))
  const { onLeftOut, tick = "1 second", time } = options
  refuseWithoutTime(program, time)
  const usesClock = program.stages.some((stage) => stage._tag === "Step" && stage.operator.usesClock)
  return <E, R>(events: Stream.Stream<A, E, R>) =>
    Stream.suspend(() => {
      const running = new Running<A, EF, ServicesOf<RF>>(new MemoryRun(program), time, onLeftOut)
      const chunks = Stream.map(Stream.chunks(events), (chunk): ReadonlyArray<A> => chunk)
      const batches = usesClock
        ? Stream.merge(chunks, Stream.map(Stream.tick(tick), (): ReadonlyArray<A> => []), { haltStrategy: "left" })
        : chunks
      return typed(batches.pipe(
        Stream.mapEffect((chunk) => running.take(chunk)),
        Stream.concat(Stream.fromEffect(Effect.suspend(() => running.end)))
      ))
    })
}

/**
 * As `toStream`, for a flow that is known only at run time: one that is refused is a failure.
 *
 * **Example**
 *
 * ```ts
 * import { Flow } from "effect-pravega/flow"
 * import { Effect, Stream } from "effect"
 *
 * const lengthsOf = (lines: Stream.Stream<string>, unit: "line" | "word") =>
 *   Effect.gen(function*() {
 *     const texts = Flow.events<string>()
 *     const flow = (unit === "line" ? texts : texts.pipe(Flow.flatMap((line) => line.split(" ")))).pipe(
 *       Flow.map((text) => text.length)
 *     )
 *     const through = yield* Effect.fromResult(Flow.toStreamResult(flow))
 *     return through(lines)
 *   })
 * ```
 *
 * @category running
 * @since 0.2.0
 */
export const toStreamResult = <A, B, M extends Mode, EF, RF>(
  flow: Flow<{ readonly events: A }, B, M, EF, RF>,
  options: Options<A> = {}
): Result.Result<FromStream<A, B, M, EF, RF>, Machine.FlowRefused> =>
  Result.try({
    try: () => toStream(flow, options),
    catch: (cause) => {
      if (cause instanceof Machine.FlowRefused) return cause
      throw cause
    }
  })

class Running<in A, out E, out R> {
  private readonly run: MemoryRun<E, R>
  private readonly time: EventTime<A> | undefined
  private readonly onLeftOut: Options<A>["onLeftOut"]
  private watermark = -Infinity
  private offset = 0n

  constructor(run: MemoryRun<E, R>, time: EventTime<A> | undefined, onLeftOut: Options<A>["onLeftOut"]) {
    this.run = run
    this.time = time
    this.onLeftOut = onLeftOut
  }

  take(chunk: ReadonlyArray<A>): Effect.Effect<ReadonlyArray<unknown>, E | LateEvents | FutureEvent, R> {
    return Effect.flatMap(Clock.currentTimeMillis, (clock): ReturnType<typeof this.take> => {
      const events: Array<Event> = []
      let left = 0
      for (const value of chunk) {
        const time = this.timeOf(value, clock)
        if (time instanceof FutureEvent) return Effect.fail(time)
        if (time === undefined) left++
        else events.push({ source, value, at: { time, source, segment: 0n, offset: this.offset++, ordinal: 0 } })
      }
      if (this.time !== undefined) {
        this.watermark = Watermarks.advance(this.watermark, events.map(({ at }) => at.time), this.time)
      }
      return this.batch(events, clock, left)
    })
  }

  /** Time ends in a batch of its own, so that what that fires does not depend on how much the last chunk had. */
  get end(): Effect.Effect<ReadonlyArray<unknown>, E | LateEvents, R> {
    this.watermark = Infinity
    return Effect.flatMap(Clock.currentTimeMillis, (clock) => this.batch([], clock, 0))
  }

  /** Undefined: it is left out. */
  private timeOf(value: A, clock: number): number | FutureEvent | undefined {
    if (this.time === undefined) return clock
    const time = this.time.of(value)
    const believed = Watermarks.believed(time, clock, this.time)
    if (believed === "late") return undefined
    return believed === "refused" ? new FutureEvent({ time, clock, maxAhead: this.time.maxAhead }) : believed.time
  }

  private batch(
    events: ReadonlyArray<Event>,
    clock: number,
    left: number
  ): Effect.Effect<ReadonlyArray<unknown>, E | LateEvents, R> {
    return Effect.flatMap(this.run.run({ events, watermark: this.watermark, clock }), (outcome) => {
      const late = left > 0 || outcome.late.size > 0
        ? { ...Object.fromEntries(outcome.late), ...left > 0 ? { source: left } : {} }
        : undefined
      const told = late === undefined || this.onLeftOut === undefined ? Effect.void : this.onLeftOut({ late })
      if (!outcome.isLeftOver) return Effect.as(told, outcome.values)
      return Effect.flatMap(told, () => Effect.map(this.batch([], clock, 0), (more) => [...outcome.values, ...more]))
    })
  }
}

const source = "events"

const refuseWithoutTime = (program: Machine.Program, time: unknown): void => {
  if (time !== undefined) return
  const step = program.stages.find((stage) => stage._tag === "Step" && needsTime(stage.step.operation))
  if (step !== undefined) {
    throw new Machine.FlowRefused({
      detail: `its step "${step.name}" needs the times of events. Say where they are in the option "time"`
    })
  }
}

const needsTime = (operation: Node.Operation): boolean => {
  switch (operation._tag) {
    case "Window":
      return operation.window._tag === "Session" || operation.window._tag === "Calendar" ||
        (operation.window._tag === "Sliced" && operation.window.time === "event") ||
        (operation.early._tag === "After" && operation.early.by === "event")
    case "Aggregate":
    case "TopN":
      return false
    case "State":
      return operation.order === "time"
    case "TableJoin":
      return operation.asOf === "time"
    case "Deduplicate":
      return operation.within !== Infinity
    case "JoinWithin":
    case "WindowJoin":
      return true
  }
}
