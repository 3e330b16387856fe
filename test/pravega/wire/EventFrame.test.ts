import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as EventFrame from "../../../src/pravega/wire/EventFrame.ts"
import * as WireCodec from "../../../src/pravega/wire/WireCodec.ts"
import { WireError } from "../../../src/pravega/wire/WireError.ts"

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
      assert.strictEqual(EventFrame.sizeAt(bytes, at), EventFrame.headerSize + length)
    }))
  })

  it("forEach visits the whole events and returns where the first broken one starts", () => {
    fc.assert(fc.property(
      fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 8 }),
      fc.nat(),
      fc.nat(10),
      (events, cutAt, skipped) => {
        const framed = Buffer.concat(events.map(EventFrame.encode))
        const end = cutAt % (framed.length + 1)
        const bytes = new Uint8Array([...new Uint8Array(skipped), ...framed.subarray(0, end)])
        const seen: Array<Uint8Array> = []
        const stopped = EventFrame.forEach(bytes, skipped, (from, to) => seen.push(bytes.slice(from, to)))
        const whole: Array<Uint8Array> = []
        let size = 0
        for (const event of events) {
          if (size + 8 + event.length > end) break
          size += 8 + event.length
          whole.push(event)
        }
        assert.deepStrictEqual(seen, whole)
        assert.strictEqual(stopped, skipped + size)
      }
    ))
  })

  it("bytes that start no event are a typed error", () => {
    const inputs = [[1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0x80, 0, 0, 0]]
    for (const input of inputs) {
      assert.throws(() => EventFrame.sizeAt(Uint8Array.from(input), 0), WireError, /malformed event/)
    }
  })
})
