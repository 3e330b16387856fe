/** The limits of event writers and of writers in transactions, and their defaults. */
import * as Duration from "effect/Duration"
import * as NumberOption from "../../core/NumberOption.ts"

/** How much a writer holds, and how long it tries. @category models @since 0.1.0 */
export interface WriterLimits {
  readonly maxPendingBytes: number
  readonly blockBytes: number
  readonly outageLimit: Duration.Duration
  readonly closeTimeout: Duration.Duration
}

/** @category models @since 0.1.0 */
export interface WriterLimitOptions {
  readonly maxPendingBytes?: number | undefined
  readonly blockBytes?: number | undefined
  readonly outageLimit?: Duration.Input | undefined
  readonly closeTimeout?: Duration.Input | undefined
}

/** Two of these, or one of the largest event, fit into a frame. */
const largestBlockBytes = 8 * 1024 * 1024

/** @category constructors @since 0.1.0 */
export const make = (options: WriterLimitOptions | undefined): WriterLimits => ({
  maxPendingBytes: NumberOption.check("maxPendingBytes", options?.maxPendingBytes, {
    least: 1,
    most: Infinity,
    otherwise: 8 * 1024 * 1024
  }),
  blockBytes: NumberOption.check("blockBytes", options?.blockBytes, {
    least: 1,
    most: largestBlockBytes,
    otherwise: 512 * 1024
  }),
  outageLimit: Duration.fromInputUnsafe(options?.outageLimit ?? "10 minutes"),
  closeTimeout: Duration.fromInputUnsafe(options?.closeTimeout ?? "30 seconds")
})
