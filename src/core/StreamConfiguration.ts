/**
 * The configuration a stream is created or updated with.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { WholeMillis } from "./internal/WholeMillis.ts"
import { RetentionPolicy } from "./RetentionPolicy.ts"
import { ScalingPolicy } from "./ScalingPolicy.ts"

const maxTags = 127
const maxTagLength = 255

/**
 * A stream's configuration. Everything but the scaling policy has a default.
 *
 * **Gotchas**
 *
 * An update replaces the whole configuration: what is left out goes back to its default.
 *
 * @see `StreamConfiguration` of the Java client 0.13.0, where the limits of the tags come from
 * @category models
 * @since 0.1.0
 */
export class StreamConfiguration extends Schema.Class<StreamConfiguration>("effect-pravega/StreamConfiguration")({
  scaling: ScalingPolicy,
  /** If absent, nothing is truncated automatically. */
  retention: Schema.optionalKey(RetentionPolicy),
  /** Fewer than 128 tags, each shorter than 256 characters, none twice. */
  tags: Schema.Array(Schema.String.check(Schema.isMaxLength(maxTagLength))).pipe(
    Schema.check(Schema.isMaxLength(maxTags), Schema.isUnique()),
    Schema.withConstructorDefault(Effect.succeed([]))
  ),
  /**
   * A writer that has noted no time for this long is left out of the stream's watermarks. A whole number of milliseconds;
   * default: 0.
   */
  timestampAggregationTimeout: WholeMillis.pipe(Schema.withConstructorDefault(Effect.succeed(Duration.zero))),
  /** The size of a segment's chunks in long-term storage, in bytes. Default: 0, which leaves it to the server. */
  rolloverSizeBytes: Schema.BigInt.pipe(
    Schema.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: (1n << 63n) - 1n })),
    Schema.withConstructorDefault(Effect.succeed(0n))
  )
}) {}
