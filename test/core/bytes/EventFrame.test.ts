import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as EventFrame from "../../../src/core/bytes/EventFrame.ts"
import * as WireCodec from "../../../src/pravega/wire/WireCodec.ts"

describe("EventFrame", () => {
  it("an event is framed as the wire command Event is", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
      assert.deepStrictEqual(EventFrame.encode(data), WireCodec.encode({ _tag: "Event", data }))
    }))
  })

  it("a header holds any length up to 31 bits", () => {
    fc.assert(fc.property(fc.nat(0x7fff_ffff - 8), fc.nat(5), (length, at) => {
      const bytes = new Uint8Array(at + EventFrame.headerSize).fill(0xff)
      EventFrame.writeHeader(bytes, at, length)
      assert.strictEqual(EventFrame.typeAt(bytes, at), 0)
      assert.strictEqual(EventFrame.lengthAt(bytes, at), length)
      assert.strictEqual(EventFrame.sizeAt(bytes, at), EventFrame.headerSize + length)
    }))
  })

  it("forEach visits each event in order", () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 8 }), (events) => {
      const seen: Array<Uint8Array> = []
      EventFrame.forEach(
        new Uint8Array(Buffer.concat(events.map(EventFrame.encode))),
        (data) => seen.push(data.slice())
      )
      assert.deepStrictEqual(seen, events)
    }))
  })
})
