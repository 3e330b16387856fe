/**
 * What a pipeline has of a flow whose steps remember: the program, and how its state is opened. The state is that of a
 * `StateStore`, known here by what the engine asks of it.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Program } from "../../flow/machine/Machine.ts"
import type { Rows } from "../../flow/machine/Operator.ts"
import type { OpenOptions, StateSize, StoredRow } from "../../state/QueryState.ts"
import type { StateHead } from "../../state/StateHead.ts"

/** A query's state while it runs; see `QueryState`. @category models @since 0.2.0 */
export interface OpenState<out E> {
  readonly head: () => StateHead | undefined
  readonly size: () => StateSize
  readonly current: (step: string, slot?: number) => ReadonlyArray<StoredRow>
  readonly begin: (batch: number, attempt: number) => {
    readonly rows: (step: string, slot: number) => Rows
    readonly prepare: Effect.Effect<StateHead | undefined, E>
  }
  readonly discard: () => void
  readonly isKept: (head: StateHead | undefined) => Effect.Effect<boolean, E>
  readonly commit: (head: StateHead | undefined) => Effect.Effect<void, E>
}

/** @category models @since 0.2.0 */
export interface FlowPart<out E, out R> {
  readonly program: Program
  /** How many slots the keys lie in. Fixed at the query's first start. */
  readonly slots: number
  /** How many rows that are due a step takes in a batch, at most, in each slot. */
  readonly maxFirings: number
  /** What it does beside batches ends with the Scope. */
  readonly open: (options: OpenOptions) => Effect.Effect<OpenState<E>, E, R | Scope.Scope>
}
