// @effect-diagnostics schemaNumber:off (NaN and the infinities are keys too)
import { assert, describe, it } from "@effect/vitest"
import { Key } from "effect-pravega/flow"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import fc from "fast-check"

/** Bytes of texts in order of code points, without the code under test. */
const byCodePoint = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

const byNumber = (a: number, b: number): number => {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a < b ? -1 : a > b ? 1 : 0
}

const byBigInt = (a: bigint, b: bigint): number => a < b ? -1 : a > b ? 1 : 0

const numbers = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(0, -0, NaN, Infinity, -Infinity, Number.MIN_VALUE, -Number.MIN_VALUE, Number.MAX_VALUE)
)
const bigints = fc.oneof(
  fc.bigInt(),
  fc.bigInt({ min: -70000n, max: 70000n }),
  fc.bigInt({ min: -(1n << 1100n), max: 1n << 1100n })
)
/** With zeros, which are escaped, and characters on both sides of the surrogates. */
const texts = fc.string({
  unit: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\0", "\u0001", "\uffff", "\ue000", "\u{10000}"))
})
const times = fc.date({ noInvalidDate: true })

const signed = (comparison: number): number => comparison < 0 ? -1 : comparison > 0 ? 1 : 0

const pairs = Schema.Tuple([Schema.String, Schema.Finite])
const struct = Schema.Struct({ b: Schema.String, a: Schema.BigInt, c: Schema.optionalKey(Schema.Boolean) })
const shapes = Schema.Union([
  Schema.TaggedStruct("Circle", { radius: Schema.Finite }),
  Schema.TaggedStruct("Box", { sides: pairs }),
  Schema.TaggedStruct("Point", {})
])

function brand(text: string) {
  return Schema.String.pipe(Schema.brand("Airport")).make(text)
}

/** What holds for the keys of each Schema, given how they compare. */
function keysOf<A>(
  name: string,
  schema: Schema.Codec<A, unknown>,
  keys: fc.Arbitrary<A>,
  compare: (a: A, b: A) => number
): void {
  const key = Key.make(schema)

  it(`${name} are read as they were written`, () =>
    fc.assert(
      fc.property(keys, (value) => {
        const bytes = key.encode(value)
        const again = key.decode(bytes)
        assert.strictEqual(compare(again, value), 0)
        assert.deepStrictEqual(key.encode(again), bytes)
      }),
      { numRuns: 500 }
    ))

  it(`${name} are in the order of their bytes`, () =>
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        assert.strictEqual(signed(Key.compare(key.encode(a), key.encode(b))), signed(compare(a, b)))
      }),
      { numRuns: 2000 }
    ))

  it(`no bytes of the ${name} are the start of others`, () =>
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        const [x, y] = [key.encode(a), key.encode(b)]
        assert.strictEqual(Buffer.compare(y.subarray(0, x.length), x) === 0, compare(a, b) === 0)
      }),
      { numRuns: 500 }
    ))
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

describe("S5: keys are canonical bytes by their Schema", () => {
  keysOf("numbers", Schema.Number, numbers, byNumber)
  keysOf("bigints", Schema.BigInt, bigints, byBigInt)
  keysOf("texts", Schema.String, texts, byCodePoint)
  keysOf("booleans", Schema.Boolean, fc.boolean(), (a, b) => Number(a) - Number(b))
  keysOf("dates", Schema.Date, times, (a, b) => byNumber(a.getTime(), b.getTime()))
  keysOf(
    "times in UTC",
    Schema.DateTimeUtc,
    times.map((time) => DateTime.toUtc(DateTime.makeUnsafe(time))),
    (a, b) => byNumber(DateTime.toEpochMillis(a), DateTime.toEpochMillis(b))
  )
  keysOf(
    "bytes",
    Schema.Uint8Array,
    fc.array(fc.oneof(fc.constantFrom(0, 1, 255), fc.integer({ min: 0, max: 255 }))).map((all) => Uint8Array.from(all)),
    (a, b) => Buffer.compare(a, b)
  )
  keysOf("branded texts", Schema.String.pipe(Schema.brand("Airport")), texts.map(brand), byCodePoint)
  keysOf(
    "options",
    Schema.Option(Schema.Number),
    fc.option(numbers).map(Option.fromNullOr),
    (a, b) =>
      Option.isNone(a) || Option.isNone(b)
        ? Number(Option.isSome(a)) - Number(Option.isSome(b))
        : byNumber(a.value, b.value)
  )
  keysOf("pairs", pairs, fc.tuple(texts, numbers), (a, b) => byCodePoint(a[0], b[0]) || byNumber(a[1], b[1]))
  keysOf("arrays", Schema.Array(Schema.BigInt), fc.array(bigints), (a, b) => {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const compared = byBigInt(a[i]!, b[i]!)
      if (compared !== 0) return compared
    }
    return a.length - b.length
  })
  keysOf(
    "structs",
    struct,
    fc.record({ b: texts, a: bigints, c: fc.boolean() }, { requiredKeys: ["a", "b"] }),
    (x, y) =>
      byBigInt(x.a, y.a) || byCodePoint(x.b, y.b) ||
      (x.c === undefined ? -1 : Number(x.c)) - (y.c === undefined ? -1 : Number(y.c))
  )
  keysOf(
    "values of several kinds",
    Schema.Union([Schema.String, Schema.Number, Schema.Null, Schema.BigInt]),
    fc.oneof(texts, numbers, fc.constant(null), bigints),
    (a, b) => {
      const kind = (value: typeof a): number => ["object", "number", "bigint", "string"].indexOf(typeof value)
      if (kind(a) !== kind(b)) return kind(a) - kind(b)
      if (typeof a === "string" && typeof b === "string") return byCodePoint(a, b)
      if (typeof a === "number" && typeof b === "number") return byNumber(a, b)
      return typeof a === "bigint" && typeof b === "bigint" ? byBigInt(a, b) : 0
    }
  )
  keysOf(
    "tagged structs",
    shapes,
    fc.oneof(
      fc.record({ _tag: fc.constant("Circle" as const), radius: numbers }),
      fc.record({ _tag: fc.constant("Box" as const), sides: fc.tuple(texts, numbers) }),
      fc.constant({ _tag: "Point" as const })
    ),
    (a, b) => {
      if (a._tag === "Circle" && b._tag === "Circle") return byNumber(a.radius, b.radius)
      if (a._tag === "Box" && b._tag === "Box") {
        return byCodePoint(a.sides[0], b.sides[0]) || byNumber(a.sides[1], b.sides[1])
      }
      return byCodePoint(a._tag, b._tag)
    }
  )

  it("-0 is 0, and all NaN are one", () => {
    const key = Key.make(Schema.Number)
    const odd = new DataView(new ArrayBuffer(8))
    odd.setBigUint64(0, 0xfff0_0000_0000_0123n)
    assert.deepStrictEqual(key.encode(-0), key.encode(0))
    assert.isTrue(Object.is(key.decode(key.encode(-0)), 0))
    assert.deepStrictEqual(key.encode(odd.getFloat64(0)), key.encode(NaN))
    assert.isAbove(Key.compare(key.encode(NaN), key.encode(Infinity)), 0)
  })

  it("half a surrogate pair is refused, and disturbs no key behind it", () => {
    const key = Key.make(Schema.Struct({ a: Schema.String, b: Schema.String }))
    const good = key.encode({ a: "x", b: "y" })
    for (const bad of ["\ud800", "x\udc00", "\ud800x", "\udc00\ud800", "\ud800\ud800"]) {
      assert.throws(() => key.encode({ a: "x", b: bad }), Key.InvalidKey, "half a surrogate pair")
      assert.deepStrictEqual(key.encode({ a: "x", b: "y" }), good)
    }
  })

  it("the order of a Schema's fields is of no importance, and an undefined field is a missing one", () => {
    const one = Key.make(Schema.Struct({ a: Schema.optional(Schema.String), b: Schema.Number }))
    const other = Key.make(Schema.Struct({ b: Schema.Number, a: Schema.optionalKey(Schema.String) }))
    assert.strictEqual(one.fingerprint, other.fingerprint)
    assert.deepStrictEqual(one.encode({ a: "x", b: 1 }), other.encode({ b: 1, a: "x" }))
    assert.deepStrictEqual(one.encode({ a: undefined, b: 1 }), other.encode({ b: 1 }))
  })

  it("one more literal leaves the bytes of the others as they are", () => {
    const before = Key.make(Schema.Literals(["on", "off"]))
    const after = Key.make(Schema.Literals(["broken", "off", "on"]))
    assert.deepStrictEqual(before.encode("on"), after.encode("on"))
    assert.strictEqual(before.fingerprint, after.fingerprint)
  })

  it("classes of one's own go by their JSON", () => {
    class Route extends Schema.Class<Route>("Route")({ from: Schema.String, at: Schema.Date }) {}
    const key = Key.make(Route)
    const route = new Route({ from: "VIE", at: new Date(5) })
    const again = key.decode(key.encode(route))
    assert.instanceOf(again, Route)
    assert.deepStrictEqual(again, route)
  })

  it("what has no canonical bytes is refused where the key is made, in words", () => {
    for (
      const [schema, problem] of [
        [Schema.Unknown, "Unknown has no canonical bytes"],
        [Schema.Record(Schema.String, Schema.Number), "record"],
        [Schema.Union([Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.String })]), "literal field"],
        [Schema.Union([pairs, Schema.Tuple([Schema.Number])]), "several are of one kind"]
      ] as const
    ) {
      assert.throws(() => Key.make<unknown>(schema), Key.UnsupportedKey, problem)
    }
  })

  it("bytes that are no key's are refused", () => {
    const key = Key.make(pairs)
    const bytes = key.encode(["VIE", 1])
    for (
      const bad of [bytes.subarray(0, -1), bytes.subarray(0, 3), Uint8Array.of(...bytes, 0), Uint8Array.of(0xff, 0, 0)]
    ) {
      assert.throws(() => key.decode(bad), Key.InvalidKey)
    }
    assert.throws(() => key.decode(Uint8Array.of(0, 2, 0, 0)), Key.InvalidKey, "byte 2 behind a zero")
  })

  it("the bytes never change", () => {
    const all = Key.make(Schema.Struct({
      text: Schema.String,
      number: Schema.Number,
      bigint: Schema.BigInt,
      time: Schema.Date,
      list: Schema.Array(Schema.Boolean),
      one: Schema.Union([Schema.String, Schema.Null]),
      option: Schema.Option(Schema.Uint8Array),
      shape: shapes,
      absent: Schema.optionalKey(Schema.String)
    }))
    assert.strictEqual(
      hex(all.encode({
        text: "a\0\u00fc\u20ac\u{1f600}",
        number: -1.5,
        bigint: -70000n,
        time: new Date(1_700_000_000_000),
        list: [true, false],
        one: "b",
        option: Option.some(Uint8Array.of(0, 7)),
        shape: { _tag: "Box", sides: ["c", 2] }
      })),
      "007cfeee8f01010100004007ffffffffffff50620000010001070000426f780000630000c000000000000000610001c3bce282acf09f98800000c278bcfe56800000"
    )
    const edges = Key.make(Schema.Array(Schema.BigInt))
    assert.strictEqual(hex(edges.encode([0n, 1n, -1n, 256n, -256n])), "0180018101017efe01820100017dfeff00")
    const long = Key.make(Schema.BigInt)
    assert.strictEqual(hex(long.encode(1n << 1000n).subarray(0, 6)), "ff0000007e01")
    assert.strictEqual(hex(long.encode(-(1n << 1000n)).subarray(0, 6)), "00ffffff81fe")
  })
})

describe("F6, S6: key groups and slots", () => {
  it("the groups of keys never change", () => {
    const key = Key.make(Schema.String)
    assert.deepStrictEqual(
      ["", "VIE", "OSL", "a longer key, of more than 16 bytes"].map((text) => Key.group(key.encode(text))),
      [58, 23, 90, 117]
    )
    assert.strictEqual(Key.group(key.encode("VIE"), 1000), 415)
  })

  it("a slot is a run of groups, and slots differ by one group at most", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 }), (a, b) => {
      const [slots, groups] = a < b ? [a, b] : [b, a]
      const sizes = Array.from({ length: slots }, () => 0)
      let last = 0
      for (let group = 0; group < groups; group++) {
        const slot = Key.slot(group, groups, slots)
        assert.isTrue(slot === last || slot === last + 1)
        sizes[slot]!++
        last = slot
      }
      assert.isAtMost(Math.max(...sizes) - Math.min(...sizes), 1)
    }))
  })

  it("keys are spread over the groups", () => {
    const key = Key.make(Schema.Number)
    const sizes = Array.from({ length: 128 }, () => 0)
    for (let i = 0; i < 128_000; i++) sizes[Key.group(key.encode(i))]!++
    assert.isAbove(Math.min(...sizes), 850)
    assert.isBelow(Math.max(...sizes), 1150)
  })
})
