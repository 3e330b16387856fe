import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import fc from "fast-check"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"

class Trade extends Schema.Class<Trade>("Trade")({
  symbol: Schema.String,
  price: Schema.BigInt,
  at: Schema.Date,
  note: Schema.optionalKey(Schema.Uint8Array)
}) {}

const trade = fc.record({
  symbol: fc.string({ unit: "grapheme" }),
  price: fc.bigInt(),
  at: fc.date({ noInvalidDate: true }),
  note: fc.uint8Array()
}).map((fields) => new Trade(fields))

const thrown = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
  return assert.fail("nothing was thrown")
}

/** Which codec's which operation failed. */
const failure = (run: () => unknown): string => {
  const error = thrown(run)
  return error instanceof EventCodec.EventCodecError ? `${error.codec} ${error.operation}` : String(error)
}

describe("event codecs", () => {
  it("JSON, by way of a Schema", () => {
    const codec = EventCodec.json(Trade)
    fc.assert(fc.property(trade, (trade) => {
      assert.deepStrictEqual(codec.decode(codec.encode(trade)), trade)
    }))
    const bytes = codec.encode(new Trade({ symbol: "é", price: 1n, at: new Date(0) }))
    assert.strictEqual(new TextDecoder().decode(bytes), `{"symbol":"é","price":"1","at":"1970-01-01T00:00:00.000Z"}`)
  })

  it("JSON of something else, or no JSON, is a typed error", () => {
    const codec = EventCodec.json(Trade)
    for (const text of ["", "{", "null", `{"symbol":1}`]) {
      assert.strictEqual(failure(() => codec.decode(new TextEncoder().encode(text))), "json decode")
    }
    assert.strictEqual(failure(() => codec.decode(Uint8Array.of(0xff))), "json decode")
    assert.strictEqual(failure(() => EventCodec.json(Schema.Int).encode(0.5)), "json encode")
  })

  it("UTF-8, without losing a byte order mark", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
      assert.strictEqual(EventCodec.utf8.decode(EventCodec.utf8.encode(`\ufeff${text}`)), `\ufeff${text}`)
    }))
    assert.strictEqual(failure(() => EventCodec.utf8.decode(Uint8Array.of(0x61, 0xc3))), "utf8 decode")
  })

  it("bytes are taken as they are, and copied when they are read, each to a place of its own", () => {
    fc.assert(fc.property(
      fc.array(fc.nat(20).chain((kib) => fc.uint8Array({ maxLength: 40 + 1024 * kib })), { maxLength: 40 }),
      (events) => {
        const lent = new Uint8Array(32 * 1024)
        const read = events.map((event) => {
          const encoded = EventCodec.bytes.encode(event)
          lent.set(encoded)
          const decoded = EventCodec.bytes.decode(lent.subarray(0, encoded.length))
          lent.fill(0xff)
          return decoded
        })
        assert.deepStrictEqual(read, events)
        assert.isTrue(read.every((event) => event.byteOffset % 8 === 0))
        for (const event of read) event.fill(9)
        assert.isTrue(read.every((event) => event.every((byte) => byte === 9)))
      }
    ))
  })

  it("whatever a codec of one's own throws becomes a typed error, once", () => {
    const failing = EventCodec.make<string>({
      name: "mine",
      encode: () => {
        throw new Error("no")
      },
      decode: (bytes) => EventCodec.utf8.decode(bytes)
    })
    assert.strictEqual(failure(() => failing.encode("a")), "mine encode")
    assert.strictEqual(failure(() => failing.decode(Uint8Array.of(0xff))), "utf8 decode")
    assert.include(String(thrown(() => failing.encode("a"))), `by the codec "mine": no`)
  })
})

describe("streams of events", () => {
  it("are described by a schema or a codec", () => {
    const trades = EventStream.make("market/trades", { schema: Trade, routingKey: (trade) => trade.symbol })
    assert.deepStrictEqual(trades.name, ScopedStream.fromTextUnsafe("market/trades"))
    assert.strictEqual(trades.routingKey?.(new Trade({ symbol: "a", price: 1n, at: new Date(0) })), "a")
    const lines = EventStream.make(trades.name, { codec: EventCodec.utf8 })
    assert.strictEqual(lines.codec, EventCodec.utf8)
    assert.isUndefined(lines.routingKey)
  })

  it("refuse what is not a stream's full name", () => {
    for (const name of ["", "trades", "a/b/c", "a/", "/b", "a b/c", "a/b c"]) {
      assert.throws(() => EventStream.make(name, { codec: EventCodec.utf8 }), undefined, undefined, name)
    }
  })
})
