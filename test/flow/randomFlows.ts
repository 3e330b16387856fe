/** Random flows, random histories of events, and honest ones: those whose events are no further out of order than was said. */
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import * as FastCheck from "fast-check"
import type { Moment, SourceEvent } from "./Interpreter.ts"

export const Event = Schema.Struct({ key: Schema.String, value: Schema.Number, time: Schema.Int })
export type Event = typeof Event.Type

export type AnyFlow = Flow.Flow<never, unknown, Flow.Mode, never, Flow.Stateful>
const from = Flow.sources<Record<string, Event>>()
const keyed = (source: string) => from(source).pipe(Flow.keyBy("key", Schema.String, (event) => event.key))
const total = Aggregate.struct({ count: Aggregate.count, sum: Aggregate.sum((event: Event) => event.value) })

const span = FastCheck.integer({ min: 1, max: 12 })
const grace = FastCheck.integer({ min: 0, max: 6 })
const joinType = FastCheck.constantFrom("inner", "left", "right", "full", "semi" as const)

/** The next day begins among the times of the events. */
const days = FastCheck.constant(Window.days({ zone: "UTC", offset: 20 }))

const sliding = FastCheck.record({ size: span, every: span, offset: grace }).map(Window.sliding)

/** Sums of windows of one size. */
export const windows: FastCheck.Arbitrary<AnyFlow> = FastCheck.record({
  window: sliding,
  grace,
  emit: FastCheck.constantFrom("final", "updates", "changes" as const)
}).map(({ emit, grace, window }) => keyed("left").pipe(Flow.window("windows", window, total, { grace, emit })))

const earlyBy = (time: "event" | "processing") =>
  FastCheck.oneof(
    FastCheck.constantFrom("never", "batch" as const),
    FastCheck.record({ count: FastCheck.integer({ min: 1, max: 4 }) }),
    FastCheck.record({ after: span, time: FastCheck.constant(time) })
  )
const retold = FastCheck.constantFrom("updates", "changes" as const)

/** Told as was asked for, and at the end. */
export const toldEarly: FastCheck.Arbitrary<AnyFlow> = FastCheck.record({
  window: FastCheck.oneof(sliding, days, FastCheck.constant(Window.global)),
  grace,
  emit: retold,
  early: earlyBy("event")
}).map(({ early, emit, grace, window }) =>
  keyed("left").pipe(Flow.window("windows", window, total, { grace, emit, early }))
)

/** Final results of windows that are not of one size. */
const atTheEnd: FastCheck.Arbitrary<AnyFlow> = FastCheck.record({
  window: FastCheck.oneof(days, FastCheck.constant(Window.global)),
  grace
}).map(({ grace, window }) => keyed("left").pipe(Flow.window("windows", window, total, { grace })))

/** What each telling adds depends on where batches end. */
const parts: FastCheck.Arbitrary<AnyFlow> = FastCheck.record({
  window: FastCheck.oneof(sliding, FastCheck.constant(Window.global)),
  grace,
  early: earlyBy("event")
}).map(({ early, grace, window }) =>
  keyed("left").pipe(Flow.window("parts", window, total, { grace, emit: "parts", early }))
)

/** What depends on the clocks of the batches. */
export const clocked: FastCheck.Arbitrary<AnyFlow> = FastCheck.record({
  window: FastCheck.oneof(
    sliding,
    FastCheck.constant(Window.global),
    FastCheck.record({ size: span, every: span, time: FastCheck.constant("processing" as const) }).map(Window.sliding)
  ),
  grace,
  emit: FastCheck.constantFrom("updates", "changes", "parts" as const),
  early: earlyBy("processing")
}).map(({ early, emit, grace, window }) =>
  keyed("left").pipe(Flow.window("by the clock", window, total, { emit, early, grace }))
)

export const sessions: FastCheck.Arbitrary<AnyFlow> = FastCheck.record({
  gap: span,
  grace,
  emit: FastCheck.constantFrom("final", "changes" as const)
}).map(({ emit, gap, grace }) =>
  keyed("left").pipe(Flow.window("sessions", Window.session({ gap }), total, { grace, emit }))
)

const byValue = Window.session({ gap: (event: Event) => 1 + Math.abs(event.value) % 7 })
const gapOfEach: FastCheck.Arbitrary<AnyFlow> = grace.map((grace) => {
  const flow = Flow.window(keyed("left"), "sessions", byValue, total, { grace })
  return flow
})

const counted: FastCheck.Arbitrary<AnyFlow> = FastCheck.integer({ min: 1, max: 4 }).map((size) => {
  const flow = keyed("left").pipe(Flow.window("counts", Window.count(size), total))
  return flow
})

const running: FastCheck.Arbitrary<AnyFlow> = FastCheck.constantFrom("updates", "changes" as const).map((emit) =>
  keyed("left").pipe(Flow.aggregate("all time", total, { emit }))
)

const rank = ({ value }: Event) => value % 4

/** The greatest of all time: of events, ties by place. */
const topped: FastCheck.Arbitrary<AnyFlow> = FastCheck.record({
  n: FastCheck.integer({ min: 1, max: 3 }),
  emit: FastCheck.constantFrom("updates", "changes" as const)
}).map(({ emit, n }) => keyed("left").pipe(Flow.topN("top", { n, by: rank, value: Event, emit })))

/** Of counts that change: what is taken back makes room. */
const leaders: FastCheck.Arbitrary<AnyFlow> = FastCheck.record({
  n: FastCheck.integer({ min: 1, max: 2 }),
  window: sliding,
  emit: FastCheck.constantFrom("updates", "changes" as const)
}).map(({ emit, n, window }) =>
  keyed("left").pipe(
    Flow.window("counts", window, Aggregate.count, { emit: "changes" }),
    Flow.map(({ key, value }) => ({ key, value })),
    Flow.filter(({ value }) => value % 3 !== 0),
    Flow.keyBy("all", Schema.String, () => "all"),
    Flow.topN("leaders", { n, by: ({ value }) => value, value: Count, emit })
  )
)
const Count = Schema.Struct({ key: Schema.String, value: Schema.Int })

const toppedInWindows: FastCheck.Arbitrary<AnyFlow> = sliding.map((window) =>
  keyed("left").pipe(Flow.topN("windows", { n: 2, by: rank, value: Event, window, emit: "changes" }))
)

const deduplicated: FastCheck.Arbitrary<AnyFlow> = span.map((within) =>
  keyed("left").pipe(Flow.deduplicate("once", { within }))
)

const latest: FastCheck.Arbitrary<AnyFlow> = span.map((after) =>
  keyed("left").pipe(Flow.latest("latest", { event: Event, ttl: { after } }))
)

/** Says so when a key has been silent; what it was told before it forgets after a while. */
export const silence = (after: number, ttl: number, repeats: boolean): AnyFlow =>
  keyed("left").pipe(Flow.mapState("silence", {
    event: Event,
    state: Schema.Struct({ count: Schema.Int, last: Schema.Number }),
    initial: { count: 0, last: 0 },
    timers: ["silent", "again"],
    ttl: { after: ttl },
    onEvent: ({ count }, { value }, { time }) => [
      { count: count + 1, last: value },
      [{ at: time, told: String(count + 1) }],
      { timers: { silent: { at: time + after }, again: undefined } }
    ],
    onTimer: (state, timer, { key, time }) => [
      state,
      [{ at: time, told: `${timer} ${key} ${state.last}` }],
      timer === "silent" && repeats ? { timers: { again: { at: time + after } } } : {}
    ]
  }))

const silent: FastCheck.Arbitrary<AnyFlow> = FastCheck.tuple(span, span).map(([after, ttl]) =>
  silence(after, ttl, false)
)

const cogrouped: FastCheck.Arbitrary<AnyFlow> = FastCheck.record({
  window: FastCheck.oneof(sliding, span.map((gap) => Window.session({ gap }))),
  grace
}).map(({ grace, window }) =>
  Flow.cogroup("windows", window, {
    left: Flow.side(keyed("left"), total),
    right: Flow.side(keyed("right"), Aggregate.last(Event))
  }, { grace })
)

export const joins: FastCheck.Arbitrary<AnyFlow> = FastCheck.record({ type: joinType, lower: span, upper: span, grace })
  .map(({ grace, lower, type, upper }) =>
    Flow.joinWithin(keyed("left"), "joined", keyed("right"), {
      type,
      before: lower - 3,
      after: upper + 2,
      grace,
      left: Event,
      right: Event
    })
  )

const windowJoins: FastCheck.Arbitrary<AnyFlow> = FastCheck.record({ type: joinType, window: sliding, grace })
  .map(({ grace, type, window }) =>
    Flow.windowJoin(keyed("left"), "joined", keyed("right"), window, {
      type,
      grace,
      left: Event,
      right: Event,
      where: (left, right) => (left.value + right.value) % 3 !== 0
    })
  )

const tables: FastCheck.Arbitrary<AnyFlow> = FastCheck.record({
  type: FastCheck.constantFrom("inner", "left" as const),
  history: grace
}).map(({ history, type }) =>
  Flow.joinTable(keyed("left"), "joined", keyed("right"), {
    type,
    history,
    event: Event,
    row: Event,
    deleted: (row) => row.value === 0
  })
)

/** What timers set at the end of time depends on where that began. */
const repeating: FastCheck.Arbitrary<AnyFlow> = FastCheck.tuple(span, span).map(([after, ttl]) =>
  silence(after, ttl, true)
)

/** Windows whose results feed windows, after what is changed and left out. */
export const chained: FastCheck.Arbitrary<AnyFlow> = FastCheck.record({ first: sliding, second: sliding, grace })
  .map(({ first, grace, second }) =>
    keyed("left").pipe(
      Flow.window("first", first, total, { grace }),
      Flow.filter(({ value }) => value.sum % 2 === 0),
      Flow.map(({ value }) => ({ key: "all", value: value.sum, time: 0 })),
      Flow.keyBy("all", Schema.String, ({ key }) => key),
      Flow.window("second", second, total)
    )
  )

/** Changes of sessions, added up again. */
const regrouped: FastCheck.Arbitrary<AnyFlow> = span.map((gap) =>
  keyed("left").pipe(
    Flow.window("sessions", Window.session({ gap }), Aggregate.count, { emit: "changes" }),
    Flow.keyBy("count", Schema.Int, ({ value }) => value),
    Flow.aggregate("sessions by size", Aggregate.count, { emit: "changes" })
  )
)

/** A split that is put together again, with a step on the one side. */
const forked: FastCheck.Arbitrary<AnyFlow> = sliding.map((window) => {
  const { even, odd } = Flow.split(from("left"), {
    even: ({ value }) => value % 2 === 0,
    odd: ({ value }) => value % 2 !== 0
  })
  const counts = even.pipe(
    Flow.keyBy("key", Schema.String, ({ key }) => key),
    Flow.window("even", window, Aggregate.count)
  )
  return Flow.outputs({ odd: Flow.flatMap(odd, (event) => [event, event]), counts })
})

/** What does not depend on how the input is cut into batches. */
export const cuttable = FastCheck.oneof(
  windows,
  toldEarly,
  atTheEnd,
  sessions,
  gapOfEach,
  topped,
  toppedInWindows,
  latest,
  silent,
  cogrouped,
  joins,
  windowJoins,
  tables,
  chained
)
export const flows = FastCheck.oneof(
  cuttable,
  parts,
  counted,
  running,
  leaders,
  deduplicated,
  repeating,
  regrouped,
  forked
)

const source = FastCheck.constantFrom("left", "right")
const event = FastCheck.record({
  key: FastCheck.constantFrom("a", "b", "é"),
  value: FastCheck.integer({ min: -3, max: 9 }),
  time: FastCheck.integer({ min: -10, max: 60 })
})

const placed = (source: string, segment: bigint, offset: bigint, value: Event): SourceEvent => ({
  source,
  value,
  at: { time: value.time, source, segment, offset, ordinal: 0 }
})

/** Any events at any watermarks: many are late. */
export const histories: FastCheck.Arbitrary<ReadonlyArray<Moment>> = FastCheck.array(
  FastCheck.record({
    events: FastCheck.array(FastCheck.tuple(source, event), { maxLength: 6 }),
    step: FastCheck.integer({ min: 0, max: 15 }),
    tick: FastCheck.integer({ min: 0, max: 10 }),
    isRestarted: FastCheck.boolean()
  }),
  { maxLength: 8 }
).chain((moments) => FastCheck.boolean().map((ends) => told(moments, ends)))

const told = (
  moments: ReadonlyArray<{
    readonly events: ReadonlyArray<readonly [string, Event]>
    readonly step: number
    readonly tick: number
    readonly isRestarted: boolean
  }>,
  ends: boolean
): ReadonlyArray<Moment> => {
  let watermark = -10
  let clock = 0
  let offset = 0n
  const all: Array<Moment> = moments.map(({ events, isRestarted, step, tick }) => {
    watermark += step
    clock += tick
    return {
      events: events.map(([source, value]) => placed(source, 0n, offset++, value)).toSorted(bySource),
      watermark,
      clock,
      isRestarted
    }
  })
  return ends ? [...all, { events: [], watermark: Infinity, clock }] : all
}

/** As a batch has them: by source, then place. */
export const bySource = (a: SourceEvent, b: SourceEvent): number =>
  a.source === b.source
    ? Number(a.at.segment - b.at.segment) || Number(a.at.offset - b.at.offset)
    : a.source < b.source
    ? -1
    : 1

export interface Honest {
  readonly disorder: number
  /** By segment: each in its order of reading. */
  readonly segments: ReadonlyArray<ReadonlyArray<SourceEvent>>
}

/** Events in segments of two sources, none further below one before it than the disorder. */
export const honest: FastCheck.Arbitrary<Honest> = FastCheck.record({
  disorder: FastCheck.integer({ min: 0, max: 5 }),
  segments: FastCheck.array(
    FastCheck.record({
      source,
      events: FastCheck.array(FastCheck.record({ event, step: FastCheck.integer({ min: 0, max: 6 }), back: span }), {
        maxLength: 10
      })
    }),
    { minLength: 1, maxLength: 4 }
  )
}).map(({ disorder, segments }) => ({
  disorder,
  segments: segments.map(({ events, source }, segment) => {
    let greatest = 0
    return events.map(({ back, event, step }, offset) => {
      const time = greatest + step - Math.min(disorder, back - 1)
      greatest = Math.max(greatest, time)
      return placed(source, BigInt(segment), BigInt(offset), { ...event, time: Math.max(time, greatest - disorder) })
    })
  })
}))
