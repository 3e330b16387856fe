/**
 * What Pravega keeps of a stream before it truncates by itself. The controller looks about every 30 minutes; nothing is
 * truncated sooner.
 *
 * With reader groups that retain (subscribers), the lowest position they have reported is truncated to instead, as long
 * as at least the policy's minimum and at most its maximum is kept.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { WholeMillis } from "./internal/WholeMillis.ts"

/** The largest Java long: no upper limit. */
const unlimited = (1n << 63n) - 1n

const Bytes = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: unlimited }))

/** Keeps what is younger than a time. @category models @since 0.1.0 */
export const ByTime = Schema.TaggedStruct("ByTime", {
  /** What is younger than this is kept. A whole number of milliseconds. */
  minimum: WholeMillis,
  /** With subscribers: what is older than this is not kept, whatever they have read. If absent, there is no limit. */
  maximum: Schema.optionalKey(WholeMillis)
}).check(
  Schema.makeFilter(({ maximum, minimum }) =>
    maximum === undefined || Duration.isGreaterThanOrEqualTo(maximum, minimum) || "a maximum not below the minimum"
  )
)

/** Keeps the youngest bytes. @category models @since 0.1.0 */
export const BySize = Schema.TaggedStruct("BySize", {
  /** So many bytes are kept. */
  minimumBytes: Bytes,
  /** With subscribers: no more bytes than this are kept, whatever they have read. If absent, there is no limit. */
  maximumBytes: Schema.optionalKey(Bytes)
}).check(
  Schema.makeFilter(({ maximumBytes, minimumBytes }) =>
    maximumBytes === undefined || maximumBytes >= minimumBytes || "a maximum not below the minimum"
  )
)

/** @category schemas @since 0.1.0 */
export const RetentionPolicy = Schema.Union([ByTime, BySize])
/** @category models @since 0.1.0 */
export type RetentionPolicy = typeof RetentionPolicy.Type

/**
 * Keeps what is younger than `minimum`. What no stream can have, a negative time say, is refused with the configuration that
 * it is part of.
 *
 * **Example**
 *
 * ```ts
 * import { Admin, RetentionPolicy, ScalingPolicy } from "effect-pravega"
 *
 * const created = Admin.ensureStream("market/trades", {
 *   scaling: ScalingPolicy.fixed(4),
 *   retention: RetentionPolicy.byTime("7 days")
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const byTime = (
  minimum: Duration.Input,
  options?: { readonly maximum?: Duration.Input | undefined }
): RetentionPolicy => ({
  _tag: "ByTime",
  minimum: Duration.fromInputUnsafe(minimum),
  ...(options?.maximum === undefined ? {} : { maximum: Duration.fromInputUnsafe(options.maximum) })
})

/**
 * Keeps the youngest `minimumBytes`. What no stream can have is refused with the configuration that it is part of.
 *
 * **Example**
 *
 * ```ts
 * import { RetentionPolicy } from "effect-pravega"
 *
 * const tenGibibytes = RetentionPolicy.bySize(10n * 1024n ** 3n)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const bySize = (
  minimumBytes: bigint,
  options?: { readonly maximumBytes?: bigint | undefined }
): RetentionPolicy => ({
  _tag: "BySize",
  minimumBytes,
  ...(options?.maximumBytes === undefined ? {} : { maximumBytes: options.maximumBytes })
})
