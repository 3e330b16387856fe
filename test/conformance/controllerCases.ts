/** The controller's client, call by call. */
import { assert } from "@effect/vitest"
import { Duration, Effect, Stream } from "effect"
import * as ScalingPolicy from "../../src/core/ScalingPolicy.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import { ScopeName } from "../../src/core/ScopeName.ts"
import { epoch, inTransaction, number, SegmentId } from "../../src/core/Segment.ts"
import { StreamConfiguration } from "../../src/core/StreamConfiguration.ts"
import { StreamCut } from "../../src/core/StreamCut.ts"
import { StreamName } from "../../src/core/StreamName.ts"
import * as TransactionId from "../../src/core/TransactionId.ts"
import type { ControllerError } from "../../src/pravega/controller/ControllerError.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import { randomName, randomScope } from "../names.ts"
import type { Cases } from "./Server.ts"

const fixed = (segments: number, tags: ReadonlyArray<string> = []) =>
  new StreamConfiguration({ scaling: ScalingPolicy.fixed(segments), tags })

/** A new scope with a stream of `segments` segments. */
const newStream = Effect.fnUntraced(function*(segments: number, tags: ReadonlyArray<string> = []) {
  const { controller: client } = yield* Pravega
  const scope = ScopeName.make(randomScope())
  yield* client.createScope(scope)
  const stream = new ScopedStream({ scope, stream: StreamName.make(randomName("stream")) })
  assert.isTrue(yield* client.createStream(stream, fixed(segments, tags)))
  return stream
})

const missing = (stream: ScopedStream) => new ScopedStream({ scope: stream.scope, stream: StreamName.make("missing") })

const reason = <A>(effect: Effect.Effect<A, ControllerError, Pravega>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

const awaitScale = Effect.fnUntraced(function*(stream: ScopedStream, from: number) {
  const { controller: client } = yield* Pravega
  while (!(yield* client.checkScale(stream, from))) yield* Effect.sleep("50 millis")
})

export const controllerCases = (it: Cases): void => {
  it.effect("scopes: created once, listed, deleted once", () =>
    Effect.gen(function*() {
      const { controller: client } = yield* Pravega
      const scope = ScopeName.make(randomScope())
      assert.isFalse(yield* client.scopeExists(scope))
      assert.isTrue(yield* client.createScope(scope))
      assert.isFalse(yield* client.createScope(scope))
      assert.isTrue(yield* client.scopeExists(scope))
      assert.include(yield* Stream.runCollect(client.listScopes), scope)
      assert.isTrue(yield* client.deleteScope(scope))
      assert.isFalse(yield* client.deleteScope(scope))
    }))

  it.effect("streams: created, configured, updated, listed with and without tag, sealed, deleted", () =>
    Effect.gen(function*() {
      const { controller: client } = yield* Pravega
      const stream = yield* newStream(2, ["b", "a"])
      assert.isFalse(yield* client.createStream(stream, fixed(3)))
      assert.deepStrictEqual(yield* client.streamConfiguration(stream), fixed(2, ["a", "b"]))
      yield* client.updateStream(stream, fixed(2, ["c"]))
      assert.deepStrictEqual(yield* client.streamConfiguration(stream), fixed(2, ["c"]))
      const names = (tag?: string) =>
        Stream.runCollect(client.listStreams(stream.scope, tag === undefined ? {} : { tag })).pipe(
          Effect.map((all) => all.map(String).toSorted())
        )
      assert.deepStrictEqual(yield* names(), [`${stream.scope}/_MARK${stream.stream}`, String(stream)])
      assert.deepStrictEqual(yield* names("c"), [String(stream)])
      assert.deepStrictEqual(yield* names("a"), [])
      assert.deepInclude(yield* reason(client.deleteStream(stream)), { _tag: "StreamNotSealed", stream })
      yield* client.sealStream(stream)
      yield* client.sealStream(stream)
      assert.deepStrictEqual(yield* client.currentSegments(stream), [])
      assert.isTrue(yield* client.deleteStream(stream))
      assert.isFalse(yield* client.deleteStream(stream))
      assert.isFalse(yield* client.streamExists(stream))
    }))

  it.effect("a stream that was deleted and is created again starts its segment numbers above the old ones", () =>
    Effect.gen(function*() {
      const { controller: client } = yield* Pravega
      const stream = yield* newStream(2)
      yield* client.sealStream(stream)
      yield* client.deleteStream(stream)
      assert.isTrue(yield* client.createStream(stream, fixed(2)))
      const again = yield* client.currentSegments(stream)
      assert.sameDeepMembers(again.map(({ id }) => [number(id), epoch(id)]), [[2, 0], [3, 0]])
    }))

  it.effect("user mistakes are typed, and told at once", () =>
    Effect.gen(function*() {
      const { controller: client } = yield* Pravega
      const stream = yield* newStream(1)
      const none = missing(stream)
      const noScope = ScopedStream.fromTextUnsafe(`${randomScope()}/stream`)
      const notFound = { _tag: "StreamNotFound", stream: none } as const
      assert.deepInclude(yield* reason(client.createStream(noScope, fixed(1))), {
        _tag: "ScopeNotFound",
        scope: noScope.scope
      })
      assert.deepInclude(yield* reason(Stream.runDrain(client.listStreams(noScope.scope))), {
        _tag: "ScopeNotFound",
        scope: noScope.scope
      })
      assert.deepInclude(yield* reason(client.deleteScope(stream.scope)), { _tag: "ScopeNotEmpty" })
      assert.deepInclude(yield* reason(client.updateStream(none, fixed(1))), notFound)
      assert.deepInclude(yield* reason(client.streamConfiguration(none)), notFound)
      assert.deepInclude(yield* reason(client.sealStream(none)), notFound)
      assert.deepInclude(yield* reason(client.currentSegments(none)), notFound)
      assert.deepInclude(yield* reason(client.head(none)), notFound)
      assert.deepInclude(yield* reason(client.epochSegments(none, 0)), notFound)
      assert.deepInclude(yield* reason(client.epochSegments(stream, 7)), { _tag: "InvalidRequest" })
      assert.deepInclude(yield* reason(client.checkScale(stream, 7)), { _tag: "InvalidScale" })
      assert.deepInclude(
        yield* reason(client.createTransaction(none, { lease: Duration.seconds(30) })),
        notFound
      )
      for (const lease of [9_999, 600_001]) {
        assert.deepInclude(yield* reason(client.createTransaction(stream, { lease: Duration.millis(lease) })), {
          _tag: "LeaseOutOfBounds",
          lease
        })
      }
      yield* client.sealStream(stream)
      const isSealed = { _tag: "StreamSealed", stream } as const
      assert.deepInclude(yield* reason(client.updateStream(stream, fixed(2))), isSealed)
      assert.deepInclude(
        yield* reason(client.createTransaction(stream, { lease: Duration.seconds(30) })),
        isSealed
      )
      const range = { low: 0, high: 1 }
      assert.deepInclude(
        yield* reason(client.startScale(stream, { seal: [SegmentId.make(0n)], create: [range] })),
        isSealed
      )
    }))

  it.effect("scaling: split, merged, followed by successors; mistakes are told apart", () =>
    Effect.gen(function*() {
      const { controller: client } = yield* Pravega
      const stream = yield* newStream(2)
      const [first, second] = (yield* client.currentSegments(stream)).toSorted((a, b) => a.range.low - b.range.low)
      assert.isDefined(first)
      assert.isDefined(second)
      const split = {
        seal: [first!.id],
        create: [{ low: 0, high: 0.25 }, { low: 0.25, high: 0.5 }]
      }
      const started = yield* client.startScale(stream, split)
      assert.strictEqual(started.epoch, 0)
      yield* awaitScale(stream, started.epoch)
      assert.deepStrictEqual(
        (yield* client.successors(stream, first!.id)).map(({ predecessors, range }) => ({ predecessors, range }))
          .toSorted((a, b) => a.range.low - b.range.low),
        split.create.map((range) => ({ predecessors: [first!.id], range }))
      )
      assert.deepStrictEqual(yield* client.successors(stream, second!.id), [])
      assert.lengthOf(yield* client.epochSegments(stream, 1), 3)
      assert.deepInclude(yield* reason(client.startScale(stream, split)), { _tag: "ScalePreconditionFailed" })
      assert.deepInclude(
        yield* reason(client.startScale(stream, { seal: [second!.id], create: [{ low: 0.5, high: 0.75 }] })),
        { _tag: "InvalidScale" }
      )
      const all = (yield* client.currentSegments(stream)).map(({ id }) => id)
      const merged = yield* client.startScale(stream, {
        seal: all,
        create: [{ low: 0, high: 0.5 }, { low: 0.5, high: 1 }]
      })
      yield* awaitScale(stream, merged.epoch)
      assert.lengthOf(yield* client.currentSegments(stream), 2)
      assert.lengthOf(yield* client.segmentsBetween(stream, undefined, undefined), 6)
    }))

  it.effect("cuts: head, validity, between, truncation", () =>
    Effect.gen(function*() {
      const { controller: client } = yield* Pravega
      const stream = yield* newStream(2)
      const head = yield* client.head(stream)
      assert.deepStrictEqual(head.positions, new Map([[SegmentId.make(0n), 0n], [SegmentId.make(1n), 0n]]))
      assert.isTrue(yield* client.isStreamCutValid(head))
      const half = new StreamCut({ stream, positions: new Map([[SegmentId.make(0n), 0n]]) })
      assert.isFalse(yield* client.isStreamCutValid(half))
      const foreign = new StreamCut({ stream, positions: new Map([[SegmentId.make(77n), 0n]]) })
      assert.isFalse(yield* client.isStreamCutValid(foreign))
      yield* client.truncateStream(head)
      yield* client.truncateStream(head)
      assert.deepInclude(yield* reason(client.truncateStream(half)), { _tag: "InvalidStreamCut" })
      const started = yield* client.startScale(stream, {
        seal: [SegmentId.make(0n)],
        create: [{ low: 0, high: 0.5 }]
      })
      yield* awaitScale(stream, started.epoch)
      const positions = (yield* client.currentSegments(stream)).map(({ id }) => [id, 0n] as const)
      const later = new StreamCut({ stream, positions: new Map(positions) })
      assert.deepInclude(yield* reason(client.segmentsBetween(stream, later, head)), { _tag: "InvalidStreamCut" })
      yield* client.truncateStream(later)
      assert.deepStrictEqual((yield* client.head(stream)).positions, later.positions)
      assert.deepInclude(yield* reason(client.truncateStream(head)), { _tag: "InvalidStreamCut" })
    }))

  it.effect("transactions: committed and aborted as often as one likes, but not both", () =>
    Effect.gen(function*() {
      const { controller: client } = yield* Pravega
      const stream = yield* newStream(2)
      const lease = Duration.seconds(30)
      const first = yield* client.createTransaction(stream, { lease })
      assert.deepStrictEqual(
        first.segments.map(({ id }) => id),
        first.segments.map(({ id }) => inTransaction(id, first.id))
      )
      assert.strictEqual(yield* client.transactionState(stream, first.id), "open")
      assert.strictEqual(yield* client.pingTransaction(stream, first.id, { lease }), "ok")
      yield* client.commitTransaction(stream, first.id)
      yield* client.commitTransaction(stream, first.id)
      const state = yield* client.transactionState(stream, first.id)
      assert.include(["committing", "committed"], state)
      assert.deepInclude(yield* reason(client.abortTransaction(stream, first.id)), { _tag: "TransactionNotOpen" })

      const second = yield* client.createTransaction(stream, { lease })
      yield* client.abortTransaction(stream, second.id)
      yield* client.abortTransaction(stream, second.id)
      assert.deepInclude(yield* reason(client.commitTransaction(stream, second.id)), { _tag: "TransactionNotOpen" })

      const never = TransactionId.fromBits({ high: 5n, low: 7n })
      assert.strictEqual(yield* client.transactionState(stream, never), "unknown")
      assert.strictEqual(yield* client.pingTransaction(stream, never, { lease }), "unknown")
      assert.deepInclude(yield* reason(client.commitTransaction(stream, never)), {
        _tag: "TransactionNotOpen",
        state: "unknown"
      })
      yield* client.listCompletedTransactions(stream)
    }))

  it.effect("the rest of the protocol is reached through `call`", () =>
    Effect.gen(function*() {
      const { controller: client } = yield* Pravega
      const stream = yield* newStream(1)
      const { scope } = stream
      const info = { scope, stream: stream.stream }
      const readerGroup = yield* client.call("createReaderGroup", {
        scope,
        readerGroupName: "group",
        readerGroupId: "00000000-0000-0000-0000-000000000000",
        maxOutstandingCheckpointRequest: 1,
        startingStreamCuts: [{ streamInfo: info }],
        endingStreamCuts: [{ streamInfo: info }]
      })
      assert.strictEqual(readerGroup.config?.readerGroupName, "group")
      assert.strictEqual((yield* client.call("listSubscribers", info)).subscribers.length, 0)
      assert.strictEqual((yield* client.call("removeWriter", { writer: "w", stream: info })).result, 1)
      assert.isTrue((yield* client.call("isSegmentValid", { streamInfo: info, segmentId: 0n })).response)
      assert.deepInclude(yield* reason(client.call("getControllerServerList", {})), { _tag: "RequestFailed" })
      assert.strictEqual(yield* client.delegationToken(stream, "read-write"), "")
      const endpoint = yield* client.endpoint(stream, SegmentId.make(0n))
      assert.isAbove(endpoint.port, 0)
    }))
}
