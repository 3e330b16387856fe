/**
 * Where a batch's input comes from: plans exact ranges, and reads them, the same each time. `Source.make` is for
 * sources of one's own; their positions and plans are kept in the checkpoint log as JSON, by Schemas.
 *
 * It knows nothing of sinks, records or recovery.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { flow } from "effect/Function"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { EndPosition } from "../../core/EndPosition.ts"
import type { EventStream } from "../../core/EventStream.ts"
import type { StartPosition } from "../../core/StartPosition.ts"
import { StreamCut } from "../../core/StreamCut.ts"
import type { Pravega } from "../../pravega/Pravega.ts"
import type { EventRead } from "../../pravega/read/EventRead.ts"
import type { ReadError } from "../../pravega/read/ReadError.ts"
import { SourceStart } from "../log/CheckpointRecord.ts"
import type { CommitError } from "../log/CommitError.ts"
import { jsonState } from "../log/JsonState.ts"
import * as MicroBatchSource from "./internal/MicroBatchSource.ts"
import type { SourceError } from "./SourceError.ts"
import { Undecodable } from "./Undecodable.ts"

/** The part of a batch that one fiber reads. @category models @since 0.1.0 */
export interface Partition<out A, out E> {
  /** Its place in the plan: the same each time the plan is read. */
  readonly id: number
  /** Partitions that must be processed, with their outputs acknowledged, before this one is read: that keeps a key's order. */
  readonly predecessors: ReadonlyArray<number>
  readonly events: Stream.Stream<A, E>
  /** Absent: all events need their order. */
  readonly lanes?: Lanes<A, E> | undefined
  /** What it reads, if the source can tell before it does. */
  readonly bytes?: number | undefined
  /** The same events, with those that can't be decoded in their places, where `events` fails. */
  readonly tolerant?: Stream.Stream<A | Undecodable, E> | undefined
  /**
   * The events that `tolerant` gave last, as they were stored, in the same order: for those that are put aside. One that is
   * gone by now is in its place, with empty bytes.
   */
  readonly raw?: Stream.Stream<RawEvent, E> | undefined
}

/**
 * A partition's events in shares that may be processed at the same time: those that need their order are in the same one.
 * The outputs of shares are numbered like those of partitions: `id` to `id + count - 1` are the partition's own.
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

/** A part of what a source was to read, which is gone: the user chose to go on without it. @category models @since 0.1.0 */
export interface Skipped {
  /** Of the source: a segment's name. */
  readonly part: string
  readonly from: bigint
  /** Undefined: all that came after `from`; how much that was is not known any more. */
  readonly to: bigint | undefined
}

/**
 * What is left to read, in bytes: in all, and by parts of the source (segments) that it has come to. Parts that come
 * after those are not counted yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lag {
  readonly bytes: number
  readonly parts: Readonly<Record<string, number>>
}

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
     * A limit ended it: there may be more already, and the range after it is looked for while this one is read. False: it
     * takes all there was, and the next one is looked for when this one is done, so that it takes what has come meanwhile.
     * Undefined, as true: it can't tell.
     */
    readonly isFull?: boolean | undefined
  }
  | { readonly _tag: "idle" }
  | { readonly _tag: "ended" }

/** A source of `A`, as a query uses it. @category models @since 0.1.0 */
export interface Source<out A, out E, out R> {
  /** Unique in the pipeline; the key of its state in the log. */
  readonly name: string
  /** What must not change while a query has a log. */
  readonly structure: Schema.Json
  /** A plan read again may give fewer events instead of failing: what was gone by then is skipped. */
  readonly mayShrink?: boolean | undefined
  /** Lives as long as the query runs. */
  readonly open: Effect.Effect<SourceSession<A, E>, E, R | Scope.Scope>
}

/** An open source. Positions and plans are what it gave before, perhaps in an earlier process. @category models @since 0.1.0 */
export interface SourceSession<out A, out E> {
  /** Resolves start and end, once in a query's life. */
  readonly start: Effect.Effect<SourceStart, E | CommitError>
  /** Fails if what is read now is not what the query started with; reports a changed start or end. */
  readonly resume: (started: SourceStart) => Effect.Effect<void, E | CommitError>
  /** The position after all that is there now. */
  readonly latest: Effect.Effect<Schema.Json, E | CommitError>
  /** The next range from a position, not beyond any of `ends`. Commits to nothing: it may be asked again. */
  readonly plan: (
    from: Schema.Json,
    ends: ReadonlyArray<Schema.Json>
  ) => Effect.Effect<Range<Schema.Json, Schema.Json>, E | CommitError>
  /** Reads a plan. A plan read again gives the same events in the same partitions, or fails. */
  readonly partitions: (plan: Schema.Json) => Effect.Effect<ReadonlyArray<Partition<A, E>>, E | CommitError>
  /** Waits for something after a position, of which it was planned in vain; undefined: it can't tell. See `TypedSession`. */
  readonly arrival: ((position: Schema.Json) => Effect.Effect<void, CommitError>) | undefined
  /** What was left after a position when the source was last asked to plan; undefined: it can't tell. */
  readonly lag: (position: Schema.Json) => Effect.Effect<Lag | undefined, CommitError>
  /** Everything before the position is durably committed, and is not read again. */
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
   * Waits for something after a position: then a query plans at once. It may return for nothing, but not again and again.
   * A query that found nothing looks again after 2 seconds whatever this says, and without it every 100 ms.
   */
  readonly arrival?: ((position: Position) => Effect.Effect<void>) | undefined
  /** As of the last `plan`; asks nobody. */
  readonly lag?: ((position: Position) => Lag) | undefined
  /** Told after each batch, not waited for. */
  readonly consumed?: ((position: Position) => Effect.Effect<void>) | undefined
  readonly skipped?: ((plan: Plan) => ReadonlyArray<Skipped>) | undefined
}

/** What a source of one's own is made of. @category models @since 0.1.0 */
export interface TypedSource<A, E, R, Position, Plan, Identity, PI, LI, II> {
  readonly name: string
  readonly structure: Schema.Json
  /** Start and end as the user gave them. */
  readonly asked: Schema.Json
  /** See `Source`. */
  readonly mayShrink?: boolean | undefined
  readonly position: Schema.Codec<Position, PI>
  readonly plan: Schema.Codec<Plan, LI>
  readonly identity: Schema.Codec<Identity, II>
  readonly open: Effect.Effect<TypedSession<A, E, Position, Plan, Identity>, E, R | Scope.Scope>
}

/**
 * A source of one's own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, E, R, Position, Plan, Identity, PI, LI, II>(
  options: TypedSource<A, E, R, Position, Plan, Identity, PI, LI, II>
): Source<A, E, R> => {
  const { asked, name } = options
  const position = jsonState(name, options.position)
  const plan = jsonState(name, options.plan)
  const identity = jsonState(name, options.identity)
  return {
    name,
    structure: options.structure,
    mayShrink: options.mayShrink,
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
            Effect.andThen(
              JSON.stringify(started.asked) === JSON.stringify(asked)
                ? Effect.void
                : Effect.logWarning(
                  `source "${name}": the query has started before, the changed start or end has no effect`,
                  { asked, recorded: started.asked }
                )
            )
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

/** An event with the name of the source that it came from. @category models @since 0.1.0 */
export interface Tagged<out Tag, out A> {
  readonly _tag: Tag
  readonly value: A
}

/** Several sources of one pipeline. @category models @since 0.1.0 */
export interface Union<out A, out E, out R> {
  /** In the order of their names, which are unique. */
  readonly sources: ReadonlyArray<Source<A, E, R>>
}

/**
 * Several sources, of different types of events perhaps, read by one pipeline: a batch takes what each of them has, in
 * the limits of each, and each event tells by its tag where it came from. The query ends when all of them have ended.
 *
 * A key of the record is the source's name in the checkpoint log, so one stream can be read twice. Events of different
 * sources have no order among them.
 *
 * ```ts
 * import { EventStream } from "effect-pravega"
 * import { Source } from "effect-pravega/batch"
 * import { Schema } from "effect"
 *
 * const trades = EventStream.make("market/trades", { schema: Schema.Struct({ symbol: Schema.String }) })
 * const rates = EventStream.make("market/rates", { schema: Schema.Struct({ rate: Schema.Finite }) })
 *
 * // its events: { _tag: "trades", value: EventRead<{ symbol }> } or { _tag: "rates", value: EventRead<{ rate }> }
 * const both = Source.union({ trades: Source.microBatch(trades), rates: Source.microBatch(rates) })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export function union<const S extends Readonly<Record<string, Source<unknown, unknown, unknown>>>>(
  sources: S
): Union<TaggedOf<S>, FailureOf<S>, RequirementsOf<S>>
export function union(
  sources: Readonly<Record<string, Source<unknown, unknown, unknown>>>
): Union<Tagged<string, unknown>, unknown, unknown> {
  const named = Object.entries(sources).map(([name, source]) => ({
    ...map(source, (value): Tagged<string, unknown> => ({ _tag: name, value })),
    name
  }))
  return { sources: named.toSorted((a, b) => a.name < b.name ? -1 : 1) }
}

/** Changes what a source reads. `f` must be pure. */
const map = <A, E, R, B>(source: Source<A, E, R>, f: (event: A) => B): Source<B, E, R> => {
  const item = (event: A | Undecodable): B | Undecodable => event instanceof Undecodable ? event : f(event)
  const mapped = ({ events, lanes, tolerant, ...partition }: Partition<A, E>): Partition<B, E> => ({
    ...partition,
    events: Stream.mapArray(events, Arr.map(f)),
    tolerant: tolerant === undefined ? undefined : Stream.mapArray(tolerant, Arr.map(item)),
    lanes: lanes === undefined ? undefined : {
      count: lanes.count,
      events: Stream.map(lanes.events, (some) => ({ ...some, events: Arr.map(some.events, f) })),
      tolerant: Stream.map(lanes.tolerant, (some) => ({ ...some, events: Arr.map(some.events, item) }))
    }
  })
  return {
    ...source,
    open: Effect.map(source.open, (session) => ({
      ...session,
      partitions: (plan) => Effect.map(session.partitions(plan), Arr.map(mapped))
    }))
  }
}

/** The events of a record of sources. @category models @since 0.1.0 */
export type TaggedOf<S> = {
  [K in keyof S & string]: S[K] extends Source<infer A, infer _E, infer _R> ? Tagged<K, A> : never
}[keyof S & string]
/** @category models @since 0.1.0 */
export type FailureOf<S> = S[keyof S] extends Source<infer _A, infer E, infer _R> ? E : never
/** @category models @since 0.1.0 */
export type RequirementsOf<S> = S[keyof S] extends Source<infer _A, infer _E, infer R> ? R : never

/**
 * Reads a stream in micro-batches: exact ranges between stream cuts, per-key order across scaling, in limits from the
 * first batch on. It follows segments that are scaled or sealed.
 *
 * Events that retention deleted before they were read fail the query with `TruncatedData`, or are skipped, as chosen; a
 * stream deleted and created again fails it with `StreamIdentityChanged`. Throws `RangeError` if an option makes no sense.
 *
 * @category constructors
 * @since 0.1.0
 */
export const microBatch = <A>(
  events: EventStream<A>,
  options: MicroBatchOptions = {}
): Source<EventRead<A>, ReadError | SourceError, Pravega> => make(MicroBatchSource.typed(events, options))

/**
 * The position of a Pravega stream, as reports and checkpoint logs have it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const streamCut: (position: Schema.Json) => Effect.Effect<StreamCut, CommitError> =
  jsonState("position", StreamCut).decode

/** @category models @since 0.1.0 */
export interface MicroBatchOptions {
  /**
   * Where the query's first batch starts, when its log is empty; default `earliest`. A later change has no effect. As
   * text: what Java's `StreamCut.asText` gives. At a time, in the unit in which the stream's writers note theirs: no event
   * of this time or later is left out, some earlier ones may come with them; fails with `TimeNotNoted` if none noted any.
   */
  readonly start?: StartPosition | { readonly text: string } | { readonly time: bigint } | undefined
  /**
   * Where the query's last batch ends, whatever its trigger; `latest` is resolved when it starts for the first time.
   * Default `unbounded`.
   */
  readonly end?: EndPosition | { readonly text: string } | undefined
  /** What one batch reads at most; at least one event is read, even if it is larger. */
  readonly limit?: {
    /** In bytes, 8 for the header of each event included; default 8 MiB. About so much is kept in memory, or twice with read-ahead. */
    readonly bytes?: number | undefined
    /** Default: no limit. */
    readonly events?: number | undefined
  } | undefined
  /**
   * What there must be for a batch to be due: so many bytes or so many events, or anything at all that was there for so
   * long. What lies before an end is due at once. Default: anything, at once.
   */
  readonly atLeast?: {
    readonly bytes?: number | undefined
    readonly events?: number | undefined
    readonly delay: Duration.Input
  } | undefined
  /**
   * What happens when events that were to be read were truncated. `fail` (default): the query fails with `TruncatedData`.
   * `skip`: it goes on after them. What is known to be gone when the batch is planned is fixed by its plan, so that a
   * replay skips the same; what goes later is skipped unless some sink has the batch's outputs already. Both are reported
   * in the progress, counted (`pravega_query_gaps`) and logged as warnings; only logged where nothing follows before the end.
   */
  readonly onTruncated?: "fail" | "skip" | undefined
  /**
   * `perKey` (default): events of one routing key are processed in the order in which they were written. `perSegment`:
   * those of one segment, but a segment is not read after those that it replaced. `none`: no order; a segment's range is cut
   * into pieces that are processed at the same time.
   */
  readonly ordering?: "none" | "perSegment" | "perKey" | undefined
  /**
   * How many fibers process one segment's range, each with the events of its share of the routing keys: a key's order is
   * kept. Needs a stream with routing keys, whose `routingKey` is pure. Default 1; not with `ordering: "none"`.
   */
  readonly lanes?: number | undefined
  /**
   * A name for the query as a subscriber of the stream's retention: Pravega then deletes nothing that the query has not
   * read and committed, as far as the stream's retention policy lets it. It becomes a reader group of this name in the
   * stream's scope, with manual retention. Default: none.
   */
  readonly retentionSubscriber?: string | undefined
}
