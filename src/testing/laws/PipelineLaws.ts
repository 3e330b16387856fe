/**
 * Laws for your own pipelines. A pipeline between Pravega streams is crashed at every step of its run, started again, and
 * crashed again. In the end it must have written what it writes when nobody disturbs it.
 *
 * All of it runs on a Pravega in this process, in simulated time: a crash takes milliseconds, also one after which leases run
 * out.
 *
 * **Example**
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { EventCodec, EventStream } from "effect-pravega"
 * import { Pipeline, Sink, Source } from "effect-pravega/batch"
 * import { PipelineLaws } from "effect-pravega/testing"
 * import * as Stream from "effect/Stream"
 * import fc from "fast-check"
 *
 * const lines = EventStream.make("texts/lines", { codec: EventCodec.utf8, routingKey: (line) => line.slice(0, 1) })
 * // without a routing key: a word comes from lines of several keys, so it has no order that a crash could change
 * const words = EventStream.make("texts/words", { codec: EventCodec.utf8 })
 *
 * const pipeline = Pipeline.make("words", {
 *   source: Source.microBatch(lines),
 *   process: (reads) => Stream.flattenIterable(Stream.map(reads, ({ event }) => event.split(" "))),
 *   sink: Sink.pravega(words, { guarantee: "exactly-once" })
 * })
 *
 * it.live(
 *   "loses and repeats nothing",
 *   () => PipelineLaws.exactlyOnce(pipeline, { source: lines, events: fc.array(fc.string()), sinks: [words] }),
 *   { timeout: 120_000 } // a busy machine needs more than vitest's 5 seconds
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Arbitrary } from "fast-check"
import type { CheckpointLog } from "../../batch/log/CheckpointLog.ts"
import type { Pipeline } from "../../batch/pipeline/Pipeline.ts"
import type { EventStream } from "../../core/EventStream.ts"
import * as NumberOption from "../../core/NumberOption.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import * as Admin from "../../pravega/admin/Admin.ts"
import type { Pravega } from "../../pravega/Pravega.ts"
import * as EventWriter from "../../pravega/write/EventWriter.ts"
import type { StateStore } from "../../state/StateStore.ts"
import * as Query from "../../stream/query/Query.ts"
import * as Trigger from "../../stream/query/Trigger.ts"
import { describeExit, type Incarnation, preload, QueryWorld } from "../simulation/QueryWorld.ts"
import * as Simulation from "../simulation/Simulation.ts"
import { property } from "./internal/Property.ts"

/** A stream that the pipeline writes to, whatever its events are. @category models @since 0.1.0 */
export interface Output {
  readonly name: ScopedStream
  readonly codec: { readonly decode: (bytes: Uint8Array) => unknown }
  /** If there is one, each key's outputs must keep their order too. */
  readonly routingKey: ((event: never) => string) | undefined
}

/** @category models @since 0.1.0 */
export interface Options<A> {
  /** The stream that the pipeline reads. It is created for each run, and filled with the events. */
  readonly source: EventStream<A>
  /** The inputs to try it with: a fast-check arbitrary. */
  readonly events: Arbitrary<ReadonlyArray<A>>
  /** The Pravega streams that it writes to. Others of its sinks are not looked at. */
  readonly sinks: ReadonlyArray<Output>
  /** How many inputs are tried. Default: 3. */
  readonly runs?: number | undefined
  /** Repeats a run that failed. */
  readonly seed?: number | undefined
  /**
   * At how many points of a run it is crashed at most. The points are those at which something has changed that outlives
   * the process; if there are more, some of them are taken, evenly spread. Default: 100.
   */
  readonly crashes?: number | undefined
  /** How many segments each stream has. Default: 2. */
  readonly segments?: number | undefined
}

/** A run that a crash disturbed gave something else. @category errors @since 0.1.0 */
export class LawBroken extends Schema.TaggedError<LawBroken>()("LawBroken", {
  pipeline: Schema.String,
  /** Where it was crashed. */
  crash: Schema.String,
  violations: Schema.Array(Schema.String),
  /** What happened, one line an event. */
  timeline: Schema.String
}) {
  override get message(): string {
    return [
      `pipeline "${this.pipeline}", ${this.crash}:`,
      ...this.violations.map((violation) => `VIOLATED ${violation}`),
      this.timeline
    ].join("\n")
  }
}

/**
 * The pipeline wrote different outputs in two runs that nobody disturbed. So nobody can tell what a crash would change.
 *
 * @category errors
 * @since 0.2.0
 */
export class NotDeterministic extends Schema.TaggedError<NotDeterministic>()("NotDeterministic", {
  pipeline: Schema.String,
  /** What the second run had and the first one had not, and the reverse. */
  differences: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return [
      `pipeline "${this.pipeline}" is not deterministic: in two runs that nobody disturbed it wrote different outputs for ` +
      `the same events:`,
      ...this.differences.map((difference) => `  ${difference}`),
      `The law can't be checked for it. Its outputs must follow from the events alone: not from the time or from random ` +
      `numbers, not from what it was run with before, and not from how the events fall into batches. Outputs of one key must ` +
      `come from inputs of one key, because only those have an order.`
    ].join("\n")
  }
}

/**
 * The pipeline wrote nothing to these streams, whatever it was given: the law says nothing about it.
 *
 * @category errors
 * @since 0.1.0
 */
export class NothingChecked extends Schema.TaggedError<NothingChecked>()("NothingChecked", {
  pipeline: Schema.String,
  sinks: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `nothing was checked: pipeline "${this.pipeline}" wrote nothing to ${this.sinks.join(", ") || "no stream"}`
  }
}

/**
 * The law: a pipeline that is crashed at any step of its run, and at any step of its recovery, has in the end written what it
 * writes in a run without a crash. Nothing is lost, repeated or invented, and each key's outputs are in the same order.
 *
 * It dies with fast-check's report and a `LawBroken` if that is not so, with a `NotDeterministic` if two runs without a crash
 * differ, and with `NothingChecked` if no run wrote an output.
 *
 * **Details**
 *
 * The services that the pipeline needs are taken from the context. Pravega, the checkpoint log, the state of flows, time and
 * random numbers are simulated, whatever the context has. The source must start at `earliest`.
 *
 * A pipeline with a flow is crashed between its state's delta, `prepared` and commit, too. Its source is sealed when all events
 * are written, so that time ends and all windows close.
 *
 * A process that dies between two changes of what outlives it (the server's data, the log) leaves the same world behind
 * wherever in between that is. So it is crashed once per change, and not at each of its steps.
 *
 * **Gotchas**
 *
 * The outputs must depend on the events alone: not on the time, and not on how the events fall into batches. For a flow that
 * means: `emit: "final"`, and as much `disorder` as the events have in the order in which they are given. Outputs of one key
 * must come from inputs of one key, because only those have an order.
 *
 * @category laws
 * @since 0.1.0
 */
export const exactlyOnce = <A, I, B, ES, E, R>(
  pipeline: Pipeline<I, B, ES, E, R>,
  options: Options<A>
): Effect.Effect<void, never, Exclude<R, Pravega | CheckpointLog | StateStore | Scope.Scope>> =>
  Effect.flatMap(Effect.context<Exclude<R, Pravega | CheckpointLog | StateStore | Scope.Scope>>(), (services) => {
    // What is simulated wins over what is around: Pravega, the log and state, and also clock, scheduler and random numbers.
    // The compiler can't add to a type from which it has subtracted.
    const lived = <E2, R2>(running: Effect.Effect<void, E2, R2>): Life =>
      Effect.updateContext(
        running,
        (simulated: Context.Context<Simulated>) => Context.merge(services, simulated) as Context.Context<R2>
      )
    const query = lived(Query.run(pipeline, { trigger: Trigger.availableNow }))
    const toTheEnd = pipeline.flow === undefined ? undefined : lived(Query.run(pipeline))
    let outputs = 0
    const runs = property(
      { runs: options.runs ?? 3, seed: options.seed, isUnbiased: true },
      // the order of what runs at once is drawn with the events, so that a seed repeats both
      (fc) => fc.tuple(options.events, fc.noShrink(fc.integer())),
      ([events, seed]) =>
        Effect.map(
          holds({ ...options, pipeline: pipeline.name, query, toTheEnd, events: Array.from(events), seed }),
          (found) => {
            outputs += found
          }
        )
    )
    const sinks = options.sinks.map(({ name }) => name.toString())
    const checked = Effect.suspend(() =>
      outputs > 0 ? Effect.void : Effect.die(new NothingChecked({ pipeline: pipeline.name, sinks }))
    )
    return preload.pipe(Effect.andThen(runs), Effect.andThen(checked))
  })

type Simulated = Pravega | CheckpointLog | StateStore
type Life = Effect.Effect<void, unknown, Simulated>

interface Trial<A> extends Omit<Options<A>, "events" | "seed"> {
  readonly pipeline: string
  readonly query: Life
  /** Of a flow: its source is sealed at last, and then time ends, so that all windows close. */
  readonly toTheEnd: Life | undefined
  readonly events: ReadonlyArray<A>
  /** Of each of its worlds: up to the first crash, they are one and the same. */
  readonly seed: number
}

/** Says how many outputs there were to lose. */
const holds = Effect.fnUntraced(function*<A>(trial: Trial<A>) {
  const undisturbed = yield* observe(trial)
  if (undisturbed.violations.length > 0) return yield* broken(trial, "not crashed at all", undisturbed)
  yield* repeatsItself(trial, undisturbed)
  const { changedAt, steps } = undisturbed
  for (const [index, step] of spread(changedAt, crashesOf(trial)).entries()) {
    // every other recovery is crashed too, each at another step, and every third crash outlives the leases
    const crashes = index % 2 === 0 ? [step] : [step, (step * 7 + index) % steps]
    const downtime = index % 3 === 0 ? Duration.minutes(30) : Duration.zero
    const found = yield* observe(trial, { crashes, downtime })
    const violations = [
      ...found.violations,
      ...outputDifferences(undisturbed, found, { less: "I1: lost:", more: "I1: repeated or invented:", order: "I2:" })
    ]
    if (violations.length === 0) continue
    const when = `crashed at step ${crashes.join(", and its recovery at step ")} of ${steps}`
    return yield* broken(trial, `${when}, down for ${Duration.format(downtime)}`, { ...found, violations })
  }
  return Array.from(undisturbed.outputs.values()).reduce((sum, { length }) => sum + length, 0)
})

/**
 * Fails if another run that nobody disturbs has other outputs: in another order of what runs at once, and with the events in
 * parts, so that they fall into other batches. A flow gets as many parts as the seed says, and then each event by itself, as
 * far as there are few: batches that differ from all larger ones. Others get two, an hour later.
 */
const repeatsItself = Effect.fnUntraced(function*<A>(trial: Trial<A>, first: Observation) {
  // A flow's inputs must not go idle in between: what came after that would be late.
  const cuts: ReadonlyArray<Disturbance> = trial.toTheEnd === undefined
    ? [{ delay: Duration.hours(1), parts: 2 }]
    : [{ parts: 2 + Math.abs(trial.seed) % 4 }, { parts: Math.min(trial.events.length, mostParts) }]
  for (const [index, cut] of cuts.entries()) yield* isTheSame(trial, first, index + 1, cut)
})

/** Each is a start of the query. */
const mostParts = 12

const isTheSame = Effect.fnUntraced(function*<A>(
  trial: Trial<A>,
  first: Observation,
  number: number,
  cuts: Disturbance
) {
  const again = yield* observe({ ...trial, seed: trial.seed + number }, cuts)
  if (again.violations.length > 0) return yield* broken(trial, "not crashed at all", again)
  const differences = outputDifferences(first, again, {
    less: "the second run:",
    more: "the second run:",
    order: "the second run:"
  })
  if (differences.length > 0) return yield* new NotDeterministic({ pipeline: trial.pipeline, differences })
})

/** At most so many of some points, evenly spread, the first one among them. */
const spread = (points: ReadonlyArray<number>, most: number): ReadonlyArray<number> => {
  const stride = Math.max(1, Math.ceil(points.length / Math.max(1, most)))
  return points.filter((_, index) => index % stride === 0)
}

interface Observation {
  readonly steps: number
  /** The steps of the first life at which something changed that outlives it. */
  readonly changedAt: ReadonlyArray<number>
  /** Per sink, its outputs as text, and per sink and key, the outputs in order. */
  readonly outputs: ReadonlyMap<string, ReadonlyArray<string>>
  readonly order: ReadonlyMap<string, ReadonlyArray<string>>
  readonly violations: ReadonlyArray<string>
  readonly timeline: string
}

/** More than any recovery needs. */
const mostLives = 8

interface Disturbance {
  /** Steps of one life after the other, just before which it is crashed. */
  readonly crashes?: ReadonlyArray<number>
  /** For how long nobody runs the pipeline after each crash. */
  readonly downtime?: Duration.Duration
  /** How long after the events it starts. */
  readonly delay?: Duration.Duration
  /** In how many parts the events are written, each of which the pipeline then reads to its end. */
  readonly parts?: number
}

/** One simulated world: the events are written, the pipeline runs, and is crashed as told. */
const observe = <A>(
  trial: Trial<A>,
  { crashes = [], delay = Duration.zero, downtime = Duration.zero, parts = 1 }: Disturbance = {}
) =>
  Simulation.run(
    (simulation) =>
      Effect.scoped(Effect.gen(function*() {
        const world = yield* QueryWorld.make(simulation, { sinks: trial.sinks })
        const { undisturbed } = world.server
        yield* undisturbed(createStreams(trial))
        let first: Incarnation<unknown> | undefined
        const changedAt = new Set([0])
        const size = Math.ceil(trial.events.length / parts)
        for (let part = 0, life = 0; part < parts; part++) {
          yield* undisturbed(write(trial, trial.events.slice(part * size, (part + 1) * size)))
          const isLast = part === parts - 1 && trial.toTheEnd !== undefined
          if (isLast) yield* undisturbed(Admin.sealStream(trial.source.name))
          const query = isLast ? trial.toTheEnd : trial.query
          if (Duration.isPositive(delay)) yield* simulation.leap(delay)
          for (let tries = 0; tries < mostLives; tries++) {
            const crash = crashes[life]
            const incarnation = world.start(`life ${++life}`, query)
            if (first === undefined) {
              first = incarnation
              world.onChange = () => changedAt.add(incarnation.process.steps())
            }
            if (crash !== undefined) incarnation.process.crashAt(crash)
            const ended = yield* incarnation.awaitEnd
            if (ended !== "crashed") {
              if (Exit.isFailure(ended)) {
                world.violated({ invariant: "I9", detail: `the pipeline ${describeExit(ended)}` })
              }
              break
            }
            if (Duration.isPositive(downtime)) yield* Effect.sleep(downtime)
          }
        }
        return {
          ...outputsOf(world, trial.sinks),
          steps: first?.process.steps() ?? 0,
          changedAt: [...changedAt],
          violations: world.violations.map(({ detail, invariant }) => `${invariant}: ${detail}`),
          timeline: simulation.timeline.toString()
        } satisfies Observation
      })),
    { seed: trial.seed, disorder: 0.05 }
  ).pipe(
    Effect.catchCause((cause): Effect.Effect<Observation> =>
      Effect.succeed({
        steps: 0,
        changedAt: [],
        outputs: new Map(),
        order: new Map(),
        violations: [Cause.pretty(cause)],
        timeline: ""
      })
    )
  )

const createStreams = <A>({ segments = 2, sinks, source }: Trial<A>) =>
  Effect.forEach(
    [source.name, ...sinks.map(({ name }) => name)],
    (name) => Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments } }),
    { discard: true }
  )

const write = <A>({ source }: Trial<A>, events: ReadonlyArray<A>) =>
  events.length === 0
    ? Effect.void
    : Effect.scoped(Effect.flatMap(EventWriter.make(source), (writer) => writer.writeAll(events)))

const outputsOf = ({ server }: QueryWorld, sinks: ReadonlyArray<Output>): Pick<Observation, "outputs" | "order"> => {
  const outputs = new Map<string, ReadonlyArray<string>>()
  const order = new Map<string, Array<string>>()
  for (const sink of sinks) {
    const name = sink.name.toString()
    const found = server.peek(name)
    const texts = found.map(describe)
    outputs.set(name, texts.toSorted())
    for (const [index, text] of texts.entries()) {
      const place = `${name}, key ${JSON.stringify(keyOf(sink, found[index]!))}`
      if (sink.routingKey === undefined) continue
      const known = order.get(place)
      if (known === undefined) order.set(place, [text])
      else known.push(text)
    }
  }
  return { outputs, order }
}

/** The event comes from the codec of the very stream whose key function it is for. */
const keyOf = ({ codec, routingKey }: Output, bytes: Uint8Array): string =>
  routingKey === undefined ? "" : routingKey(codec.decode(bytes) as never)

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** Text, or else Base64. */
const describe = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes)
  } catch {
    return Buffer.from(bytes).toString("base64")
  }
}

const outputDifferences = (
  expected: Observation,
  found: Observation,
  words: { readonly less: string; readonly more: string; readonly order: string }
): ReadonlyArray<string> => {
  const violations: Array<string> = []
  for (const [sink, outputs] of expected.outputs) {
    const now = found.outputs.get(sink) ?? []
    const lost = without(outputs, now)
    const more = without(now, outputs)
    if (lost.length > 0) violations.push(`${words.less} ${sink} has not ${lost.join(", ")}`)
    if (more.length > 0) violations.push(`${words.more} ${sink} has besides ${more.join(", ")}`)
  }
  if (violations.length > 0) return violations
  for (const [place, outputs] of expected.order) {
    const now = found.order.get(place) ?? []
    if (now.join("\n") !== outputs.join("\n")) violations.push(`${words.order} order of ${place}: ${now.join(", ")}`)
  }
  return violations
}

/** As multisets. */
const without = (items: ReadonlyArray<string>, others: ReadonlyArray<string>): ReadonlyArray<string> => {
  const left = new Map<string, number>()
  for (const item of others) left.set(item, (left.get(item) ?? 0) + 1)
  return items.filter((item) => {
    const count = left.get(item) ?? 0
    left.set(item, count - 1)
    return count <= 0
  })
}

const broken = <A>({ pipeline }: Trial<A>, crash: string, { timeline, violations }: Observation) =>
  Effect.fail(new LawBroken({ pipeline, crash, violations, timeline }))

const crashesOf = ({ crashes }: { readonly crashes?: number | undefined }): number =>
  NumberOption.check("crashes", crashes, { least: 1, most: Infinity, otherwise: 100 })
