import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as EventFrame from "../../../src/core/bytes/EventFrame.ts"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import * as Segment from "../../../src/core/Segment.ts"
import * as EventChunk from "../../../src/pravega/read/EventChunk.ts"
import { EventFramer } from "../../../src/pravega/read/internal/EventFramer.ts"
import * as ReadBuffers from "../../../src/pravega/wire/ReadBuffers.ts"

const { readMaximum } = ReadBuffers
const segment = { stream: ScopedStream.fromTextUnsafe("scope/stream"), id: Segment.makeId(0, 0) }

describe("buffers of what is read", () => {
  it("of readers of many segments are used again too", () => {
    for (const length of [readMaximum, readMaximum / 2, readMaximum / 4, readMaximum / 8]) {
      const first = ReadBuffers.take(length + 100)
      ReadBuffers.give(first)
      assert.strictEqual(ReadBuffers.take(length + 100).buffer, first.buffer)
    }
  })

  it("of other sizes give way to those of who reads now", () => {
    const unused = Array.from({ length: 40 }, () => ReadBuffers.take(readMaximum))
    unused.forEach(ReadBuffers.give)
    const now = Array.from({ length: 40 }, () => ReadBuffers.take(readMaximum / 2))
    now.forEach(ReadBuffers.give)
    const buffers = new Set(now.map(({ buffer }) => buffer))
    for (const { length } of now) assert.isTrue(buffers.has(ReadBuffers.take(length).buffer))
  })

  it("of several readers are used again too, until the collector comes for them", () => {
    const read = Array.from({ length: 40 }, () => ReadBuffers.take(readMaximum))
    read.forEach(ReadBuffers.give)
    const again = Array.from({ length: 40 }, () => ReadBuffers.take(readMaximum))
    const buffers = new Set(read.map(({ buffer }) => buffer))
    assert.isTrue(again.every(({ buffer }) => buffers.has(buffer)))
    again.forEach(ReadBuffers.give)
  })

  it("are lent to one at a time, and hold no more than twice what is asked for", () => {
    const lengths = fc.oneof(fc.nat(readMaximum), fc.constantFrom(16, 8, 4, 2, 1).map((part) => readMaximum / part))
    fc.assert(fc.property(fc.array(fc.record({ length: lengths, given: fc.nat(9) }), { maxLength: 60 }), (steps) => {
      const lent: Array<Uint8Array> = []
      for (const { given, length } of steps) {
        const view = ReadBuffers.take(length)
        assert.strictEqual(view.length, length)
        assert.isAtMost(view.buffer.byteLength, 2 * length)
        assert.isTrue(lent.every(({ buffer }) => buffer !== view.buffer))
        lent.push(view)
        const [back] = lent.splice(given, 1)
        if (back !== undefined) ReadBuffers.give(back)
      }
      lent.forEach(ReadBuffers.give)
    }))
  })

  it("go to the next read while events that came in them stay as they were, also those of two reads", () => {
    const size = fc.oneof(fc.nat(2000), fc.integer({ min: 60_000, max: 300_000 }))
    const readSize = fc.constantFrom(readMaximum, readMaximum / 2, readMaximum / 8)
    fc.assert(
      fc.property(fc.array(size, { maxLength: 30 }), readSize, (sizes, reads) => {
        const events = sizes.map((length, i) => new Uint8Array(length).fill(i + 1))
        const bytes = Buffer.concat(events.map(EventFrame.encode))
        const framer = new EventFramer(segment, 0n, readMaximum)
        const read: Array<Uint8Array> = []
        for (let at = 0; at < bytes.length; at += reads) {
          const piece = ReadBuffers.take(Math.min(reads, bytes.length - at))
          piece.set(bytes.subarray(at, at + piece.length))
          for (const chunk of framer.push([piece])) {
            for (const { event } of EventChunk.decodeLast(chunk, EventCodec.bytes).events) read.push(event)
          }
        }
        assert.strictEqual(read.length, events.length)
        assert.isTrue(read.every((event, i) => Buffer.compare(event, events[i]!) === 0))
      }),
      { numRuns: 50 }
    )
  })
})
