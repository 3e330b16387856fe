/**
 * Transactions: events of one stream that become visible together, or never. Several fibers and several processes may
 * write to the same one (`join`).
 *
 * "Together" means that there is one decision. The events become visible soon after it, segment by segment; `awaitCommitted`
 * waits for the last one. Within a transaction, events of one routing key keep the order in which one writer wrote them.
 *
 * Not here: making one unit of several transactions, which takes a checkpoint log.
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
import type { CommittedTransaction, Cut } from "./internal/TransactionFlow.ts"
import { TransactionParts } from "./internal/TransactionParts.ts"
import { TransactionError, type TransactionErrorReason } from "./TransactionError.ts"
import * as TransactionFate from "./TransactionFate.ts"
import type { TransactionWriter, TransactionWriterOptions } from "./TransactionWriter.ts"

export type { CommittedTransaction, Cut } from "./internal/TransactionFlow.ts"

/**
 * A transaction, as one process holds it. When its Scope closes, its pings and writers end. The
 * transaction itself goes on, unless it was begun here and neither committed nor kept: then it is aborted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transaction<A> {
  readonly id: Id.TransactionId
  readonly stream: EventStream<A>
  /** The segments that it writes to. Their ids are of the transaction's epoch: a scaled stream may have others. */
  readonly segments: ReadonlyArray<SegmentWithRange>
  /**
   * One more writer, for one of several fibers for example, or with fixed ids. When its Scope closes after a success, it is
   * flushed first. If its Scope closes after a failure, events that it accepted may be lost, and then `commit` fails.
   */
  readonly writer: (
    options?: TransactionWriterOptions
  ) => Effect.Effect<TransactionWriter<A>, TransactionError, Scope.Scope>
  /** Writes with the transaction's own writer, which is made when it is first used (`TransactionWriter.write`). */
  readonly write: (events: ReadonlyArray<A>) => Effect.Effect<void, TransactionError>
  /** Waits until everything written through this value is acknowledged. */
  readonly flush: Effect.Effect<void, TransactionError>
  /**
   * Flushes, and then commits. It returns when the decision is recorded: nothing can undo it, and readers see the events soon.
   * It may be called again, also for a transaction that another process has committed.
   *
   * Once the commit is sent, it can't be interrupted. A lost reply is settled by the transaction's state. If that can't be had
   * either, it fails with `OutcomeUnknown`, and the transaction is not aborted.
   */
  readonly commit: Effect.Effect<void, TransactionError>
  /**
   * Commits as `commit` does, and notes an event time for the stream's watermarks: the events of the named writer, up to the
   * end of this transaction, have times up to `timestamp`. A writer keeps its name from transaction to transaction.
   */
  readonly commitWithTime: (mark: {
    readonly writerId: WriterId
    readonly timestamp: bigint
  }) => Effect.Effect<void, TransactionError>
  /** Waits until the transaction is committed, by whatever process. Readers then see all of it. */
  readonly awaitCommitted: Effect.Effect<void, TransactionError>
  /** Aborts the transaction. It may be called again. Fails with `TransactionNotOpen` if it was committed. */
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
  /** If present, this process pings too, with this lease. If absent, only others keep the transaction open. */
  readonly lease?: Duration.Input | undefined
}

/**
 * Begins a transaction. It is aborted when the Scope closes, unless `commit` was sent or `keep` called. Fails if the stream does
 * not exist or is sealed, and if the lease is out of bounds.
 *
 * **Details**
 *
 * If the abort fails, that is logged, and the lease ends the transaction. Beginning can't be interrupted while the controller
 * is asked: nobody could abort a transaction whose id nobody knows.
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
 * Takes part in a transaction that was begun elsewhere. The end of the Scope never aborts it.
 *
 * **Details**
 *
 * The transaction may be in any state that the controller remembers, so that it can be committed again after a restart. Fails
 * with `TransactionNotOpen` if the controller does not know it.
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
 * **Details**
 *
 * The commit belongs to the success path: its errors are in the type. Once it is sent it can't be interrupted; waiting for its
 * events to become visible can. Finalizers only abort, and only if no commit was sent.
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

/** @category models @since 0.1.0 */
export interface FlowOptions<in A> extends BeginOptions {
  /** What becomes visible together. */
  readonly per: Cut
  /**
   * Gives an event's time, in milliseconds since 1970. Each transaction notes the highest one so far for the stream's
   * watermarks. Times must not go back from one transaction to the next.
   */
  readonly eventTime?: ((event: A) => number) | undefined
}

/**
 * Writes what a Stream emits in transactions, one after the other. It ends with the number of events, when all of them are
 * visible. Fails with `InvalidRequest` if `per` is not positive.
 *
 * **Details**
 *
 * A transaction begins at its first event, and is committed before the next event is taken. It becomes visible while the next
 * one is written. If the Stream fails or is interrupted, the open transaction is aborted; those before it are committed.
 *
 * **Gotchas**
 *
 * When the process dies, the stream does not tell which part of the input it has. The queries of `effect-pravega/stream` do.
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
 * Writes what a Stream emits in transactions, as `sink` does, and emits each transaction when it is committed and visible. The
 * next one begins when this one has been taken.
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
    Effect.all([Pravega, WriterTime.register(stream.name)]),
    ([pravega, { used, writerId }]) => {
      const seen = eventTime === undefined ? undefined : new WriterTime.SeenTime({ of: eventTime })
      return begin(stream, { lease }).pipe(
        Effect.provideService(Pravega, pravega),
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
 * The state of any transaction. `unknown` means that it never was, or that it ended
 * more than a day or two ago.
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
 * The transactions of a stream that the controller lists as completed.
 *
 * **Gotchas**
 *
 * Don't rely on it: Pravega 0.13.0 answers with an empty list for seconds after a commit, and with at most 500 transactions.
 * Nothing in this package uses it.
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
