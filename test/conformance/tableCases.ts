/** Key-value tables: made by the controller, and their segments, of keys of one length and of any, command by command. */
import { assert } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import { ScopeName } from "../../src/core/ScopeName.ts"
import { makeId } from "../../src/core/Segment.ts"
import { StreamName } from "../../src/core/StreamName.ts"
import * as pb from "../../src/pravega/controller/gen/Controller_pb.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import type { SegmentConnection } from "../../src/pravega/segmentstore/SegmentConnection.ts"
import type { Command, WireCommand } from "../../src/pravega/wire/WireCommand.ts"
import { randomScope } from "../names.ts"
import type { Cases } from "./Server.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (data: Uint8Array): string => new TextDecoder().decode(data)
const none = new Uint8Array(0)

/** Whatever is there, and: only if nothing is there. */
const any = -(2n ** 63n)
const absent = -1n

const token = { delegationToken: "" }
type Key = readonly [key: string, version?: bigint | undefined]
const keyOf = ([key, keyVersion = any]: Key) => ({ data: bytes(key), keyVersion })

/** A table segment of its own; `keyLength` 0: keys of any length. */
const newTable = Effect.fnUntraced(function*(keyLength: number) {
  const { controller, stores } = yield* Pravega
  const scope = ScopeName.make(randomScope())
  const place = new ScopedStream({ scope, stream: StreamName.make("s") })
  const connection = yield* stores.requests(yield* controller.endpoint(place, makeId(0, 0)))
  const segment = `${scope}/s/0.#epoch.0`
  const made = yield* connection.call((requestId) => ({
    _tag: "CreateTableSegment",
    requestId,
    segment,
    sortedDeprecated: false,
    keyLength,
    rolloverSizeBytes: 0n,
    ...token
  }))
  assert.strictEqual(made._tag, "SegmentCreated")
  return { segment, ask: asking(connection, segment) }
})

const asking = (connection: SegmentConnection, segment: string) => {
  const call = (request: (requestId: bigint) => WireCommand) => connection.call(request)
  const range = (fromKey: string, toKey: string, continuationToken: Uint8Array) => ({
    continuationToken,
    prefixFilter: none,
    fromKey: bytes(fromKey),
    toKey: bytes(toKey)
  })
  return {
    put: (entries: ReadonlyArray<readonly [key: string, value: string, version?: bigint]>, tableSegmentOffset = -1n) =>
      call((requestId) => ({
        _tag: "UpdateTableEntries",
        requestId,
        segment,
        tableEntries: entries.map(([key, value, version]) => ({ key: keyOf([key, version]), value: bytes(value) })),
        tableSegmentOffset,
        ...token
      })),
    remove: (keys: ReadonlyArray<Key>, tableSegmentOffset = -1n) =>
      call((requestId) => ({
        _tag: "RemoveTableKeys",
        requestId,
        segment,
        keys: keys.map(keyOf),
        tableSegmentOffset,
        ...token
      })),
    get: (...keys: ReadonlyArray<string>) =>
      Effect.map(
        call((requestId) => ({
          _tag: "ReadTable",
          requestId,
          segment,
          keys: keys.map((key) => keyOf([key])),
          ...token
        })),
        (reply) => reply._tag === "TableRead" ? reply.entries.map(({ value }) => text(value)) : reply._tag
      ),
    keys: (suggestedKeyCount: number, from = "", to = "", continuation = none) =>
      call((requestId) => ({
        _tag: "ReadTableKeys",
        requestId,
        segment,
        suggestedKeyCount,
        args: range(from, to, continuation),
        ...token
      })),
    entries: (suggestedEntryCount: number, from = "", to = "") =>
      call((requestId) => ({
        _tag: "ReadTableEntries",
        requestId,
        segment,
        suggestedEntryCount,
        args: range(from, to, none),
        ...token
      })),
    delta: (fromPosition: bigint, suggestedEntryCount: number) =>
      call((requestId) => ({
        _tag: "ReadTableEntriesDelta",
        requestId,
        segment,
        fromPosition,
        suggestedEntryCount,
        ...token
      })),
    info: call((requestId) => ({ _tag: "GetTableSegmentInfo", requestId, segmentName: segment, ...token })),
    delete: (mustBeEmpty: boolean) =>
      call((requestId) => ({ _tag: "DeleteTableSegment", requestId, segment, mustBeEmpty, ...token })),
    seal: call((requestId) => ({ _tag: "SealSegment", requestId, segment, ...token }))
  }
}

const versions = (reply: WireCommand): ReadonlyArray<bigint> =>
  reply._tag === "TableEntriesUpdated" ? reply.updatedVersions : assert.fail(`got ${reply._tag}`)

const keysOf = (reply: WireCommand): Array<string> =>
  reply._tag === "TableKeysRead"
    ? (reply satisfies Command<"TableKeysRead">).keys.map(({ data }) => text(data)).toSorted()
    : assert.fail(`got ${reply._tag}`)

export const tableCases = (it: Cases): void => {
  it.effect("made, described, listed, deleted", () =>
    Effect.gen(function*() {
      const { controller } = yield* Pravega
      const scope = ScopeName.make(randomScope())
      yield* controller.createScope(scope)
      const config = { scope, kvtName: "table", partitionCount: 3, primaryKeyLength: 4, secondaryKeyLength: 2 }
      const create = (changed: Partial<typeof config> = {}) =>
        Effect.map(controller.call("createKeyValueTable", { ...config, ...changed }), ({ status }) => status)
      const Created = pb.CreateKeyValueTableStatus_Status
      // a controller that has just been started takes requests before it can do this one, and fails it
      const first = Effect.retry(create(), {
        schedule: Schedule.spaced("500 millis"),
        times: 240,
        while: ({ reason }) => reason._tag === "OutcomeUnknown"
      })
      assert.strictEqual(yield* first, Created.SUCCESS)
      assert.strictEqual(yield* create({ partitionCount: 1 }), Created.TABLE_EXISTS)
      assert.strictEqual(yield* create({ scope: ScopeName.make(randomScope()) }), Created.SCOPE_NOT_FOUND)
      const name = { scope, kvtName: "table" }
      const described = yield* controller.call("getKeyValueTableConfiguration", name)
      assert.deepInclude(described.config, config)
      const { segmentRanges } = yield* controller.call("getCurrentSegmentsKeyValueTable", name)
      assert.sameMembers(segmentRanges.map(({ segmentId }) => segmentId?.segmentId), [0n, 1n, 2n])
      for (const kvtName of ["b", "a"]) yield* create({ kvtName })
      const listed: Array<string> = []
      for (let continuationToken = { token: "" };;) {
        const page = yield* controller.call("listKeyValueTablesInScope", { scope: { scope }, continuationToken })
        if (page.kvtables.length === 0) break
        listed.push(...page.kvtables.map(({ kvtName }) => kvtName))
        continuationToken = { token: page.continuationToken?.token ?? "" }
      }
      assert.deepStrictEqual(listed.toSorted(), ["a", "b", "table"])
      const Deleted = pb.DeleteKVTableStatus_Status
      assert.strictEqual((yield* controller.call("deleteKeyValueTable", name)).status, Deleted.SUCCESS)
      assert.strictEqual((yield* controller.call("deleteKeyValueTable", name)).status, Deleted.TABLE_NOT_FOUND)
    }))

  for (const [kind, keyLength] of [["one length", 3], ["any length", 0]] as const) {
    it.effect(`keys of ${kind}: put, got and removed, on condition and without`, () =>
      Effect.gen(function*() {
        const { ask } = yield* newTable(keyLength)
        const [first] = versions(yield* ask.put([["aaa", "1", absent], ["bbb", "2"]]))
        assert.isDefined(first)
        assert.deepStrictEqual(yield* ask.get("aaa", "bbb", "ccc"), ["1", "2", ""])
        assert.strictEqual((yield* ask.put([["aaa", "x", absent]]))._tag, "TableKeyBadVersion")
        const [second] = versions(yield* ask.put([["aaa", "3", first]]))
        assert.notStrictEqual(second, first)
        // one that does not fit, and none is put
        assert.strictEqual((yield* ask.put([["ddd", "4"], ["aaa", "x", first]]))._tag, "TableKeyBadVersion")
        assert.deepStrictEqual(yield* ask.get("aaa", "ddd"), ["3", ""])
        assert.strictEqual((yield* ask.remove([["aaa", first]]))._tag, "TableKeyBadVersion")
        assert.strictEqual((yield* ask.remove([["aaa", second]]))._tag, "TableKeysRemoved")
        assert.strictEqual((yield* ask.remove([["aaa"]]))._tag, "TableKeysRemoved")
        assert.strictEqual((yield* ask.remove([["zzz", absent]]))._tag, "TableKeysRemoved")
        assert.deepStrictEqual(yield* ask.get("aaa", "bbb"), ["", "2"])
        assert.deepInclude(yield* ask.info, { _tag: "TableSegmentInfo", keyLength })
        assert.strictEqual((yield* ask.put([["a".repeat(9000), "1"]]))._tag, "ErrorMessage")
        assert.strictEqual((yield* ask.put([["bbb", "x"]], 5n))._tag, "SegmentIsTruncated")
        assert.strictEqual((yield* ask.delete(false))._tag, "SegmentDeleted")
        assert.strictEqual(yield* ask.get("bbb"), "NoSuchSegment")
      }))
  }

  it.effect("keys of one length are read in order, from one to another", () =>
    Effect.gen(function*() {
      const { ask } = yield* newTable(3)
      yield* ask.put(["001", "002", "003", "010", "020"].map((key) => [key, `value ${key}`]))
      assert.deepStrictEqual(keysOf(yield* ask.keys(10)), ["001", "002", "003", "010", "020"])
      assert.deepStrictEqual(keysOf(yield* ask.keys(10, "002", "010")), ["002", "003", "010"])
      const entries = yield* ask.entries(10, "003", "010")
      assert(entries._tag === "TableEntriesRead")
      assert.deepStrictEqual(entries.entries.map(({ value }) => text(value)), ["value 003", "value 010"])
      assert.strictEqual((yield* ask.keys(10, "0", "1"))._tag, "ErrorMessage")
      assert.strictEqual((yield* ask.keys(10, "010", "002"))._tag, "ErrorMessage")
      assert.strictEqual((yield* ask.put([["four", "x"]]))._tag, "ErrorMessage")
      assert.strictEqual((yield* ask.delta(0n, 10))._tag, "OperationUnsupported")
      assert.strictEqual((yield* ask.delete(true))._tag, "OperationUnsupported")
    }))

  it.effect("keys of any length are read by pages, and what changed since a position", () =>
    Effect.gen(function*() {
      const { ask } = yield* newTable(0)
      const written = Array.from({ length: 30 }, (_, i) => `key ${"x".repeat(i)}`)
      for (const key of written) yield* ask.put([[key, "value"]])
      const seen: Array<string> = []
      for (let continuation = none;;) {
        const page = yield* ask.keys(7, "", "", continuation)
        assert(page._tag === "TableKeysRead")
        if (page.keys.length === 0) break
        seen.push(...page.keys.map(({ data }) => text(data)))
        continuation = new Uint8Array(page.continuationToken)
      }
      assert.deepStrictEqual(seen.toSorted(), written.toSorted())
      assert.strictEqual((yield* ask.keys(7, "key", "kez"))._tag, "ErrorMessage")
      const all = yield* ask.delta(0n, 100)
      assert(all._tag === "TableEntriesDeltaRead")
      assert.strictEqual(all.entries.length, 30)
      assert.isTrue(all.reachedEnd)
      const [version] = versions(yield* ask.put([["late", "value"]]))
      const since = yield* ask.delta(version ?? 0n, 100)
      assert(since._tag === "TableEntriesDeltaRead")
      assert.deepStrictEqual(since.entries.map(({ key }) => text(key.data)), ["late"])
      assert.strictEqual((yield* ask.delete(true))._tag, "TableSegmentNotEmpty")
      assert.strictEqual((yield* ask.seal)._tag, "SegmentSealed")
      assert.strictEqual((yield* ask.put([["late", "x"]]))._tag, "SegmentIsSealed")
      assert.deepStrictEqual(yield* ask.get("late"), ["value"])
    }))
}
