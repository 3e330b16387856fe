/** Requests on segments over scripted stores: what is looked up, renewed and tried again, and what is not. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import { makeId } from "../../../src/core/Segment.ts"
import * as TransactionId from "../../../src/core/TransactionId.ts"
import { Controller } from "../../../src/pravega/controller/Controller.ts"
import { ConnectionLost, ConnectionRefused } from "../../../src/pravega/segmentstore/ConnectionError.ts"
import { usableMillis } from "../../../src/pravega/segmentstore/internal/DelegationToken.ts"
import type { SegmentConnection } from "../../../src/pravega/segmentstore/SegmentConnection.ts"
import * as SegmentRequests from "../../../src/pravega/segmentstore/SegmentRequests.ts"
import { Segments } from "../../../src/pravega/segmentstore/Segments.ts"
import { SegmentStores } from "../../../src/pravega/segmentstore/SegmentStores.ts"
import type { WireCommand } from "../../../src/pravega/wire/WireCommand.ts"

const stream = ScopedStream.fromTextUnsafe("market/trades")
const segment = { stream, id: makeId(3, 1) }
const name = "market/trades/3.#epoch.1"
const trace = ""

type Request = Extract<WireCommand, { readonly _tag: "ReadSegment" | "GetStreamSegmentInfo" }>
type Answer = (request: Request) => WireCommand | "lost" | "silent"

/** Each request takes the next answer, or the last one again. */
const scripted = (answers: ReadonlyArray<Answer>, options?: { readonly refused?: number; readonly token?: string }) => {
  const seen = { requests: Array.of<Request>(), lookups: 0, tokens: 0, opened: 0 }
  const connection = (endpoint: string): SegmentConnection => ({
    endpoint,
    nextRequestId: () => 1n,
    subscribe: () => () => {},
    send: () => true,
    sendFrame: () => true,
    onDrain: () => {},
    isLost: () => false,
    fail: () => {},
    call: (make) =>
      Effect.suspend(() => {
        const request = make(BigInt(seen.requests.length + 1))
        if (request._tag !== "ReadSegment" && request._tag !== "GetStreamSegmentInfo") return Effect.die(request)
        const answer = answers[Math.min(seen.requests.length, answers.length - 1)]?.(request) ?? "silent"
        seen.requests.push(request)
        if (answer === "silent") return Effect.never
        if (answer === "lost") return Effect.fail(new ConnectionLost({ endpoint, reason: "scripted" }))
        return Effect.succeed(answer)
      })
  })
  const stores = Layer.mock(SegmentStores)({
    requests: ({ host, port }) =>
      Effect.suspend(() =>
        ++seen.opened <= (options?.refused ?? 0)
          ? Effect.fail(new ConnectionRefused({ endpoint: `${host}:${port}`, cause: new Error("scripted") }))
          : Effect.succeed(connection(`${host}:${port}`))
      )
  })
  const controller = Layer.mock(Controller)({
    endpoint: () => Effect.sync(() => ({ host: `store${++seen.lookups}`, port: 1 })),
    delegationToken: () => Effect.sync(() => options?.token ?? `token${++seen.tokens}`)
  })
  return { seen, layer: SegmentRequests.layer.pipe(Layer.provide(Layer.merge(stores, controller))) }
}

const run = Effect.fnUntraced(function*<A, E>(
  script: ReturnType<typeof scripted>,
  use: (segments: Segments["Service"]) => Effect.Effect<A, E>
) {
  const fiber = yield* Effect.forkChild(Effect.result(Effect.flatMap(Segments, use)).pipe(Effect.provide(script.layer)))
  yield* TestClock.adjust("1 hour")
  return yield* Fiber.join(fiber)
})

const read = (segments: Segments["Service"]) => segments.read(segment, { offset: 10n, length: 100 })

const data = Uint8Array.of(1, 2, 3)
const bytes: Answer = ({ requestId }) => ({
  _tag: "SegmentRead",
  segment: name,
  offset: 10n,
  atTail: true,
  endOfSegment: false,
  data,
  requestId
})
const infoOf = (isSealed: boolean, length: bigint): Answer => ({ requestId }) => ({
  _tag: "StreamSegmentInfo",
  requestId,
  segmentName: name,
  exists: true,
  isSealed,
  isDeleted: false,
  lastModified: 0n,
  writeOffset: length,
  startOffset: 5n
})
const error = (
  reply: { readonly _tag: "WrongHost"; readonly correctHost: string } | {
    readonly _tag: "NoSuchSegment" | "SegmentIsSealed"
    readonly offset: bigint
  } | { readonly _tag: "SegmentIsTruncated"; readonly startOffset: bigint; readonly offset: bigint }
): Answer =>
({ requestId }) => ({ ...reply, requestId, segment: name, serverStackTrace: trace })
const tokenRefused = (errorCode: number): Answer => ({ requestId }) => ({
  _tag: "AuthTokenCheckFailed",
  requestId,
  serverStackTrace: trace,
  errorCode
})

const success = <A>(result: { readonly _tag: string; readonly success?: A }): A | undefined => result.success
const reason = <E>(
  result: { readonly _tag: string; readonly failure?: E & { readonly reason?: unknown } }
): unknown => result.failure?.reason

describe("Segments", () => {
  it.effect("finds the store once, and sends the token with every request", () =>
    Effect.gen(function*() {
      const script = scripted([bytes])
      const result = yield* run(script, (segments) => Effect.all([read(segments), read(segments)]))
      assert.deepStrictEqual(success(result)?.[0], { data, atTail: true, endOfSegment: false })
      assert.deepInclude(script.seen, { lookups: 1, tokens: 1 })
      assert.deepInclude(script.seen.requests[1], { segment: name, offset: 10n, delegationToken: "token1" })
    }))

  it.effect("looks again for a segment that moved, or whose store can't be reached", () =>
    Effect.gen(function*() {
      for (
        const script of [
          scripted([error({ _tag: "WrongHost", correctHost: "" }), bytes]),
          scripted([bytes], { refused: 1 })
        ]
      ) {
        assert.strictEqual((yield* run(script, read))._tag, "Success")
        assert.strictEqual(script.seen.lookups, 2)
      }
    }))

  it.effect("reads again after a lost connection, looking first whether the read itself broke it", () =>
    Effect.gen(function*() {
      const script = scripted([() => "lost", infoOf(false, 10n), bytes])
      assert.strictEqual((yield* run(script, read))._tag, "Success")
      const beyond = scripted([() => "lost", infoOf(true, 9n), bytes])
      assert.deepInclude(reason(yield* run(beyond, read)), { _tag: "OffsetOutOfRange", offset: 10n, length: 9n })
      assert.lengthOf(beyond.seen.requests, 2)
    }))

  it.effect("gives up after a bounded number of attempts", () =>
    Effect.gen(function*() {
      const script = scripted([bytes], { refused: 1000 })
      assert.deepInclude(reason(yield* run(script, read)), {
        _tag: "StoreUnavailable",
        segment: name,
        attempts: 12
      })
      assert.strictEqual(script.seen.opened, 12)
    }))

  it.effect("takes a store that is silent for longer than a long poll for a lost one", () =>
    Effect.gen(function*() {
      const script = scripted([() => "silent", bytes])
      assert.strictEqual((yield* run(script, read))._tag, "Success")
      assert.lengthOf(script.seen.requests, 2)
    }))

  it.effect("renews a refused token once, and then says that access is refused", () =>
    Effect.gen(function*() {
      const expired = scripted([tokenRefused(1), bytes])
      assert.strictEqual((yield* run(expired, read))._tag, "Success")
      assert.deepInclude(expired.seen.requests[1], { delegationToken: "token2" })
      const refused = scripted([tokenRefused(0)])
      assert.deepInclude(reason(yield* run(refused, read)), { _tag: "AccessRefused", segment: name })
      assert.lengthOf(refused.seen.requests, 2)
    }))

  it.effect("ends a read that waits when the segment is sealed", () =>
    Effect.gen(function*() {
      const result = yield* run(scripted([error({ _tag: "SegmentIsSealed", offset: 10n })]), read)
      assert.deepInclude(success(result), { endOfSegment: true, atTail: true })
      assert.lengthOf(success(result)?.data ?? [1], 0)
    }))

  it.effect("tells what is gone, and asks no more", () =>
    Effect.gen(function*() {
      const truncated = scripted([error({ _tag: "SegmentIsTruncated", startOffset: 50n, offset: 10n })])
      assert.deepInclude(reason(yield* run(truncated, read)), {
        _tag: "SegmentTruncated",
        offset: 10n,
        startOffset: 50n
      })
      const gone = scripted([error({ _tag: "NoSuchSegment", offset: 10n })])
      assert.deepInclude(reason(yield* run(gone, read)), { _tag: "NoSuchSegment", segment: name })
      assert.lengthOf([...truncated.seen.requests, ...gone.seen.requests], 2)
    }))

  it.effect("refuses negative offsets, and replies that can't be", () =>
    Effect.gen(function*() {
      const negative = scripted([bytes])
      const result = yield* run(negative, (segments) => segments.read(segment, { offset: -1n, length: 1 }))
      assert.deepInclude(reason(result), { _tag: "OffsetOutOfRange", offset: -1n })
      assert.lengthOf(negative.seen.requests, 0)
      assert.deepInclude(reason(yield* run(scripted([infoOf(false, 1n)]), read)), { _tag: "UnexpectedStoreReply" })
    }))

  it.effect("names a transaction's segment by the transaction's epoch, and asks its store by it", () =>
    Effect.gen(function*() {
      const transaction = TransactionId.fromBits({ high: 1n << 32n, low: 7n })
      const script = scripted([infoOf(false, 12n)])
      const result = yield* run(script, (segments) => segments.info({ ...segment, transaction }))
      assert.deepStrictEqual(success(result), { isSealed: false, startOffset: 5n, length: 12n })
      assert.deepInclude(script.seen.requests[0], {
        segmentName: `${name}#transaction.00000001000000000000000000000007`
      })
    }))

  it.effect("asks for no token where another stream's is empty, until a store refuses one", () =>
    Effect.gen(function*() {
      let given = ""
      let asked = 0
      const controller = Layer.mock(Controller)({
        delegationToken: () =>
          Effect.sync(() => {
            asked++
            return given
          })
      })
      const other = ScopedStream.fromTextUnsafe("market/quotes")
      yield* Effect.gen(function*() {
        const segments = yield* Segments
        const all = Effect.all([stream, other].flatMap((name) => [
          segments.token(name, "read"),
          segments.token(name, "write")
        ]))
        assert.deepStrictEqual(yield* all, ["", "", "", ""])
        assert.strictEqual(asked, 1)
        given = "token"
        yield* segments.forgetToken(other)
        assert.deepStrictEqual(yield* all, ["token", "token", "token", "token"])
        assert.strictEqual(asked, 5)
      }).pipe(
        Effect.provide(
          SegmentRequests.layer.pipe(Layer.provide(Layer.merge(controller, Layer.mock(SegmentStores)({}))))
        )
      )
    }))

  it.effect("renews tokens before they end, and never the empty one", () =>
    Effect.gen(function*() {
      const jwt = (claims: object) =>
        ["e30", Buffer.from(JSON.stringify(claims)).toString("base64url"), "signature"].join(".")
      assert.strictEqual(usableMillis(jwt({ iat: 1000, exp: 1600 }), 0), 570_000)
      assert.strictEqual(usableMillis(jwt({ iat: 1000, exp: 1040 }), 0), 20_000)
      assert.strictEqual(usableMillis(jwt({ exp: 1600 }), 1_000_000), 570_000)
      assert.strictEqual(usableMillis(jwt({}), 0), Infinity)
      assert.strictEqual(usableMillis("", 0), Infinity)
      for (const text of ["x", "a.b.c", "a..c", jwt({ exp: "soon" })]) assert.strictEqual(usableMillis(text, 0), 60_000)

      const script = scripted([bytes], { token: "" })
      yield* Effect.gen(function*() {
        const segments = yield* Segments
        assert.strictEqual(yield* segments.token(stream, "read"), "")
        yield* TestClock.adjust("10 days")
        assert.strictEqual(yield* segments.token(stream, "read"), "")
      }).pipe(Effect.provide(script.layer))

      const renewing = scripted([bytes])
      yield* Effect.gen(function*() {
        const segments = yield* Segments
        assert.strictEqual(yield* segments.token(stream, "read"), "token1")
        assert.strictEqual(yield* segments.token(stream, "write"), "token2")
        yield* TestClock.adjust("59 seconds")
        assert.strictEqual(yield* segments.token(stream, "read"), "token1")
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(yield* segments.token(stream, "read"), "token3")
        yield* segments.forgetToken(stream)
        assert.strictEqual(yield* segments.token(stream, "read"), "token4")
      }).pipe(Effect.provide(renewing.layer))
    }))
})
