/**
 * The state of one query while it runs: the rows of its steps at the version that is current, and one try of the next.
 * State is a participant of the commit protocol: a try's delta is durable before `prepared(n)` names it, and becomes
 * current with `committed(n)`. Until then the version before is whole, and a try that failed leaves nothing.
 *
 * It doesn't say when that is (`Commit`), what a step does with rows (`Operator`), or where deltas are kept (`StateHome`).
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type { RowKind, Rows } from "../flow/machine/Operator.ts"
import type { DeltaHead, StoredRow } from "./internal/Delta.ts"
import * as StoredDeltas from "./internal/StoredDeltas.ts"
import { WorkingSet } from "./internal/WorkingSet.ts"
import type { StateHome } from "./StateContract.ts"
import { StateStoreError, UnknownState } from "./StateError.ts"
import type { StateHead } from "./StateHead.ts"

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
}

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
 * The state of a query at the version that its log names. Reads the deltas back to the first, the newest first, and writes
 * nothing. Fails with `ForeignState`, `StateMissing`, `LogBehindState`, `StateDamaged`, `UnknownState` or `WorkingSetFull`:
 * each says what the log and the home have; and with `StateUnavailable`.
 *
 * @category constructors
 * @since 0.2.0
 */
export const open = Effect.fnUntraced(function*(
  home: StateHome,
  options: OpenOptions,
  heapBytes: number
): Effect.fn.Return<QueryState, StateStoreError> {
  const { query } = options
  const deltas = StoredDeltas.make(home, options)
  const rows = new WorkingSet({ ...options, heapBytes })
  yield* deltas.check
  yield* recover(query, deltas, rows, options.head)

  let current = options.head
  let tried = 0
  let prepared: { readonly head: StateHead | undefined; readonly size: StateSize } | undefined

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
          prepared = { head: delta?.head ?? current, size }
          return prepared.head
        })
    )

  return {
    head: () => current,
    size: () => rows.size(),
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
      if (prepared !== undefined && StoredDeltas.isSame(prepared.head, head)) {
        rows.settle(prepared.size)
        prepared = undefined
        tried++
      } else {
        discard()
        if (head !== undefined && !StoredDeltas.isSame(head, current)) {
          yield* advance(query, deltas, rows, head, current)
        }
      }
      current = head
    })
  }
})

/** Whether a delta is there, all of it. */
const isStored = (
  deltas: StoredDeltas.StoredDeltas,
  head: StateHead,
  predecessor: StateHead | undefined
): Effect.Effect<boolean, StateStoreError> =>
  deltas.find(head, { head: predecessor }).pipe(
    Effect.flatMap((found) => found.read(() => {})),
    Effect.as(true),
    Effect.catch((error) => error.reason._tag === "StateMissing" ? Effect.succeed(false) : Effect.fail(error))
  )

/** Brings the rows from a version to the one that follows it. */
const advance = Effect.fnUntraced(function*(
  query: string,
  deltas: StoredDeltas.StoredDeltas,
  rows: WorkingSet,
  head: StateHead,
  predecessor: StateHead | undefined
) {
  const found = yield* deltas.find(head, { head: predecessor })
  yield* checkOperators(query, found.delta, rows)
  yield* apply(found, rows)
})

/** All of a delta or nothing of it. */
const apply = (found: StoredDeltas.Found, rows: WorkingSet): Effect.Effect<void, StateStoreError> => {
  const all: Array<StoredRow> = []
  return Effect.andThen(found.read((row) => all.push(row)), attempted(() => all.forEach((row) => rows.load(row))))
}

/** From the newest delta to the first: a row counts as it is met first. */
const recover = Effect.fnUntraced(function*(
  query: string,
  deltas: StoredDeltas.StoredDeltas,
  rows: WorkingSet,
  head: StateHead | undefined
) {
  const deleted = new Set<string>()
  for (let next = head; next !== undefined;) {
    const found = yield* deltas.find(next)
    yield* checkOperators(query, found.delta, rows)
    yield* found.read((row) => {
      if (rows.has(row) || (deleted.size > 0 && deleted.has(idOf(row)))) return
      if (row.value === undefined) deleted.add(idOf(row))
      else rows.load(row)
    })
    next = found.delta.predecessor
  }
})

const idOf = ({ key, operator, slot, sub }: StoredRow): string => JSON.stringify([operator, slot, key, sub])

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
