/**
 * What is decided about one transaction, by this process and by the controller: pings while it is open, commit, abort,
 * and what their lost replies mean. It writes nothing.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as BackOff from "../../core/BackOff.ts"
import * as MonotonicClock from "../../core/MonotonicClock.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import type { TransactionId } from "../../core/TransactionId.ts"
import type { WriterId } from "../../core/WriterId.ts"
import type { Controller, PingStatus } from "../controller/Controller.ts"
import { type ControllerError, OutcomeUnknown, TransactionNotOpen } from "../controller/ControllerError.ts"
import * as Outage from "../Outage.ts"
import * as CommitTimes from "./internal/CommitTimes.ts"
import { PingRefused, type TransactionErrorReason } from "./TransactionError.ts"

/** @category models @since 0.1.0 */
export interface TransactionRef {
  readonly controller: Controller["Service"]
  readonly stream: ScopedStream
  readonly id: TransactionId
  /** The longest time that this process left without a ping, if that was longer than the lease; ms. Noted by `keepAlive`. */
  lapse?: number
}

/** The time of a transaction's events, as the writer of that name notes it. @category models @since 0.1.0 */
export interface TimeMark {
  readonly writerId: WriterId
  readonly timestamp: bigint
}

/**
 * How the controller's errors appear in a transaction's: what concerns the transaction by its own name.
 *
 * @category converting
 * @since 0.1.0
 */
export const toReason = (error: ControllerError): TransactionErrorReason => {
  const reason = error.reason
  switch (reason._tag) {
    case "TransactionNotOpen":
    case "LeaseOutOfBounds":
    case "OutcomeUnknown":
    case "StreamNotFound":
    case "StreamSealed":
      return reason
    default:
      return error
  }
}

/** So many pings are sent per lease: three of them may be lost. */
const pingsPerLease = 4
/** After a ping that got no answer, the next one is sent sooner. */
const pingsPerLeaseInTrouble = 20
/** A commit is sent six times at most. */
const commitPauses = BackOff.doubling("40 millis", "1 second").pipe(Schedule.upTo({ times: 5 }))
/** In milliseconds. */
const firstPoll = 1
/**
 * Between polls, where it is not known how long it takes: a transaction is committed after 10 to 100 ms, and one that is found
 * late is late by a tenth of the time. (Doubled pauses made it two thirds.)
 */
const pollPauses = BackOff.growing(firstPoll, "50 millis", 1.1)
/** A segment may go a moment before the controller says so: for less than a second. */
const gonePauses = BackOff.doubling("5 millis", "1 second").pipe(Schedule.upTo({ times: 7 }))

/** A commit was not accepted, as far as is known: another one may be. */
class Again extends Data.TaggedError("Again")<{
  /** What it is if there is no other one. */
  readonly failure: TransactionErrorReason
}> {}

/**
 * Keeps the transaction open; returns, with what its writers are to be told, when that is over.
 *
 * @category running
 * @since 0.1.0
 */
export const keepAlive = Effect.fnUntraced(function*(
  ref: TransactionRef,
  lease: Duration.Duration
): Effect.fn.Return<TransactionErrorReason | undefined> {
  const millis = Duration.toMillis(lease)
  let pause = millis / pingsPerLease
  let pinged = yield* MonotonicClock.millis
  while (true) {
    yield* Effect.sleep(Duration.millis(pause))
    const woken = yield* MonotonicClock.millis
    if (woken - pinged > millis) ref.lapse = Math.max(ref.lapse ?? 0, Math.round(woken - pinged))
    pinged = woken
    // one that gets no answer must not take the time of the others
    const status = yield* ref.controller.pingTransaction(ref.stream, ref.id, { lease }).pipe(
      Effect.timeoutOption(Duration.millis(millis / pingsPerLease)),
      Effect.map(Option.getOrUndefined),
      Effect.result
    )
    if (status._tag === "Failure" && !status.failure.isRetryable) return toReason(status.failure)
    const answer = status._tag === "Failure" ? undefined : status.success
    const over = answer === undefined ? undefined : afterPing(ref, answer)
    if (over !== undefined) return over === "committed" ? undefined : over
    pause = answer === "ok" ? millis / pingsPerLease : millis / pingsPerLeaseInTrouble
  }
})

const afterPing = (
  ref: TransactionRef,
  status: PingStatus
): "committed" | TransactionErrorReason | undefined => {
  switch (status) {
    case "ok":
    case "disconnected":
      return undefined
    case "committed":
      return "committed"
    case "aborted":
    case "unknown":
      return notOpen(ref, status)
    default:
      return new PingRefused({ stream: ref.stream, transaction: ref.id, status })
  }
}

/**
 * Sends the commit, and returns the time at which it was accepted, which `awaitCommitted` takes. An error that leaves the
 * outcome open is settled by the transaction's state. A commit is sent again only while the transaction is open.
 *
 * @category running
 * @since 0.1.0
 */
export const commit = (ref: TransactionRef, mark?: TimeMark): Effect.Effect<number, TransactionErrorReason> =>
  Effect.suspend(() => {
    let attempts = 0
    return Effect.suspend(() => sendCommit(ref, mark, ++attempts)).pipe(
      Effect.retry({ schedule: commitPauses, while: (error) => error._tag === "Again" }),
      Effect.catchTag("Again", ({ failure }) => Effect.fail(failure))
    )
  })

const sendCommit = Effect.fnUntraced(function*(
  ref: TransactionRef,
  mark: TimeMark | undefined,
  attempts: number
): Effect.fn.Return<number, TransactionErrorReason | Again> {
  const sent = yield* Effect.result(ref.controller.commitTransaction(ref.stream, ref.id, mark))
  if (sent._tag === "Success") return yield* MonotonicClock.millis
  const error = sent.failure
  if (error.reason._tag === "Unauthenticated" || error.reason._tag === "PermissionDenied") return yield* error
  const state = yield* Effect.result(ref.controller.transactionState(ref.stream, ref.id))
  if (state._tag === "Failure") {
    return yield* new Again({
      failure: new OutcomeUnknown({
        operation: "commitTransaction",
        subject: `${ref.stream.toString()} ${ref.id}`,
        attempts,
        evidence: `${error.message}; its state: ${state.failure.message}`,
        cause: error
      })
    })
  }
  switch (state.success) {
    case "committing":
    case "committed":
      return yield* MonotonicClock.millis
    case "open":
      return yield* new Again({ failure: toReason(error) })
    default:
      return yield* notOpen(ref, state.success)
  }
})

/**
 * Polls until the transaction is committed. Every reader sees it from then on. `acceptedAt` is the time at which this process
 * had the commit accepted. The first poll is then made when the transaction may be committed, judging by those before it.
 *
 * @category running
 * @since 0.1.0
 */
export const awaitCommitted = (
  ref: TransactionRef,
  acceptedAt?: number
): Effect.Effect<void, TransactionErrorReason> =>
  Effect.suspend(() => {
    let state = "not known"
    return untilCommitted(ref, acceptedAt, (now) => {
      state = now
    }).pipe(
      Outage.during(
        () => `the commit of transaction ${ref.id} on ${ref.stream.toString()}`,
        () => `its state at the controller is ${state}`
      )
    )
  })

const untilCommitted = Effect.fnUntraced(function*(
  ref: TransactionRef,
  acceptedAt: number | undefined,
  onState: (state: string) => void
): Effect.fn.Return<void, TransactionErrorReason> {
  if (acceptedAt !== undefined) {
    const quiet = acceptedAt + CommitTimes.quietMillis(ref.controller) - (yield* MonotonicClock.millis)
    if (quiet >= firstPoll) yield* Effect.sleep(Duration.millis(quiet))
  }
  const isCommitted = Effect.fnUntraced(function*(): Effect.fn.Return<boolean, TransactionErrorReason> {
    const state = yield* Effect.result(ref.controller.transactionState(ref.stream, ref.id))
    if (state._tag === "Failure") {
      if (!state.failure.isRetryable) return yield* toReason(state.failure)
      onState(`not known (${state.failure.message})`)
      return false
    }
    if (state.success === "committed") return true
    if (state.success !== "open" && state.success !== "committing") return yield* notOpen(ref, state.success)
    onState(state.success)
    return false
  })
  yield* Effect.repeat(isCommitted(), { schedule: pollPauses, until: (it) => it })
  if (acceptedAt !== undefined) CommitTimes.note(ref.controller, (yield* MonotonicClock.millis) - acceptedAt)
})

/** A segment of the transaction takes no more events: fails with why. @category errors @since 0.1.0 */
export const gone = (ref: TransactionRef): Effect.Effect<never, TransactionErrorReason> =>
  ref.controller.transactionState(ref.stream, ref.id).pipe(
    Effect.mapError(toReason),
    Effect.repeat({ schedule: gonePauses, while: (state) => state === "open" }),
    Effect.flatMap((state) => Effect.fail(notOpen(ref, state)))
  )

/** @category errors @since 0.1.0 */
export const notOpen = (
  { id, lapse, stream }: TransactionRef,
  state: TransactionNotOpen["state"]
): TransactionNotOpen =>
  new TransactionNotOpen({ stream, transaction: id, state, ...(lapse === undefined ? {} : { lapse }) })
