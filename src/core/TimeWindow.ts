/**
 * Time windows: between which of the times that a stream's writers noted a group of readers is.
 *
 * @see `TimeWindow` of Pravega 0.13.0
 * @since 0.1.0
 */

/**
 * Both bounds are in the writers' own unit. The lower is undefined near the head of the stream, before the first note of
 * time; the upper near its tail, behind the last one.
 *
 * @category models
 * @since 0.1.0
 */
export interface TimeWindow {
  /** Every event that is still to come is of this time or later, as far as writers noted. */
  readonly lower: bigint | undefined
  /** Every event that was read is of this time or earlier, as far as writers noted. */
  readonly upper: bigint | undefined
}

/** Nothing is known. @category constants @since 0.1.0 */
export const unknown: TimeWindow = { lower: undefined, upper: undefined }
