/**
 * Transaction ids.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** A transaction's id, a UUID in lower-case text form; its upper 32 bits are the transaction's epoch. @category models */
export const TransactionId = Schema.String.pipe(
  Schema.check(Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/)),
  Schema.brand("TransactionId")
)
export type TransactionId = typeof TransactionId.Type

/** The epoch a transaction belongs to. @category getters */
export const epoch = (id: TransactionId): number => Number.parseInt(id.slice(0, 8), 16) | 0
