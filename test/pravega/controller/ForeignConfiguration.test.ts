/** Configurations that other clients gave their streams, read through the controller client. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Result } from "effect"
import fc from "fast-check"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import { Controller } from "../../../src/pravega/controller/Controller.ts"
import * as ControllerLayers from "../../../src/pravega/controller/ControllerLayers.ts"
import { ControllerTransport } from "../../../src/pravega/controller/ControllerTransport.ts"
import * as pb from "../../../src/pravega/controller/gen/Controller_pb.ts"
import * as Messages from "../../../src/pravega/controller/internal/ControllerMessages.ts"

const stream = ScopedStream.fromTextUnsafe("scope/stream")
const longMax = (1n << 63n) - 1n

/** What the client makes of the configuration that a controller answers with. */
const read = (message: MessageInitShape<typeof pb.StreamConfigSchema>) => {
  const reply = toBinary(pb.StreamConfigSchema, create(pb.StreamConfigSchema, message))
  const transport = Layer.succeed(ControllerTransport, { unary: () => Effect.succeed(reply) })
  return Effect.gen(function*() {
    return yield* Effect.result((yield* Controller).streamConfiguration(stream))
  }).pipe(Effect.provide(ControllerLayers.client().pipe(Layer.provide(transport))))
}

const fixed = { scaleType: pb.ScalingPolicy_ScalingPolicyType.FIXED_NUM_SEGMENTS, minNumSegments: 1 }
const Retention = pb.RetentionPolicy_RetentionPolicyType

describe("a configuration made by another client", () => {
  it.effect("that this one would refuse is an unexpected reply that says what is wrong", () =>
    Effect.gen(function*() {
      const refused: ReadonlyArray<readonly [MessageInitShape<typeof pb.StreamConfigSchema>, RegExp]> = [
        [{}, /scalingPolicy is missing/],
        [{ scalingPolicy: { ...fixed, minNumSegments: 0 } }, /segments/],
        [
          {
            scalingPolicy: fixed,
            retentionPolicy: { retentionType: Retention.TIME, retentionParam: 10n, retentionMax: 5n }
          },
          /maximum not below the minimum/
        ],
        [
          {
            scalingPolicy: fixed,
            retentionPolicy: { retentionType: Retention.SIZE, retentionParam: 10n, retentionMax: 5n }
          },
          /maximum not below the minimum/
        ],
        [{ scalingPolicy: fixed, retentionPolicy: { retentionType: Retention.TIME, retentionParam: -1n } }, /millis/],
        [{ scalingPolicy: fixed, timestampAggregationTimeout: -1n }, /millis/],
        [{ scalingPolicy: fixed, tags: { tag: ["x".repeat(300)] } }, /255/]
      ]
      for (const [message, problem] of refused) {
        const result = yield* read(message)
        if (Result.isSuccess(result)) return assert.fail(`read: ${String(problem)}`)
        assert.strictEqual(result.failure.reason._tag, "UnexpectedReply")
        assert.match(result.failure.message, problem)
        assert.match(result.failure.message, /scope\/stream/)
      }
    }))

  it.effect("that keeps events for ever is read, and is the same when written again", () =>
    Effect.gen(function*() {
      const message = {
        scalingPolicy: fixed,
        retentionPolicy: { retentionType: Retention.TIME, retentionParam: longMax, retentionMax: longMax },
        timestampAggregationTimeout: longMax
      }
      const configuration = Result.getOrThrow(yield* read(message))
      assert.strictEqual(Duration.toMillis(configuration.timestampAggregationTimeout), 2 ** 63)
      const { retentionPolicy, timestampAggregationTimeout } = create(
        pb.StreamConfigSchema,
        Messages.streamConfig(stream, configuration)
      )
      assert.deepInclude(retentionPolicy, message.retentionPolicy)
      assert.strictEqual(timestampAggregationTimeout, longMax)
    }))

  it.effect("is read or an unexpected reply, whatever it holds, and what is read can be written", () => {
    const long = fc.oneof(fc.bigInt({ min: -longMax - 1n, max: longMax }), fc.bigInt({ min: -2n, max: 9n }))
    const int = fc.oneof(fc.integer(), fc.integer({ min: -1, max: 3 }))
    const scaleType = fc.constantFrom(...Object.values(pb.ScalingPolicy_ScalingPolicyType))
    const retentionType = fc.constantFrom(...Object.values(Retention))
    // a field that is absent reads as its default
    const message = fc.record({
      scalingPolicy: fc.record({ scaleType, targetRate: int, scaleFactor: int, minNumSegments: int }),
      retentionPolicy: fc.record({ retentionType, retentionParam: long, retentionMax: long }),
      tags: fc.record({ tag: fc.array(fc.string({ maxLength: 300 }), { maxLength: 3 }) }),
      timestampAggregationTimeout: long,
      rolloverSizeBytes: long
    })
    return Effect.promise(() =>
      fc.assert(fc.asyncProperty(message, async (message) => {
        const result = await Effect.runPromise(read(message))
        if (Result.isFailure(result)) return assert.strictEqual(result.failure.reason._tag, "UnexpectedReply")
        const written = create(pb.StreamConfigSchema, Messages.streamConfig(stream, result.success))
        assert.deepStrictEqual(
          Messages.fromStreamConfig(written),
          result.success
        )
        toBinary(pb.StreamConfigSchema, written)
      }))
    )
  })
})
