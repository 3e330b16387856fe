import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import fc from "fast-check"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import * as Segment from "../../../src/core/Segment.ts"
import * as EventChunk from "../../../src/pravega/read/EventChunk.ts"
import { eventsOf, framed } from "../FakeStore.ts"

const stream = ScopedStream.fromTextUnsafe("scope/stream")
const id = Segment.makeId(0, 0)
const sizes = fc.oneof(
  { arbitrary: fc.integer({ min: 0, max: 40 }), weight: 8 },
  { arbitrary: fc.integer({ min: 40, max: 3000 }), weight: 1 }
)
const decoded = (chunks: ReadonlyArray<EventChunk.EventChunk>) =>
  chunks.flatMap((chunk) => EventChunk.decode(chunk, EventCodec.bytes).events)

describe("EventChunk", () => {
  it("is cut within the limit, at an event boundary, after at least one event", () =>
    fc.assert(fc.property(
      fc.array(sizes, { minLength: 1, maxLength: 30 }),
      fc.option(fc.integer({ min: 0, max: 2000 }), { nil: undefined }),
      fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
      (lengths, bytes, count) => {
        const events = eventsOf(lengths, 1)
        const chunk: EventChunk.EventChunk = {
          segment: { stream, id },
          startOffset: 7n,
          endOffset: 7n + BigInt(framed(events).length),
          count: events.length,
          bytes: framed(events),
          isSole: true
        }
        const [taken, rest] = EventChunk.take(chunk, { bytes, events: count })
        const parts = rest === undefined ? [taken] : [taken, rest]
        assert.deepStrictEqual(decoded(parts).map((read) => read.event), events)
        assert.deepStrictEqual(decoded(parts).map((read) => read.offset), decoded([chunk]).map((read) => read.offset))
        assert.strictEqual(parts.reduce((n, part) => n + part.count, 0), events.length)
        const fits = (part: EventChunk.EventChunk) =>
          part.bytes.length <= (bytes ?? Infinity) && part.count <= (count ?? Infinity)
        assert.isTrue(fits(taken) || taken.count === 1)
        // no more would have fitted
        if (rest !== undefined) {
          const [one] = EventChunk.take(rest, { events: 1 })
          assert.isFalse(
            taken.bytes.length + one.bytes.length <= (bytes ?? Infinity) && taken.count < (count ?? Infinity)
          )
        }
      }
    )))

  it("an event's pointer and place", () => {
    const chunk: EventChunk.EventChunk = {
      segment: { stream, id: Segment.makeId(3, 2) },
      startOffset: 10n,
      endOffset: 29n,
      count: 2,
      bytes: framed([Uint8Array.of(1, 2, 3), new Uint8Array()]),
      isSole: true
    }
    const [first, second] = EventChunk.decode(chunk, EventCodec.bytes).events
    assert.deepStrictEqual([first?.offset, first?.endOffset, second?.offset], [10n, 21n, 21n])
    assert.strictEqual(`${first?.scope}/${first?.stream}`, "scope/stream")
    assert.strictEqual(first?.segmentId, Segment.makeId(3, 2))
    assert.deepInclude(second?.pointer, { segment: Segment.makeId(3, 2), offset: 21n, length: 8 })
  })

  it("decodes up to the event that the codec refuses", () => {
    const codec = EventCodec.make<number>({
      name: "picky",
      encode: (n) => Uint8Array.of(n),
      decode: ([n]) => {
        if (n === undefined || n > 1) throw new Error(`not ${n}`)
        return n
      }
    })
    const bytes = framed([Uint8Array.of(0), Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(1)])
    const endOffset = BigInt(bytes.length)
    const chunk = { segment: { stream, id }, startOffset: 0n, endOffset, count: 4, bytes, isSole: true }
    const { events, failure } = EventChunk.decode(chunk, codec)
    assert.deepStrictEqual(events.map((read) => read.event), [0, 1])
    assert.strictEqual(failure?.offset, 18n)
    assert.include(failure?.message, "not 2")
    assert.isTrue(Result.isFailure(Result.try(() => codec.decode(Uint8Array.of(3)))))
  })
})
