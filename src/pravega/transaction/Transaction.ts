/**
 * Transactions: events of one stream that become visible together, or never. Several fibers and several processes may
 * write to the same one (`join`).
 *
 * Together means: the decision is one; the events become visible segment by segment soon after it (`awaitCommitted` waits
 * for the last one). Within a transaction, events of one routing key keep the order in which one writer wrote them.
 *
 * Not here: what makes several transactions one unit, which needs a checkpoint log.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { EventStream } from "../../core/EventStream.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import { inTransaction, type SegmentWithRange } from "../../core/Segment.ts"
import * as Id from "../../core/TransactionId.ts"
import type { WriterId } from "../../core/WriterId.ts"
import type { TransactionState } from "../controller/Controller.ts"
import { ControllerError, InvalidRequest } from "../controller/ControllerError.ts"
import { Pravega } from "../Pravega.ts"
import * as WriterTime from "../write/WriterTime.ts"
import * as TransactionFlow from "./internal/TransactionFlow.ts"
import { TransactionParts } from "./internal/TransactionParts.ts"
import { TransactionError, type TransactionErrorReason } from "./TransactionError.ts"
import * as TransactionFate from "./TransactionFate.ts"
import type { TransactionWriter, TransactionWriterOptions } from "./TransactionWriter.ts"

/**
 * A transaction, as one process holds it. Its Scope ends the pings and its writers, not its fate, unless it was begun
 * here and neither committed nor kept: then it is aborted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transaction<A> {
  readonly id: Id.TransactionId
  readonly stream: EventStream<A>
  /** The segments it writes to, with ids in the transaction's epoch: in a scaled stream not those of the stream. */
  readonly segments: ReadonlyArray<SegmentWithRange>
  /**
   * A writer of its own, for one of several fibers, say, or with fixed ids. When its Scope closes after a success it is
   * flushed first. Events that it accepted and lost, because its Scope closed after a failure, make `commit` fail.
   */
  readonly writer: (
    options?: TransactionWriterOptions
  ) => Effect.Effect<TransactionWriter<A>, TransactionError, Scope.Scope>
  /** Writes with the transaction's own writer, made at the first use: see `TransactionWriter.write`. */
  readonly write: (events: ReadonlyArray<A>) => Effect.Effect<void, TransactionError>
  /** Waits until everything written through this value is acknowledged. */
  readonly flush: Effect.Effect<void, TransactionError>
  /**
   * Flushes, then commits; returns when the decision is recorded: nothing can undo it, and readers see it soon. Once sent it
   * can't be interrupted. Idempotent, also for a transaction that another process has committed. A lost reply is settled by
   * the transaction's state; if not even that can be had, it fails with `OutcomeUnknown` and the transaction is not aborted.
   */
  readonly commit: Effect.Effect<void, TransactionError>
  /**
   * As `commit`, and notes an event time for the stream's watermarks, under a name that a writer keeps from transaction to
   * transaction: its events up to the end of this one have times up to `timestamp`.
   */
  readonly commitWithTime: (mark: {
    readonly writerId: WriterId
    readonly timestamp: bigint
  }) => Effect.Effect<void, TransactionError>
  /** Waits until the transaction is committed, by whomever: a reader sees all of it then. */
  readonly awaitCommitted: Effect.Effect<void, TransactionError>
  /** Idempotent. Fails with `TransactionNotOpen` when it was committed. */
  readonly abort: Effect.Effect<void, TransactionError>
  readonly state: Effect.Effect<TransactionState, TransactionError>
  /** The fate is recorded elsewhere: the Scope's end does not abort it any more. Pings go on until then. */
  readonly keep: Effect.Effect<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface BeginOptions {
  /**
   * The transaction is aborted by the controller so long after the last ping; default 60 seconds. Pings are sent four times
   * in this time. The server takes 10 to 600 seconds by default.
   */
  readonly lease?: Duration.Input | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface JoinOptions {
  /** Present: this process pings too, with this lease. Absent: only others keep the transaction open. */
  readonly lease?: Duration.Input | undefined
}

/**
 * Begins a transaction. When the Scope closes, and `commit` was never sent nor `keep` called, it is aborted; an abort that
 * fails is logged, and the lease ends the transaction.
 *
 * Fails when the stream does not exist or is sealed, and when the lease is out of bounds. Not interruptible while the
 * controller is asked: a transaction whose id nobody knows could not be aborted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const begin = <A>(
  stream: EventStream<A>,
  options?: BeginOptions
): Effect.Effect<Transaction<A>, TransactionError, Pravega | Scope.Scope> =>
  Effect.gen(function*() {
    const { controller } = yield* Pravega
    const lease = Duration.fromInputUnsafe(options?.lease ?? "60 seconds")
    const fate: Fate = { decided: false }
    const { id, segments } = yield* Effect.acquireRelease(
      controller.createTransaction(stream.name, { lease }),
      ({ id }) => fate.decided ? Effect.void : abandon({ controller, stream: stream.name, id })
    )
    return yield* hold(stream, { id, segments, lease, fate })
  }).pipe(Effect.mapError(toError))

/**
 * Takes part in a transaction that was begun elsewhere. The Scope's end never aborts it.
 *
 * Works in every state that the controller remembers, so that a transaction can be committed again after a restart; fails
 * with `TransactionNotOpen` when the controller does not know it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const join = <A>(
  stream: EventStream<A>,
  id: Id.TransactionId,
  options?: JoinOptions
): Effect.Effect<Transaction<A>, TransactionError, Pravega | Scope.Scope> =>
  Effect.gen(function*() {
    const { controller } = yield* Pravega
    const state = yield* controller.transactionState(stream.name, id)
    if (state === "unknown") return yield* TransactionFate.notOpen({ controller, stream: stream.name, id }, state)
    // the controller answers with the segments' own ids here, and with the transaction's from createTransaction
    const segments = (yield* controller.epochSegments(stream.name, Id.epoch(id)))
      .map((segment) => ({ id: inTransaction(segment.id, id), range: segment.range }))
    const lease = options?.lease === undefined ? undefined : Duration.fromInputUnsafe(options.lease)
    return yield* hold(stream, { id, segments, lease, fate: { decided: true } })
  }).pipe(Effect.mapError(toError))

/**
 * Begins a transaction, runs `use`, commits, and waits until the transaction is visible to readers. If `use` fails or is
 * interrupted, or the events can't be flushed, it is aborted.
 *
 * The commit belongs to the success path: its errors are in the type, and once it is sent it can't be interrupted (waiting
 * for it to become visible can). Finalizers only ever abort, and only if commit was never sent.
 *
 * ```ts
 * import { EventCodec, EventStream, Transaction } from "effect-pravega"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const store = (some: ReadonlyArray<string>) => Transaction.run(lines, (transaction) => transaction.write(some))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = <A, B, E, R>(
  stream: EventStream<A>,
  use: (transaction: Transaction<A>) => Effect.Effect<B, E, R>,
  options?: BeginOptions
): Effect.Effect<B, E | TransactionError, Pravega | Exclude<R, Scope.Scope>> =>
  Effect.scoped(Effect.gen(function*() {
    const transaction = yield* begin(stream, options)
    const result = yield* use(transaction)
    yield* transaction.commit
    yield* transaction.awaitCommitted
    return result
  }))

/**
 * Where a flow of events is cut into transactions: after each chunk of the Stream, after so many events, or when so much
 * time has passed since the transaction's first event. The flow's end is the last cut.
 *
 * @category models
 * @since 0.1.0
 */
export type Cut = "chunk" | { readonly events: number } | { readonly interval: Duration.Input }

/** @category models @since 0.1.0 */
export interface FlowOptions<in A> extends BeginOptions {
  /** What becomes visible together. */
  readonly per: Cut
  /**
   * An event's time, in milliseconds since 1970: each transaction notes the highest one until then for the stream's
   * watermarks. Times must not go back from one transaction to the next.
   */
  readonly eventTime?: ((event: A) => number) | undefined
}

/** A transaction that every reader sees. @category models @since 0.1.0 */
export interface CommittedTransaction {
  readonly id: Id.TransactionId
  readonly events: number
}

/**
 * Writes what a Stream emits in transactions, one after the other, each begun at its first event, and committed before the
 * next event is taken; it becomes visible while the next one is written. Ends with the number of events when all are
 * visible. A Stream that fails or is interrupted has its earlier transactions committed and the open one aborted. Fails with `InvalidRequest`
 * if `per` is not positive.
 *
 * What is in no transaction yet when the process dies is not written, and who starts again can't tell from the stream which
 * of the input was: for that, see the queries of `effect-pravega/stream`.
 *
 * **Example**
 *
 * ```ts
 * import { EventCodec, EventStream, Transaction } from "effect-pravega"
 * import { Stream } from "effect"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const copy = (input: Stream.Stream<string>) =>
 *   Stream.run(input, Transaction.sink(lines, { per: { interval: "1 second" } }))
 * ```
 *
 * @category flows
 * @since 0.1.0
 */
export const sink = <A>(
  stream: EventStream<A>,
  options: FlowOptions<A>
): Sink.Sink<number, A, never, TransactionError, Pravega> =>
  Sink.fromTransform((upstream) =>
    Effect.scoped(Effect.gen(function*() {
      yield* checkCut(stream, options.per)
      let events = 0
      let last: Fiber.Fiber<void, TransactionError> | undefined
      const lastVisible = Effect.suspend(() => last === undefined ? Effect.void : Fiber.join(last))
      const transactions = yield* TransactionFlow.make(upstream, options.per, yield* beginner(stream, options))
      yield* transactions.pipe(
        Effect.tap((transaction) => Effect.sync(() => events += transaction.events)),
        // one becomes visible while the next is written: that halves the time of short ones
        Effect.tap(() => lastVisible),
        Effect.flatMap(({ awaitCommitted }) => Effect.forkScoped(awaitCommitted)),
        Effect.tap((waiting) => Effect.sync(() => last = waiting)),
        Effect.forever({ disableYield: true }),
        Pull.catchDone(() => Effect.void),
        Effect.tapError(() => Effect.ignore(lastVisible))
      )
      yield* lastVisible
      return [events] as const
    }))
  )

/**
 * Writes what a Stream emits in transactions, as `sink` does, and emits each of them when it is committed and visible. The
 * next one begins when it was taken.
 *
 * **Example**
 *
 * ```ts
 * import { EventCodec, EventStream, Transaction } from "effect-pravega"
 * import { Console, Stream } from "effect"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const program = Stream.make("one", "two", "three").pipe(
 *   Transaction.through(lines, { per: { events: 2 } }),
 *   Stream.runForEach(({ events, id }) => Console.log(`${events} lines in ${id}`))
 * )
 * ```
 *
 * @category flows
 * @since 0.1.0
 */
export const through: {
  <A>(
    stream: EventStream<A>,
    options: FlowOptions<A>
  ): <E, R>(
    events: Stream.Stream<A, E, R>
  ) => Stream.Stream<CommittedTransaction, E | TransactionError, R | Pravega>
  <A, E, R>(
    events: Stream.Stream<A, E, R>,
    stream: EventStream<A>,
    options: FlowOptions<A>
  ): Stream.Stream<CommittedTransaction, E | TransactionError, R | Pravega>
} = dual(3, <A, E, R>(
  events: Stream.Stream<A, E, R>,
  stream: EventStream<A>,
  options: FlowOptions<A>
): Stream.Stream<CommittedTransaction, E | TransactionError, R | Pravega> =>
  Stream.unwrap(Effect.gen(function*() {
    yield* checkCut(stream, options.per)
    const upstream = yield* Stream.toPull(events)
    const transactions = yield* TransactionFlow.make(upstream, options.per, yield* beginner(stream, options))
    const visible = Effect.map(
      Effect.tap(transactions, ({ awaitCommitted }) => awaitCommitted),
      ({ events, id }) => [{ id, events }] as const
    )
    return Stream.fromPull(Effect.succeed(visible))
  })))

/** How a flow begins its transactions, and commits them. */
const beginner = <A>(stream: EventStream<A>, { eventTime, lease }: FlowOptions<A>) =>
  Effect.map(
    Effect.all([Effect.context<Pravega>(), WriterTime.register(stream.name)]),
    ([context, { used, writerId }]) => {
      const seen = eventTime === undefined ? undefined : new WriterTime.SeenTime({ of: eventTime })
      return begin(stream, { lease }).pipe(
        Effect.provideContext(context),
        Effect.map((transaction): TransactionFlow.OpenTransaction<A> => ({
          id: transaction.id,
          write: (events) => {
            seen?.see(events)
            return transaction.write(events)
          },
          commit: Effect.suspend(() => {
            const timestamp = seen?.time
            if (timestamp === undefined) return transaction.commit
            used()
            return transaction.commitWithTime({ writerId, timestamp })
          }),
          awaitCommitted: transaction.awaitCommitted
        }))
      )
    }
  )

const checkCut = <A>({ name }: EventStream<A>, per: Cut): Effect.Effect<void, TransactionError> => {
  if (per === "chunk") return Effect.void
  const isPositive = "events" in per
    ? Number.isSafeInteger(per.events) && per.events > 0
    : Duration.isGreaterThan(Duration.fromInputUnsafe(per.interval), Duration.zero)
  if (isPositive) return Effect.void
  const problem = "a transaction has at least one event, and takes some time: give `per` a positive number or interval"
  return Effect.fail(toError(
    new ControllerError({
      reason: new InvalidRequest({ operation: "Transaction.begin", subject: String(name), problem })
    })
  ))
}

/**
 * The state of any transaction. `unknown`: it never was, or ended more than a day or two ago.
 *
 * @category getters
 * @since 0.1.0
 */
export const state = (
  stream: ScopedStream,
  id: Id.TransactionId
): Effect.Effect<TransactionState, TransactionError, Pravega> =>
  Pravega.use(({ controller }) => stateOf({ controller, stream, id }))

/**
 * Transactions of a stream that the controller lists as completed. Unreliable on the server (0.13.0 answers with an empty
 * list seconds after a commit, and with at most 500): nothing should rely on it, and nothing here does.
 *
 * @category getters
 * @since 0.1.0
 */
export const listCompleted = (
  stream: ScopedStream
): Effect.Effect<
  ReadonlyArray<{ readonly id: Id.TransactionId; readonly state: "committed" | "aborted" }>,
  TransactionError,
  Pravega
> => Pravega.use(({ controller }) => controller.listCompletedTransactions(stream)).pipe(Effect.mapError(toError))

/** Whether somebody else, or a commit that was sent, decides what becomes of the transaction. */
interface Fate {
  decided: boolean
}

interface HoldOptions {
  readonly id: Id.TransactionId
  readonly segments: ReadonlyArray<SegmentWithRange>
  readonly lease: Duration.Duration | undefined
  readonly fate: Fate
}

const hold = Effect.fnUntraced(function*<A>(
  stream: EventStream<A>,
  { fate, id, lease, segments }: HoldOptions
): Effect.fn.Return<Transaction<A>, never, Pravega | Scope.Scope> {
  const pravega = yield* Pravega
  const scope = yield* Effect.scope
  const ref: TransactionFate.TransactionRef = { controller: pravega.controller, stream: stream.name, id }
  const parts = new TransactionParts({ ref, stream, segments, services: pravega })
  if (lease !== undefined) {
    yield* TransactionFate.keepAlive(ref, lease).pipe(
      Effect.map((over) => over === undefined ? undefined : parts.fail(over)),
      Effect.forkScoped
    )
  }
  let acceptedAt: number | undefined
  const commit = (mark: TransactionFate.TimeMark | undefined) =>
    Effect.andThen(
      parts.flush,
      Effect.uninterruptible(Effect.suspend(() => {
        fate.decided = true
        return Effect.map(TransactionFate.commit(ref, mark), (at) => {
          acceptedAt = at
        })
      }))
    ).pipe(Effect.mapError(toError))
  const opening = parts.open({ notesWritten: false })
  // an interrupted first use must not become the cached result
  const ownWriter = yield* Effect.cached(Effect.uninterruptible(Scope.provide(opening, scope)))
  return {
    id,
    stream,
    segments,
    writer: (options) => Effect.mapError(parts.open(options), toError),
    write: (events) => Effect.mapError(ownWriter, toError).pipe(Effect.flatMap((writer) => writer.write(events))),
    flush: Effect.mapError(parts.flush, toError),
    commit: commit(undefined),
    commitWithTime: commit,
    awaitCommitted: Effect.suspend(() => TransactionFate.awaitCommitted(ref, acceptedAt)).pipe(
      Effect.mapError(toError)
    ),
    abort: Effect.suspend(() => {
      parts.fail(TransactionFate.notOpen(ref, "aborting"))
      return pravega.controller.abortTransaction(stream.name, id)
    }).pipe(
      Effect.tap(() => Effect.sync(() => fate.decided = true)),
      Effect.mapError(toError)
    ),
    state: stateOf(ref),
    keep: Effect.sync(() => {
      fate.decided = true
    })
  }
})

const stateOf = (ref: TransactionFate.TransactionRef): Effect.Effect<TransactionState, TransactionError> =>
  ref.controller.transactionState(ref.stream, ref.id).pipe(Effect.mapError(toError))

/** A finalizer can't fail and must not take long: what it can't abort, the lease does. */
const abandonTimeout = Duration.seconds(10)

const abandon = (ref: TransactionFate.TransactionRef): Effect.Effect<void> =>
  Effect.interruptible(ref.controller.abortTransaction(ref.stream, ref.id)).pipe(
    Effect.timeout(abandonTimeout),
    Effect.exit,
    Effect.flatMap((exit) =>
      Exit.isSuccess(exit)
        ? Effect.void
        : Effect.logWarning(`transaction ${ref.id} on ${ref.stream.toString()} could not be aborted`, exit.cause)
    )
  )

const toError = (reason: TransactionErrorReason): TransactionError =>
  new TransactionError({ reason: reason._tag === "ControllerError" ? TransactionFate.toReason(reason) : reason })
