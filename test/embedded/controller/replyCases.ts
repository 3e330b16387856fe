/**
 * Replies of the controller, message by message, as a real server 0.13.0 gave them: statuses, and what comes with them.
 * Run against the embedded controller and the real one. Order in lists means nothing.
 */
import { create, type DescMethodUnary, fromBinary, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf"
import { assert, type Vitest } from "@effect/vitest"
import { Duration, Effect, Result } from "effect"
import type { ControllerMethod, ControllerRequest } from "../../../src/pravega/controller/Controller.ts"
import { ControllerTransport } from "../../../src/pravega/controller/ControllerTransport.ts"
import * as pb from "../../../src/pravega/controller/gen/Controller_pb.ts"
import { randomScope } from "../../names.ts"

/** Asks in a scope of its own. */
const asker = Effect.gen(function*() {
  const transport = yield* ControllerTransport
  const scope = randomScope()
  const options = { timeout: Duration.seconds(30), metadata: {} }
  const ask = <M extends ControllerMethod>(method: M, request: ControllerRequest<M>) =>
    Effect.gen(function*() {
      const description: DescMethodUnary = pb.ControllerService.method[method]
      const bytes = toBinary(description.input, create(description.input, request))
      const reply = yield* Effect.result(transport.unary(method, bytes, options))
      return Result.isFailure(reply)
        ? reply.failure.code
        : normal(toJson(description.output, fromBinary(description.output, reply.success)), scope)
    })
  /** `expected`: the reply as JSON, fields at their defaults left out; or a status of gRPC. */
  const expect = <M extends ControllerMethod>(method: M, request: ControllerRequest<M>, expected: JsonValue) =>
    Effect.map(ask(method, request), (reply) => assert.deepStrictEqual(reply, normal(expected, scope), method))
  const name = (stream: string) => ({ scope, stream })
  const fixed = (stream: string, minNumSegments: number) => ({
    streamInfo: name(stream),
    scalingPolicy: { minNumSegments }
  })
  const byEvents = (stream: string, minNumSegments: number) => ({
    streamInfo: name(stream),
    scalingPolicy: { scaleType: 2, targetRate: 1_000_000, scaleFactor: 2, minNumSegments } as const
  })
  yield* expect("createScope", { scope }, {})
  return { scope, ask, expect, name, fixed, byEvents, gone: `${scope}-gone` }
})

/** All names of a list, page by page, in the order in which they come. */
const listed = (scope: string) =>
  Effect.gen(function*() {
    const transport = yield* ControllerTransport
    const { input, output } = pb.ControllerService.method.listStreamsInScope
    const names: Array<string> = []
    for (let token = "";;) {
      const bytes = toBinary(input, create(input, { scope: { scope }, continuationToken: { token } }))
      const options = { timeout: Duration.seconds(30), metadata: {} }
      const page = fromBinary(output, yield* transport.unary("listStreamsInScope", bytes, options))
      if (page.streams.length === 0) return { names, token }
      names.push(...page.streams.map(({ stream }) => stream))
      token = page.continuationToken?.token ?? ""
    }
  })

/** Without the names of this run, lists in one order. */
const normal = (value: JsonValue, scope: string): JsonValue => {
  if (Array.isArray(value)) {
    return value.map((item) => normal(item, scope)).toSorted((a, b) => text(a) < text(b) ? -1 : 1)
  }
  if (typeof value === "string") return value.replaceAll(scope, "SCOPE")
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.keys(value).toSorted().filter((key) => key !== "streamInfo" && key !== "continuationToken")
      .map((key) => [key, normal(value[key]!, scope)])
  )
}

const text = (value: JsonValue): string => JSON.stringify(value)

const id = (number: number, epoch: number) => ((BigInt(epoch) << 32n) | BigInt(number)).toString()
const range = (number: number, epoch: number, low: number, high: number) => ({
  segmentId: number === 0 && epoch === 0 ? {} : { segmentId: id(number, epoch) },
  ...(low === 0 ? {} : { minKey: low }),
  maxKey: high
})

export const replyCases = (it: Vitest.MethodsNonLive<ControllerTransport>): void => {
  it.effect("scopes", () =>
    Effect.gen(function*() {
      const { expect, gone, scope } = yield* asker
      yield* expect("createScope", { scope }, { status: "SCOPE_EXISTS" })
      yield* expect("createScope", { scope: "" }, "INTERNAL")
      for (const bad of ["a b", "__x", "x".repeat(256), "a/b"]) {
        yield* expect("createScope", { scope: bad }, { status: "INVALID_SCOPE_NAME" })
      }
      yield* expect("checkScopeExists", { scope }, { exists: true })
      yield* expect("checkScopeExists", { scope: gone }, {})
      yield* expect("deleteScope", { scope: gone }, { status: "SCOPE_NOT_FOUND" })
      yield* expect("deleteScopeRecursive", { scope: gone }, {})
      yield* expect("listStreamsInScope", { scope: { scope } }, {})
      const missing = { scope: { scope: gone } }
      yield* expect("listStreamsInScope", missing, { status: "SCOPE_NOT_FOUND" })
      yield* expect("listStreamsInScopeForTag", { ...missing, tag: "t" }, { status: "SCOPE_NOT_FOUND" })
      yield* expect("listKeyValueTablesInScope", missing, { status: "SCOPE_NOT_FOUND" })
      yield* expect("deleteScope", { scope }, {})
    }))

  it.effect("lists, in the order of the names' hashes", () =>
    Effect.gen(function*() {
      const { expect, fixed, scope } = yield* asker
      assert.deepStrictEqual(yield* listed(scope), { names: [], token: "" })
      for (const stream of ["zz", "m", "aa", "b1", "x9"]) yield* expect("createStream", fixed(stream, 1), {})
      assert.deepStrictEqual(yield* listed(scope), {
        names: ["aa", "_MARKm", "_MARKaa", "_MARKb1", "_MARKx9", "x9", "_MARKzz", "zz", "m", "b1"],
        token: "AAABAAAAABB9yW93bIQj5XonhUiaP5xD"
      })
      assert.deepStrictEqual((yield* listed("_system")).names, [
        "_commitStream",
        "_MARK_kvTableStream",
        "_RGcommitStreamReaders",
        "_MARK_RGabortStreamReaders",
        "_MARK_RGscaleGroup",
        "_abortStream",
        "_MARK_requeststream",
        "_RGscaleGroup",
        "_RGabortStreamReaders",
        "_MARK_RGkvtStreamReaders",
        "_RGkvtStreamReaders",
        "_MARK_RGcommitStreamReaders",
        "_requeststream",
        "_kvTableStream",
        "_MARK_abortStream",
        "_MARK_commitStream"
      ])
      for (const [stream, minNumSegments] of [["_commitStream", 2], ["_kvTableStream", 5]] as const) {
        const configuration = { tags: {}, scalingPolicy: { minNumSegments } }
        yield* expect("getStreamConfiguration", { scope: "_system", stream }, configuration)
      }
    }))

  it.effect("streams", () =>
    Effect.gen(function*() {
      const { expect, fixed, gone, name } = yield* asker
      yield* expect("createStream", fixed("a", 2), {})
      yield* expect("createStream", fixed("a", 2), { status: "STREAM_EXISTS" })
      yield* expect("createStream", fixed("_under", 1), {})
      for (const bad of ["", "a b", "__x"]) {
        yield* expect("createStream", fixed(bad, 1), { status: "INVALID_STREAM_NAME" })
      }
      yield* expect("createStream", { ...fixed("q", 1), streamInfo: { scope: gone, stream: "q" } }, {
        status: "SCOPE_NOT_FOUND"
      })
      for (const count of [0, -1]) yield* expect("createStream", fixed("q", count), { status: "FAILURE" })
      yield* expect("getStreamConfiguration", name("_MARKa"), { scalingPolicy: { minNumSegments: 1 }, tags: {} })
      yield* expect("getStreamConfiguration", name("no"), "NOT_FOUND")
      yield* expect("createStream", {
        streamInfo: name("all"),
        scalingPolicy: { scaleType: 1, targetRate: 100, scaleFactor: 2, minNumSegments: 2 },
        retentionPolicy: { retentionType: 1, retentionParam: 5000n },
        tags: { tag: ["z", "a"] },
        timestampAggregationTimeout: 77n,
        rolloverSizeBytes: 99n
      }, {})
      yield* expect("getStreamConfiguration", name("all"), {
        scalingPolicy: { scaleType: "BY_RATE_IN_KBYTES_PER_SEC", targetRate: 100, scaleFactor: 2, minNumSegments: 2 },
        retentionPolicy: { retentionType: "TIME", retentionParam: "5000" },
        tags: { tag: ["a", "z"] },
        timestampAggregationTimeout: "77",
        rolloverSizeBytes: "99"
      })
      yield* expect("updateStream", fixed("no", 1), { status: "STREAM_NOT_FOUND" })
      yield* expect("sealStream", name("no"), { status: "STREAM_NOT_FOUND" })
      yield* expect("deleteStream", name("no"), { status: "STREAM_NOT_FOUND" })
      yield* expect("deleteStream", name("a"), { status: "STREAM_NOT_SEALED" })
    }))

  it.effect("segments and cuts", () =>
    Effect.gen(function*() {
      const { expect, fixed, name } = yield* asker
      yield* expect("createStream", fixed("a", 2), {})
      const streamInfo = name("a")
      const missing = name("no")
      const both = [range(0, 0, 0, 0.5), range(1, 0, 0.5, 1)]
      yield* expect("getCurrentSegments", streamInfo, { segmentRanges: both })
      yield* expect("getEpochSegments", { streamInfo, epoch: 0 }, { segmentRanges: both })
      yield* expect("getEpochSegments", { streamInfo, epoch: 1 }, "NOT_FOUND")
      yield* expect("getEpochSegments", { streamInfo, epoch: -1 }, "INTERNAL")
      yield* expect("getEpochSegments", { streamInfo: missing, epoch: 0 }, "NOT_FOUND")
      yield* expect("getCurrentSegments", missing, "NOT_FOUND")
      yield* expect("getSegments", { streamInfo: missing }, "NOT_FOUND")
      for (const method of ["getSegmentsImmediatelyFollowing", "getSegmentsImmediatlyFollowing"] as const) {
        yield* expect(method, { streamInfo, segmentId: 0n }, {})
        yield* expect(method, { streamInfo, segmentId: 99n }, {})
        yield* expect(method, { streamInfo: missing, segmentId: 0n }, "NOT_FOUND")
      }
      const all = { segments: [{}, { segmentId: "1" }] }
      yield* expect("getSegmentsBetween", { streamInfo }, "INTERNAL")
      yield* expect("getSegmentsBetween", { streamInfo, from: { 0: 0n, 1: 0n } }, all)
      yield* expect("getSegmentsBetween", { streamInfo, to: { 0: 5n, 1: 0n } }, all)
      // segments that the stream never had are passed over
      yield* expect("getSegmentsBetween", { streamInfo, from: { 7: 5n, 1: 0n } }, all)
      // unless it had none of them
      yield* expect("getSegmentsBetween", { streamInfo, from: { 7: 5n } }, "UNKNOWN")
      yield* expect("getSegmentsBetween", { streamInfo, from: { 0: 0n, 1: 0n }, to: { 7: 5n } }, "UNKNOWN")
      yield* expect("getSegmentsBetween", { streamInfo, from: { [id(2, 1)]: 0n } }, "NOT_FOUND")
      yield* expect("getSegmentsBetween", { streamInfo, from: { 0: 5n, 1: 0n, [id(2, 1)]: 0n } }, "UNKNOWN")
      yield* expect(
        "getSegmentsBetween",
        { streamInfo, from: { 0: 0n, 1: 0n }, to: { 0: 5n, [id(2, 1)]: 0n } },
        "UNKNOWN"
      )
      yield* expect("getSegmentsBetween", { streamInfo, from: { 0: 5n } }, all)
      yield* expect("getSegmentsBetween", { streamInfo, from: { 0: 5n }, to: { 0: 0n, 1: 0n } }, "UNKNOWN")
      yield* expect("getSegmentsBetween", { streamInfo: missing, from: { 0: 0n } }, "NOT_FOUND")
      yield* expect("isSegmentValid", { streamInfo, segmentId: 0n }, { response: true })
      yield* expect("isSegmentValid", { streamInfo, segmentId: 9n }, {})
      yield* expect("isSegmentValid", { streamInfo: missing, segmentId: 0n }, "NOT_FOUND")
      // offsets are not looked at
      for (const offset of [0n, 10n, -1n]) {
        yield* expect("isStreamCutValid", { streamInfo, cut: { 0: offset, 1: 0n } }, { response: true })
      }
      yield* expect("isStreamCutValid", { streamInfo, cut: { 0: 0n } }, {})
      yield* expect("isStreamCutValid", { streamInfo, cut: { 77: 0n } }, "UNKNOWN")
      yield* expect("isStreamCutValid", { streamInfo, cut: {} }, "INTERNAL")
      yield* expect("isStreamCutValid", { streamInfo: missing, cut: { 0: 0n } }, "NOT_FOUND")
      yield* expect("truncateStream", { streamInfo: missing, cut: { 0: 0n } }, { status: "STREAM_NOT_FOUND" })
      for (const cut of [{ 0: 0n }, { 77: 0n }, {}]) {
        yield* expect("truncateStream", { streamInfo, cut }, { status: "FAILURE" })
      }
      yield* expect("truncateStream", { streamInfo, cut: { 0: 0n, 1: 0n } }, {})
    }))

  it.effect("scaling", () =>
    Effect.gen(function*() {
      const { ask, byEvents, expect, fixed, name } = yield* asker
      yield* expect("createStream", fixed("a", 2), {})
      const scale = (
        stream: string,
        sealedSegments: Array<bigint>,
        ranges: ReadonlyArray<readonly [start: number, end: number]>,
        expected: JsonValue
      ) => {
        const newKeyRanges = ranges.map(([start, end]) => ({ start, end }))
        return expect("scale", { streamInfo: name(stream), sealedSegments, newKeyRanges }, expected)
      }
      const settled = (stream: string, epoch: number) =>
        Effect.gen(function*() {
          while (text(yield* ask("checkScale", { streamInfo: name(stream), epoch })) !== "{\"status\":\"SUCCESS\"}") {
            yield* Effect.sleep("50 millis")
          }
        })
      const check = (stream: string, epoch: number, expected: JsonValue) =>
        expect("checkScale", { streamInfo: name(stream), epoch }, expected)
      yield* check("a", 0, {})
      yield* check("a", 1, { status: "INVALID_INPUT" })
      yield* check("a", -1, "INTERNAL")
      yield* check("no", 0, { status: "INVALID_INPUT" })
      const refused = { status: "PRECONDITION_FAILED" }
      const failed = { status: "FAILURE" }
      yield* scale("no", [0n], [[0, 0.5]], failed)
      yield* scale("a", [0n], [[0, 0.4]], failed)
      yield* scale("a", [7n], [[0, 0.5]], refused)
      yield* scale("a", [7n], [[0, 0.4]], refused)
      yield* scale("a", [0n, 1n], [[0, 1]], refused)
      yield* scale("a", [0n], [], failed)
      yield* scale("a", [0n], [[0.5, 0]], failed)
      yield* scale("a", [0n], [[0, 0.3], [0.2, 0.5]], failed)
      yield* scale("a", [0n, 0n], [[0, 0.5]], failed)

      yield* expect("createStream", byEvents("s", 2), {})
      const streamInfo = name("s")
      const halves = [range(2, 1, 0.25, 0.5), range(3, 1, 0, 0.25)]
      const split = [[0.25, 0.5], [0, 0.25]] as const
      yield* scale("s", [0n], split, { segments: halves })
      yield* settled("s", 0)
      yield* check("s", 1, {})
      yield* check("s", 2, { status: "INVALID_INPUT" })
      yield* scale("s", [0n], split, refused)
      yield* expect("getCurrentSegments", streamInfo, { segmentRanges: [...halves, range(1, 0, 0.5, 1)] })
      const followers = { segments: halves.map((segment) => ({ segment, value: ["0"] })) }
      yield* expect("getSegmentsImmediatelyFollowing", { streamInfo, segmentId: 0n }, followers)
      yield* expect("getSegmentsImmediatelyFollowing", { streamInfo, segmentId: 1n }, {})
      yield* expect("isSegmentValid", { streamInfo, segmentId: 0n }, {})
      const cut = { [id(2, 1)]: 7n, [id(3, 1)]: 0n, 1: 9n }
      yield* expect("isStreamCutValid", { streamInfo, cut: { [id(2, 1)]: 0n, 0: 0n, 1: 0n } }, {})
      // beyond the end of segments that are empty
      yield* expect("truncateStream", { streamInfo, cut }, {})
      yield* expect("getSegments", { streamInfo }, {
        segments: [
          { segmentId: { segmentId: "1" }, offset: "9" },
          { segmentId: { segmentId: id(2, 1) }, offset: "7" },
          { segmentId: { segmentId: id(3, 1) } }
        ]
      })
      yield* expect("truncateStream", { streamInfo, cut: { 0: 0n, 1: 0n } }, failed)
      yield* expect("isStreamCutValid", { streamInfo, cut: { 0: 0n, 1: 0n } }, { response: true })
      yield* expect("getSegmentsImmediatelyFollowing", { streamInfo, segmentId: 0n }, followers)
      // from the origin, though it was truncated
      yield* expect("getSegmentsBetween", { streamInfo, to: cut }, {
        segments: [{}, { segmentId: "1" }, { segmentId: id(2, 1) }, { segmentId: id(3, 1) }]
      })

      yield* expect("updateStream", byEvents("s", 4), {})
      const quarters = [0, 1, 2, 3].map((i) => range(4 + i, 2, i / 4, (i + 1) / 4))
      yield* expect("getCurrentSegments", streamInfo, { segmentRanges: quarters })
      yield* expect("updateStream", byEvents("s", 2), {})
      yield* expect("getCurrentSegments", streamInfo, { segmentRanges: quarters })
      yield* expect("updateStream", fixed("s", 2), {})
      yield* expect("getCurrentSegments", streamInfo, { segmentRanges: [range(8, 3, 0, 0.5), range(9, 3, 0.5, 1)] })
    }))

  it.effect("sealed streams, and streams made again", () =>
    Effect.gen(function*() {
      const { expect, fixed, name } = yield* asker
      yield* expect("createStream", fixed("a", 1), {})
      const streamInfo = name("a")
      yield* expect("sealStream", streamInfo, {})
      yield* expect("sealStream", streamInfo, {})
      yield* expect("getCurrentSegments", streamInfo, {})
      yield* expect("getEpochSegments", { streamInfo, epoch: 0 }, { segmentRanges: [range(0, 0, 0, 1)] })
      yield* expect("getSegments", { streamInfo }, { segments: [{ segmentId: {} }] })
      yield* expect("getSegmentsBetween", { streamInfo, from: { 0: 0n } }, { segments: [{}] })
      yield* expect("isSegmentValid", { streamInfo, segmentId: 0n }, {})
      yield* expect("isStreamCutValid", { streamInfo, cut: { 0: 0n } }, { response: true })
      yield* expect("getSegmentsImmediatelyFollowing", { streamInfo, segmentId: 0n }, {})
      yield* expect("updateStream", fixed("a", 2), { status: "STREAM_SEALED" })
      yield* expect("truncateStream", { streamInfo, cut: { 0: 0n } }, { status: "STREAM_SEALED" })
      const scale = { streamInfo, sealedSegments: [0n], newKeyRanges: [{ start: 0, end: 1 }] }
      yield* expect("scale", scale, { status: "FAILURE" })
      yield* expect("createTransaction", { streamInfo, lease: 20_000n }, "INTERNAL")
      yield* expect("checkScale", { streamInfo, epoch: 0 }, {})
      yield* expect("noteTimestampFromWriter", { writer: "w", timestamp: 5n, position: { streamInfo } }, {})
      yield* expect("deleteStream", streamInfo, {})
      yield* expect("deleteStream", streamInfo, { status: "STREAM_NOT_FOUND" })
      yield* expect("checkStreamExists", name("_MARKa"), {})
      yield* expect("createStream", fixed("a", 2), {})
      yield* expect("getCurrentSegments", streamInfo, { segmentRanges: [range(1, 0, 0, 0.5), range(2, 0, 0.5, 1)] })
      // a position of the stream that was here before is none of this one
      yield* expect("getSegmentsBetween", { streamInfo, from: { 0: 0n } }, "UNKNOWN")
      yield* expect("getSegmentsBetween", { streamInfo, to: { 0: 0n } }, "UNKNOWN")
      yield* expect("isStreamCutValid", { streamInfo, cut: { 0: 0n } }, "UNKNOWN")
    }))

  it.effect("transactions that are not", () =>
    Effect.gen(function*() {
      const { expect, fixed, name } = yield* asker
      yield* expect("createStream", fixed("a", 1), {})
      for (const lease of [0n, 9_999n, 600_001n, -1n]) {
        yield* expect("createTransaction", { streamInfo: name("a"), lease }, "UNKNOWN")
      }
      yield* expect("createTransaction", { streamInfo: name("no"), lease: 20_000n }, "NOT_FOUND")
      for (const streamInfo of [name("a"), name("no")]) {
        for (const highBits of [5n, 5n << 32n]) {
          const request = { streamInfo, txnId: { highBits, lowBits: 7n } }
          yield* expect("pingTransaction", { ...request, lease: 20_000n }, { status: "UNKNOWN" })
          yield* expect("commitTransaction", request, { status: "FAILURE" })
          yield* expect("abortTransaction", request, { status: "FAILURE" })
          yield* expect("checkTransactionState", request, {})
        }
        yield* expect("listCompletedTransactions", { streamInfo }, {})
      }
    }))

  it.effect("writers' times", () =>
    Effect.gen(function*() {
      const { expect, fixed, name } = yield* asker
      yield* expect("createStream", fixed("a", 2), {})
      const note = (writer: string, timestamp: bigint, cut: Record<string, bigint>, expected: JsonValue) =>
        expect("noteTimestampFromWriter", { writer, timestamp, position: { streamInfo: name("a"), cut } }, expected)
      yield* expect("removeWriter", { writer: "w", stream: name("a") }, { result: "UNKNOWN_WRITER" })
      yield* expect("removeWriter", { writer: "w", stream: name("no") }, { result: "UNKNOWN_WRITER" })
      yield* note("w", 5n, { 0: 0n, 1: 0n }, {})
      yield* note("w", 5n, { 0: 0n, 1: 0n }, {})
      yield* note("w", 4n, { 0: 0n, 1: 0n }, { result: "INVALID_TIME" })
      yield* note("w", 6n, { 0: 10n, 1: 0n }, {})
      yield* note("w", 7n, { 0: 5n, 1: 0n }, { result: "INVALID_POSITION" })
      yield* note("w", 5n, { 0: 5n, 1: 0n }, { result: "INVALID_TIME" })
      yield* note("w", 8n, { 0: 50n }, {})
      yield* note("x", 8n, { 77: 50n }, {})
      yield* note("y", 8n, {}, {})
      yield* expect("noteTimestampFromWriter", { writer: "w", position: { streamInfo: name("no") } }, "NOT_FOUND")
      yield* expect("removeWriter", { writer: "w", stream: name("a") }, {})
    }))

  it.effect("reader groups and subscribers", () =>
    Effect.gen(function*() {
      const { expect, fixed, gone, name, scope } = yield* asker
      yield* expect("createStream", fixed("a", 2), {})
      yield* expect("createStream", fixed("b", 2), {})
      const ids = ["11111111-2222-3333-4444-555555555555", "21111111-2222-3333-4444-555555555555"] as const
      const unbounded = [{ streamInfo: name("a") }]
      const group = {
        scope,
        readerGroupName: "g",
        groupRefreshTimeMillis: 3000n,
        automaticCheckpointIntervalMillis: 30_000n,
        maxOutstandingCheckpointRequest: 3,
        readerGroupId: ids[0],
        startingStreamCuts: unbounded,
        endingStreamCuts: unbounded
      }
      const config = {
        scope,
        readerGroupName: "g",
        groupRefreshTimeMillis: "3000",
        automaticCheckpointIntervalMillis: "30000",
        maxOutstandingCheckpointRequest: 3,
        readerGroupId: ids[0],
        startingStreamCuts: [{}],
        endingStreamCuts: [{}]
      }
      yield* expect("createReaderGroup", group, { config })
      yield* expect("createReaderGroup", { ...group, readerGroupId: ids[1], groupRefreshTimeMillis: 1n }, { config })
      for (const readerGroupName of ["_bad", "b d", ""]) {
        yield* expect("createReaderGroup", { ...group, readerGroupName }, { status: "INVALID_RG_NAME" })
      }
      yield* expect("createReaderGroup", { ...group, scope: gone }, { status: "SCOPE_NOT_FOUND" })
      const other = { ...group, readerGroupName: "x" }
      yield* expect("createReaderGroup", { ...other, readerGroupId: "nope" }, "INTERNAL")
      yield* expect("createReaderGroup", { ...other, maxOutstandingCheckpointRequest: 0 }, "INTERNAL")
      yield* expect("createReaderGroup", { ...other, startingStreamCuts: [], endingStreamCuts: [] }, "INTERNAL")
      const [late, early] = [5n, 1n].map((offset) => [{ streamInfo: name("a"), cut: { 0: offset, 1: 5n } }])
      const reversed = { startingStreamCuts: late!, endingStreamCuts: early! }
      yield* expect("createReaderGroup", { ...other, ...reversed }, "INTERNAL")
      const absent = [{ streamInfo: name("no") }]
      yield* expect("createReaderGroup", { ...other, startingStreamCuts: absent, endingStreamCuts: absent }, {
        config: { ...config, readerGroupName: "x" }
      })
      yield* expect("getReaderGroupConfig", { scope, readerGroup: "g" }, { config })
      yield* expect("getReaderGroupConfig", { scope, readerGroup: "no" }, { config: {}, status: "RG_NOT_FOUND" })
      yield* expect("getReaderGroupConfig", { scope: gone, readerGroup: "g" }, "NOT_FOUND")
      yield* expect("getStreamConfiguration", name("_RGg"), {
        scalingPolicy: { minNumSegments: 1 },
        tags: {},
        rolloverSizeBytes: "4194304"
      })
      yield* expect("checkStreamExists", name("_MARK_RGg"), { exists: true })
      yield* expect("listSubscribers", name("a"), {})
      yield* expect("listSubscribers", name("no"), { status: "STREAM_NOT_FOUND" })

      yield* expect("updateReaderGroup", { ...group, retentionType: 1 }, { generation: "1" })
      yield* expect("getReaderGroupConfig", { scope, readerGroup: "g" }, {
        config: { ...config, retentionType: 1, generation: "1" }
      })
      yield* expect("listSubscribers", name("a"), { subscribers: [`${scope}/g`] })
      const invalid = { status: "INVALID_CONFIG" }
      yield* expect("updateReaderGroup", group, invalid)
      yield* expect("updateReaderGroup", { ...group, generation: 1n, readerGroupId: ids[1] }, {
        ...invalid,
        generation: "1"
      })
      yield* expect("updateReaderGroup", { ...group, readerGroupName: "no" }, { status: "RG_NOT_FOUND" })
      yield* expect("updateReaderGroup", { ...group, maxOutstandingCheckpointRequest: 0 }, "INTERNAL")

      const told = {
        subscriber: `${scope}/g`,
        generation: 1n,
        readerGroupId: ids[0] as string,
        streamCut: { streamInfo: name("a"), cut: { 0: 5n, 1: 5n } }
      }
      const tell = (change: Partial<typeof told>, expected: JsonValue) =>
        expect("updateSubscriberStreamCut", { ...told, ...change }, expected)
      const at = (cut: Record<string, bigint>, stream = "a") =>
        ({ streamCut: { streamInfo: name(stream), cut } }) as Partial<typeof told>
      yield* tell({}, {})
      yield* tell({}, {})
      yield* tell(at({ 0: 4n, 1: 5n }), { status: "STREAM_CUT_NOT_VALID" })
      yield* tell(at({ 0: 9n }), { status: "STREAM_CUT_NOT_VALID" })
      yield* tell(at({ 77: 9n }), { status: "FAILURE" })
      yield* tell(at({}), "UNKNOWN")
      yield* tell(at({ 0: 5n, 1: 5n }, "no"), { status: "STREAM_NOT_FOUND" })
      yield* tell(at({ 0: 5n, 1: 5n }, "b"), { status: "SUBSCRIBER_NOT_FOUND" })
      for (const generation of [0n, 2n]) yield* tell({ generation }, { status: "GENERATION_MISMATCH" })
      yield* tell({ readerGroupId: ids[1] }, { status: "SUBSCRIBER_NOT_FOUND" })
      yield* tell({ readerGroupId: "nope" }, "UNKNOWN")
      for (const subscriber of [`${scope}/no`, "no"]) yield* tell({ subscriber }, { status: "SUBSCRIBER_NOT_FOUND" })

      yield* expect("updateReaderGroup", { ...group, generation: 1n }, { generation: "2" })
      yield* expect("listSubscribers", name("a"), {})
      const deletion = { scope, readerGroup: "g", readerGroupId: ids[0] }
      yield* expect("deleteReaderGroup", { ...deletion, readerGroupId: ids[1] }, { status: "RG_NOT_FOUND" })
      yield* expect("deleteReaderGroup", deletion, {})
      yield* expect("deleteReaderGroup", deletion, { status: "RG_NOT_FOUND" })
      yield* expect("checkStreamExists", name("_RGg"), {})
    }))

  it.effect("key-value tables, and the rest", () =>
    Effect.gen(function*() {
      const { expect, gone, name, scope } = yield* asker
      const table = { scope, kvtName: "k", partitionCount: 2, primaryKeyLength: 4 }
      yield* expect("createKeyValueTable", table, {})
      yield* expect("createKeyValueTable", table, { status: "TABLE_EXISTS" })
      yield* expect("createKeyValueTable", { ...table, scope: gone }, { status: "SCOPE_NOT_FOUND" })
      for (const kvtName of ["", "a b", "_k"]) {
        yield* expect("createKeyValueTable", { ...table, kvtName }, { status: "INVALID_TABLE_NAME" })
      }
      for (const bad of [{ partitionCount: 0 }, { primaryKeyLength: 0 }, { secondaryKeyLength: -1 }]) {
        yield* expect("createKeyValueTable", { ...table, kvtName: "bad", ...bad }, "INTERNAL")
      }
      yield* expect("getKeyValueTableConfiguration", { scope, kvtName: "k" }, { config: table })
      yield* expect("getKeyValueTableConfiguration", { scope, kvtName: "no" }, { status: "TABLE_NOT_FOUND" })
      yield* expect("getKeyValueTableConfiguration", { scope: gone, kvtName: "k" }, { status: "TABLE_NOT_FOUND" })
      yield* expect("getCurrentSegmentsKeyValueTable", { scope, kvtName: "k" }, {
        segmentRanges: [range(0, 0, 0, 0.5), range(1, 0, 0.5, 1)]
      })
      yield* expect("getCurrentSegmentsKeyValueTable", { scope, kvtName: "no" }, "NOT_FOUND")
      yield* expect("listKeyValueTablesInScope", { scope: { scope } }, { kvtables: [{ scope, kvtName: "k" }] })
      yield* expect("deleteScope", { scope }, { status: "SCOPE_NOT_EMPTY" })
      yield* expect("deleteKeyValueTable", { scope, kvtName: "k" }, {})
      yield* expect("deleteKeyValueTable", { scope, kvtName: "k" }, { status: "TABLE_NOT_FOUND" })
      for (const accessOperation of [0, 2, 3] as const) {
        yield* expect("getDelegationToken", { ...name("no"), accessOperation }, {})
      }
      yield* expect("getControllerServerList", {}, "UNKNOWN")
    }))
}
