/** Who gives up on a server says which error it met last, down to what the operating system said. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Fiber, Layer, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import { makeId } from "../../src/core/Segment.ts"
import { Controller } from "../../src/pravega/controller/Controller.ts"
import { ControllerError, ControllerUnavailable } from "../../src/pravega/controller/ControllerError.ts"
import { ConnectionRefused } from "../../src/pravega/segmentstore/ConnectionError.ts"
import * as SegmentRequests from "../../src/pravega/segmentstore/SegmentRequests.ts"
import { Segments } from "../../src/pravega/segmentstore/Segments.ts"
import { SegmentStores } from "../../src/pravega/segmentstore/SegmentStores.ts"
import * as ConditionalAppender from "../../src/pravega/synchronizer/internal/ConditionalAppender.ts"
import * as SegmentSuccession from "../../src/pravega/write/internal/SegmentSuccession.ts"

const stream = ScopedStream.fromTextUnsafe("market/trades")
const segment = { stream, id: makeId(0, 0) }

const refused = Object.assign(new Error("connect ECONNREFUSED 10.0.0.1:9090"), { code: "ECONNREFUSED", errno: -111 })
const isRefused = Effect.fail(new ConnectionRefused({ endpoint: "10.0.0.1:9090", cause: refused }))

const services = Layer.provideMerge(
  SegmentRequests.layer,
  Layer.merge(
    Layer.mock(SegmentStores)({
      requests: () => isRefused,
      appends: () => isRefused,
      lane: Effect.succeed(0)
    }),
    Layer.mock(Controller)({
      endpoint: () => Effect.succeed({ host: "10.0.0.1", port: 9090 }),
      delegationToken: () => Effect.succeed(""),
      successors: () =>
        Effect.fail(
          new ControllerError({
            reason: new ControllerUnavailable({
              operation: "getSegmentsImmediatelyFollowing",
              subject: "market/trades/0",
              attempts: 12,
              status: "UNAVAILABLE",
              details: "no connection",
              cause: refused
            })
          })
        )
    })
  )
)

/** The error that it fails with, given as much time as it wants. */
const failureOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.flip(effect))
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  }).pipe(Effect.scoped)

const rootOf = (error: unknown): unknown =>
  error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error

describe("what gave up on a server", () => {
  for (
    const [name, effect] of [
      ["a request to a store", Effect.flatMap(Segments, (segments) => segments.info(segment))],
      [
        "a conditional append",
        Effect.gen(function*() {
          const found = { segments: yield* Segments, stores: yield* SegmentStores }
          return yield* (yield* ConditionalAppender.make(found, segment)).append(Uint8Array.of(1), 0n)
        })
      ],
      [
        "the search for a segment's successors",
        Effect.flatMap(Controller, (controller) =>
          SegmentSuccession.follow(segment.id, () => true, {
            controller,
            stream,
            outageLimit: Duration.minutes(1),
            generations: "each"
          }))
      ]
    ] as const
  ) {
    it.effect(`${name} prints why`, () =>
      Effect.gen(function*() {
        const error: unknown = yield* failureOf<unknown, unknown, Segments | SegmentStores | Controller | Scope.Scope>(
          effect
        )
        const printed = Cause.pretty(Cause.fail(error))
        assert.include(printed, "attempt(s)")
        assert.include(printed, `[cause]: Error: ${refused.message}`)
        assert.strictEqual(rootOf(error), refused)
      }).pipe(Effect.provide(services)))
  }
})
