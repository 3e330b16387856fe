/**
 * Segments: their ids, numbers, epochs and names.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { KeyRange } from "./KeyRange.ts"
import type { ScopedStream } from "./ScopedStream.ts"

/** `epoch << 32 | number`, as the controller numbers segments. @category models */
export const SegmentId = Schema.BigInt.pipe(Schema.brand("SegmentId"))
export type SegmentId = typeof SegmentId.Type

/** A segment of a stream. @category models */
export interface Segment {
  readonly stream: ScopedStream
  readonly id: SegmentId
}

/** A segment with the key range it holds. @category models */
export interface SegmentWithRange {
  readonly id: SegmentId
  readonly range: KeyRange
}

/** The number of a segment: the lower 32 bits of its id. @category getters */
export const number = (id: SegmentId): number => Number(BigInt.asIntN(32, id))

/** The epoch in which a segment was created: the upper 32 bits of its id. @category getters */
export const epoch = (id: SegmentId): number => Number(id >> 32n)

/** @category constructors */
export const makeId = (number: number, epoch: number): SegmentId =>
  SegmentId.make((BigInt(epoch) << 32n) | BigInt(number))

/** The full name used in wire commands: `scope/stream/number.#epoch.epoch`. @category naming */
export const name = (stream: ScopedStream, id: SegmentId): string =>
  `${stream.scope}/${stream.stream}/${number(id)}.#epoch.${epoch(id)}`
