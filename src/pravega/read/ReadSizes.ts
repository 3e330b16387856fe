/**
 * What users say of how much is read at the same time, checked. How segments share it is `ReadBudget`'s.
 *
 * @internal
 */
import { maxEventSize } from "../../core/bytes/EventFrame.ts"
import * as NumberOption from "../../core/NumberOption.ts"

/** How many bytes are read ahead. @category options @since 0.2.0 */
export const readAhead = (bytes: number | undefined, otherwise: number): number =>
  NumberOption.check("readAheadBytes", bytes, { least: 1, most: Number.MAX_SAFE_INTEGER, otherwise })

/** The largest event that is taken, in bytes, without its header. @category options @since 0.2.0 */
export const eventLimit = (bytes: number | undefined): number =>
  NumberOption.check("maxEventBytes", bytes, { least: 0, most: 0x7fff_ffff, otherwise: maxEventSize })

/** How many are read at the same time. @category options @since 0.2.0 */
export const concurrency = (count: number | undefined, otherwise: number): number =>
  NumberOption.check("concurrency", count, { least: 1, most: Infinity, otherwise })
