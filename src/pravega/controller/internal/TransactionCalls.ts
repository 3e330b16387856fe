/**
 * The controller's methods on transactions. Committing and aborting are settled by the transaction's state, whatever
 * happened to the replies.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import type { TransactionId } from "../../../core/TransactionId.ts"
import type { Controller, PingStatus, TransactionState } from "../Controller.ts"
import {
  type ControllerError,
  LeaseOutOfBounds,
  OutcomeUnknown,
  StreamSealed,
  TransactionNotOpen
} from "../ControllerError.ts"
import * as pb from "../gen/Controller_pb.ts"
import {
  type CallContext,
  type Calls,
  checkStatus,
  done,
  failure,
  notDone,
  type Settled,
  understand
} from "./ControllerCalls.ts"
import * as Messages from "./ControllerMessages.ts"
import { segments } from "./SegmentCalls.ts"
import { about } from "./StreamCalls.ts"

const methods = pb.ControllerService.method

/** Java's Long.MIN_VALUE: the transaction says nothing about time. */
const noTimestamp = -(1n << 63n)

/** @category models @since 0.1.0 */
export interface LeaseBounds {
  readonly minimum: Duration.Duration
  readonly maximum: Duration.Duration
}

type TransactionMethods = Pick<
  Controller["Service"],
  | "createTransaction"
  | "pingTransaction"
  | "commitTransaction"
  | "abortTransaction"
  | "transactionState"
  | "listCompletedTransactions"
>

/** @category constructors @since 0.1.0 */
export const transactions = (calls: Calls, bounds: LeaseBounds): TransactionMethods => {
  const state = stateOf(calls)
  return {
    createTransaction: (stream, { lease }) =>
      Effect.andThen(checkLease(bounds, stream, lease), createTransaction(calls, stream, lease)),
    pingTransaction: (stream, id, { lease }) => {
      const context = about("pingTransaction", stream)
      const request = {
        streamInfo: Messages.streamInfo(stream),
        txnId: Messages.transactionId(id),
        lease: millis(lease)
      }
      // a lease below the minimum is not refused by the server here, but ends the transaction soon
      return checkLease(bounds, stream, lease).pipe(
        Effect.andThen(calls.read(methods.pingTransaction, request, context)),
        Effect.flatMap(({ status }) => understand(context, () => known(pingStatuses, status)))
      )
    },
    commitTransaction: (stream, id, options) => {
      const context = about("commitTransaction", stream)
      const request = {
        streamInfo: Messages.streamInfo(stream),
        txnId: Messages.transactionId(id),
        writerId: options?.writerId ?? "",
        timestamp: options?.timestamp ?? noTimestamp
      }
      const decision = { stream, id, wanted: "commit", state: state(stream, id) } as const
      return calls.change(methods.commitTransaction, request, context, {
        settle: settle(decision),
        interpret: ({ status }, lost) => interpret(decision, context, status, lost)
      })
    },
    abortTransaction: (stream, id) => {
      const context = about("abortTransaction", stream)
      const request = { streamInfo: Messages.streamInfo(stream), txnId: Messages.transactionId(id) }
      const decision = { stream, id, wanted: "abort", state: state(stream, id) } as const
      return calls.change(methods.abortTransaction, request, context, {
        settle: settle(decision),
        interpret: ({ status }, lost) => interpret(decision, context, status, lost)
      })
    },
    transactionState: state,
    listCompletedTransactions: (stream) => {
      const context = about("listCompletedTransactions", stream)
      return Effect.flatMap(
        calls.read(methods.listCompletedTransactions, { streamInfo: Messages.streamInfo(stream) }, context),
        ({ response }) =>
          understand(context, () =>
            response.map(({ status, txnId }) => ({
              id: Messages.fromTransactionId(txnId),
              state: known(completedStates, status)
            })))
      )
    }
  }
}

const millis = (duration: Duration.Duration): bigint => BigInt(Math.round(Duration.toMillis(duration)))

/** The server answers UNKNOWN to a lease that it does not like: it is checked before it is sent. */
const checkLease = (
  { maximum, minimum }: LeaseBounds,
  stream: ScopedStream,
  lease: Duration.Duration
): Effect.Effect<void, ControllerError> => {
  const value = Duration.toMillis(lease)
  const [low, high] = [Duration.toMillis(minimum), Duration.toMillis(maximum)]
  return value >= low && value <= high
    ? Effect.void
    : Effect.fail(failure(new LeaseOutOfBounds({ stream, lease: value, minimum: low, maximum: high })))
}

/** A lost reply may leave an open transaction behind that nobody knows: its lease ends it, and another one is made. */
const createTransaction = (calls: Calls, stream: ScopedStream, lease: Duration.Duration) => {
  const context = about("createTransaction", stream)
  return calls.read(
    methods.createTransaction,
    { streamInfo: Messages.streamInfo(stream), lease: millis(lease) },
    context
  ).pipe(
    Effect.flatMap((reply) =>
      understand(context, () => ({
        id: Messages.fromTransactionId(reply.txnId),
        segments: reply.activeSegments.map(Messages.fromSegmentRange)
      }))
    ),
    // INTERNAL is the answer on a sealed stream, among others
    Effect.catchReason(
      "ControllerError",
      "RequestFailed",
      (_, error) =>
        Effect.flatMap(
          segments(calls).currentSegments(stream),
          (current) => Effect.fail(current.length === 0 ? failure(new StreamSealed({ stream })) : error)
        )
    )
  )
}

const stateOf =
  (calls: Calls) => (stream: ScopedStream, id: TransactionId): Effect.Effect<TransactionState, ControllerError> => {
    const context = about("checkTransactionState", stream)
    return Effect.flatMap(
      calls.read(
        methods.checkTransactionState,
        { streamInfo: Messages.streamInfo(stream), txnId: Messages.transactionId(id) },
        context
      ),
      (reply) => understand(context, () => known(states, reply.state))
    )
  }

/** A commit or an abort, and how to ask what became of the transaction. */
interface Decision {
  readonly stream: ScopedStream
  readonly id: TransactionId
  readonly wanted: "commit" | "abort"
  readonly state: Effect.Effect<TransactionState, ControllerError>
}

/** What the transaction's state says about a decision that was sent. */
const settle = ({ id, state, stream, wanted }: Decision): Effect.Effect<Settled<void>, ControllerError> =>
  Effect.flatMap(state, (now) => {
    switch (now) {
      case "open":
        return Effect.succeed(notDone("the transaction is open"))
      case "unknown":
        return Effect.succeed(notDone(forgotten))
      case "committing":
      case "committed":
      case "aborting":
      case "aborted":
        return outcomes[now] === wanted
          ? Effect.succeed(done(undefined))
          : Effect.fail(failure(new TransactionNotOpen({ stream, transaction: id, state: now })))
    }
  })

const forgotten = "the controller does not know the transaction (any more)"

const outcomes = { committing: "commit", committed: "commit", aborting: "abort", aborted: "abort" } as const

/** The server says FAILURE for nearly everything: the state says what it means. */
const interpret = (
  decision: Decision,
  context: CallContext,
  status: pb.TxnStatus_Status,
  lost: boolean
): Effect.Effect<void, ControllerError> => {
  const Status = pb.TxnStatus_Status
  if (status !== Status.FAILURE && status !== Status.TRANSACTION_NOT_FOUND) {
    return checkStatus(pb.TxnStatus_StatusSchema, status, context)
  }
  const { id, stream } = decision
  return Effect.flatMap(settle(decision), (settled) => {
    if (settled._tag === "Done") return Effect.void
    if (settled.evidence !== forgotten) return checkStatus(pb.TxnStatus_StatusSchema, status, context)
    const { operation, subject } = context
    return Effect.fail(failure(
      lost
        ? new OutcomeUnknown({ operation, subject, attempts: 2, evidence: `transaction ${id}: ${forgotten}` })
        : new TransactionNotOpen({ stream, transaction: id, state: "unknown" })
    ))
  })
}

/** The value for a number of an enum; a number that this version does not know is nonsense. */
const known = <A>(values: Readonly<Record<number, A>>, number: number): A => {
  const value = values[number]
  if (value === undefined) throw new Error(`status ${number} is not known`)
  return value
}

const states: Readonly<Record<number, TransactionState>> = {
  [pb.TxnState_State.UNKNOWN]: "unknown",
  [pb.TxnState_State.OPEN]: "open",
  [pb.TxnState_State.COMMITTING]: "committing",
  [pb.TxnState_State.COMMITTED]: "committed",
  [pb.TxnState_State.ABORTING]: "aborting",
  [pb.TxnState_State.ABORTED]: "aborted"
}

const completedStates: Readonly<Record<number, "committed" | "aborted">> = {
  [pb.TxnResponse_Status.COMMITTED]: "committed",
  [pb.TxnResponse_Status.ABORTED]: "aborted"
}

const pingStatuses: Readonly<Record<number, PingStatus>> = {
  [pb.PingTxnStatus_Status.OK]: "ok",
  [pb.PingTxnStatus_Status.LEASE_TOO_LARGE]: "lease-too-large",
  [pb.PingTxnStatus_Status.MAX_EXECUTION_TIME_EXCEEDED]: "max-execution-time-exceeded",
  [pb.PingTxnStatus_Status.SCALE_GRACE_TIME_EXCEEDED]: "scale-grace-time-exceeded",
  [pb.PingTxnStatus_Status.DISCONNECTED]: "disconnected",
  [pb.PingTxnStatus_Status.COMMITTED]: "committed",
  [pb.PingTxnStatus_Status.ABORTED]: "aborted",
  [pb.PingTxnStatus_Status.UNKNOWN]: "unknown"
}
