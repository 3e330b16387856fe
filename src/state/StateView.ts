/**
 * A version of a query's state as those see it who only look: from another process, or when the query does not run. Nothing is
 * written, and nothing is claimed.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type { RowKind } from "../flow/machine/Operator.ts"
import type { StoredRow } from "./internal/Delta.ts"
import * as Recovery from "./internal/Recovery.ts"
import { codecOf } from "./internal/RowCodec.ts"
import * as StoredDeltas from "./internal/StoredDeltas.ts"
import type { StateHome } from "./StateContract.ts"
import type { StateStoreError } from "./StateError.ts"
import type { StateHead } from "./StateHead.ts"

/** @category options @since 0.2.0 */
export interface Options {
  readonly query: string
  /** The version, as the log names it. */
  readonly head: StateHead
  /** The step. */
  readonly operator: string
  /** Only the rows of this slot. */
  readonly slot?: number | undefined
}

/**
 * The rows of a step at a version, in no order. Of a query that runs, a version that is not its last one may be deleted meanwhile:
 * then it fails with `StateMissing`, and the log names a newer one.
 *
 * @category running
 * @since 0.2.0
 */
export const rows = Effect.fnUntraced(function*(
  home: StateHome,
  { head, operator, query, slot }: Options
): Effect.fn.Return<ReadonlyArray<StoredRow>, StateStoreError> {
  const found = new Map<string, StoredRow>()
  yield* Recovery.read(StoredDeltas.reader(home, { query, log: head.log }), head, {
    check: () => Effect.void,
    has: (row) => found.has(Recovery.idOf(row)),
    load: (row) => {
      if (row.operator === operator) found.set(Recovery.idOf(row), row)
    },
    touch: () => {},
    slot
  })
  return [...found.values()]
})

/** The value of a row by its kind's Schema. Throws what that throws. @category decoding @since 0.2.0 */
export const decode = (kinds: Readonly<Record<string, RowKind>>, { sub, value }: StoredRow): unknown =>
  value === undefined ? undefined : codecOf(kinds, sub).decode(value)
