/**
 * Segments: their ids, numbers and epochs, and the names the wire commands carry. Names are read in `SegmentName`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { KeyRange } from "./KeyRange.ts"
import { ScopedStream } from "./ScopedStream.ts"
import * as TransactionId from "./TransactionId.ts"

const maxId = (1n << 63n) - 1n
const maxNumber = 0x7fffffff
/** Set in the ids whose lower half is no Java int of zero or more. */
const numberSign = 1n << 31n

/**
 * `epoch << 32 | number`, as the controller numbers segments; the epoch is that in which the segment was created. Both
 * are 0 to 2^31 - 1.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SegmentId = Schema.BigInt.pipe(
  Schema.check(
    Schema.isBetweenBigInt({ minimum: 0n, maximum: maxId }),
    Schema.makeFilter((id) => (id & numberSign) === 0n || "a segment's number of 0 to 2^31 - 1 in the lower 32 bits")
  ),
  Schema.brand("SegmentId")
)
/** @category models @since 0.1.0 */
export type SegmentId = typeof SegmentId.Type

/** The offset of a segment that is completely read, in positions and in stream cuts. @internal @category constants @since 0.1.0 */
export const fullyRead = -1n

/** A segment of a stream. @category schemas @since 0.1.0 */
export const Segment = Schema.Struct({ stream: ScopedStream, id: SegmentId })
/** @category models @since 0.1.0 */
export interface Segment {
  readonly stream: ScopedStream
  readonly id: SegmentId
}

/** A segment with the key range it holds. @category schemas @since 0.1.0 */
export const SegmentWithRange = Schema.Struct({ id: SegmentId, range: KeyRange })
/** @category models @since 0.1.0 */
export interface SegmentWithRange {
  readonly id: SegmentId
  readonly range: KeyRange
}

/** The number of a segment: the lower 32 bits of its id. @category getters @since 0.1.0 */
export const number = (id: SegmentId): number => Number(BigInt.asIntN(32, id))

/** The epoch in which a segment was created: the upper 32 bits of its id. @category getters @since 0.1.0 */
export const epoch = (id: SegmentId): number => Number(id >> 32n)

/** From number and epoch, each 0 to 2^31 - 1; throws for others. @category constructors @since 0.1.0 */
export const makeId = (number: number, epoch: number): SegmentId => {
  if (!isInt31(number) || !isInt31(epoch)) {
    throw new RangeError(`a segment's number and epoch are 0 to ${maxNumber}, not ${number} and ${epoch}`)
  }
  return SegmentId.make((BigInt(epoch) << 32n) | BigInt(number))
}

/** The full name used in wire commands: `scope/stream/number.#epoch.epoch`. @category naming @since 0.1.0 */
export const name = (
  stream: { readonly scope: string; readonly stream: string },
  id: SegmentId
): string => `${stream.scope}/${stream.stream}/${number(id)}.#epoch.${epoch(id)}`

/**
 * The name of a transaction's part of a segment: the segment's, then `#transaction.` and the id's 32 digits.
 *
 * The segment's id must carry the transaction's epoch, as `createTransaction` gives it; for the ids of an epoch's
 * segments, apply `inTransaction` first.
 *
 * @internal
 * @category naming
 * @since 0.1.0
 */
export const transactionName = (
  stream: ScopedStream,
  id: SegmentId,
  transaction: TransactionId.TransactionId
): string => `${name(stream, id)}#transaction.${TransactionId.toHex(transaction)}`

/**
 * The id that a segment goes by in a transaction: its number, with the transaction's epoch in place of its own. The
 * stream may have no segment of that id.
 *
 * @internal
 * @category converting
 * @since 0.1.0
 */
export const inTransaction = (id: SegmentId, transaction: TransactionId.TransactionId): SegmentId =>
  makeId(number(id), TransactionId.epoch(transaction))

const isInt31 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= maxNumber
