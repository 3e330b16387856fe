/**
 * The state of one query while it runs: the rows of its steps at the version that is current, and one try of the next.
 * State is a participant of the commit protocol: a try's delta is durable before `prepared(n)` names it, and becomes
 * current with `committed(n)`. Until then the version before is whole, and a try that failed leaves nothing.
 *
 * It doesn't say when that is (`Commit`), what a step does with rows (`Operator`), or where deltas are kept (`StateHome`).
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { RowKind, Rows } from "../flow/machine/Operator.ts"
import type { StateStoreError } from "./StateError.ts"

/**
 * A version of the state, as the log's records name it: a delta that is durable, and by its digest all those before it. Its
 * name is (log, version, epoch, attempt), so that no two tries write the same one.
 *
 * @category schemas
 * @since 0.2.0
 */
export const StateHead = Schema.Struct({
  /** The name that the log has of its own: that of its first record. */
  log: Schema.String,
  /** The batch that made it. A batch that changed no row has the head of the one before. */
  version: Schema.Int,
  epoch: Schema.Int,
  attempt: Schema.Int,
  /** The sum, over all slots, of what changed: the same however the work was spread. 32 hexadecimal digits. */
  digest: Schema.String
})
/** @category models @since 0.2.0 */
export type StateHead = typeof StateHead.Type

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
   * Makes a head current that `prepared` names: that of the open try, or else by reading its delta. Its predecessor must be
   * what is current. Fails with `StateMissing` when the delta is gone: then, where the flow is pure, the batch can be run
   * again, and its head must have the same digest.
   */
  readonly commit: (head: StateHead | undefined) => Effect.Effect<void, StateStoreError>
}
