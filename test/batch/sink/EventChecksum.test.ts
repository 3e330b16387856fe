import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as EventChecksum from "../../../src/batch/sink/pravega/EventChecksum.ts"

const ofAll = (events: ReadonlyArray<Uint8Array>) =>
  events.reduce((sum, event) => EventChecksum.append(sum, EventChecksum.ofEvent(event)), 0)

const events = fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 20 })

describe("EventChecksum", () => {
  it("is an unsigned 32-bit number, the same for the same events", () =>
    fc.assert(fc.property(events, (some) => {
      const sum = ofAll(some)
      assert.isTrue(Number.isInteger(sum) && sum >= 0 && sum < 2 ** 32)
      assert.strictEqual(ofAll(some.map((event) => event.slice())), sum)
    })))

  it("notices an event more or less, another one in its place, and another order", () =>
    fc.assert(fc.property(events, fc.nat(), fc.uint8Array({ maxLength: 20 }), (some, n, other) => {
      const sum = ofAll(some)
      const at = n % some.length
      assert.notStrictEqual(ofAll(some.toSpliced(at, 1)), sum)
      assert.notStrictEqual(ofAll(some.toSpliced(at, 0, other)), sum)
      const isSame = Buffer.compare(some[at]!, other) === 0
      if (!isSame) assert.notStrictEqual(ofAll(some.with(at, other)), sum)
      const next = (at + 1) % some.length
      if (Buffer.compare(some[at]!, some[next]!) !== 0) {
        assert.notStrictEqual(ofAll(some.with(at, some[next]!).with(next, some[at]!)), sum)
      }
    })))
})
