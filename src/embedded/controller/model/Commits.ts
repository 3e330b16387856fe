/**
 * Committing: transactions that are decided are merged into the stream, in the order of their commits. One whose stream
 * has scaled since is merged into a copy of the epoch it was begun in, which adds two epochs (a rolling transaction).
 *
 * All parts of a transaction appear in one turn, and durable as one unit. A real server merges segment by segment.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import { makeId, name as segmentName, number, transactionName } from "../../../core/Segment.ts"
import * as TransactionId from "../../../core/TransactionId.ts"
import { createSegments, sealSegments, type World } from "../World.ts"
import type { StreamState } from "./ControllerState.ts"
import * as Epochs from "./Epochs.ts"
import type { OpenTransaction } from "./Model.ts"
import * as WriterTimes from "./WriterTimes.ts"

/** What a committing writer says about time. @category models @since 0.1.0 */
export interface Mark {
  readonly writer: string
  readonly timestamp: bigint | undefined
}

type Decided = OpenTransaction & { readonly commit: NonNullable<OpenTransaction["commit"]> }

/** Merged together at most. */
const batchSize = 100

/**
 * Records the decision. What can be merged at once is; a rolling transaction waits for the next turn, so that those
 * decided in this one share its epochs.
 *
 * @category transitions
 * @since 0.1.0
 */
export const decide = (world: World, state: StreamState, transaction: OpenTransaction, mark: Mark): void => {
  const queue = waiting(state)
  const order = queue.reduce((highest, { commit }) => Math.max(highest, commit.order), 0) + 1
  const { timestamp, writer } = mark
  const commit = { order, writer, ...(timestamp === undefined ? {} : { timestamp }) }
  const decided = { ...transaction, commit }
  if (queue.length === 0 && !isRolling(state, decided)) return mergeAll(world, state, [decided])
  world.state.putOpen(state, decided)
  world.defer(() => drain(world, state))
}

/** Merges all that is decided, the lowest epoch first. @category transitions @since 0.1.0 */
export const drain = (world: World, state: StreamState): void => {
  for (;;) {
    const queue = waiting(state)
    if (queue.length === 0) return
    const epoch = queue.reduce((lowest, { id }) => Math.min(lowest, TransactionId.epoch(id)), Number.POSITIVE_INFINITY)
    const batch = queue.filter(({ id }) => TransactionId.epoch(id) === epoch)
      .toSorted((a, b) => a.commit.order - b.commit.order)
      .slice(0, batchSize)
    if (isRolling(state, batch[0]!)) roll(world, state, batch)
    else mergeAll(world, state, batch)
  }
}

const waiting = ({ decided, open }: StreamState): ReadonlyArray<Decided> =>
  Array.from(decided, (id) => open.get(id)).filter(isDecided)

const isDecided = (transaction: OpenTransaction | undefined): transaction is Decided =>
  transaction?.commit !== undefined

/** Whether the transaction's segments are others than the active ones, by number. */
const isRolling = ({ record: { epochs } }: StreamState, { id }: OpenTransaction): boolean =>
  epochs[TransactionId.epoch(id)]?.reference !== Epochs.active(epochs).reference

/** Into the active segments of the same numbers. */
const mergeAll = (world: World, state: StreamState, batch: ReadonlyArray<Decided>): void => {
  finish(world, state, batch, Epochs.active(state.record.epochs))
}

const roll = (world: World, state: StreamState, batch: ReadonlyArray<Decided>): void => {
  const { name, record } = state
  const { epochs, settings } = record
  const [copy, next] = Epochs.roll(epochs, epochs[TransactionId.epoch(batch[0]!.id)]!)
  createSegments(world, name, settings, copy.segments)
  finish(world, state, batch, copy)
  createSegments(world, name, settings, next.segments)
  const bytes = sealSegments(world, name, copy.segments) + sealSegments(world, name, Epochs.active(epochs).segments)
  world.state.putStream(name, {
    ...record,
    epochs: [...epochs, copy, next],
    sealedBytes: record.sealedBytes + bytes
  })
}

/** Merges a batch of one epoch into an epoch with the same numbers. */
const finish = (world: World, state: StreamState, batch: ReadonlyArray<Decided>, target: Epochs.Epoch): void => {
  const { name } = state
  /** Per transaction: where each segment ended after it. */
  const positions = batch.map(() => new Map<bigint, bigint>())
  for (const { id } of target.segments) {
    const sources = batch.map((transaction) =>
      transactionName(name, makeId(number(id), TransactionId.epoch(transaction.id)), transaction.id)
    )
    const merged = world.container.mergeBatch(segmentName(name, id), sources)
    if (merged._tag === "MergedBatch") {
      merged.lengths.forEach((length, i) => positions[i]!.set(id, BigInt(length)))
    } else {
      // a client took the stream's segment away behind the controller's back: nobody could read these events
      for (const source of sources) world.container.delete(source)
    }
  }
  const completed = world.now()
  batch.forEach(({ commit: { timestamp, writer }, id }, i) => {
    world.state.putCompleted(state, id, { outcome: "committed", completed })
    if (timestamp !== undefined) WriterTimes.note(world, state, writer, timestamp, positions[i]!)
  })
}
