/**
 * What stores call a segment, or the part of a transaction that goes to it.
 *
 * @internal
 */
import * as Segment from "../../core/Segment.ts"
import type { SegmentRef } from "./Segments.ts"

/** @category naming @since 0.1.0 */
export const nameOf = ({ id, stream, transaction }: SegmentRef): string =>
  transaction === undefined ? Segment.name(stream, id) : Segment.transactionName(stream, id, transaction)
