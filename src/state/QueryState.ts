/**
 * The state of one query while it runs: the rows of its steps at the version that is current, and one try of the next.
 * State is a participant of the commit protocol: a try's delta is durable before `prepared(n)` names it, and becomes
 * current with `committed(n)`. Until then the version before is whole, and a try that failed leaves nothing.
 *
 * It doesn't say when that is (`Commit`), what a step does with rows (`Operator`), or where deltas are kept (`StateHome`).
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { RowKind, Rows } from "../flow/machine/Operator.ts"
import type { DeltaHead, Finished, StoredRow } from "./internal/Delta.ts"
import * as Recovery from "./internal/Recovery.ts"
import * as Snapshots from "./internal/Snapshots.ts"
import * as StoredDeltas from "./internal/StoredDeltas.ts"
import { WorkingSet } from "./internal/WorkingSet.ts"
import type { StateHome } from "./StateContract.ts"
import { StateStoreError, UnknownState } from "./StateError.ts"
import type { StateHead } from "./StateHead.ts"

export type { At, StoredRow } from "./internal/Delta.ts"
export type { SnapshotPolicy as SnapshotRules } from "./internal/Snapshots.ts"
export { StateHead } from "./StateHead.ts"

/** What the log says, and what the flow is. @category options @since 0.2.0 */
export interface OpenOptions {
  readonly query: string
  readonly log: string
  /** The epoch that was claimed. */
  readonly epoch: number
  /** The last batch that the log has planned; -1: none. */
  readonly lastPlanned: number
  /** What the last `committed` names; undefined: no batch has changed a row yet. */
  readonly head: StateHead | undefined
  /** The steps with state by their names, and their kinds of rows (`Operator.rows`). */
  readonly operators: Readonly<Record<string, Readonly<Record<string, RowKind>>>>
  /** The versions that savepoints of this log need; asked before something is deleted. Default: none. */
  readonly pinned?: Effect.Effect<ReadonlyArray<StateHead>, unknown> | undefined
}

/**
 * When the state of a query is put into a snapshot. Fewer deltas are for tests.
 *
 * @category references
 * @since 0.2.0
 */
export const SnapshotPolicy = Context.Reference<Snapshots.SnapshotPolicy>(
  "effect-pravega/state/QueryState/SnapshotPolicy",
  { defaultValue: () => ({ deltas: 64, most: 1000, bytesPerBatch: 4 * 1024 * 1024 }) }
)

/** One try of a batch: it reads the version before and what it wrote itself; nobody else sees that. @category models @since 0.2.0 */
export interface StateTry {
  /** The rows of a step in a slot; throws `StateStoreError` when a value can't be decoded. */
  readonly rows: (operator: string, slot: number) => Rows
  /**
   * Writes the delta, and answers with its head when it is durable; with the head before when no row changed. To be called
   * once, when all slots are done. The rows are not to be touched after it.
   */
  readonly prepare: Effect.Effect<StateHead | undefined, StateStoreError>
}

/** How much there is. @category models @since 0.2.0 */
export interface StateSize {
  readonly rows: number
  /** Keys and values as they are stored. */
  readonly bytes: number
}

/** @category models @since 0.2.0 */
export interface QueryState {
  /** The version that is current. */
  readonly head: () => StateHead | undefined
  readonly size: () => StateSize
  /** The rows of a step at the version that is current; of a slot, if one is named. Those of a try that is open are not seen. */
  readonly current: (operator: string, slot?: number) => ReadonlyArray<StoredRow>
  /** Begins a try of a batch. What an earlier one wrote and was not committed is undone. */
  readonly begin: (batch: number, attempt: number) => StateTry
  /** Undoes the try that is open, if there is one. */
  readonly discard: () => void
  /**
   * Whether a head that `prepared` names can be made current: it is that of the open try, or all of its delta is there. If
   * not, its batch is to be run again before any more of it is seen, and must have the same digest.
   */
  readonly isKept: (head: StateHead | undefined) => Effect.Effect<boolean, StateStoreError>
  /**
   * Makes a head current that `prepared` names: that of the open try, or else by reading its delta. Its predecessor must be
   * what is current. Fails with `StateMissing` when the delta is gone: then, where the flow is pure, the batch can be run
   * again, and its head must have the same digest.
   */
  readonly commit: (head: StateHead | undefined) => Effect.Effect<void, StateStoreError>
}

/**
 * The state of a query at the version that its log names: its snapshot, and the deltas after that. Fails with `ForeignState`,
 * `StateMissing`, `StateBehindLog`, `LogBehindState`, `StateDamaged`, `UnknownState` or `WorkingSetFull`: each says what the log
 * and the home have; and with `StateUnavailable`.
 *
 * Opening writes nothing. While batches are committed, snapshots are made and what they make needless is deleted, in fibers of
 * the Scope around; what fails of that is logged and tried again, and harms no batch.
 *
 * @category constructors
 * @since 0.2.0
 */
export const open = Effect.fnUntraced(function*(
  home: StateHome,
  options: OpenOptions,
  heapBytes: number
): Effect.fn.Return<QueryState, StateStoreError, Scope.Scope> {
  const { query } = options
  const deltas = StoredDeltas.make(home, options)
  const rows = new WorkingSet({ ...options, heapBytes })
  yield* deltas.check
  const found = yield* Recovery.read(deltas, options.head, {
    check: (delta) => checkOperators(query, delta, rows),
    has: (row) => rows.has(row),
    load: (row, version) => rows.load(row, version),
    touch: (slot, version) => rows.touch(slot, version)
  })
  const snapshots = new Snapshots.Snapshots(home, deltas, rows, {
    ...options,
    policy: yield* SnapshotPolicy,
    scope: yield* Effect.scope,
    pinned: options.pinned ?? Effect.succeed([])
  }, found)
  return running(options, { deltas, rows, snapshots })
})

interface Parts {
  readonly deltas: StoredDeltas.StoredDeltas
  readonly rows: WorkingSet
  readonly snapshots: Snapshots.Snapshots
}

const running = (options: OpenOptions, { deltas, rows, snapshots }: Parts): QueryState => {
  const { query } = options
  let current = options.head
  let tried = 0
  let prepared: Prepared | undefined

  const discard = (): void => {
    tried++
    prepared = undefined
    rows.undo()
  }

  const prepare = (batch: number, attempt: number) =>
    Effect.flatMap(
      attempted(() => rows.write({ log: options.log, version: batch, epoch: options.epoch, attempt }, current)),
      ({ delta, size }) =>
        Effect.map(delta === undefined ? Effect.void : deltas.write(delta), () => {
          const [head, base] = [delta?.head ?? current, snapshots.next()]
          prepared = {
            head: head === undefined || base === undefined ? head : { ...head, base },
            size,
            bytes: delta === undefined ? 0 : sizeOf(delta)
          }
          return prepared.head
        })
    )

  return {
    head: () => current,
    size: () => rows.size(),
    current: (operator, slot) => rows.current(operator, slot),
    discard,
    begin: (batch, attempt) => {
      discard()
      const number = tried
      const checked = <A>(run: () => A): A => {
        if (number !== tried) throw new Error(`try ${attempt} of batch ${batch} is over`)
        return run()
      }
      return {
        rows: (operator, slot) => checked(() => rows.table(operator, slot)),
        prepare: Effect.suspend(() => checked(() => prepare(batch, attempt)))
      }
    },
    isKept: (head) => {
      const isHere = StoredDeltas.isSame(head, prepared?.head) || StoredDeltas.isSame(head, current)
      return head === undefined || isHere ? Effect.succeed(true) : isStored(deltas, head, current)
    },
    commit: Effect.fnUntraced(function*(head) {
      let written = 0
      if (prepared !== undefined && StoredDeltas.isSame(prepared.head, head)) {
        rows.settle(prepared.size, head?.version ?? -1)
        written = prepared.bytes
        prepared = undefined
        tried++
      } else {
        discard()
        if (head !== undefined && !StoredDeltas.isSame(head, current)) {
          written = yield* advance(query, deltas, rows, head, current)
        }
      }
      current = head
      yield* snapshots.committed(head, written)
    })
  }
}

/** A try whose delta is durable. */
interface Prepared {
  readonly head: StateHead | undefined
  readonly size: StateSize
  /** Of its delta. */
  readonly bytes: number
}

const sizeOf = ({ chunks, object }: Finished): number =>
  chunks.reduce((bytes, chunk) => bytes + chunk.length, object.length)

/** Whether a delta is there, all of it. */
const isStored = (
  deltas: StoredDeltas.StoredDeltas,
  head: StateHead,
  predecessor: StateHead | undefined
): Effect.Effect<boolean, StateStoreError> =>
  deltas.find(head, { head: predecessor }).pipe(
    Effect.flatMap((found) => found.read(() => {})),
    Effect.as(true),
    Effect.catch((error) => StoredDeltas.isGone(error) ? Effect.succeed(false) : Effect.fail(error))
  )

/** Brings the rows from a version to the one that follows it. Answers with the bytes of what was read. */
const advance = Effect.fnUntraced(function*(
  query: string,
  deltas: StoredDeltas.StoredDeltas,
  rows: WorkingSet,
  head: StateHead,
  predecessor: StateHead | undefined
) {
  const found = yield* deltas.find(head, { head: predecessor })
  yield* checkOperators(query, found.delta, rows)
  // all of it or nothing
  const all: Array<StoredRow> = []
  yield* found.read((row) => all.push(row))
  yield* attempted(() => all.forEach((row) => rows.load(row, head.version)))
  return all.reduce((bytes, row) => bytes + Recovery.bytesOf(row), 0)
})

/** Rows of steps that the flow doesn't have are not dropped unseen. */
const checkOperators = (query: string, { operators }: DeltaHead, rows: WorkingSet) => {
  const unknown = operators.filter((name) => !rows.operators.includes(name))
  return unknown.length === 0
    ? Effect.void
    : Effect.fail(new StateStoreError({ reason: new UnknownState({ query, operators: unknown }) }))
}

/** What is thrown besides is a defect. */
const attempted = <A>(run: () => A): Effect.Effect<A, StateStoreError> =>
  Effect.try({
    try: run,
    catch: (cause) => {
      if (cause instanceof StateStoreError) return cause
      throw cause
    }
  })
