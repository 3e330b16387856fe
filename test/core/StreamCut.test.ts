import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import fc from "fast-check"
import * as GzipText from "../../src/core/bytes/GzipText.ts"
import { Checkpoint } from "../../src/core/Checkpoint.ts"
import { EventPointer } from "../../src/core/EventPointer.ts"
import { Position } from "../../src/core/Position.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import * as Segment from "../../src/core/Segment.ts"
import * as Serialization from "../../src/core/Serialization.ts"
import { StreamCut, StreamCutFromText } from "../../src/core/StreamCut.ts"
import { Watermark } from "../../src/core/Watermark.ts"

const name = fc.stringMatching(/^[A-Za-z0-9.-]{1,20}$/)
const stream = fc.record({ scope: name, stream: name }).map(({ scope, stream }) =>
  ScopedStream.fromTextUnsafe(`${scope}/${stream}`)
)
const int31 = fc.integer({ min: 0, max: 0x7fffffff })
const segment = fc.tuple(int31, fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0x3ffffffe }))).map((
  [number, epoch]
) => Segment.makeId(number, epoch))
const offset = fc.bigInt({ min: -1n, max: (1n << 61n) - 2n })
const range = fc.record({
  low: fc.double({ min: 0, max: 1, noNaN: true }),
  high: fc.double({ min: 0, max: 1, noNaN: true })
})
const cut = fc.record({ stream, positions: fc.array(fc.tuple(segment, offset), { maxLength: 20 }) }).map((cut) =>
  new StreamCut({ stream: cut.stream, positions: new Map(cut.positions) })
)
const pointer = fc.record({
  stream,
  segment,
  offset: fc.bigInt({ min: 0n, max: (1n << 62n) - 2n }),
  length: fc.integer({ min: 8, max: 0x3ffffffe })
}).map((fields) => new EventPointer(fields))
const position = fc.uniqueArray(fc.record({ stream, segment, offset, range }), {
  selector: (entry) => `${entry.stream.toString()}/${entry.segment}`,
  maxLength: 10
}).map((segments) => new Position({ segments }))
const checkpoint = fc.record({
  name: fc.string({ unit: "grapheme" }),
  cuts: fc.uniqueArray(cut, { selector: (cut) => cut.stream.toString(), maxLength: 4 })
}).map((fields) => new Checkpoint(fields))
const long = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n })
const watermark = fc.record({
  lowerTime: long,
  upperTime: long,
  positions: fc.array(fc.record({ segment, range, offset: long }), { maxLength: 10 })
}).map((fields) => new Watermark(fields))

interface Form<A> {
  readonly toBytes: (value: A) => Uint8Array
  readonly fromBytes: (bytes: Uint8Array) => Result.Result<A | "unbounded", Error>
}

const survives = <A>(values: fc.Arbitrary<A>, { fromBytes, toBytes }: Form<A>) =>
  fc.assert(fc.property(values, fc.nat(64), (value, zeros) => {
    const bytes = toBytes(value)
    const padded = new Uint8Array(bytes.length + zeros)
    padded.set(bytes)
    assert.deepStrictEqual(Result.getOrThrow(fromBytes(padded)), value)
  }))

/** Bytes cut short and bytes changed: what is read can be written; what is thrown instead of returned fails the test. */
const withstands = <A>(values: fc.Arbitrary<A>, { fromBytes, toBytes }: Form<A>) =>
  fc.assert(fc.property(
    values,
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
    fc.option(fc.nat()),
    (value, changes, end) => {
      const bytes = Uint8Array.from(toBytes(value))
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      const result = fromBytes(end === null ? bytes : bytes.subarray(0, end % (bytes.length + 1)))
      if (Result.isFailure(result)) assert.strictEqual(result.failure.name, "MalformedValue")
      else if (result.success !== "unbounded") toBytes(result.success)
    }
  ))

describe("bytes", () => {
  it("survive the way there and back, with zeros behind them", () => {
    assert.isTrue(Result.isFailure(StreamCut.fromBytes(new Uint8Array(3))))
    survives(cut, StreamCut)
    survives(pointer, EventPointer)
    survives(position, Position)
    survives(checkpoint, Checkpoint)
    survives(watermark, Watermark)
  })

  it("that are damaged are a typed error or another value, which has bytes again", () => {
    assert.isTrue(Result.isFailure(EventPointer.fromBytes(new Uint8Array())))
    withstands(cut, StreamCut)
    withstands(pointer, EventPointer)
    withstands(position, Position)
    withstands(checkpoint, Checkpoint)
    withstands(watermark, Watermark)
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      StreamCut.fromBytes(bytes)
      Watermark.fromBytes(bytes)
    }))
  })
})

describe("a cut's limits", () => {
  const of = (id: bigint, offset: bigint) =>
    new StreamCut({
      stream: ScopedStream.fromTextUnsafe("s/t"),
      positions: new Map([[Segment.SegmentId.make(id), offset]])
    })
  const written = (...positions: ReadonlyArray<readonly [bigint, bigint]>) =>
    Serialization.toBytes((writer) =>
      Serialization.writeEnvelope(writer, 1, [(body) => {
        body.utf("s/t")
        Serialization.writeCollection(body, positions, (writer, [id, offset]) => {
          Serialization.writeCompactLong(writer, id)
          writer.i64(offset)
        })
      }]), undefined)
  /** The eight bytes of a compact signed number that is not negative. */
  const long = (magnitude: bigint) => (3n << 61n) | magnitude

  it("are those of its bytes: there is no cut that can't be written", () => {
    const lastId = Segment.makeId(0x7fffffff, 0x3fffffff)
    const largest = of(lastId, (1n << 61n) - 2n)
    assert.deepStrictEqual(Result.getOrThrow(StreamCut.fromBytes(StreamCut.toBytes(largest))), largest)
    assert.deepStrictEqual(Result.getOrThrow(StreamCut.fromText(StreamCut.toText(largest))), largest)
    assert.throws(() => of(0n, (1n << 61n) - 1n))
    assert.throws(() => of(0n, -2n))
    assert.throws(() => of(Segment.makeId(0, 0x40000000), 0n))
  })

  it("hold for what is read", () => {
    const problem = (bytes: Uint8Array) => {
      const result = StreamCut.fromBytes(bytes)
      return Result.isFailure(result) ? result.failure.message : "none"
    }
    assert.strictEqual(problem(written([0n, long((1n << 61n) - 2n)], [1n, long(0n)])), "none")
    assert.match(
      problem(written([0n, long((1n << 61n) - 1n)])),
      /^not the bytes of a StreamCut: 2305843009213693951 is/
    )
    assert.match(
      problem(written([1n << 31n, long(0n)])),
      /^not the bytes of a StreamCut: not a segment's id: 2147483648/
    )
    assert.match(
      problem(written([7n, long(0n)], [7n, long(0n)])),
      /^not the bytes of a StreamCut: the key 7 comes twice/
    )
  })
})

describe("text", () => {
  it("of a cut survives, also as a Schema", () => {
    fc.assert(fc.property(cut, (cut) => {
      assert.deepStrictEqual(Result.getOrThrow(StreamCut.fromText(StreamCut.toText(cut))), cut)
      const json: string = Schema.encodeSync(StreamCutFromText)(cut)
      assert.deepStrictEqual(Schema.decodeSync(StreamCutFromText)(json), cut)
    }))
  })

  it("of a pointer survives", () => {
    fc.assert(fc.property(pointer, (pointer) => {
      assert.deepStrictEqual(Result.getOrThrow(EventPointer.fromText(pointer.toString())), pointer)
    }))
  })

  it("that is something else is a typed error", () => {
    for (const text of ["", "UNBOUNDED ", "aGVsbG8=", "H4sIAAAAAAAA/zOwKtYvsTLQMQRiIytTHV1DAIxxAvcSAA"]) {
      const result = StreamCut.fromText(text)
      assert.strictEqual(Result.isFailure(result) ? result.failure._tag : undefined, "MalformedValue", text)
    }
    fc.assert(fc.property(fc.string(), (text) => {
      assert.isTrue(Result.isFailure(StreamCut.fromText(text)))
      assert.isTrue(Result.isFailure(EventPointer.fromText(text)))
    }))
    assert.deepStrictEqual(StreamCut.fromText("UNBOUNDED"), Result.succeed("unbounded"))
    assert.throws(() => Schema.decodeSync(StreamCutFromText)("UNBOUNDED"))
  })

  it("is refused before it is read where it stands for more than a stream can have", () => {
    const problem = (text: string) => {
      const result = StreamCut.fromText(text)
      return Result.isFailure(result) ? result.failure.problem : "none"
    }
    // what is in the lists is no number: had anybody looked at it, the problem would be that
    const cut = (count: number, item: string) => {
      const items = Array.from({ length: count }, () => item).join(",")
      return `0:s/t:${items}:${items}:${items}`
    }
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.constantFrom("", "x", "-"), (times, item) => {
        assert.match(problem(GzipText.pack(cut(20_000 + times, item))), /more than 20000 segments/)
        assert.match(problem(GzipText.pack(cut(20_000, item))), /not a number/)
        // more than a MiB, of a few KiB of text
        assert.match(problem(GzipText.pack(cut(times * 500_000, item))), /more than 1048576 bytes/)
      }),
      { numRuns: 5 }
    )
    const many = new Map(Array.from({ length: 20_000 }, (_, i) => [Segment.makeId(i, 0x3ffffffe), (1n << 61n) - 2n]))
    const largest = new StreamCut({ stream: ScopedStream.fromTextUnsafe("s/t"), positions: many })
    assert.deepStrictEqual(StreamCut.fromText(StreamCut.toText(largest)), Result.succeed(largest))
    assert.match(problem("A".repeat(3_000_000)), /longer than/)
    assert.isBelow(problem(GzipText.pack(`0:${"s".repeat(1_000_000)}:0:0:0`)).length, 500)
  })

  it("of a cut says what is wrong with it", () => {
    const problem = (text: string) => {
      const result = StreamCut.fromText(GzipText.pack(text))
      return Result.isFailure(result) ? result.failure.message : "none"
    }
    for (
      const [text, expected] of [
        ["1:s/t:0:0:0", /version "1"/],
        ["0:s/t:0:0", /five parts/],
        ["0:s/t:0,1:0:0", /as many epochs/],
        ["0:s:0:0:0", /not a stream's full name: "s"/],
        ["0:s/t:-1:0:0", /number or epoch: -1/],
        ["0:s/t:0:x:0", /not a number: "x"/],
        ["0:s/t:0:0:-2", /offset -2/],
        ["0:s/t:0:0:2305843009213693951", /offset 2305843009213693951/],
        ["0:s/t:0:1073741824:0", /epoch from 2\^30 on/],
        ["0:s/t:7,8,7:1,1,1:0,5,0", /segment 4294967303 twice/],
        ["0:s/t:0:0:9223372036854775808", /more than 64 bits/]
      ] as const
    ) {
      assert.match(problem(text), expected)
      assert.match(problem(text), /^not the text of a StreamCut: /)
    }
    assert.strictEqual(problem("0:s/t:::"), "none")
  })

  it("of the example of the Java client", () => {
    const cut = Result.getOrThrow(StreamCut.fromText("H4sIAAAAAAAA/zOwKtYvsTLQMQRiIytTHV1DAIxxAvcSAAAA"))
    assert.strictEqual(String(cut), "0:s/t:0,1:0,2:5,-1")
  })
})

describe("JSON", () => {
  it("of the values survives", () => {
    const through = <A>(schema: Schema.Codec<A, unknown>, values: fc.Arbitrary<A>) => {
      const json = Schema.fromJsonString(Schema.toCodecJson(schema))
      fc.assert(fc.property(values, (value) => {
        assert.deepStrictEqual(Schema.decodeSync(json)(Schema.encodeSync(json)(value)), value)
      }))
    }
    through(StreamCut, cut)
    through(EventPointer, pointer)
    through(Checkpoint, checkpoint)
    through(Watermark, watermark)
    through(Position, position)
  })
})
