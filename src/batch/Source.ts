/**
 * Where a batch's input comes from: plans exact ranges, and reads them, the same each time. `Source.make` is for
 * sources of one's own; their positions and plans are kept in the checkpoint log as JSON, by Schemas.
 *
 * It knows nothing of sinks, records or recovery.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { EndPosition } from "../core/EndPosition.ts"
import type { EventStream } from "../core/EventStream.ts"
import type { StartPosition } from "../core/StartPosition.ts"
import type { EventRead } from "../pravega/EventRead.ts"
import type { Pravega } from "../pravega/Pravega.ts"
import type { ReadError } from "../pravega/ReadError.ts"
import { SourceStart } from "./CheckpointRecord.ts"
import type { CommitError } from "./CommitError.ts"
import { jsonState } from "./internal/JsonState.ts"
import * as MicroBatchSource from "./internal/MicroBatchSource.ts"
import type { StreamIdentityChanged } from "./StreamIdentityChanged.ts"

/** The part of a batch that one fiber reads. @category models @since 0.1.0 */
export interface Partition<out A, out E> {
  /** Its place in the plan: the same each time the plan is read. */
  readonly id: number
  /** Partitions that must be processed, with their outputs acknowledged, before this one is read: that keeps a key's order. */
  readonly predecessors: ReadonlyArray<number>
  readonly events: Stream.Stream<A, E>
}

/**
 * What a source has to read: a range (at least one event), nothing now, or nothing any more.
 *
 * @category models
 * @since 0.1.0
 */
export type Range<Plan, Position> =
  | { readonly _tag: "range"; readonly plan: Plan; readonly next: Position }
  | { readonly _tag: "idle" }
  | { readonly _tag: "ended" }

/** A source of `A`, as a query uses it. @category models @since 0.1.0 */
export interface Source<out A, out E, out R> {
  /** Unique in the pipeline; the key of its state in the log. */
  readonly name: string
  /** What must not change while a query has a log. */
  readonly structure: Schema.Json
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
}

/** What a source of one's own is made of. @category models @since 0.1.0 */
export interface TypedSource<A, E, R, Position, Plan, Identity, PI, LI, II> {
  readonly name: string
  readonly structure: Schema.Json
  /** Start and end as the user gave them. */
  readonly asked: Schema.Json
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
    open: Effect.map(options.open, (session): SourceSession<A, E> => {
      // A plan that this session made is handed back as the object it was: what was read ahead for it is found by it.
      const made = new WeakMap<object, Plan>()
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
                return { _tag: "range" as const, plan: encoded, next: position.encode(range.next) }
              })
          ),
        partitions: (encoded) => {
          const known = typeof encoded === "object" && encoded !== null ? made.get(encoded) : undefined
          return Effect.flatMap(known === undefined ? plan.decode(encoded) : Effect.succeed(known), session.partitions)
        }
      }
    })
  }
}

/**
 * Reads a stream in micro-batches: exact ranges between stream cuts, per-key order across scaling, in limits from the
 * first batch on. It follows segments that are scaled or sealed.
 *
 * Events that retention deleted before they were read fail the query with `TruncatedData`; a stream deleted and created
 * again fails it with `StreamIdentityChanged`. Throws `RangeError` if a limit is not positive, or that of events no whole
 * number.
 *
 * @category constructors
 * @since 0.1.0
 */
export const microBatch = <A>(
  events: EventStream<A>,
  options: MicroBatchOptions = {}
): Source<EventRead<A>, ReadError | StreamIdentityChanged, Pravega> => make(MicroBatchSource.typed(events, options))

/** @category models @since 0.1.0 */
export interface MicroBatchOptions {
  /** Where the query's first batch starts, when its log is empty; default `earliest`. A later change has no effect. */
  readonly start?: StartPosition | undefined
  /** Where the query's last batch ends; `latest` is resolved when it starts for the first time. Default `unbounded`. */
  readonly end?: EndPosition | undefined
  /** What one batch reads at most; at least one event is read, even if it is larger. */
  readonly limit?: {
    /** In bytes, 8 for the header of each event included; default 8 MiB. About so much is kept in memory, or twice with read-ahead. */
    readonly bytes?: number | undefined
    /** Default: no limit. */
    readonly events?: number | undefined
  } | undefined
}
