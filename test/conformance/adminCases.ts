/** Administration against the real server, by the functions that users call. */
import { assert } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as ScalingPolicy from "../../src/core/ScalingPolicy.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import { epoch, number, SegmentId } from "../../src/core/Segment.ts"
import { StreamConfiguration } from "../../src/core/StreamConfiguration.ts"
import { StreamCut } from "../../src/core/StreamCut.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import { randomScope } from "../names.ts"
import { setUpAppend } from "./rawAppends.ts"
import { type Cases, Server } from "./Server.ts"

const newStream = Effect.fnUntraced(function*(segments: number) {
  const stream = ScopedStream.fromTextUnsafe(`${randomScope()}/trades`)
  assert.isTrue(yield* Admin.ensureStream(stream, { scaling: ScalingPolicy.fixed(segments) }))
  return stream
})

/** Appends bytes to a segment as a writer would, without one. */
const append = Effect.fnUntraced(function*(stream: ScopedStream, id: SegmentId, bytes: number) {
  const { append } = yield* setUpAppend({ stream, id }, crypto.randomUUID())
  const reply = yield* append(new Uint8Array(bytes), 1n)
  assert.strictEqual(reply._tag, "DataAppended")
}, Effect.scoped)

const reason = <A, E extends { readonly reason: unknown }>(effect: Effect.Effect<A, E, Pravega>) =>
  Effect.map(Effect.flip(effect), (error): E["reason"] => error.reason)

const byRange = <A extends { readonly range: { readonly low: number } }>(segments: ReadonlyArray<A>) =>
  segments.toSorted((a, b) => a.range.low - b.range.low)

export const adminCases = (it: Cases): void => {
  it.effect("lists what users made, and Pravega's own only when asked", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(1)
      assert.isFalse(yield* Admin.ensureStream(stream, { scaling: ScalingPolicy.fixed(3) }))
      const scopes = yield* Stream.runCollect(Admin.listScopes())
      assert.include(scopes, stream.scope)
      assert.notInclude(scopes.map(String), "_system")
      const all = yield* Stream.runCollect(Admin.listScopes({ internal: true }))
      assert.include(all.map(String), "_system")
      const mine = yield* Stream.runCollect(Admin.listStreams(stream.scope))
      assert.deepStrictEqual(mine, [stream])
      assert.lengthOf(yield* Stream.runCollect(Admin.listStreams(stream.scope, { internal: true })), 2)
    }))

  it.effect("clients that ensure the same stream of a new scope at the same time all find it", () =>
    Effect.gen(function*() {
      const { client } = yield* Server
      const clients = yield* Effect.forEach(Array.from({ length: 4 }), () => Layer.build(Layer.fresh(client)))
      for (let round = 0; round < 3; round++) {
        const stream = `${randomScope()}/s`
        const ensure = Admin.ensureStream(stream, { scaling: ScalingPolicy.fixed(1) })
        const made = yield* Effect.forEach(clients, (one) => Effect.provideContext(ensure, one), {
          concurrency: "unbounded"
        })
        assert.include(made, true)
        assert.lengthOf(yield* Admin.segments(stream), 1)
      }
    }))

  it.effect("lists more streams than a page holds", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      yield* Admin.createScope(scope)
      const names = Array.from({ length: 30 }, (_, i) => `${scope}/s${i}`)
      yield* Effect.forEach(names, (stream) => Admin.createStream(stream, { scaling: ScalingPolicy.fixed(1) }), {
        concurrency: 10
      })
      const listed = yield* Stream.runCollect(Admin.listStreams(scope))
      assert.deepStrictEqual(listed.map(String).toSorted(), names.toSorted())
    }))

  it.effect("updates configurations as wholes, and tags alone", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(1)
      yield* Admin.updateStream(stream, {
        scaling: ScalingPolicy.byDataRate({ kilobytesPerSecond: 100, scaleFactor: 2, minimumSegments: 1 }),
        rolloverSizeBytes: 1n << 20n
      })
      yield* Admin.setTags(stream, ["b", "a"])
      assert.deepStrictEqual(
        yield* Admin.configuration(stream),
        new StreamConfiguration({
          scaling: ScalingPolicy.byDataRate({ kilobytesPerSecond: 100, scaleFactor: 2, minimumSegments: 1 }),
          rolloverSizeBytes: 1n << 20n,
          tags: ["a", "b"]
        })
      )
      assert.deepStrictEqual(yield* Stream.runCollect(Admin.listStreams(stream.scope, { tag: "a" })), [stream])
      assert.deepStrictEqual(yield* Admin.tags(stream), ["a", "b"])
      assert.deepInclude(
        yield* reason(Admin.updateStream(stream, { scaling: ScalingPolicy.fixed(1), tags: ["x".repeat(256)] })),
        { _tag: "InvalidRequest" }
      )
    }))

  it.effect("names that Pravega refuses are refused here", () =>
    Effect.gen(function*() {
      const fixed = { scaling: ScalingPolicy.fixed(1) }
      for (const bad of ["noslash", "a/b/c", "a/", "/b", "a/_b", "a/b c", "ä/b"]) {
        assert.deepInclude(yield* reason(Admin.createStream(bad, fixed)), { _tag: "InvalidName" })
      }
      assert.deepInclude(yield* reason(Admin.createScope("_mine")), { _tag: "InvalidName", value: "_mine" })
      assert.deepInclude(yield* reason(Stream.runDrain(Admin.listStreams("a b"))), { _tag: "InvalidName" })
    }))

  it.effect("scales to a number of segments and back, keeping those that fit", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(2)
      const [low, high] = byRange(yield* Admin.segments(stream))
      assert.isDefined(low)
      assert.isDefined(high)
      const halves = yield* Admin.scale(stream, {
        seal: [low!.id],
        create: [{ low: 0, high: 0.25 }, { low: 0.25, high: 0.5 }]
      })
      assert.deepStrictEqual(byRange(halves).map(({ id }) => epoch(id)), [1, 1])
      const four = byRange(yield* Admin.scaleTo(stream, 4))
      assert.deepStrictEqual(four.map(({ range }) => range.low), [0, 0.25, 0.5, 0.75])
      assert.deepStrictEqual(four.slice(0, 2), byRange(halves))
      // the policy's number is a minimum
      assert.deepInclude(yield* reason(Admin.scaleTo(stream, 1)), { _tag: "InvalidRequest" })
      // and the controller scales to a fixed policy's number by itself
      yield* Admin.updateStream(stream, { scaling: ScalingPolicy.fixed(1) })
      const one = yield* Admin.segments(stream)
      assert.deepStrictEqual(one.map(({ range }) => range), [{ low: 0, high: 1 }])
      assert.deepStrictEqual(yield* Admin.scaleTo(stream, 1), one)
      const epochs = yield* Stream.runCollect(Admin.epochs(stream))
      assert.deepStrictEqual(epochs.map(({ epoch, segments }) => [epoch, segments.length]), [
        [0, 2],
        [1, 3],
        [2, 4],
        [3, 1]
      ])
      assert.deepInclude(yield* reason(Admin.scaleTo(stream, 0)), { _tag: "InvalidRequest" })
    }))

  it.effect("scales streams whose last range rounding has put below 1", () =>
    Effect.gen(function*() {
      const stream = ScopedStream.fromTextUnsafe(`${randomScope()}/rounded`)
      const policy = (minimumSegments: number) =>
        ScalingPolicy.byEventRate({ eventsPerSecond: 1_000_000, scaleFactor: 2, minimumSegments })
      yield* Admin.ensureStream(stream, { scaling: policy(49) })
      assert.isBelow(byRange(yield* Admin.segments(stream)).at(-1)!.range.high, 1)
      // would send 0.13.0 into a scaling that never ends
      assert.deepInclude(yield* reason(Admin.updateStream(stream, { scaling: ScalingPolicy.fixed(1) })), {
        _tag: "InvalidRequest"
      })
      yield* Admin.updateStream(stream, { scaling: policy(1) })
      assert.lengthOf(yield* Admin.scaleTo(stream, 3), 3)
    }))

  it.effect("cuts follow what is written, and measure it, across a scaling and after sealing", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(2)
      const [a, b] = byRange(yield* Admin.segments(stream))
      assert.isDefined(a)
      assert.isDefined(b)
      const start = yield* Admin.earliestCut(stream)
      assert.deepStrictEqual(yield* Admin.latestCut(stream), start)
      yield* append(stream, a!.id, 100)
      yield* append(stream, b!.id, 50)
      const middle = yield* Admin.latestCut(stream)
      assert.deepStrictEqual(middle.positions, new Map([[a!.id, 100n], [b!.id, 50n]]))
      assert.strictEqual(yield* Admin.distance(start, middle), 150n)
      yield* append(stream, a!.id, 7)
      yield* Admin.updateStream(stream, { scaling: ScalingPolicy.fixed(1) })
      const [c] = yield* Admin.segments(stream)
      yield* append(stream, c!.id, 1000)
      const end = yield* Admin.latestCut(stream)
      assert.strictEqual(yield* Admin.distance(middle, end), 1007n)
      assert.strictEqual(yield* Admin.distance(start, end), 1157n)
      assert.deepInclude(yield* reason(Admin.distance(end, start)), { _tag: "InvalidStreamCut" })

      yield* Admin.sealStream(stream)
      const info = yield* Admin.streamInfo(stream)
      assert.isTrue(info.isSealed)
      assert.deepStrictEqual(info.head, start)
      assert.deepStrictEqual(info.tail.positions, new Map([[c!.id, 1000n]]))
      assert.strictEqual(yield* Admin.distance(info.head, info.tail), 1157n)
    }))

  it.effect("truncates at a cut, and nowhere that is not there", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(1)
      const id = SegmentId.make(0n)
      const at = (offset: bigint) => new StreamCut({ stream, positions: new Map([[id, offset]]) })
      yield* append(stream, id, 100)
      assert.deepInclude(yield* reason(Admin.truncateStream(at(101n))), { _tag: "InvalidStreamCut" })
      yield* Admin.truncateStream(at(60n))
      assert.deepStrictEqual(yield* Admin.earliestCut(stream), at(60n))
      assert.deepInclude(yield* reason(Admin.truncateStream(at(30n))), { _tag: "InvalidStreamCut" })
      const { segments } = yield* Pravega
      assert.deepStrictEqual(yield* segments.info({ stream, id }), {
        isSealed: false,
        startOffset: 60n,
        length: 100n
      })
      assert.deepInclude(yield* reason(segments.read({ stream, id }, { offset: 10n, length: 10 })), {
        _tag: "SegmentTruncated",
        offset: 10n,
        startOffset: 60n
      })
      const [next] = yield* Admin.scaleTo(stream, 2)
      const tail = yield* Admin.latestCut(stream)
      yield* Admin.truncateStream(tail)
      assert.deepInclude(yield* reason(segments.info({ stream, id })), { _tag: "NoSuchSegment" })
      assert.isDefined(next)
      yield* Admin.sealStream(stream)
      assert.deepInclude(yield* reason(Admin.truncateStream(tail)), { _tag: "StreamSealed" })
    }))

  it.effect("deletes, sealing first when told so; what is created again has other segments", () =>
    Effect.gen(function*() {
      const stream = yield* newStream(2)
      assert.deepInclude(yield* reason(Admin.deleteStream(stream)), { _tag: "StreamNotSealed" })
      assert.isTrue(yield* Admin.deleteStream(stream, { seal: true }))
      assert.isFalse(yield* Admin.deleteStream(stream, { seal: true }))
      assert.isTrue(yield* Admin.createStream(stream, { scaling: ScalingPolicy.fixed(2) }))
      const numbers = (yield* Admin.segments(stream)).map(({ id }) => number(id))
      assert.sameMembers(numbers, [2, 3])
      assert.deepInclude(yield* reason(Admin.deleteScope(stream.scope)), { _tag: "ScopeNotEmpty" })
      // the refused deletion has not harmed the scope's tags
      yield* Admin.setTags(stream, ["still-there"])
      assert.isTrue(yield* Admin.deleteScope(stream.scope, { recursive: true }))
      assert.isFalse(yield* Admin.deleteScope(stream.scope))
      assert.isFalse(yield* Admin.scopeExists(stream.scope))
    }))
}
