/**
 * Transactions: begun, kept alive, aborted, decided, remembered. Merging those that are to be committed is `Commits`.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import * as Option from "effect/Option"
import { makeId, number, type SegmentWithRange, transactionName } from "../../../core/Segment.ts"
import * as SegmentName from "../../../core/SegmentName.ts"
import * as TransactionId from "../../../core/TransactionId.ts"
import * as pb from "../../../pravega/controller/gen/Controller_pb.ts"
import { Refusal } from "../Refusal.ts"
import { findStream, internal, refuseTooMany, streamOrRefuse, type World } from "../World.ts"
import * as Commits from "./Commits.ts"
import type { StreamState } from "./ControllerState.ts"
import * as Epochs from "./Epochs.ts"
import type { OpenTransaction } from "./Model.ts"

/** @category models @since 0.1.0 */
export interface Begun {
  readonly id: TransactionId.TransactionId
  /** With the transaction's epoch in place of their own. */
  readonly segments: ReadonlyArray<SegmentWithRange>
}

/** A transaction may live this many leases, if it is pinged in time. */
const leasesAtMost = 1_000

/** @category transitions @since 0.1.0 */
export const begin = (world: World, scope: string, stream: string, lease: bigint): Begun => {
  const { limits } = world
  if (lease < BigInt(limits.minimumLease)) {
    throw new Refusal({ code: "UNKNOWN", details: "lease should be greater than minimum lease" })
  }
  if (lease > BigInt(limits.maximumLease)) {
    const details = `lease value too large, max value is ${limits.maximumLease}`
    throw new Refusal({ code: "UNKNOWN", details })
  }
  const state = streamOrRefuse(world, scope, stream)
  if (state.record.isSealed) throw internal(`Stream: ${stream} State: SEALED`)
  const { epoch, segments } = Epochs.active(state.record.epochs)
  refuseTooMany(world, segments.length)
  const id = TransactionId.fromBits({ high: BigInt(epoch) << 32n, low: BigInt(world.state.nextTransaction()) })
  const parts = segments.map(({ id: segment, range }) => ({ id: makeId(number(segment), epoch), range }))
  for (const part of parts) world.container.create(transactionName(state.name, part.id, id))
  const now = world.now()
  const transaction = {
    id,
    created: now,
    lease: Number(lease),
    lastDeadline: now + Math.min(leasesAtMost * Number(lease), limits.maximumExecution)
  }
  world.state.putOpen(state, transaction)
  extend(world, state, transaction, Number(lease))
  return { id, segments: parts }
}

/** Shorter leases than a transaction may begin with are taken, and end it soon. @category transitions @since 0.1.0 */
export const ping = (
  world: World,
  scope: string,
  stream: string,
  id: TransactionId.TransactionId,
  lease: bigint
): pb.PingTxnStatus_Status => {
  const Status = pb.PingTxnStatus_Status
  const state = findStream(world, scope, stream)
  if (state === undefined) return Status.UNKNOWN
  const transaction = state.open.get(id)
  if (transaction === undefined) {
    const outcome = outcomeOf(state, id)
    return outcome === undefined ? Status.UNKNOWN : outcome === "committed" ? Status.COMMITTED : Status.ABORTED
  }
  if (transaction.commit !== undefined) return Status.COMMITTED
  if (lease > BigInt(world.limits.maximumLease)) return Status.LEASE_TOO_LARGE
  const duration = Number(lease)
  if (world.now() + duration > transaction.lastDeadline) return Status.MAX_EXECUTION_TIME_EXCEEDED
  // the last lease is what counts after a restart; most clients always send the same
  if (duration !== transaction.lease) world.state.putOpen(state, { ...transaction, lease: duration })
  extend(world, state, transaction, duration)
  return Status.OK
}

/**
 * The answer is that it will be committed. Repeating it succeeds as long as the transaction is remembered.
 *
 * @category transitions
 * @since 0.1.0
 */
export const commit = (
  world: World,
  scope: string,
  stream: string,
  id: TransactionId.TransactionId,
  mark: Commits.Mark
): pb.TxnStatus_Status => {
  const Status = pb.TxnStatus_Status
  const state = findStream(world, scope, stream)
  if (state === undefined) return Status.FAILURE
  const transaction = state.open.get(id)
  if (transaction === undefined) {
    return outcomeOf(state, id) === "committed" ? Status.SUCCESS : Status.FAILURE
  }
  if (transaction.commit === undefined) {
    deadlines(state).delete(id)
    Commits.decide(world, state, transaction, mark)
    trim(world, state)
  }
  return Status.SUCCESS
}

/** Repeating it succeeds as long as the transaction is remembered. @category transitions @since 0.1.0 */
export const abort = (
  world: World,
  scope: string,
  stream: string,
  id: TransactionId.TransactionId
): pb.TxnStatus_Status => {
  const Status = pb.TxnStatus_Status
  const state = findStream(world, scope, stream)
  if (state === undefined) return Status.FAILURE
  const transaction = state.open.get(id)
  if (transaction === undefined) {
    return outcomeOf(state, id) === "aborted" ? Status.SUCCESS : Status.FAILURE
  }
  if (transaction.commit !== undefined) return Status.FAILURE
  discard(world, state, transaction)
  return Status.SUCCESS
}

/** @category getters @since 0.1.0 */
export const stateOf = (
  world: World,
  scope: string,
  stream: string,
  id: TransactionId.TransactionId
): pb.TxnState_State => {
  const State = pb.TxnState_State
  const state = findStream(world, scope, stream)
  if (state === undefined) return State.UNKNOWN
  const transaction = state.open.get(id)
  if (transaction !== undefined) return transaction.commit === undefined ? State.OPEN : State.COMMITTING
  const outcome = outcomeOf(state, id)
  return outcome === undefined ? State.UNKNOWN : outcome === "committed" ? State.COMMITTED : State.ABORTED
}

/** At most this many are listed, the latest. */
const listed = 500

/** @category getters @since 0.1.0 */
export const completed = (
  world: World,
  scope: string,
  stream: string
): ReadonlyArray<{ readonly id: TransactionId.TransactionId; readonly outcome: "committed" | "aborted" }> => {
  const state = findStream(world, scope, stream)
  if (state === undefined) return []
  return [...state.completed.keys()].slice(-listed).flatMap((key) => {
    const outcome = outcomeOf(state, key)
    return outcome === undefined ? [] : [{ id: TransactionId.TransactionId.make(key), outcome }]
  })
}

// -----------------------------------------------------------------------------
// leases
// -----------------------------------------------------------------------------

/** When the leases of a stream's open transactions end; not kept through a restart, which begins them anew. */
const deadlinesByStream = new WeakMap<StreamState, Map<string, number>>()

const deadlines = (state: StreamState): Map<string, number> => {
  let found = deadlinesByStream.get(state)
  if (found === undefined) deadlinesByStream.set(state, found = new Map())
  return found
}

const extend = (world: World, state: StreamState, { id }: OpenTransaction, lease: number): void => {
  const at = world.now() + lease
  deadlines(state).set(id, at)
  world.leaseEnds(at)
}

/**
 * Lets the leases of a stream that was restored run from now on, and finishes what was to be committed.
 *
 * @category transitions
 * @since 0.1.0
 */
export const resume = (world: World, state: StreamState): void => {
  for (const transaction of state.open.values()) {
    if (transaction.commit === undefined) extend(world, state, transaction, transaction.lease)
  }
  Commits.drain(world, state)
}

/**
 * Deletes the segments of transactions that were aborted just before the server died.
 *
 * @category transitions
 * @since 0.2.0
 */
export const dropLeftovers = ({ container, state }: World): void => {
  for (const name of Array.from(container.names())) {
    if (!name.includes("#transaction.")) continue
    const segment = Option.getOrUndefined(SegmentName.parse(name))
    if (segment?._tag !== "TransactionSegment") continue
    const { stream, transaction } = segment
    const open = state.scopes.get(stream.scope)?.streams.get(stream.stream)?.open
    if (open?.has(transaction) !== true) container.delete(name)
  }
}

/** For pings that wait when the server runs again, in milliseconds. */
const graceMillis = 2_000

/**
 * Aborts what was not pinged in time. Returns when the next lease ends. `late`: so long nothing ran, and no lease did; in
 * milliseconds.
 *
 * @category transitions
 * @since 0.1.0
 */
export const expire = (world: World, state: StreamState, late = 0): number | undefined => {
  const now = world.now()
  const ends = deadlines(state)
  let next: number | undefined
  for (const [id, at] of ends) {
    const transaction = state.open.get(id)
    const end = late > 0 ? at + late + graceMillis : at
    if (end <= now && transaction !== undefined) discard(world, state, transaction)
    else {
      if (end !== at) ends.set(id, end)
      if (next === undefined || end < next) next = end
    }
  }
  return next
}

/** Ends a lease now. False: the transaction is not open. @category transitions @since 0.1.0 */
export const expireNow = (world: World, state: StreamState, id: string): boolean => {
  const transaction = state.open.get(id)
  if (transaction === undefined || transaction.commit !== undefined) return false
  discard(world, state, transaction)
  return true
}

/** For a stream that is about to be sealed. @category transitions @since 0.1.0 */
export const endAll = (world: World, state: StreamState): void => {
  Commits.drain(world, state)
  for (const transaction of state.open.values()) discard(world, state, transaction)
}

/** Its segments go a moment later, as on a real server: a client that is just writing to one does not expect it to be gone. */
const discard = (world: World, state: StreamState, transaction: OpenTransaction): void => {
  const epoch = state.record.epochs[TransactionId.epoch(transaction.id)]
  world.afterwards(() => {
    for (const { id } of epoch?.segments ?? []) {
      world.container.delete(transactionName(state.name, makeId(number(id), epoch!.epoch), transaction.id))
    }
  })
  deadlines(state).delete(transaction.id)
  world.state.putCompleted(state, transaction.id, { outcome: "aborted", completed: world.now() })
  trim(world, state)
}

// -----------------------------------------------------------------------------
// memory of completed ones
// -----------------------------------------------------------------------------

const outcomeOf = ({ completed }: StreamState, id: string): "committed" | "aborted" | undefined =>
  completed.get(id)?.outcome

/**
 * Forgets the oldest completed ones: beyond the number that is remembered; older than the time, but for the last.
 *
 * @category transitions
 * @since 0.1.0
 */
export const trim = ({ limits, now, state }: World, stream: StreamState): void => {
  const oldest = now() - limits.completedTransactionLife
  for (const [id, { completed }] of stream.completed) {
    const { size } = stream.completed
    const isOld = completed <= oldest && size > limits.completedTransactionsKept
    if (!isOld && size <= limits.completedTransactions) return
    state.deleteCompleted(stream, id)
  }
}
