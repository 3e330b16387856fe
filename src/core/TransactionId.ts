/**
 * Transaction ids. A transaction's state and its segments are not here.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A UUID in lower-case text form; its upper 32 bits are the transaction's epoch.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TransactionId = Schema.String.pipe(
  Schema.check(Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/)),
  Schema.brand("TransactionId")
)
/** @category models @since 0.1.0 */
export type TransactionId = typeof TransactionId.Type

/** The epoch a transaction belongs to (signed, though the controller's are not negative). @category getters @since 0.1.0 */
export const epoch = (id: TransactionId): number => Number.parseInt(id.slice(0, 8), 16) | 0

/** The two halves, signed, as controller messages carry them. @internal @category converting @since 0.1.0 */
export const toBits = (id: TransactionId): { readonly high: bigint; readonly low: bigint } => {
  const digits = toHex(id)
  return { high: signed(digits.slice(0, 16)), low: signed(digits.slice(16)) }
}

/** From the two halves, signed or not. @internal @category converting @since 0.1.0 */
export const fromBits = (bits: { readonly high: bigint; readonly low: bigint }): TransactionId =>
  fromHex(half(bits.high) + half(bits.low))

/** The 32 digits in the names of the transaction's segments. @internal @category converting @since 0.1.0 */
export const toHex = (id: TransactionId): string => id.replaceAll("-", "")

/** From the 32 digits in a segment's name; throws when they are something else. @internal @category converting @since 0.1.0 */
export const fromHex = (digits: string): TransactionId =>
  TransactionId.make(digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"))

const signed = (digits: string): bigint => BigInt.asIntN(64, BigInt(`0x${digits}`))

const half = (bits: bigint): string => BigInt.asUintN(64, bits).toString(16).padStart(16, "0")
