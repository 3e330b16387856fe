/** The flow of a case: what its operator is with us. Where we have no such operator, `choices.ts` says why. */
import { Aggregate, Flow, State, Window } from "effect-pravega/flow"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { firstTime, type FlowCase, lifeTime, type Row } from "./FlowCase.ts"

const Event = Schema.Struct({ time: Schema.Int, key: Schema.Json, value: Schema.Json, op: Schema.String })
type Event = typeof Event.Type

const Operator = Schema.Struct({
  kind: Schema.String,
  type: Schema.optionalKey(Schema.Literals(["inner", "left", "right", "full", "semi"])),
  window: Schema.optionalKey(Schema.Struct({
    type: Schema.String,
    size: Schema.optionalKey(Schema.Int),
    every: Schema.optionalKey(Schema.Int),
    offset: Schema.optionalKey(Schema.Int),
    time: Schema.optionalKey(Schema.Literals(["event", "processing"])),
    gap: Schema.optionalKey(Schema.Int),
    gapInclusive: Schema.optionalKey(Schema.Boolean),
    gapOf: Schema.optionalKey(Schema.Unknown)
  })),
  aggregate: Schema.optionalKey(Schema.String),
  emit: Schema.optionalKey(Schema.Union([
    Schema.String,
    Schema.Struct({
      early: Schema.optionalKey(Schema.Struct({
        count: Schema.optionalKey(Schema.Int),
        afterFirst: Schema.optionalKey(Schema.Int),
        time: Schema.optionalKey(Schema.Literals(["event", "processing"]))
      }))
    })
  ])),
  accumulation: Schema.optionalKey(Schema.Literals(["accumulating", "discarding"])),
  allowedLateness: Schema.optionalKey(Schema.Int),
  lateOutput: Schema.optionalKey(Schema.Boolean),
  by: Schema.optionalKey(Schema.String),
  keep: Schema.optionalKey(Schema.String),
  pick: Schema.optionalKey(Schema.Literals(["first", "last", "product"])),
  within: Schema.optionalKey(Schema.Unknown),
  watermarkDelay: Schema.optionalKey(Schema.Unknown),
  lower: Schema.optionalKey(Schema.Int),
  lowerInclusive: Schema.optionalKey(Schema.Boolean),
  upper: Schema.optionalKey(Schema.Int),
  upperInclusive: Schema.optionalKey(Schema.Boolean),
  self: Schema.optionalKey(Schema.Boolean),
  on: Schema.optionalKey(Schema.String),
  condition: Schema.optionalKey(Schema.String),
  stages: Schema.optionalKey(Schema.Array(Schema.Unknown)),
  ttl: Schema.optionalKey(Schema.Union([Schema.Int, Schema.String])),
  renewedBy: Schema.optionalKey(Schema.Literals(["read", "write"]))
})
type Operator = typeof Operator.Type
type Shaped = Flow.Flow<never, Row, Flow.Mode, never, Flow.Stateful>

export interface CaseFlow {
  readonly inputs: ReadonlyArray<string>
  readonly flow: Shaped
}

const from = Flow.sources<Record<string, Event>>()
const textOf = (value: unknown): string => JSON.stringify(value)
const keyed = <In>(
  flow: Flow.Flow<In, Event, "events", never, Flow.Stateful>,
  key: (event: Event) => unknown = (event) => event.key
) => Flow.keyBy(flow, "key", Schema.String, (event) => textOf(key(event)))
const keyOf = (text: string): unknown => JSON.parse(text)
/** What stands for an event that has no value. */
const valueOf = ({ time, value }: Event): unknown => value ?? time

const windowOf = (window: NonNullable<Operator["window"]>): Window.Window<Event, "merge", "final"> => {
  const { every, gap = 0, gapInclusive, gapOf, offset = 0, size = 1, time, type } = window
  if (type === "tumbling") return Window.tumbling(size, { offset, time })
  if (type === "hopping") return Window.sliding({ size, every: every!, offset, time })
  if (gapOf === undefined) return Window.session({ gap: gapInclusive === true ? gap + 1 : gap })
  return Window.session({
    gap: (event: Event) => event.key === "key1" ? 3000 : event.value === 10 ? 1000 : 2000
  })
}

const list = Aggregate.collect(Schema.Json, { limit: 100 }).pipe(
  Aggregate.mapInput((event: Event) => event.value),
  Aggregate.map(({ items }): unknown => items)
)
const sum = Aggregate.sum((event: Event) => Number(event.value)).pipe(Aggregate.map((value): unknown => value))
const count = Aggregate.count.pipe(Aggregate.map((value): unknown => value))

const aggregateOf = (name: string | undefined) => {
  const value = name === "list" ? list : name === "sum" ? sum : count
  return Aggregate.struct({
    value,
    first: Aggregate.min((event: Event) => event.time),
    last: Aggregate.max((event: Event) => event.time)
  })
}

type Result = Flow.Windowed<string, { readonly value: unknown; readonly first: number; readonly last: number }>

const rowOf = ({ key, value, window }: Result): Row => ({
  key: keyOf(key),
  window: [window.start, window.end],
  ...value
})

const windowed = <In>(
  name: string,
  events: Flow.Flow<In, Event, "events", never, Flow.Stateful>,
  operator: Operator
): Flow.Flow<In, Row, "events", never, Flow.Stateful> =>
  keyed(events).pipe(
    Flow.window(name, windowOf(operator.window!), aggregateOf(operator.aggregate), {
      grace: operator.allowedLateness ?? 0
    }),
    Flow.map(rowOf)
  )

const updated = (
  events: Flow.Flow<never, Event, "events", never, Flow.Stateful>,
  { aggregate, window }: Operator
): Shaped => {
  const { every, offset = 0, size = 1 } = window!
  return keyed(events).pipe(
    Flow.window("windows", Window.sliding({ size, every: every ?? size, offset }), aggregateOf(aggregate), {
      emit: "updates"
    }),
    Flow.map(rowOf)
  )
}

/** Told before the end, at it, and after it; with all that there is, or with what is new. */
const toldEarly = (events: Flow.Flow<never, Event, "events", never, Flow.Stateful>, operator: Operator): Shaped => {
  const { accumulation, aggregate, allowedLateness, emit, window } = operator
  const { every, offset = 0, size = 1 } = window!
  const { afterFirst, count, time } = (typeof emit === "object" ? emit.early : undefined) ?? {}
  const early = count !== undefined ? { count } : afterFirst !== undefined ? { after: afterFirst, time } : "never"
  const options = { grace: allowedLateness ?? 0, early } as const
  const shape = Window.sliding({ size, every: every ?? size, offset })
  return accumulation === "discarding"
    ? keyed(events).pipe(
      Flow.window("windows", shape, aggregateOf(aggregate), { ...options, emit: "parts" }),
      Flow.map(rowOf)
    )
    : keyed(events).pipe(
      Flow.window("windows", shape, aggregateOf(aggregate), { ...options, emit: "updates" }),
      Flow.map(rowOf)
    )
}

const deduplicated = <In>(
  events: Flow.Flow<In, Event, "events", never, Flow.Stateful>,
  { by, watermarkDelay, within }: Operator
) => {
  const key = (event: Event) =>
    by === "time" ? event.time : by === "key+time" ? [event.key, event.time] : [event.key, event.value, event.time]
  return keyed(events, key).pipe(Flow.deduplicate("once", {
    within: by === "row" ? "Infinity" : within === "watermarkDelay" ? Number(watermarkDelay) : 1
  }))
}

const within = (
  left: Flow.Flow<never, Event, "events", never, Flow.Stateful>,
  right: Flow.Flow<never, Event, "events", never, Flow.Stateful>,
  operator: Operator
) => {
  const { lower = 0, lowerInclusive, on, type = "inner", upper = 0, upperInclusive } = operator
  const key = on === "none" ? () => null : (event: Event) => event.key
  const isWide = operator.kind === "join"
  return Flow.joinWithin(keyed(left, key), "joined", keyed(right, key), {
    type,
    before: isWide ? 1e9 : -(lower + (lowerInclusive === true ? 0 : 1)),
    after: isWide ? 1e9 : upper - (upperInclusive === true ? 0 : 1),
    ...isWide ? { grace: 1e9 } : {},
    left: Event,
    right: Event,
    late: operator.lateOutput === true ? "output" : "count"
  })
}

interface Sides {
  readonly key: string
  readonly left: Event | Option.Option<Event>
  readonly right?: Event | Option.Option<Event>
}

const side = (event: Event | Option.Option<Event> | undefined): unknown => {
  if (event === undefined) return undefined
  const one = Option.isOption(event) ? Option.getOrNull(event) : event
  return one === null ? null : valueOf(one)
}

const pair = ({ key, left, right }: Sides): Row => ({
  key: keyOf(key),
  value: right === undefined ? side(left) : [side(left), side(right)]
})

const intervalJoin = (operator: Operator, of: FlowCase): CaseFlow => {
  const isSelf = operator.self === true
  const inputs = isSelf ? ["events"] : ["left", "right"]
  const right = isSelf ? Flow.filter(from("events"), ({ key }) => Number(key) % 2 === 0) : from("right")
  const joined = within(from(inputs[0]!), right, operator)
  const shape = Flow.map(joined as Flow.Flow<never, Sides, "events", never, Flow.Stateful>, pair)
  if (operator.lateOutput !== true) return { inputs, flow: shape }
  const late = Flow.map(
    Flow.late(joined),
    (event): Row => ({ lateOf: of.id, key: event.key, value: event.value, time: event.time })
  )
  return { inputs, flow: Flow.merge([shape, late]) }
}

/** What both sides have of a session, as the case picks it: all pairs, or the first or the last of each. */
const cogrouped = ({ pick, window }: Operator): CaseFlow => {
  const all = Aggregate.collect(Event, { limit: 100 }).pipe(Aggregate.map(({ items }) => items))
  const sides = { left: Flow.side(keyed(from("left")), all), right: Flow.side(keyed(from("right")), all) }
  const shape = Window.session({ gap: window!.gap! })
  const picked = (items: ReadonlyArray<Event>): Event | undefined => pick === "first" ? items[0] : items.at(-1)
  const one = (
    { key, value }: { readonly key: string; readonly value: Record<"left" | "right", ReadonlyArray<Event>> }
  ) => ({
    key: keyOf(key),
    value: [picked(value.left), picked(value.right)].map((event) => event === undefined ? null : valueOf(event))
  })
  const flow = pick === "last"
    ? Flow.cogroup("joined", shape, sides, { emit: "changes" }).pipe(
      Flow.map(one),
      Flow.updates((before) => before),
      Flow.map((row): Row => row)
    )
    : pick === "first"
    ? Flow.map(Flow.cogroup("joined", shape, sides), (row): Row => one(row))
    : Flow.cogroup("joined", shape, sides).pipe(
      Flow.flatMap(({ key, value }) =>
        value.left.flatMap((left) =>
          value.right.map((right) => ({ key: keyOf(key), value: [left, right].map(valueOf) }))
        )
      ),
      Flow.map((row): Row => row)
    )
  return { inputs: ["left", "right"], flow }
}

const windowJoin = (operator: Operator): CaseFlow => {
  if (operator.window?.type === "session") return cogrouped(operator)
  const { condition, type = "inner", window } = operator
  const joined = Flow.windowJoin(
    keyed(from("left")),
    "joined",
    keyed(from("right")),
    Window.tumbling(window!.size!),
    {
      type,
      left: Event,
      right: Event,
      ...condition === undefined
        ? {}
        : {
          where: (left: Event, right: Event) =>
            Number(left.value) > 10 && (Number(right.value) < 300 || Number(right.value) > 1000)
        }
    }
  )
  return {
    inputs: ["left", "right"],
    flow: Flow.map(joined as Flow.Flow<never, Sides & Flow.InWindow, "events", never, Flow.Stateful>, (row): Row => ({
      ...pair(row),
      window: [row.window.start, row.window.end]
    }))
  }
}

const tableJoin = (operator: Operator): CaseFlow => {
  const joined = Flow.joinTable(keyed(from("stream")), "joined", keyed(from("table")), {
    type: operator.type === "left" ? "left" : "inner",
    asOf: operator.kind === "lookupJoin" ? "arrival" : "time",
    history: "Infinity",
    event: Event,
    row: Event,
    deleted: (row) => row.op === "delete"
  })
  return {
    inputs: ["stream", "table"],
    flow: Flow.map(joined as Flow.Flow<never, Sides, "events", never, Flow.Stateful>, pair)
  }
}

const chained = (operator: Operator): CaseFlow => {
  const [first, second] = operator.stages!.map((stage) => Schema.decodeUnknownSync(Operator)(stage))
  if (first!.kind === "deduplicate") {
    return { inputs: ["events"], flow: windowed("windows", deduplicated(from("events"), first!), second!) }
  }
  if (first!.kind === "intervalJoin") {
    const pairs = within(from("left"), from("right"), first!) as Flow.Flow<
      never,
      { readonly left: Event },
      "events",
      never,
      Flow.Stateful
    >
    return {
      inputs: ["left", "right"],
      flow: windowed("windows", Flow.map(pairs, ({ left }): Event => ({ ...left, key: null })), second!)
    }
  }
  const counts = windowed("windows", from("events"), first!)
  const windows = counts.pipe(
    Flow.keyBy("all", Schema.String, () => ""),
    Flow.window(
      "windows of windows",
      Window.tumbling(second!.window!.size!),
      Aggregate.tuple(Aggregate.count, Aggregate.sum((row: Row) => Number(row["value"])))
    ),
    Flow.map(({ value, window }): Row => ({ value, window: [window.start, window.end] }))
  )
  return { inputs: ["events"], flow: windows }
}

/** Each `process` case has functions of its own, told in words. */
const processed: Record<string, () => CaseFlow> = {
  "beam-timer-holds-until-upstream-done": () => {
    const events = from("events")
    const upper = windowed("upper case", events, {
      kind: "window",
      window: { type: "tumbling", size: 1 },
      aggregate: "list"
    })
      .pipe(
        Flow.flatMap((row) =>
          Schema.decodeUnknownSync(Schema.Array(Schema.String))(row["value"]).map((value): Event => ({
            time: firstTime,
            key: Schema.decodeUnknownSync(Schema.Json)(row["key"]),
            value: value.toUpperCase(),
            op: ""
          }))
        )
      )
    const flow = keyed(Flow.merge([events, upper])).pipe(
      Flow.mapState("process", {
        event: Event,
        state: Schema.Array(Schema.Json),
        initial: [],
        timers: ["end"],
        onEvent: (all, event) => [[...all, event.value], [], { timers: { end: { at: 100 } } }],
        onTimer: (all, _timer, { key, time }) => [all, [{ key: keyOf(key), value: all, time }]]
      }),
      Flow.map((row): Row => row)
    )
    return { inputs: ["events"], flow }
  },
  "flink-timer-sees-its-keys-state": () => ({
    inputs: ["events"],
    flow: keyed(from("events")).pipe(
      Flow.mapState("process", {
        order: "arrival",
        state: Schema.Json,
        initial: null,
        timers: ["later"],
        // The case's watermark is inclusive.
        onEvent: (_state, event, { watermark }) => [
          event.value,
          [{ key: event.key, value: `INPUT:${textOf(event.value)}`, time: event.time }],
          { timers: { later: { at: watermark - 1 + 5 } } }
        ],
        onTimer: (state, _timer, { key, time }) => [
          state,
          [{ key: Schema.decodeUnknownSync(Schema.Json)(keyOf(key)), value: `STATE:${textOf(state)}`, time }]
        ]
      }),
      Flow.map((row): Row => row)
    )
  }),
  "flink-watermark-visible-in-process": () => ({
    inputs: ["events"],
    flow: keyed(from("events")).pipe(
      Flow.mapState("process", {
        order: "arrival",
        state: Schema.Null,
        initial: null,
        onEvent: (state, event, { time, watermark }) => [
          state,
          [{ key: event.key, value: [event.value, watermark - 1, time], time }]
        ]
      }),
      Flow.map((row): Row => row)
    )
  }),
  "spark-running-count-removed-at-three": () => counting([]),
  "spark-timer-of-clock": () => counting(["\"a\"", "\"c\""]),
  "spark-several-timers-per-key": () => ({
    inputs: ["events"],
    flow: keyed(from("events")).pipe(
      Flow.mapState("process", {
        order: "arrival",
        state: Schema.Int,
        initial: 0,
        timers: ["first", "second", "third"],
        onEvent: (count, _event, { clock }) => [
          count + 1,
          [],
          count > 0
            ? {}
            : { timers: { first: { clock: clock + 5 }, second: { clock: clock + 10 }, third: { clock: clock + 15 } } }
        ],
        onTimer: (count, _timer, { key }): readonly [number, ReadonlyArray<Row>] => [
          count,
          [{ key: keyOf(key), value: count }]
        ]
      })
    )
  })
}

/** A count per key that is removed at 3; those of some keys end after 5. */
const counting = (ending: ReadonlyArray<string>): CaseFlow => ({
  inputs: ["events"],
  flow: keyed(from("events")).pipe(
    Flow.mapState("process", {
      order: "arrival",
      state: Schema.Int,
      initial: 0,
      timers: ["end"],
      onEvent: (count, event, { clock }) => [
        count === 2 ? undefined : count + 1,
        count === 2 ? [] : [{ key: event.key as unknown, value: count + 1 }],
        count === 0 && ending.includes(textOf(event.key)) ? { timers: { end: { clock: clock + 5 } } } : {}
      ],
      onTimer: (_count, _timer, { key }) => [undefined, [{ key: keyOf(key), value: -1 }]]
    }),
    Flow.map((row): Row => row)
  )
})

const keyedState = ({ renewedBy = "write", ttl }: Operator): CaseFlow => ({
  inputs: ["events"],
  flow: keyed(from("events")).pipe(
    Flow.mapState("state", {
      order: "arrival",
      state: Schema.Struct({ value: Schema.Json }),
      initial: { value: null },
      ttl: { after: Number(ttl), by: "clock", renewedBy },
      onEvent: (state, event): readonly [{ readonly value: Schema.Json } | undefined, ReadonlyArray<Row>] => {
        if (event.op === "put") return [{ value: event.value }, []]
        return [state.value === null ? undefined : state, [{ value: state.value }]]
      }
    })
  )
})

const versionedState = (): CaseFlow => ({
  inputs: ["events"],
  flow: keyed(from("events")).pipe(
    Flow.mapState("state", {
      order: "arrival",
      state: Schema.Null,
      initial: null,
      maps: { versions: State.map(Schema.Int, Schema.Json) },
      onEvent: (state, { op, value }, { maps: { versions }, time }) => {
        if (op === "put") return [state, [], { maps: { versions: versions.set(time, value) } }]
        const [from, found] = versions.range(undefined, time + 1).at(-1)!
        const [next] = versions.range(time + 1)
        const given: Row = { value: { value: found, validFrom: from, validTo: next?.[0] ?? null } }
        return [state, [given]]
      }
    })
  )
})

const last = (): CaseFlow => ({
  inputs: ["events"],
  flow: keyed(from("events")).pipe(
    Flow.latest("latest", { event: Event, ttl: { after: lifeTime, by: "clock" } }),
    Flow.expand,
    Flow.map(({ change, value }): Row => ({ key: value.key, value: value.value, time: value.time, change }))
  )
})

/** Throws if there is none. */
export const caseFlow = (of: FlowCase): CaseFlow => {
  const operator = Schema.decodeUnknownSync(Operator)(of.operator)
  const events = from("events")
  switch (operator.kind) {
    case "window":
      return {
        inputs: ["events"],
        flow: typeof operator.emit === "object" || operator.accumulation !== undefined
          ? toldEarly(events, operator)
          : operator.emit === "updates" || operator.emit === "each"
          ? updated(events, operator)
          : windowed("windows", events, operator)
      }
    case "groupByTime": {
      const window = { type: "tumbling", size: 1 }
      const counts = windowed("windows", events, { ...operator, window })
      return {
        inputs: ["events"],
        flow: Flow.map(counts, ({ first, value }): Row => ({ key: first, value }))
      }
    }
    case "deduplicate": {
      if (operator.keep === "last") return last()
      if (typeof operator.within === "object") {
        const first = windowed("windows", events, {
          kind: "window",
          window: { type: "tumbling", size: 30 },
          aggregate: "count"
        })
        return { inputs: ["events"], flow: Flow.map(first, ({ key, window }): Row => ({ key, window, value: null })) }
      }
      const byTime = operator.by === "time"
      return {
        inputs: ["events"],
        flow: Flow.map(
          deduplicated(events, operator),
          ({ key, time, value }): Row => ({ key: byTime ? time : key, value })
        )
      }
    }
    case "chain":
      return chained(operator)
    case "intervalJoin":
    case "join":
      return intervalJoin(operator, of)
    case "windowJoin":
      return windowJoin(operator)
    case "asOfJoin":
    case "lookupJoin":
      return tableJoin(operator)
    case "process":
      return processed[of.id]!()
    case "keyedState":
      return keyedState(operator)
    case "versionedState":
      return versionedState()
    default:
      throw new Error(`no flow for "${operator.kind}" of ${of.id}`)
  }
}
