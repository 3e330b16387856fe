/**
 * What a sink is: the two-phase interface that the commit protocol drives, and what a sink of one's own is made of. A try to
 * write a batch is begun, written to and made safe (`prepare`). It becomes visible when it is committed, by whatever process.
 * Which sinks there are is listed by `Sink`, which has these names too.
 *
 * It knows nothing of sources or of where checkpoint logs are kept.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Pipeable from "effect/Pipeable"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { CheckpointLogError } from "../protocol/CheckpointLogError.ts"
import type { CommittedSink, PreparedSink } from "../protocol/CheckpointRecord.ts"
import type { CommitError } from "../protocol/CommitError.ts"
import { jsonState } from "../protocol/JsonState.ts"

/** A sink of `B`, as a query uses it. @category models @since 0.1.0 */
export interface Sink<in B, out E, out R> extends Pipeable.Pipeable {
  /** Unique in the pipeline; the key of its state in the log. */
  readonly name: string
  /** What must not change while a query has a log. */
  readonly structure: Schema.Json
  /**
   * Its outputs are visible before they are committed. So a batch that is processed again must have the same outputs. A
   * pipeline that does not say so (`deterministic`) is refused.
   */
  readonly needsDeterministic?: true | undefined
  /**
   * Somebody may see outputs of a batch before it is committed, also of a try that it then says is lost. What a flow
   * remembers is to agree with what was seen: such a sink, and a flow that remembers and asks the world (`mapEffect`), go
   * together only where the flow is declared `deterministic`.
   */
  readonly mayBeSeenEarly?: true | undefined
  /**
   * Whether another try of the batch may succeed, after this error; asked about the errors that it fails with itself.
   * Absent: an error says so itself, by a property `isRetryable` that is false if not.
   */
  isRetryable?(this: void, error: E): boolean
  /** Whether any of these outputs is for this sink. It begins nothing before there is one. */
  readonly accepts: (outputs: Arr.NonEmptyReadonlyArray<B>) => boolean
  /** Lives as long as the query runs. */
  readonly open: Effect.Effect<SinkSession<B, E>, E, R | Scope.Scope>
}

/** What a sink of one's own is made of. @category models @since 0.1.0 */
export interface TypedSink<in B, out E, out R, in out Handle, in out Evidence> {
  readonly name: string
  /** What must not change while a query has a log. */
  readonly structure: Schema.Json
  readonly handle: Schema.Codec<Handle, unknown>
  readonly evidence: Schema.Codec<Evidence, unknown>
  /** See `Sink`. */
  readonly needsDeterministic?: true | undefined
  /** See `Sink`. */
  readonly mayBeSeenEarly?: true | undefined
  /** See `Sink`. */
  isRetryable?(this: void, error: E): boolean
  readonly open: Effect.Effect<Session<B, E, Handle, Evidence>, E, R | Scope.Scope>
}

/** Which batch of which query a sink works for. @category models @since 0.1.0 */
export interface BatchId {
  readonly query: string
  readonly batch: number
}

/**
 * What became of a prepared batch. `committable`: it is not committed, and `commit` will do it. `lost`: nothing of it was ever
 * visible, nor ever will be. `unknown`: nobody can tell, and it is never guessed.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | { readonly _tag: "committed" }
  | { readonly _tag: "committable" }
  | { readonly _tag: "lost" }
  | { readonly _tag: "unknown"; readonly detail: string }

/**
 * Where a sink stands, compared with what the log says of it. `ahead`: it has more, so that the log has gone back.
 * `behind`: it has less, so that the sink has.
 *
 * @category models
 * @since 0.2.0
 */
export type Standing =
  | { readonly _tag: "asKnown" }
  | { readonly _tag: "ahead" | "behind"; readonly detail: string }

/** What of a sink's options its type says, too: see `Visibility`. */
type Visible = Pick<TypedSink<never, unknown, unknown, never, never>, "needsDeterministic" | "mayBeSeenEarly">

/** What is known of a batch before a try to write it. @category models @since 0.1.0 */
export interface Past<out Handle> {
  /** The log that has the batch: another one of the same query has another name here. */
  readonly log: string
  /** Of tries that were not prepared, in the order in which they began. */
  readonly handles: ReadonlyArray<Handle>
  /** The last batch that this log knows the sink to have committed. Null: there is none. Absent: the log does not tell. */
  readonly last?: { readonly batch: number; readonly handle: Handle } | null | undefined
  /** Fails if another process owns the query. */
  readonly checkOwner: Effect.Effect<void, CheckpointLogError>
}

/** What a sink gives when all it was given is safe. @category models @since 0.1.0 */
export interface Written<Evidence> {
  /** What will decide the outcome when nobody else knows it. */
  readonly evidence: Evidence
  /** Identifies the outputs per partition, in their order. */
  readonly digest: string
  readonly events: number
  /** In bytes. */
  readonly bytes: number
}

/**
 * What a process wrote into a try that another one began. It goes back to that one, over a wire if need be.
 *
 * @category schemas
 * @since 0.2.0
 */
export class Share extends Schema.Class<Share>("effect-pravega/Share")({
  parts: Schema.Array(Schema.Struct({
    partition: Schema.Natural,
    events: Schema.Natural,
    bytes: Schema.Natural,
    /** Of the events, in their order. */
    checksum: Schema.Natural
  })),
  /** Of all events, in any order. */
  checksum: Schema.Natural
}) {}

/**
 * Outputs on their way into a try that another process began. Its Scope ends the writing, never the try.
 *
 * @category models
 * @since 0.2.0
 */
export interface Joined<in B, out E> {
  /** As `Attempt` does. Fails where somebody else has written outputs of the same partition into the try. */
  readonly write: (partition: number, outputs: Arr.NonEmptyReadonlyArray<B>) => Effect.Effect<void, E>
  /** As `Attempt` does. */
  readonly flush: (partition: number) => Effect.Effect<void, E>
  /** Waits until all that was written is acknowledged, and says what it was. */
  readonly written: Effect.Effect<Share, E>
}

/** One try to write a batch. Its Scope keeps it alive. When the Scope closes, the try is aborted, unless it was kept. @category models @since 0.1.0 */
export interface Attempt<in B, out E, out Handle, out Evidence> {
  /** Enough for another process to commit or abort it. */
  readonly handle: Handle
  /** Takes outputs of a partition, in order. It waits when the sink is slow. Partitions write at the same time. */
  readonly write: (partition: number, outputs: Arr.NonEmptyReadonlyArray<B>) => Effect.Effect<void, E>
  /** Waits until what the partition wrote is acknowledged. The engine asks for it when it has written all of a partition. */
  readonly flush: (partition: number) => Effect.Effect<void, E>
  /**
   * Adds what another process wrote into this try (`join`), before it is prepared. It fails if a partition was written twice.
   * It is left out where there is no `join`.
   */
  readonly absorb?: ((share: Share) => Effect.Effect<void, E>) | undefined
  /** Makes all outputs safe. From here on `commit` needs nothing of this process. */
  readonly prepare: Effect.Effect<Written<Evidence>, E>
  /** From here on the end of the Scope does not abort it, because its fate is being recorded. */
  readonly keep: Effect.Effect<void>
}

/** What is known of a prepared batch. @category models @since 0.1.0 */
export interface Prepared<Handle, Evidence> extends BatchId {
  readonly handle: Handle
  readonly evidence: Evidence
}

/** An open sink. @category models @since 0.1.0 */
export interface Session<in B, out E, in out Handle, in out Evidence> {
  /** Begins a try to write a batch. Nothing of it is visible before `commit`. Without `past` it is the first try. */
  readonly begin: (
    batch: BatchId,
    past?: Past<Handle>
  ) => Effect.Effect<Attempt<B, E, Handle, Evidence>, E, Scope.Scope>
  /**
   * Lets a process write outputs into a try that another one began. It is left out by sinks whose outputs must be with the
   * process that began.
   */
  readonly join?: ((handle: Handle) => Effect.Effect<Joined<B, E>, E, Scope.Scope>) | undefined
  /**
   * Tells that another batch will follow the one that is being committed. What its `begin` will need may be fetched. It returns
   * at once. There need not be another `begin`.
   */
  readonly getReady?: Effect.Effect<void> | undefined
  /** Commits, if it is not committed, and returns when it is visible. Any process may repeat it. */
  readonly commit: (prepared: Prepared<Handle, Evidence>) => Effect.Effect<void, E>
  /** Ends a try that will never be committed, and says if that was too late. It may be repeated, also for a try that is gone. */
  readonly abort: (handle: Handle) => Effect.Effect<"aborted" | "committed", E>
  /** What became of a prepared batch. */
  readonly recover: (prepared: Prepared<Handle, Evidence>) => Effect.Effect<Outcome, E>
  /**
   * Says whether the sink stands where the log says. The log knows `last` as the last batch that the sink has committed, or
   * null for none. A copy of the log or of the sink may have been put in its place. It is asked once when a query goes on,
   * before it begins anything, and when no prepared batch awaits its commit. It is left out by a sink that can't tell.
   */
  readonly compare?:
    | ((query: string, last: Prepared<Handle, Evidence> | null) => Effect.Effect<Standing, E>)
    | undefined
}

/** A session whose state is as the log has it. @category models @since 0.1.0 */
export interface SinkSession<in B, out E> {
  readonly begin: (
    batch: BatchId,
    past?: Past<Schema.Json>
  ) => Effect.Effect<Attempt<B, E, Schema.Json, Schema.Json>, E | CommitError, Scope.Scope>
  readonly join?: ((handle: Schema.Json) => Effect.Effect<Joined<B, E>, E | CommitError, Scope.Scope>) | undefined
  readonly getReady?: Effect.Effect<void> | undefined
  readonly commit: (batch: BatchId, prepared: PreparedSink) => Effect.Effect<void, E | CommitError>
  readonly abort: (handle: Schema.Json) => Effect.Effect<"aborted" | "committed", E | CommitError>
  readonly recover: (batch: BatchId, prepared: PreparedSink) => Effect.Effect<Outcome, E | CommitError>
  readonly compare?:
    | ((query: string, last: CommittedSink | null) => Effect.Effect<Standing, E | CommitError>)
    | undefined
}

/** That of a batch of which nothing is known, and nobody else runs. */
const firstTry: Past<never> = { log: "", handles: [], checkOwner: Effect.void }

/**
 * A sink of one's own.
 *
 * **Details**
 *
 * A handle is what any process needs to commit or abort a try. Evidence decides what became of a try when nobody else knows it.
 * Both are kept in the checkpoint log as JSON, by their Schemas. `SinkLaws` of `effect-pravega/testing` say what it must hold.
 *
 * @category constructors
 * @since 0.1.0
 */
export function make<B, E, R, Handle, Evidence, const O extends Visible = {}>(
  options: TypedSink<B, E, R, Handle, Evidence> & O
): Sink<B, E, R> & Visibility<O>
export function make<B, E, R, Handle, Evidence>(options: TypedSink<B, E, R, Handle, Evidence>): Sink<B, E, R> {
  const handle = jsonState(options.name, options.handle)
  const evidence = jsonState(options.name, options.evidence)
  const typed = (batch: BatchId, prepared: Pick<PreparedSink, "handle" | "evidence">) =>
    Effect.map(
      Effect.all([handle.decode(prepared.handle), evidence.decode(prepared.evidence)]),
      ([decodedHandle, decodedEvidence]): Prepared<Handle, Evidence> => ({
        query: batch.query,
        batch: batch.batch,
        handle: decodedHandle,
        evidence: decodedEvidence
      })
    )
  const lastOf = ({ last }: Past<Schema.Json>) =>
    last === undefined || last === null
      ? Effect.succeed(last)
      : Effect.map(handle.decode(last.handle), (decoded) => ({ batch: last.batch, handle: decoded }))
  return {
    ...Pipeable.Prototype,
    name: options.name,
    structure: options.structure,
    needsDeterministic: options.needsDeterministic,
    mayBeSeenEarly: options.mayBeSeenEarly,
    ...options.isRetryable === undefined ? {} : { isRetryable: options.isRetryable },
    accepts: () => true,
    open: Effect.map(options.open, (session): SinkSession<B, E> => ({
      begin: (batch, past = firstTry) =>
        Effect.all([Effect.forEach(past.handles, handle.decode), lastOf(past)]).pipe(
          Effect.flatMap(([handles, last]) => session.begin(batch, { ...past, handles, last })),
          Effect.map((attempt) => ({
            handle: handle.encode(attempt.handle),
            write: attempt.write,
            flush: attempt.flush,
            absorb: attempt.absorb,
            prepare: Effect.map(
              attempt.prepare,
              (written) => ({ ...written, evidence: evidence.encode(written.evidence) })
            ),
            keep: attempt.keep
          }))
        ),
      join: session.join && joining(handle.decode, session.join),
      getReady: session.getReady,
      commit: (batch, prepared) => Effect.flatMap(typed(batch, prepared), session.commit),
      abort: (encoded) => Effect.flatMap(handle.decode(encoded), session.abort),
      recover: (batch, prepared) => Effect.flatMap(typed(batch, prepared), session.recover),
      compare: compareOf(session.compare, (query, last) => typed({ query, batch: last.batch }, last))
    }))
  }
}

const joining = <B, E, Handle>(
  decode: (handle: Schema.Json) => Effect.Effect<Handle, CommitError>,
  join: (handle: Handle) => Effect.Effect<Joined<B, E>, E, Scope.Scope>
) =>
(handle: Schema.Json) => Effect.flatMap(decode(handle), join)

/** The same, of what the log has. */
const compareOf = <E, P>(
  compare: ((query: string, last: P | null) => Effect.Effect<Standing, E>) | undefined,
  decode: (query: string, last: CommittedSink) => Effect.Effect<P, CommitError>
): SinkSession<never, E>["compare"] =>
  compare &&
  ((query, last) =>
    last === null ? compare(query, null) : Effect.flatMap(decode(query, last), (decoded) => compare(query, decoded)))

/** What a sink fails with. @category utility types @since 0.1.0 */
export type Error<S> = S extends Sink<never, infer E, unknown> ? E : never

/** What a sink needs. @category utility types @since 0.1.0 */
export type Services<S> = S extends Sink<never, unknown, infer R> ? Exclude<R, Scope.Scope> : never

/**
 * What a sink's type says of when its outputs may be seen; a sink that is made of it says the same. So the compiler knows
 * where a pipeline must be `deterministic`.
 *
 * @category utility types
 * @since 0.2.0
 */
export type Visibility<S> =
  & (S extends { readonly needsDeterministic: true } ? { readonly needsDeterministic: true } : unknown)
  & (S extends { readonly mayBeSeenEarly: true } ? { readonly mayBeSeenEarly: true } : unknown)
