/**
 * A state that several processes share. Each process keeps a copy, which it makes by replaying one log. It changes the state by
 * appending to that log, on condition that it has seen all of it. So all processes go through the same states in the same
 * order, and none decides by an old state.
 *
 * What the states are, and what the entries of the log do to them, is said by a `Machine`, which is pure.
 *
 * @see `StateSynchronizerImpl` of Pravega 0.13.0
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as CauseText from "../../core/CauseText.ts"
import { EventCodecError } from "../../core/EventCodec.ts"
import { ScopedStream } from "../../core/ScopedStream.ts"
import { ControllerError } from "../controller/ControllerError.ts"
import type { EventRead } from "../read/EventRead.ts"
import { ReadError } from "../read/ReadError.ts"
import { SegmentError } from "../segmentstore/SegmentError.ts"
import type { Revision, RevisionedStream } from "./RevisionedStream.ts"

/**
 * How entries make states.
 *
 * @category models
 * @since 0.1.0
 */
export interface Machine<S, Entry> {
  /**
   * The state after an entry. Replaying may begin in the middle of the log. Then there is no state before the first entry that
   * holds a whole one, and the entries before it leave it undefined.
   */
  readonly replay: (state: S | undefined, entry: Entry) => Result.Result<S | undefined, Error>
}

/** There is no whole state in the log. @category errors @since 0.1.0 */
export class StateMissing extends Schema.TaggedError<StateMissing>()("StateMissing", { stream: ScopedStream }) {
  override get message(): string {
    return `stream ${this.stream.toString()} holds no state: it was never initialized`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** An entry of the log does not fit the state before it: a program that does not know its rules wrote to it. @category errors @since 0.1.0 */
export class CorruptState extends Schema.TaggedError<CorruptState>()("CorruptState", {
  stream: ScopedStream,
  /** Where the entry starts. */
  offset: Schema.BigInt,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `the entry at offset ${this.offset} of stream ${this.stream.toString()} can't be applied: ${
      CauseText.of(this.cause)
    }`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** @category errors @since 0.1.0 */
export const SynchronizerErrorReason = Schema.Union([
  StateMissing,
  CorruptState,
  ReadError,
  SegmentError,
  ControllerError,
  EventCodecError
])
/** @category errors @since 0.1.0 */
export type SynchronizerErrorReason = typeof SynchronizerErrorReason.Type

/** The one error of synchronized states; `reason` says what happened. @category errors @since 0.1.0 */
export class SynchronizerError extends Schema.TaggedError<SynchronizerError>()("SynchronizerError", {
  reason: SynchronizerErrorReason
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
  /** Whether the same may succeed later. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}

/** What is to be appended to the log, if anything, and an answer. @category models @since 0.1.0 */
export interface Decision<Entry, A> {
  /** Undefined: the state is as it should be. */
  readonly entry: Entry | undefined
  readonly value: A
}

/**
 * @category models
 * @since 0.1.0
 */
export interface StateSynchronizer<S, Entry> {
  /** The newest state that is known here; undefined: none was read yet, or there is none. */
  readonly current: Effect.Effect<S | undefined>
  /**
   * The state that is known here, if there is one, and each later one, in order. No state is passed over, but those of a part
   * of the log that was compacted before it was read here. It reads nothing by itself: `follow` does, `fetch` and `update` do.
   * It does not end. States that were not taken yet are held.
   */
  readonly changes: Stream.Stream<S>
  /** Reads what is there, and returns the state after it. */
  readonly fetch: Effect.Effect<S, SynchronizerError>
  /** Makes the first state, if there is nothing in the log. Returns the state, also one that another process made. */
  readonly initialize: (entry: Entry) => Effect.Effect<S, SynchronizerError>
  /**
   * Changes the state. If somebody else was faster, `decide` is called again with the newer state. What it decided last is what
   * happened. It must have no effects.
   */
  readonly update: <A>(decide: (state: S) => Decision<Entry, A>) => Effect.Effect<A, SynchronizerError>
  /** Appends an entry that is allowed in every state, without looking at the state. The copy here does not show it yet. */
  readonly append: (entry: Entry) => Effect.Effect<void, SynchronizerError>
  /** Keeps the state new by waiting for what others append. Ends only with an error, or when the stream is sealed. */
  readonly follow: Effect.Effect<void, SynchronizerError>
  /**
   * Writes a whole state, from which others can then begin, and truncates what was needed before the last time. Does nothing
   * if no more than `minimumBytes` have to be replayed as it is.
   */
  readonly compact: (whole: (state: S) => Entry, minimumBytes: number) => Effect.Effect<void, SynchronizerError>
  /** `current`, for plain code. @internal */
  readonly currentUnsafe: () => S | undefined
  /** Calls back after each change, synchronously, until the returned function is called. @internal */
  readonly onChangeUnsafe: (listener: () => void) => () => void
}

/** Reads nothing yet. @category constructors @since 0.1.0 */
export const make = <S, Entry>(
  log: RevisionedStream<Entry>,
  machine: Machine<S, Entry>
): StateSynchronizer<S, Entry> => new Synchronizer(log, machine)

const fail = (reason: SynchronizerErrorReason): SynchronizerError => new SynchronizerError({ reason })

/** A state with the place in the log that it stands for. */
class Replica<S, Entry> {
  state: S | undefined = undefined
  revision: Revision
  private readonly stream: ScopedStream
  private readonly machine: Machine<S, Entry>

  constructor(stream: ScopedStream, machine: Machine<S, Entry>, revision: Revision) {
    this.stream = stream
    this.machine = machine
    this.revision = revision
  }

  /** Replays an entry that lies between two revisions, unless that was done. */
  apply(entry: Entry, from: Revision, to: Revision): CorruptState | undefined {
    if (to <= this.revision) return undefined
    if (from !== this.revision) return this.corrupt(from, new Error(`entries from ${this.revision} on were left out`))
    const next = this.machine.replay(this.state, entry)
    if (Result.isFailure(next)) return this.corrupt(from, next.failure)
    this.state = next.success
    this.revision = to
    return undefined
  }

  private corrupt(offset: Revision, cause: Error): CorruptState {
    return new CorruptState({ stream: this.stream, offset, cause })
  }
}

class Synchronizer<S, Entry> implements StateSynchronizer<S, Entry> {
  private readonly log: RevisionedStream<Entry>
  private readonly machine: Machine<S, Entry>
  private readonly listeners = new Set<() => void>()
  /** Own updates take turns: they would only get into each other's way. */
  private readonly turn = Semaphore.makeUnsafe(1)
  private replica: Replica<S, Entry> | undefined = undefined
  /** Where the mark was last seen. */
  private mark: Revision | undefined = undefined

  constructor(log: RevisionedStream<Entry>, machine: Machine<S, Entry>) {
    this.log = log
    this.machine = machine
  }

  readonly currentUnsafe = (): S | undefined => this.replica?.state

  readonly current: Effect.Effect<S | undefined> = Effect.sync(this.currentUnsafe)

  readonly changes: Stream.Stream<S> = Stream.callback<S>((queue) => {
    const tell = () => {
      const state = this.currentUnsafe()
      if (state !== undefined) Queue.offerUnsafe(queue, state)
    }
    return Effect.acquireRelease(
      Effect.sync(() => {
        tell()
        return this.onChangeUnsafe(tell)
      }),
      (stop) => Effect.sync(stop)
    )
  })

  readonly onChangeUnsafe = (listener: () => void): () => void => {
    this.listeners.add(listener)
    return () => {
      this.listeners.delete(listener)
    }
  }

  private readonly known: Effect.Effect<S, SynchronizerError> = Effect.suspend(() => {
    const state = this.currentUnsafe()
    return state === undefined
      ? Effect.fail(fail(new StateMissing({ stream: this.log.stream.name })))
      : Effect.succeed(state)
  })

  readonly fetch: Effect.Effect<S, SynchronizerError> = Effect.suspend(() => Effect.andThen(this.catchUp, this.known))

  readonly initialize = (entry: Entry): Effect.Effect<S, SynchronizerError> =>
    this.turn.withPermits(1)(Effect.gen({ self: this }, function*() {
      // of a log that was never written to; only then is it asked about one that was, and of which nothing is left
      for (const place of [Effect.succeed(0n), this.log.oldest]) {
        const oldest = yield* place
        const revision = yield* this.log.append(entry, oldest)
        if (revision === undefined) continue
        this.replica ??= this.replicaAt(oldest)
        yield* this.replay(entry, oldest, revision)
        return yield* this.known
      }
      return yield* this.fetch
    })).pipe(Effect.mapError(asSynchronizerError))

  readonly update = <A>(decide: (state: S) => Decision<Entry, A>): Effect.Effect<A, SynchronizerError> =>
    this.turn.withPermits(1)(Effect.gen({ self: this }, function*() {
      if (this.currentUnsafe() === undefined) yield* this.fetch
      while (true) {
        const { replica } = this
        if (replica?.state === undefined) return yield* fail(new StateMissing({ stream: this.log.stream.name }))
        const { revision, state } = replica
        const { entry, value } = decide(state)
        if (entry === undefined) return value
        const after = yield* this.log.append(entry, revision)
        if (after !== undefined) {
          yield* this.replay(entry, revision, after)
          return value
        }
        yield* this.catchUp
      }
    })).pipe(Effect.mapError(asSynchronizerError))

  readonly append = (entry: Entry): Effect.Effect<void, SynchronizerError> =>
    Effect.asVoid(Effect.mapError(this.log.append(entry, undefined), asSynchronizerError))

  readonly follow: Effect.Effect<void, SynchronizerError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      while (true) {
        if (this.replica === undefined) yield* this.catchUp
        const { replica } = this
        if (replica === undefined) continue
        const isSealed = yield* this.replayAll(this.log.follow(replica.revision, replica.revision)).pipe(
          Effect.as(true),
          Effect.catchIf(isTruncated, () => Effect.as(this.startOver, false))
        )
        if (isSealed) return
      }
    })
  ).pipe(Effect.mapError(asSynchronizerError))

  readonly compact = (whole: (state: S) => Entry, minimumBytes: number): Effect.Effect<void, SynchronizerError> =>
    Effect.gen({ self: this }, function*() {
      // the mark that was seen last is at or before the present one: most of the time nobody has to be asked
      if (this.bytesAfter(this.mark) <= minimumBytes) return
      const mark = yield* this.fetchMark
      if (this.bytesAfter(mark) <= minimumBytes) return
      const start = yield* this.update((state) => ({ entry: whole(state), value: this.replica?.revision ?? 0n }))
      if (mark === undefined || mark < start) yield* this.log.moveMark({ expected: mark, value: start })
      this.mark = start
      // a reader of the old mark still finds the entry that it points at
      if (mark !== undefined) yield* this.log.truncate(mark)
    }).pipe(Effect.mapError(asSynchronizerError))

  private bytesAfter(mark: Revision | undefined): number {
    return Number((this.replica?.revision ?? 0n) - (mark ?? 0n))
  }

  private readonly fetchMark: Effect.Effect<Revision | undefined, SynchronizerError> = Effect.suspend(() =>
    Effect.map(Effect.mapError(this.log.mark, asSynchronizerError), (mark) => {
      this.mark = mark
      return mark
    })
  )

  private replicaAt(revision: Revision): Replica<S, Entry> {
    return new Replica(this.log.stream.name, this.machine, revision)
  }

  private readonly catchUp: Effect.Effect<void, SynchronizerError> = Effect.suspend(() => {
    const { replica } = this
    if (replica === undefined) return this.startOver
    return Effect.catchIf(
      this.replayAll(this.log.read(replica.revision)),
      isTruncated,
      () => this.startOver
    )
  })

  /** Replays from the mark; that may be moved, and what was there truncated, while this reads. */
  private readonly startOver: Effect.Effect<void, SynchronizerError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      const bounds = Effect.mapError(this.log.bounds, asSynchronizerError)
      const [mark, { latest, oldest }] = yield* Effect.all([this.fetchMark, bounds], { concurrency: "unbounded" })
      const replica = this.replicaAt(mark ?? oldest)
      // a mark that was moved in between lies at or beyond what was the end: what it points at is still to be found
      const end = replica.revision < latest ? latest : undefined
      yield* forEachEntry(this.log.read(replica.revision, end), (entry, from, to) => replica.apply(entry, from, to))
      // what is here may have come further in the meantime
      if (this.replica !== undefined && this.replica.revision >= replica.revision) return
      this.replica = replica
      this.changed()
    })
  ).pipe(
    Effect.mapError(asSynchronizerError),
    Effect.retry({ times: 100, while: isTruncated })
  )

  private replayAll(entries: Stream.Stream<EventRead<Entry>, ReadError>): Effect.Effect<void, SynchronizerError> {
    return forEachEntry(entries, (entry, from, to) => this.advance(entry, from, to))
  }

  private replay(entry: Entry, from: Revision, to: Revision): Effect.Effect<void, CorruptState> {
    return Effect.suspend(() => {
      const problem = this.advance(entry, from, to)
      return problem === undefined ? Effect.void : Effect.fail(problem)
    })
  }

  /**
   * Applies an entry to the replica that is here now, whichever it was when the entry was asked for: another fiber may have
   * found the log truncated and begun anew. A newer replica is further on, so entries that are read before it are skipped,
   * and those behind it follow without a gap.
   */
  private advance(entry: Entry, from: Revision, to: Revision): CorruptState | undefined {
    const { replica } = this
    if (replica === undefined) throw new Error("entries of a log that was not begun")
    const before = replica.revision
    const problem = replica.apply(entry, from, to)
    if (problem === undefined && replica.revision > before) this.changed()
    return problem
  }

  private changed(): void {
    for (const listener of this.listeners) listener()
  }
}

const forEachEntry = <Entry>(
  entries: Stream.Stream<EventRead<Entry>, ReadError>,
  apply: (entry: Entry, from: Revision, to: Revision) => CorruptState | undefined
): Effect.Effect<void, SynchronizerError> =>
  Stream.runForEachArray(entries, (reads) => {
    for (const { endOffset, event, offset } of reads) {
      const problem = apply(event, offset, endOffset)
      if (problem !== undefined) return Effect.fail(problem)
    }
    return Effect.void
  }).pipe(Effect.mapError(asSynchronizerError))

const asSynchronizerError = (error: SynchronizerError | SynchronizerErrorReason): SynchronizerError =>
  error._tag === "SynchronizerError" ? error : fail(error)

/** Entries that were to be read are gone: the log was compacted. A log that is gone as a whole is asked about again, and then missed. */
const isTruncated = ({ reason }: SynchronizerError): boolean =>
  reason._tag === "ReadError" && reason.reason._tag === "TruncatedData" && reason.reason.end !== undefined
