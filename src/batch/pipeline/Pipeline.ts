/**
 * A pipeline: what is read, what is done with it, and where it goes. It is a value. `Query` runs it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Pipeable from "effect/Pipeable"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Flow, Output } from "../../flow/graph/Typed.ts"
import type { StateStoreError } from "../../state/StateError.ts"
import type { StateStore } from "../../state/StateStore.ts"
import { isReserved, QueryName } from "../protocol/QueryName.ts"
import type { Error as SinkError, Services as SinkServices, Sink } from "../sink/SinkContract.ts"
import type { Source } from "../source/SourceContract.ts"
import type { Union } from "../source/SourceUnion.ts"
import type { DeadLetter } from "./DeadLetter.ts"
import type { AnyFlow, FlowError, FlowOptions, FlowServices, NotExacting } from "./FlowOptions.ts"
import type { FlowPart } from "./FlowPart.ts"
import * as Flows from "./internal/Flows.ts"
import * as Letters from "./internal/Letters.ts"
import type { Mistake, Told, Written } from "./internal/Mistake.ts"
import type { Letter } from "./Letter.ts"

export type { Mistake } from "./internal/Mistake.ts"

/** The pipeline can't be run as it was asked for. `make` throws it, and `makeResult` fails with it. @category errors @since 0.1.0 */
export class PipelineRefused extends Schema.TaggedError<PipelineRefused>()("PipelineRefused", {
  pipeline: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `pipeline "${this.pipeline}": ${this.detail}`
  }
}

/** Which part of its input a process sees. @category models @since 0.1.0 */
export interface Slice {
  /** Consecutive from 0. The same batch has the same input each time it is processed. */
  readonly batch: number
  readonly partition: number
}

/**
 * A pipeline. `A` is what the source reads, failing with `ES`. `B` is what goes to the sinks. `E` is what process and sinks fail
 * with, and `R` what they need.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pipeline<in out A, in out B, in out ES, out E, out R> extends Pipeable.Pipeable {
  readonly name: QueryName
  readonly version: string
  /** In the order of their names. */
  readonly sources: ReadonlyArray<Source<A, ES, R>>
  readonly process: Process<A, B, ES, E, R>
  readonly each: "partition" | "batch"
  readonly sinks: ReadonlyArray<Sink<B | Letter, E, R>>
  readonly parallelism: number
  readonly isDeterministic: boolean
  /** Undefined: an event that can't be used fails its batch. */
  readonly deadLetters: { readonly name: string; readonly limit: number } | undefined
  /** Where it is a flow whose steps remember: `process` is not used then. @internal */
  readonly flow: FlowPart<E, R> | undefined
  /** Outputs of a batch may be seen before it is committed, also of a try that is lost. */
  readonly mayBeSeenEarly: boolean
  /** What a checkpoint log of this pipeline may go on with. */
  readonly structure: Schema.Json
}

/** What a pipeline fails with. @category utility types @since 0.2.0 */
export type Error<P> = P extends Pipeline<infer _A, infer _B, infer _ES, infer E, infer _R> ? E : never

/** What a pipeline needs. @category utility types @since 0.2.0 */
export type Services<P> = P extends Pipeline<infer _A, infer _B, infer _ES, infer _E, infer R> ? Exclude<R, Scope.Scope>
  : never

/** What is done with the events of a slice. @category models @since 0.1.0 */
export type Process<A, B, ES, E, R> =
  | {
    readonly _tag: "stream"
    readonly run: (events: Stream.Stream<A, ES>, slice: Slice) => Stream.Stream<B, E, R>
  }
  | { readonly _tag: "each"; readonly run: (event: A, slice: Slice) => Effect.Effect<ReadonlyArray<B>, E, R> }

/**
 * How outputs are made: by one of three functions.
 *
 * **Details**
 *
 * Events of one routing key come in the order in which they were written, also from one partition to the next and from one
 * batch to the next (but see `ordering` of `Source.microBatch`). The function may be run several times for the same input. Only
 * the outputs of one run are kept.
 *
 * @category models
 * @since 0.1.0
 */
export type Processing<A, B, ES, EP, RP> =
  | {
    /** The outputs for the events of one partition (default), or of the whole batch. */
    readonly process: (events: Stream.Stream<A, ES>, slice: Slice) => Stream.Stream<B, EP, RP>
    /** With "batch", `process` sees all events of a batch in one Stream, as aggregates need them. Default: "partition". */
    readonly each?: "partition" | "batch" | undefined
  }
  | {
    /** The outputs for one event. The events of a partition, or lane, come one after the other. */
    readonly processEach: (event: A, slice: Slice) => Effect.Effect<ReadonlyArray<B>, EP, RP>
  }
  | {
    /** The outputs for all events of a batch, which are kept in memory. */
    readonly processBatch: (events: ReadonlyArray<A>, slice: Slice) => Effect.Effect<ReadonlyArray<B>, EP, RP>
  }

/** What a pipeline is made of. @category options @since 0.1.0 */
export type Options<
  A,
  B,
  ES,
  RS,
  EP,
  RP,
  S extends Sink<never, unknown, unknown>,
  D extends DeadLetter<unknown, unknown> = never
> =
  & { readonly flow?: never }
  & {
    /**
     * The version of what the process means. Give a new one when it means something else. It is recorded, and a changed one
     * refuses an old log. Default: "1".
     */
    readonly version?: string | undefined
    /** One source, or several (`Source.union`). */
    readonly source: Source<A, ES, RS> | Union<A, ES, RS>
    /** How many partitions are processed at the same time. Default: 8. */
    readonly parallelism?: number | undefined
    /**
     * Whether the process has the same outputs each time it is run for the same input. Default: false.
     *
     * Such a process is given a clock that stands still at the time when the batch was planned. Its random numbers follow from
     * query, batch and partition, and with `onPoison` from the event too. Sleeping and time-outs go by the real clock.
     */
    readonly deterministic?: boolean | undefined
  }
  & Processing<A, B, ES, EP, RP>
  & (
    | { readonly sink: S & Sink<B, unknown, unknown> & NotExacting<S> }
    | { readonly sink: S & Sink<B, unknown, unknown>; readonly deterministic: true }
    | {
      /**
       * Each output is offered to each sink (see `Sink.filterMapInput`). Each sink is committed exactly once in the end, but not
       * all at one instant. So an input must have the same outputs each time. That is checked when a batch has to be processed
       * again for some of the sinks.
       */
      readonly sinks: ReadonlyArray<S> & ReadonlyArray<Sink<B, unknown, unknown>>
      readonly deterministic: true
    }
  )
  & (
    | {
      /** An event that can't be decoded, or that the process fails for, fails the batch. */
      readonly onPoison?: "fail" | undefined
    }
    | {
      /**
       * Where to put an event that can't be decoded, or for which `processEach` fails. It is put aside in the same batch, and the
       * batch goes on without it. Failures of `process` and `processBatch` fail the batch, because nobody knows which event it
       * was.
       *
       * The letters go to a further sink. So the process must be deterministic, but for what it puts aside. That is recorded, and
       * a batch that is processed again for one of several sinks puts aside the same. Until it is recorded, another try may put
       * others aside. So no sink of the pipeline, nor that of the letters, may have outputs that are visible before they are
       * committed (`idempotent`).
       */
      readonly onPoison: D
      readonly deterministic: true
    } & NotExacting<S>
  )

/**
 * Describes a pipeline. Its errors and requirements are those of its parts.
 *
 * **Gotchas**
 *
 * Throws `PipelineRefused` where its parts do not make a pipeline: its name is none, two of its sources have one name, it
 * has two sinks and is not deterministic. `makeResult` is for a pipeline whose name or parts are known only at run time.
 *
 * **Example**
 *
 * ```ts
 * import { EventCodec, EventStream } from "effect-pravega"
 * import { Pipeline, Sink, Source } from "effect-pravega/batch"
 * import { Stream } from "effect"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const errors = Pipeline.make("errors", {
 *   source: Source.microBatch(lines),
 *   process: (reads) => reads.pipe(Stream.map(({ event }) => event), Stream.filter((line) => line.startsWith("ERROR"))),
 *   sink: Sink.console<string>()
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export function make<
  A,
  B,
  ES,
  RS,
  EP,
  RP,
  S extends Sink<never, unknown, unknown>,
  D extends DeadLetter<unknown, unknown> = never
>(
  name: string,
  options: Options<A, B, ES, RS, EP, RP, S, D>
): Made<A, B, ES, EP, RS | RP, S, D>
/**
 * Describes a pipeline whose computation is a flow. A flow without effects is pure: so it may have several sinks, and put
 * events aside, without being declared deterministic. If its steps remember something it requires a `StateStore`, where that
 * lasts.
 */
export function make<
  A,
  F extends AnyFlow,
  ES,
  RS,
  S extends Sink<never, unknown, unknown>,
  D extends DeadLetter<unknown, unknown> = never
>(
  name: string,
  options: FlowOptions<A, F, ES, RS, S, D>
): Made<A, Output<F>, ES, FlowError<F>, RS | FlowServices<F>, S, D>
/** What the compiler says of options that make no pipeline: of several ways to call it shows the last one only. */
export function make<A, ES, So, F, S, Ss, D, De, const O extends object>(
  name: string,
  options: O & Written<A, ES, So, F, S, Ss, D, De> & Mistake<O, Told<So, F, S, Ss, D, De>>
): never
// What a sink fails with and needs can be taken from its type, but the compiler can't be shown that it is of it.
export function make<A, B, ES, RS, EP, RP, EK, RK>(
  name: string,
  options: AnyOptions<A, B, ES, RS, EP, RP, EK, RK>
): Pipeline<A, B, ES, EP | EK | ES | StateStoreError, RS | RP | RK | StateStore> {
  return build(name, options)
}

type AnyOptions<A, B, ES, RS, EP, RP, EK, RK> =
  | Options<A, B, ES, RS, EP, RP, Sink<B, EK, RK>, DeadLetter<EK, RK>>
  | FlowOptions<A, Flow<never, B, "events", EP>, ES, RS, Sink<B, EK, RK>, DeadLetter<EK, RK>>

const build = <A, B, ES, RS, EP, RP, EK, RK>(
  name: string,
  options: AnyOptions<A, B, ES, RS, EP, RP, EK, RK>
): Pipeline<A, B, ES, EP | EK | ES | StateStoreError, RS | RP | RK | StateStore> => {
  const refused = (detail: string) => new PipelineRefused({ pipeline: name, detail })
  const { onPoison = "fail", parallelism = 8, source, version = "1" } = options
  const flow = options.flow === undefined ? undefined : Flows.ofPipeline<A, B, ES, RS>(options.flow, source, refused)
  const deterministic = options.deterministic ?? flow?.isPure ?? false
  const each = "processBatch" in options || ("each" in options && options.each === "batch") ? "batch" : "partition"
  const outputs: ReadonlyArray<Sink<B, EK, RK>> = "sinks" in options ? options.sinks : [options.sink]
  const sinks: Array<Sink<B | Letter, EK, RK>> = outputs.map(Letters.onlyOutputs)
  if (onPoison !== "fail") sinks.push(Letters.onlyLetters(onPoison.sink))
  if (!Schema.is(QueryName)(name)) {
    throw refused("its name must be letters, digits, '.', '_', '-', at most 100 characters")
  }
  if (isReserved(name)) throw refused("its name is that of the log of savepoints: give it another one")
  const sources = "sources" in source ? source.sources : [source]
  const isStateful = flow?.isStateful === true
  const unsound = whyUnsound({
    sources,
    outputs,
    sinks,
    deterministic,
    isStateful,
    parallelism,
    putsAside: onPoison !== "fail"
  })
  if (unsound !== undefined) throw refused(unsound)
  return {
    ...Pipeable.Prototype,
    name,
    version,
    sources,
    process: options.flow === undefined ? processOf(options) : flow?.process ?? noProcess,
    each,
    sinks,
    parallelism,
    isDeterministic: deterministic && flow?.isPure !== true,
    flow: flow?.part,
    mayBeSeenEarly: sinks.some((sink) => sink.mayBeSeenEarly === true),
    deadLetters: onPoison === "fail" ? undefined : { name: onPoison.sink.name, limit: onPoison.limit },
    structure: {
      version,
      each,
      ...flow === undefined ? {} : { flow: flow.structure },
      sources: sources.map(({ name, structure }) => ({ name, structure })),
      sinks: sinks.map(({ name, needsDeterministic, structure }) => ({
        name,
        structure,
        // The log alone must say that outputs of an unfinished batch may be visible.
        ...needsDeterministic === true ? { needsDeterministic } : {}
      }))
    }
  }
}

/**
 * As `make`, for a pipeline whose name or parts are known only at run time: one that is refused is a failure.
 *
 * **Example**
 *
 * ```ts
 * import { EventCodec, EventStream } from "effect-pravega"
 * import { Pipeline, Sink, Source } from "effect-pravega/batch"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const copy = (name: string) =>
 *   Pipeline.makeResult(name, {
 *     source: Source.microBatch(lines),
 *     process: (reads) => reads,
 *     sink: Sink.console<unknown>()
 *   })
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export function makeResult<
  A,
  B,
  ES,
  RS,
  EP,
  RP,
  S extends Sink<never, unknown, unknown>,
  D extends DeadLetter<unknown, unknown> = never
>(
  name: string,
  options: Options<A, B, ES, RS, EP, RP, S, D>
): Result.Result<Made<A, B, ES, EP, RS | RP, S, D>, PipelineRefused>
export function makeResult<
  A,
  F extends AnyFlow,
  ES,
  RS,
  S extends Sink<never, unknown, unknown>,
  D extends DeadLetter<unknown, unknown> = never
>(
  name: string,
  options: FlowOptions<A, F, ES, RS, S, D>
): Result.Result<Made<A, Output<F>, ES, FlowError<F>, RS | FlowServices<F>, S, D>, PipelineRefused>
export function makeResult<A, B, ES, RS, EP, RP, EK, RK>(
  name: string,
  options: AnyOptions<A, B, ES, RS, EP, RP, EK, RK>
): Result.Result<Pipeline<A, B, ES, EP | EK | ES | StateStoreError, RS | RP | RK | StateStore>, PipelineRefused> {
  return Result.try({
    try: () => build(name, options),
    catch: (cause) => {
      if (cause instanceof PipelineRefused) return cause
      throw cause
    }
  })
}

/** Why parts that may each be right do not make a pipeline; undefined: they do. */
const whyUnsound = <A, ES, RS, B, EK, RK>(
  { deterministic, isStateful, outputs, parallelism, putsAside, sinks, sources }: {
    readonly sources: ReadonlyArray<Source<A, ES, RS>>
    readonly outputs: ReadonlyArray<Sink<B, EK, RK>>
    /** Those of the outputs, and that of the letters. */
    readonly sinks: ReadonlyArray<Sink<B | Letter, EK, RK>>
    readonly deterministic: boolean
    /** It has a flow whose steps remember something. */
    readonly isStateful: boolean
    readonly parallelism: number
    readonly putsAside: boolean
  }
): string | undefined => {
  if (sources.length === 0) return "it has no source"
  if (outputs.length === 0) return "it has no sink"
  if (new Set(sinks.map((sink) => sink.name)).size < sinks.length) return "two of its sinks have the same name"
  if (sinks.length > 1 && !deterministic) return "it has several sinks, and is not declared deterministic"
  // Outputs that are visible already are known by their places among the outputs of their batch.
  const exacting = sinks.find((sink) => sink.needsDeterministic === true)
  if (exacting !== undefined && !deterministic) {
    return `sink "${exacting.name}" has outputs that are visible before they are committed, so each batch must have the ` +
      "same outputs whenever it is processed: say deterministic: true if it has, or use a transactional sink"
  }
  const seen = sinks.find((sink) => sink.mayBeSeenEarly === true)
  if (seen !== undefined && isStateful && !deterministic) {
    return `its flow remembers, and asks the world, so that a batch processed again may have other results, but sink "${seen.name}" ` +
      "may have shown those of an earlier try, with which state must agree: say deterministic: true if they are the same, " +
      "or use a transactional sink"
  }
  // Which events are put aside is known when the batch is prepared: a try before may have put others aside.
  if (exacting !== undefined && putsAside) {
    return `it puts events aside, and a batch processed again may put others aside, but sink "${exacting.name}" has ` +
      "outputs that are visible before that is recorded: use onPoison \"fail\", or transactional sinks"
  }
  const shrinking = sources.find((source) => source.mayShrink === true)
  if (exacting !== undefined && shrinking !== undefined) {
    return `source "${shrinking.name}" skips what was deleted before it was read, so that a batch processed again may ` +
      `have fewer outputs, but sink "${exacting.name}" needs the same ones: use onTruncated "fail", or a transactional sink`
  }
  return Number.isSafeInteger(parallelism) && parallelism >= 1 ? undefined : "its parallelism must be 1 or more"
}

/** Not used: the flow's steps are run instead. */
const noProcess = { _tag: "stream", run: () => Stream.empty } as const

/**
 * The pipeline of such parts: with the errors of its source, of what is done with the events (`E`), of its sinks and of its
 * letters, and with what they need. It is a conditional type so that no hover text has its name instead of the pipeline's type.
 */
type Made<A, B, ES, E, R, S, D> = true extends true
  ? Pipeline<A, B, ES, ES | E | SinkError<S> | LetterFailure<D>, R | SinkServices<S> | LetterServices<D>>
  : never

type LetterFailure<D> = D extends DeadLetter<infer E, unknown> ? E : never
type LetterServices<D> = D extends DeadLetter<unknown, infer R> ? Exclude<R, Scope.Scope> : never

const processOf = <A, B, ES, EP, RP>(options: Processing<A, B, ES, EP, RP>): Process<A, B, ES, EP | ES, RP> => {
  if ("process" in options) return { _tag: "stream", run: options.process }
  if ("processEach" in options) return { _tag: "each", run: options.processEach }
  const { processBatch } = options
  return {
    _tag: "stream",
    run: (events, slice) =>
      Stream.unwrap(Effect.map(
        Effect.flatMap(Stream.runCollect(events), (all) => processBatch(all, slice)),
        Stream.fromArray
      ))
  }
}
