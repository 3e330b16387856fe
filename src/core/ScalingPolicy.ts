/**
 * How the controller scales a stream. The policy only: scaling by hand is an operation of `Admin`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 0x7fffffff }))

/** The number of segments changes only by hand. @category models @since 0.1.0 */
export const Fixed = Schema.TaggedStruct("Fixed", { segments: Count })

/** Segments are split and merged to hold each near a rate of bytes. @category models @since 0.1.0 */
export const ByDataRate = Schema.TaggedStruct("ByDataRate", {
  /** Per segment, in KB (1024 bytes) per second. */
  kilobytesPerSecond: Count,
  /** Into how many segments a hot one is split. */
  scaleFactor: Count,
  minimumSegments: Count
})

/** Segments are split and merged to hold each near a rate of events. @category models @since 0.1.0 */
export const ByEventRate = Schema.TaggedStruct("ByEventRate", {
  /** Per segment. */
  eventsPerSecond: Count,
  /** Into how many segments a hot one is split. */
  scaleFactor: Count,
  minimumSegments: Count
})

/** @category schemas @since 0.1.0 */
export const ScalingPolicy = Schema.Union([Fixed, ByDataRate, ByEventRate])
/** @category models @since 0.1.0 */
export type ScalingPolicy = typeof ScalingPolicy.Type

/** A fixed number of segments, at least 1; another is refused with the configuration. @category constructors @since 0.1.0 */
export const fixed = (segments: number): ScalingPolicy => ({ _tag: "Fixed", segments })

/**
 * Automatic scaling by KB per second and segment.
 *
 * **Example**
 *
 * ```ts
 * import { ScalingPolicy } from "effect-pravega"
 *
 * // never fewer than 2 segments; one that takes more than 1 MiB/s for a while is split into two
 * const policy = ScalingPolicy.byDataRate({ kilobytesPerSecond: 1024, scaleFactor: 2, minimumSegments: 2 })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const byDataRate = (options: {
  readonly kilobytesPerSecond: number
  readonly scaleFactor: number
  readonly minimumSegments: number
}): ScalingPolicy => ({ _tag: "ByDataRate", ...options })

/** Automatic scaling by events per second and segment. @category constructors @since 0.1.0 */
export const byEventRate = (options: {
  readonly eventsPerSecond: number
  readonly scaleFactor: number
  readonly minimumSegments: number
}): ScalingPolicy => ({ _tag: "ByEventRate", ...options })

/** The number of segments that a new stream of this policy starts with. @category getters @since 0.1.0 */
export const initialSegments = (policy: ScalingPolicy): number =>
  policy._tag === "Fixed" ? policy.segments : policy.minimumSegments
