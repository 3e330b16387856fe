import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as ReaderGroupName from "../../src/core/ReaderGroupName.ts"
import { ReaderId } from "../../src/core/ReaderId.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import { ScopeName, UserScopeName } from "../../src/core/ScopeName.ts"
import * as Segment from "../../src/core/Segment.ts"
import * as SegmentName from "../../src/core/SegmentName.ts"
import * as StreamName from "../../src/core/StreamName.ts"
import * as TransactionId from "../../src/core/TransactionId.ts"
import { WriterId } from "../../src/core/WriterId.ts"
import { readVectors } from "../vectors/vectors.ts"

const Id = Schema.toCodecJson(Segment.SegmentId)

/** Scope, stream, id. */
const Tokens = Schema.Tuple([Schema.String, Schema.String, Schema.String])

const { naming } = Schema.decodeUnknownSync(Schema.Struct({
  naming: Schema.Struct({
    segments: Schema.Array(Schema.Struct({
      scope: ScopeName,
      stream: StreamName.StreamName,
      segmentNumber: Schema.Int,
      epoch: Schema.Int,
      segmentId: Id,
      qualifiedName: Schema.String,
      tokens: Tokens,
      kvtSegmentName: Schema.String
    })),
    transactions: Schema.Array(Schema.Struct({
      txnId: TransactionId.TransactionId,
      txnHighBits: Schema.BigIntFromString,
      txnLowBits: Schema.BigIntFromString,
      txnEpoch: Schema.Int,
      parentSegmentId: Id,
      parentName: Schema.String,
      txnSegmentName: Schema.String,
      tokens: Tokens,
      primaryName: Schema.String,
      // absent where Java refuses the epoch
      generalizedSegmentId: Schema.optionalKey(Id),
      nameUsedByController: Schema.optionalKey(Schema.String)
    })),
    transientSegments: Schema.Array(Schema.Struct({
      parentName: Schema.String,
      writerId: Schema.String,
      example: Schema.String,
      fixedPrefix: Schema.String,
      isTransient: Schema.Boolean,
      isTransaction: Schema.Boolean,
      parentOf: Schema.String
    })),
    internalNames: Schema.Array(Schema.Struct({
      scope: ScopeName,
      name: Schema.String,
      readerGroupStream: Schema.String,
      markStream: Schema.String,
      markOfReaderGroupStream: Schema.String,
      internalStream: StreamName.StreamName,
      subscriberName: Schema.String,
      kvtSegment0: Schema.String
    })),
    namesWithoutEpoch: Schema.Array(Schema.Struct({ name: Schema.String, segmentId: Id, canonical: Schema.String })),
    validity: Schema.Array(Schema.Struct({
      name: Schema.String,
      userStream: Schema.Boolean,
      stream: Schema.Boolean,
      userScope: Schema.Boolean,
      scope: Schema.Boolean,
      readerGroup: Schema.Boolean,
      readerId: Schema.Boolean,
      writerId: Schema.Boolean
    }))
  })
}))(readVectors("segments"))

const parsed = (name: string): SegmentName.SegmentName =>
  Option.getOrThrowWith(SegmentName.parse(name), () => new Error(`not a segment's name: ${name}`))

const tokens = (name: SegmentName.SegmentName): ReadonlyArray<string> =>
  name._tag === "TableSegment" ? [] : [name.stream.scope, name.stream.stream, name.id.toString()]

describe("segment names, against Java's", () => {
  it("segments of streams and of tables", () => {
    for (const vector of naming.segments) {
      const stream = new ScopedStream(vector)
      assert.strictEqual(Segment.makeId(vector.segmentNumber, vector.epoch), vector.segmentId)
      assert.strictEqual(Segment.number(vector.segmentId), vector.segmentNumber)
      assert.strictEqual(Segment.epoch(vector.segmentId), vector.epoch)
      assert.strictEqual(Segment.name(stream, vector.segmentId), vector.qualifiedName)
      assert.deepStrictEqual(parsed(vector.qualifiedName), { _tag: "StreamSegment", stream, id: vector.segmentId })
      assert.deepStrictEqual(tokens(parsed(vector.qualifiedName)), vector.tokens)
      assert.strictEqual(SegmentName.table(vector.scope, vector.stream, vector.segmentId), vector.kvtSegmentName)
      assert.deepStrictEqual(parsed(vector.kvtSegmentName), {
        _tag: "TableSegment",
        scope: vector.scope,
        table: vector.stream,
        id: vector.segmentId
      })
    }
  })

  it("segments of transactions", () => {
    for (const vector of naming.transactions) {
      const bits = { high: vector.txnHighBits, low: vector.txnLowBits }
      assert.deepStrictEqual(TransactionId.toBits(vector.txnId), bits)
      assert.strictEqual(TransactionId.fromBits(bits), vector.txnId)
      assert.strictEqual(TransactionId.epoch(vector.txnId), vector.txnEpoch)

      const name = parsed(vector.txnSegmentName)
      if (name._tag !== "TransactionSegment") return assert.fail(name._tag)
      assert.strictEqual(name.id, vector.parentSegmentId)
      assert.strictEqual(name.transaction, vector.txnId)
      assert.deepStrictEqual(tokens(name), vector.tokens)
      // without epoch, it reads as the same number of epoch 0
      assert.deepStrictEqual(parsed(vector.primaryName), {
        _tag: "StreamSegment",
        stream: name.stream,
        id: Segment.makeId(Segment.number(name.id), 0)
      })
      assert.strictEqual(SegmentName.parent(vector.txnSegmentName), vector.parentName)
      assert.strictEqual(Segment.transactionName(name.stream, name.id, name.transaction), vector.txnSegmentName)

      if (vector.generalizedSegmentId === undefined) {
        assert.throws(() => Segment.inTransaction(name.id, name.transaction), RangeError)
      } else {
        const id = Segment.inTransaction(name.id, name.transaction)
        assert.strictEqual(id, vector.generalizedSegmentId)
        assert.strictEqual(Segment.transactionName(name.stream, id, name.transaction), vector.nameUsedByController)
      }
    }
  })

  it("transient segments", () => {
    for (const vector of naming.transientSegments) {
      const name = parsed(vector.example)
      assert.strictEqual(name._tag === "TransientSegment", vector.isTransient)
      assert.strictEqual(name._tag === "TransactionSegment", vector.isTransaction)
      if (name._tag !== "TransientSegment") continue
      assert.strictEqual(name.writer, vector.writerId.replaceAll("-", ""))
      assert.strictEqual(vector.fixedPrefix + name.nonce, vector.example)
      assert.strictEqual(SegmentName.parent(vector.example), vector.parentOf)
      assert.strictEqual(vector.parentOf, vector.parentName)
      assert.strictEqual(SegmentName.parent(vector.parentName), vector.parentName)
    }
  })

  it("names without epoch", () => {
    for (const vector of naming.namesWithoutEpoch) {
      const name = parsed(vector.name)
      if (name._tag !== "StreamSegment") return assert.fail(name._tag)
      assert.strictEqual(name.id, vector.segmentId)
      assert.strictEqual(Segment.name(name.stream, name.id), vector.canonical)
    }
  })

  it("Pravega's own names", () => {
    for (const vector of naming.internalNames) {
      const group = ReaderGroupName.ReaderGroupName.make(vector.name)
      const groupStream = ReaderGroupName.stream(group)
      assert.strictEqual(groupStream, vector.readerGroupStream)
      assert.isTrue(StreamName.isInternal(groupStream))
      assert.isTrue(StreamName.isInternal(vector.internalStream))
      assert.strictEqual(vector.internalStream, `_${vector.name}`)
      assert.strictEqual(StreamName.markStream(StreamName.StreamName.make(vector.name)), vector.markStream)
      assert.strictEqual(StreamName.markStream(groupStream), vector.markOfReaderGroupStream)
      assert.strictEqual(ReaderGroupName.subscriber(vector.scope, group), vector.subscriberName)
      assert.strictEqual(SegmentName.table(vector.scope, vector.name, Segment.makeId(0, 0)), vector.kvtSegment0)
    }
  })

  it("which names are valid", () => {
    const guards = {
      userStream: Schema.is(StreamName.UserStreamName),
      stream: Schema.is(StreamName.StreamName),
      userScope: Schema.is(UserScopeName),
      scope: Schema.is(ScopeName),
      readerGroup: Schema.is(ReaderGroupName.ReaderGroupName),
      readerId: Schema.is(ReaderId),
      writerId: Schema.is(WriterId)
    }
    for (const { name, ...expected } of naming.validity) {
      const actual = Object.fromEntries(Object.entries(guards).map(([kind, guard]) => [kind, guard(name)]))
      assert.deepStrictEqual(actual, { ...expected }, JSON.stringify(name))
    }
  })
})
