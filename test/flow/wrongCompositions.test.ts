/** What does not fit together does not compile, and the compiler says why in a sentence. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Compiler from "../Compiler.ts"

const head = `
import { Aggregate, Flow, State, Window } from "effect-pravega/flow"
import { Effect, Schema, Stream } from "effect"
const Click = Schema.Struct({ page: Schema.String, at: Schema.Int })
type Click = typeof Click.Type
const clicks = Flow.events<Click>()
const byPage = clicks.pipe(Flow.keyBy("page", Schema.String, (click) => click.page))
const byTime = clicks.pipe(Flow.keyBy("at", Schema.Int, (click) => click.at))
const minutes = byPage.pipe(Flow.window("minutes", Window.tumbling("1 minute"), Aggregate.count, { emit: "changes" }))
const updates = byPage.pipe(Flow.aggregate("clicks", Aggregate.count))
declare const unmergeable: Aggregate.Aggregate<Click, number, number>
`

/** What each says. */
const wrong: Readonly<Record<string, readonly [code: string, sentence: string]>> = {
  "a window without keys": [
    `clicks.pipe(Flow.window("minutes", Window.tumbling("1 minute"), Aggregate.count))`,
    "this step needs a key: put Flow.keyBy before it"
  ],
  "a stateless step behind keys": [
    `byPage.pipe(Flow.map((click: Click) => click.page))`,
    "a keyed flow goes on with a step of keys: Flow.window, aggregate, mapState, deduplicate or a join"
  ],
  "overlapping windows of an aggregate that can't merge": [
    `byPage.pipe(Flow.window("last", Window.sliding({ size: 10, every: 5 }), unmergeable))`,
    "these windows are put together from parts: their aggregate needs merge"
  ],
  "sessions of an aggregate that can't merge": [
    `byPage.pipe(Flow.window("last", Window.session({ gap: 10 }), unmergeable))`,
    "these windows are put together from parts: their aggregate needs merge"
  ],
  "sessions that are updated": [
    `byPage.pipe(Flow.window("visits", Window.session({ gap: 10 }), Aggregate.count, { emit: "updates" }))`,
    "what these windows tell may be gone later: a session that grows, or one by count, can't emit this way"
  ],
  "updates that are added up": [
    `updates.pipe(Flow.keyBy("all", Schema.String, () => ""))`,
    "updates can't be added up, since nothing takes back the one before: make changes of them"
  ],
  "updates that become several": [
    `updates.pipe(Flow.flatMap((update) => [update, update]))`,
    "this step can't take back what it was told: it takes events, not updates or changes"
  ],
  "changes in a window": [
    `minutes.pipe(Flow.keyBy("page", Schema.String, ({ key }) => key), ` +
    `Flow.window("hours", Window.tumbling("1 hour"), Aggregate.count))`,
    "this step can't take back what it was told: it takes events, not updates or changes"
  ],
  "changes of an aggregate that can't take back": [
    `minutes.pipe(Flow.keyBy("page", Schema.String, ({ key }) => key), ` +
    `Flow.aggregate("most", Aggregate.max((minute: Flow.Windowed<string, number>) => minute.value), { emit: "changes" }))`,
    "what was told is taken back here: the aggregate behind changes needs remove"
  ],
  "updates of a key that may have nothing left": [
    `minutes.pipe(Flow.keyBy("page", Schema.String, ({ key }) => key), ` +
    `Flow.aggregate("mean", Aggregate.mean((minute: Flow.Windowed<string, number>) => minute.value)))`,
    "a key of which all is taken back has no result that an update could tell: emit changes, or use an aggregate that has one"
  ],
  "state in order of time without the Schema of what waits": [
    `byPage.pipe(Flow.mapState("state", { state: Schema.Int, initial: 0, onEvent: (state) => [state, []] }))`,
    "Property 'event' is missing"
  ],
  "state without keys": [
    `clicks.pipe(Flow.mapState("state", { event: Click, state: Schema.Int, initial: 0, onEvent: (state) => [state, []] }))`,
    "this step needs a key: put Flow.keyBy before it"
  ],
  "deduplication without keys": [
    `clicks.pipe(Flow.deduplicate("once", { within: "1 hour" }))`,
    "this step needs a key: put Flow.keyBy before it"
  ],
  "a timer of a step that names none": [
    `byPage.pipe(Flow.mapState("state", { event: Click, state: Schema.Int, initial: 0, ` +
    `onEvent: (state) => [state, [], { timers: { silent: { at: 1 } } }] }))`,
    "this step names no timers: say timers: [...] beside its state"
  ],
  "a timer of another name": [
    `byPage.pipe(Flow.mapState("state", { event: Click, state: Schema.Int, initial: 0, timers: ["silent"], ` +
    `onEvent: (state) => [state, [], { timers: { slient: { at: 1 } } }] }))`,
    "Did you mean to write 'silent'?"
  ],
  "a map of a step that has none": [
    `byPage.pipe(Flow.mapState("state", { event: Click, state: Schema.Int, initial: 0, ` +
    `onEvent: (state) => [state, [], { maps: { seen: State.put("a", 1) } }] }))`,
    "this step has no maps: say maps: { ... } beside its state"
  ],
  "a window of an aggregate of other events": [
    `byPage.pipe(Flow.window("sums", Window.tumbling("1 minute"), Aggregate.sum((order: { cents: number }) => order.cents)))`,
    "Property 'cents' is missing in type '{ readonly page: string; readonly at: number; }'"
  ],
  "a running aggregate of other events": [
    `byPage.pipe(Flow.aggregate("sums", Aggregate.sum((order: { cents: number }) => order.cents)))`,
    "Property 'cents' is missing in type '{ readonly page: string; readonly at: number; }'"
  ],
  "a key of another type than its Schema": [
    `clicks.pipe(Flow.keyBy("page", Schema.String, (click) => click.at))`,
    "Type 'number' is not assignable to type 'string'"
  ],
  "effects on changes": [
    `minutes.pipe(Flow.mapEffect("asked", (minute) => Effect.succeed(minute)))`,
    "this step can't take back what it was told: it takes events, not updates or changes"
  ],
  "events that are expanded as changes": [
    `Flow.expand(clicks)`,
    "Type '\"events\"' is not assignable to type '\"changes\"'"
  ],
  "a merge with keys": [
    `Flow.merge([clicks, byPage])`,
    "a keyed flow goes on with a step of keys: Flow.window, aggregate, mapState, deduplicate or a join"
  ],
  "a source that is none of its own": [
    `Flow.sources<{ a: string; b: string }>()("c")`,
    "Argument of type '\"c\"' is not assignable to parameter of type '\"a\" | \"b\"'"
  ],
  "events of which nobody said what they are": [
    `Flow.events().pipe(Flow.map((click) => click.page))`,
    "Property 'page' does not exist on type 'Unsaid'"
  ],
  "a join of other keys": [
    `Flow.joinWithin(byPage, "joined", byTime, { before: 1, after: 1, left: Click, right: Click })`,
    "'number' is not assignable to type 'string'"
  ],
  "sides of other keys": [
    `Flow.cogroup("both", Window.tumbling(1), { a: Flow.side(byPage, Aggregate.count), b: Flow.side(byTime, Aggregate.count) })`,
    "its sides must have keys of one type"
  ],
  "sessions of a side whose aggregate can't merge": [
    `Flow.cogroup("both", Window.session({ gap: 1 }), { a: Flow.side(byPage, unmergeable) })`,
    "these windows are put together from parts: the aggregates of all sides need merge"
  ],
  "late events of what is no step": [
    `Flow.late(Flow.map(minutes, ({ key }) => key))`,
    "Property 'lateOf' is missing"
  ],
  "several sources on one Stream": [
    `Stream.make("a").pipe(Flow.toStream(Flow.sources<{ a: string; b: string }>()("b")))`,
    "Property 'b' is missing"
  ]
}

describe("wrong compositions", () => {
  it.live("are told in a sentence", () =>
    Effect.gen(function*() {
      const cases = Object.entries(wrong)
      const said = yield* Compiler.said(head, cases.map(([, [code]], i) => `export const wrong${i} = ${code}`))
      for (const [i, [name, [, sentence]]] of cases.entries()) assert.include(said[i], sentence, name)
    }))
})
