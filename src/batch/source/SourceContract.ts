/**
 * What a source is, as a query uses it, and what a source of one's own is made of. It plans exact ranges, and reads them, the
 * same each time. Positions and plans are kept in the checkpoint log as JSON, by Schemas. Which sources there are is listed
 * by `Source`, which has these names too.
 *
 * It knows nothing of sinks, records or recovery.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import { flow } from "effect/Function"
import * as Pipeable from "effect/Pipeable"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { EventTime } from "../../flow/time/EventTime.ts"
import { SourceStart } from "../protocol/CheckpointRecord.ts"
import type { CommitError } from "../protocol/CommitError.ts"
import { jsonState } from "../protocol/JsonState.ts"
import type { Undecodable } from "./Undecodable.ts"

/** The part of a batch that one fiber reads. @category models @since 0.1.0 */
export interface Partition<out A, out E> {
  /** Its place in the plan: the same each time the plan is read. */
  readonly id: number
  /** Partitions whose outputs must be acknowledged before this one is read. That keeps the order of a key. */
  readonly predecessors: ReadonlyArray<number>
  readonly events: Stream.Stream<A, E>
  /** Its events in shares. Absent: all events need their order. */
  readonly lanes?: Lanes<A, E> | undefined
  /** The part of the source that it belongs to, as `parts` names it. Absent: the source is one part. */
  readonly part?: string | undefined
  /** How many bytes it reads, if the source can tell before it does. */
  readonly bytes?: number | undefined
  /** The same events. Where `events` fails because an event can't be decoded, this has an `Undecodable` in its place. */
  readonly tolerant?: Stream.Stream<A | Undecodable, E> | undefined
  /**
   * The events that `tolerant` gave last, as they were stored, in the same order. It is asked for those that are put aside. An
   * event that is gone by now is in its place, with empty bytes.
   */
  readonly raw?: Stream.Stream<RawEvent, E> | undefined
}

/**
 * A partition's events in shares that may be processed at the same time. Events that need their order are in the same share.
 * The outputs of shares are numbered as those of partitions are. The numbers `id` to `id + count - 1` are the partition's own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lanes<out A, out E> {
  readonly count: number
  readonly events: Stream.Stream<LaneEvents<A>, E>
  /** As `tolerant` of a partition. */
  readonly tolerant: Stream.Stream<LaneEvents<A | Undecodable>, E>
}

/** Some events of one lane. @category models @since 0.1.0 */
export interface LaneEvents<out A> {
  /** From 0. */
  readonly lane: number
  readonly events: Arr.NonEmptyReadonlyArray<A>
  /** Of each event: its place among the partition's events. */
  readonly places: ReadonlyArray<number>
}

/** An event as it was stored. @category models @since 0.1.0 */
export interface RawEvent {
  /** Where it is; for a Pravega stream the text of its `EventPointer`. */
  readonly pointer: string
  readonly bytes: Uint8Array
}

/** A part of what a source was to read, and which is gone. The user chose to go on without it. @category schemas @since 0.1.0 */
export const Skipped = Schema.Struct({
  /** The part of the source: a segment's name. */
  part: Schema.String,
  start: Schema.BigInt,
  /** Undefined: all that came after `start` is gone, and nobody knows any more how much that was. */
  end: Schema.UndefinedOr(Schema.BigInt)
})
/** @category models @since 0.1.0 */
export type Skipped = typeof Skipped.Type

/**
 * What is left to read, in bytes: in all, and by the parts of the source (segments) that the query has come to. Parts that
 * come after those are not counted yet.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Lag = Schema.Struct({
  bytes: Schema.Int,
  parts: Schema.Record(Schema.String, Schema.Int)
})
/** @category models @since 0.1.0 */
export type Lag = typeof Lag.Type

/**
 * What a source has to read: a range (at least one event), nothing now, or nothing any more.
 *
 * @category models
 * @since 0.1.0
 */
export type Range<Plan, Position> =
  | {
    readonly _tag: "range"
    readonly plan: Plan
    readonly next: Position
    /**
     * Whether a limit ended it. True: there may be more already, and the range after it is looked for while this one is read.
     * False: it takes all that there was. The next one is looked for when this one is done, so that it takes what has come
     * meanwhile. Undefined, which is taken as true: the source can't tell.
     */
    readonly isFull?: boolean | undefined
  }
  | { readonly _tag: "idle" }
  | { readonly _tag: "ended" }

/**
 * What a flow sees of a source's events. No two events of a source are at the same place.
 *
 * @category models
 * @since 0.2.0
 */
export interface FlowView<A> {
  value(this: void, event: A): unknown
  /** In whole milliseconds since 1970. Absent: the time of its batch's plan. */
  time?(this: void, event: A): number
  /** Absent, as `offset`: the number of its partition, and the event's among its events. */
  segment?(this: void, event: A): bigint
  offset?(this: void, event: A): bigint
}

/** How far a part of a source is read, and where it ends. @category models @since 0.2.0 */
export interface Part {
  readonly readTo: bigint
  readonly tail: bigint
}

/** A source of `A`, as a query uses it. @category models @since 0.1.0 */
export interface Source<out A, out E, out R> extends Pipeable.Pipeable {
  /** Unique in the pipeline; the key of its state in the log. */
  readonly name: string
  /** What must not change while a query has a log. */
  readonly structure: Schema.Json
  /** A plan read again may give fewer events instead of failing: what was gone by then is skipped. */
  readonly mayShrink?: boolean | undefined
  /**
   * Whether another try of the batch may succeed, after this error; asked about the errors that it fails with itself.
   * Absent: an error says so itself, by a property `isRetryable` that is false if not.
   */
  isRetryable?(this: void, error: E): boolean
  /** What is known of its events' times, for flows. Absent: they have the time of their batch's plan. */
  readonly time?: EventTime<never> | undefined
  /** Absent: a flow sees the events themselves, numbered by partition and place. */
  readonly inFlow?: FlowView<A> | undefined
  /** Lives as long as the query runs. */
  readonly open: Effect.Effect<SourceSession<A, E>, E, R | Scope.Scope>
}

/** An open source. Positions and plans are what it gave before, perhaps in an earlier process. @category models @since 0.1.0 */
export interface SourceSession<out A, out E> {
  /** Resolves start and end. It is asked once in a query's life. */
  readonly start: Effect.Effect<SourceStart, E | CommitError>
  /** Fails if what is read now is not what the query started with. Logs a warning if its start or end was changed. */
  readonly resume: (started: SourceStart) => Effect.Effect<void, E | CommitError>
  /** The position after all that is there now. */
  readonly latest: Effect.Effect<Schema.Json, E | CommitError>
  /** The next range from a position, not beyond any of `ends`. It commits to nothing, and may be asked again. */
  readonly plan: (
    from: Schema.Json,
    ends: ReadonlyArray<Schema.Json>
  ) => Effect.Effect<Range<Schema.Json, Schema.Json>, E | CommitError>
  /** Reads a plan. A plan read again gives the same events in the same partitions, or fails. */
  readonly partitions: (plan: Schema.Json) => Effect.Effect<ReadonlyArray<Partition<A, E>>, E | CommitError>
  /** Waits for something after a position from which nothing was there to plan. Undefined: it can't tell. See `TypedSession`. */
  readonly arrival: ((position: Schema.Json) => Effect.Effect<void, CommitError>) | undefined
  /** What was left after a position when the source was last asked to plan. Undefined: it can't tell. */
  readonly lag: (position: Schema.Json) => Effect.Effect<Lag | undefined, CommitError>
  /** The parts that are left to read from a position on, as of the last `plan`. Undefined: it can't tell. See `TypedSession`. */
  readonly parts: (position: Schema.Json) => Effect.Effect<Readonly<Record<string, Part>> | undefined, CommitError>
  /** Tells that everything before the position is durably committed. It is not read again. */
  readonly consumed: (position: Schema.Json) => Effect.Effect<void, CommitError>
  /** What a plan leaves out, or reading it had to leave out, as the user chose. */
  readonly skipped: (plan: Schema.Json) => Effect.Effect<ReadonlyArray<Skipped>, CommitError>
}

/** A source in terms of its own positions and plans. @category models @since 0.1.0 */
export interface TypedSession<A, E, Position, Plan, Identity> {
  readonly start: Effect.Effect<
    { readonly identity: Identity; readonly start: Position; readonly end: Position | undefined },
    E
  >
  readonly verify: (identity: Identity) => Effect.Effect<void, E>
  readonly latest: Effect.Effect<Position, E>
  readonly plan: (from: Position, ends: ReadonlyArray<Position>) => Effect.Effect<Range<Plan, Position>, E>
  readonly partitions: (plan: Plan) => Effect.Effect<ReadonlyArray<Partition<A, E>>, E>
  /**
   * Waits for something after a position. When it returns, a query plans at once. It may return for nothing, but not again and
   * again. A query that found nothing looks again after 2 seconds, whatever this says. Without it, it looks every 100 ms.
   */
  readonly arrival?: ((position: Position) => Effect.Effect<void>) | undefined
  /** What was left at the last `plan`. It asks nobody. */
  readonly lag?: ((position: Position) => Lag) | undefined
  /**
   * The parts (segments) that are left to read from a position on, and where they ended when it was last planned. It asks
   * nobody. A part that has no unread events for some time doesn't hold up a flow's time.
   */
  readonly parts?: ((position: Position) => Readonly<Record<string, Part>>) | undefined
  /** Told after each batch. Nobody waits for it. */
  readonly consumed?: ((position: Position) => Effect.Effect<void>) | undefined
  readonly skipped?: ((plan: Plan) => ReadonlyArray<Skipped>) | undefined
}

/** What a source of one's own is made of. @category models @since 0.1.0 */
export interface TypedSource<A, E, R, Position, Plan, Identity> {
  readonly name: string
  readonly structure: Schema.Json
  /** Start and end as the user gave them. */
  readonly asked: Schema.Json
  /** See `Source`. */
  readonly mayShrink?: boolean | undefined
  /** See `Source`. */
  isRetryable?(this: void, error: E): boolean
  /** When its events happened, for flows. Absent: they have the time of their batch's plan. */
  readonly time?: EventTime<A> | undefined
  /** See `Source`. */
  readonly inFlow?: Omit<FlowView<A>, "time"> | undefined
  readonly position: Schema.Codec<Position, unknown>
  readonly plan: Schema.Codec<Plan, unknown>
  readonly identity: Schema.Codec<Identity, unknown>
  readonly open: Effect.Effect<TypedSession<A, E, Position, Plan, Identity>, E, R | Scope.Scope>
}

/**
 * A source of one's own.
 *
 * **Details**
 *
 * A position is where a batch starts. A plan is what it reads. Both are kept in the checkpoint log as JSON, by their Schemas. A
 * plan that is read again must give the same events in the same partitions, also in another process and after years. The
 * identity tells what is read now from something else of the same name.
 *
 * `examples/flights/FlightSource.ts` reads a file.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, E, R, Position, Plan, Identity>(
  options: TypedSource<A, E, R, Position, Plan, Identity>
): Source<A, E, R> => {
  const { asked, name } = options
  const position = jsonState(name, options.position)
  const plan = jsonState(name, options.plan)
  const identity = jsonState(name, options.identity)
  return {
    ...Pipeable.Prototype,
    name,
    structure: options.structure,
    mayShrink: options.mayShrink,
    time: options.time,
    inFlow: viewOf(options),
    ...options.isRetryable === undefined ? {} : { isRetryable: options.isRetryable },
    open: Effect.map(options.open, (session): SourceSession<A, E> => {
      // A plan that this session made is handed back as the object it was: what was read ahead for it is found by it.
      const made = new WeakMap<object, Plan>()
      const planOf = (encoded: Schema.Json): Effect.Effect<Plan, CommitError> => {
        const isObject = typeof encoded === "object" && encoded !== null
        const known = isObject ? made.get(encoded) : undefined
        if (known !== undefined) return Effect.succeed(known)
        return Effect.tap(plan.decode(encoded), (decoded) => Effect.sync(() => isObject && made.set(encoded, decoded)))
      }
      return {
        start: Effect.map(session.start, (start) =>
          new SourceStart({
            identity: identity.encode(start.identity),
            asked,
            start: position.encode(start.start),
            ...(start.end === undefined ? {} : { end: position.encode(start.end) })
          })),
        resume: (started) =>
          identity.decode(started.identity).pipe(
            Effect.flatMap(session.verify),
            Effect.andThen(tellOfChange(name, started.asked, asked))
          ),
        latest: Effect.map(session.latest, position.encode),
        plan: (from, ends) =>
          Effect.flatMap(
            Effect.all([position.decode(from), Effect.forEach(ends, position.decode)]),
            ([start, limits]) =>
              Effect.map(session.plan(start, limits), (range) => {
                if (range._tag !== "range") return range
                const encoded = plan.encode(range.plan)
                if (typeof encoded === "object" && encoded !== null) made.set(encoded, range.plan)
                return { ...range, plan: encoded, next: position.encode(range.next) }
              })
          ),
        partitions: (encoded) => Effect.flatMap(planOf(encoded), session.partitions),
        skipped: (encoded) =>
          session.skipped === undefined ? Effect.succeed([]) : Effect.map(planOf(encoded), session.skipped),
        arrival: session.arrival === undefined
          ? undefined
          : flow(position.decode, Effect.flatMap(session.arrival)),
        parts: (encoded) =>
          session.parts === undefined ? Effect.undefined : Effect.map(position.decode(encoded), session.parts),
        lag: (encoded) =>
          session.lag === undefined ? Effect.undefined : Effect.map(position.decode(encoded), session.lag),
        consumed: (encoded) =>
          session.consumed === undefined
            ? Effect.void
            : Effect.flatMap(position.decode(encoded), session.consumed)
      }
    })
  }
}

const tellOfChange = (name: string, recorded: Schema.Json, asked: Schema.Json): Effect.Effect<void> =>
  JSON.stringify(recorded) === JSON.stringify(asked)
    ? Effect.void
    : Effect.logWarning(`source "${name}": the query has started before, the changed start or end has no effect`, {
      asked,
      recorded
    })

const viewOf = <A>(
  { inFlow, time }: Pick<TypedSource<A, never, never, never, never, never>, "inFlow" | "time">
): FlowView<A> | undefined =>
  inFlow === undefined && time === undefined ? undefined : {
    value: (event) => event,
    ...inFlow,
    ...(time === undefined ? {} : { time: time.of })
  }

/** What a source fails with. @category utility types @since 0.2.0 */
export type Error<S> = S extends Source<infer _A, infer E, infer _R> ? E : never

/** What a source needs. @category utility types @since 0.2.0 */
export type Services<S> = S extends Source<infer _A, infer _E, infer R> ? Exclude<R, Scope.Scope> : never

/** What a source reads. @category utility types @since 0.2.0 */
export type Event<S> = S extends Source<infer A, infer _E, infer _R> ? A : never
