import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { SegmentBytes } from "../../../src/embedded/store/internal/SegmentBytes.ts"
import * as ReadBuffers from "../../../src/pravega/wire/ReadBuffers.ts"

/** Appends of all the sizes at which the log changes what it does with them, truncations, reads. */
const operation = fc.oneof(
  { weight: 5, arbitrary: fc.record({ append: fc.constantFrom(0, 1, 3, 100, 600, 5000, 16_383, 16_384, 70_000) }) },
  { weight: 1, arbitrary: fc.record({ truncate: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      read: fc.double({ min: 0, max: 0.999, noNaN: true }),
      length: fc.integer({ min: 1, max: 700_000 })
    })
  }
)

describe("SegmentBytes", () => {
  it("holds what a plain array of bytes holds, and never changes what it gave out", () => {
    fc.assert(fc.property(fc.nat(1000), fc.array(operation, { maxLength: 60 }), (start, operations) => {
      const log = new SegmentBytes(start)
      let model = Buffer.alloc(0)
      let fill = 0
      const given: Array<readonly [view: Uint8Array, copy: Buffer]> = []
      for (const step of operations) {
        if ("append" in step) {
          const data = Buffer.alloc(step.append, ++fill)
          // a view of something larger, as commands decode to
          log.append(fill % 2 === 0 ? data : Buffer.concat([data, Buffer.alloc(100_000)]).subarray(0, data.length))
          model = Buffer.concat([model, data])
        } else if ("truncate" in step) {
          log.truncate(log.start + Math.floor((log.end - log.start) * step.truncate))
        } else if (log.start < log.end) {
          const offset = log.start + Math.floor((log.end - log.start) * step.read)
          const view = log.read(offset, step.length)
          // a reader that gets less puts pieces together
          assert.isAtLeast(view.length, Math.min(step.length, log.end - offset, ReadBuffers.readMaximum))
          assert.isAtMost(view.length, step.length)
          const copy = model.subarray(offset - start, offset - start + view.length)
          assert.isTrue(copy.equals(view))
          given.push([view, copy])
          const own = log.copy(offset, step.length)
          assert.isTrue(model.subarray(offset - start, offset - start + own.length).equals(own))
          assert.notStrictEqual(own.buffer, view.buffer)
        }
        assert.strictEqual(log.end, start + model.length)
        const buffers = new Set(Array.from(log.parts(), ({ buffer }) => buffer))
        assert.strictEqual(log.held, Array.from(buffers).reduce((bytes, { byteLength }) => bytes + byteLength, 0))
      }
      assert.isTrue(Buffer.concat(Array.from(log.parts())).equals(model.subarray(log.start - start)))
      for (const [view, copy] of given) assert.isTrue(copy.equals(view))
    }))
  })
})
