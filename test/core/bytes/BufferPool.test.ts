import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { BufferPool } from "../../../src/core/bytes/BufferPool.ts"

describe("BufferPool", () => {
  it("never lends a buffer twice, gives the size that is asked for, and keeps no more than its limits", () => {
    const sizes = [64, 128, 512, 2048]
    const step = fc.record({ size: fc.constantFrom(...sizes), isGiven: fc.boolean() })
    fc.assert(fc.property(
      fc.array(step, { maxLength: 80 }),
      fc.integer({ min: 0, max: 4096 }),
      fc.integer({ min: 0, max: 4096 }),
      (steps, limit, surplusLimit) => {
        const pool = new BufferPool<Uint8Array>({ limit, surplusLimit })
        const lent = new Set<Uint8Array>()
        for (const { isGiven, size } of steps) {
          if (!isGiven) {
            const buffer = pool.take(size) ?? new Uint8Array(size)
            assert.strictEqual(buffer.byteLength, size)
            assert.isFalse(lent.has(buffer))
            lent.add(buffer)
            continue
          }
          const [buffer] = Array.from(lent).filter(({ byteLength }) => byteLength === size)
          if (buffer === undefined) continue
          lent.delete(buffer)
          pool.give(buffer)
        }
        let kept = 0
        for (const size of sizes) {
          for (let buffer = pool.take(size); buffer !== undefined; buffer = pool.take(size)) kept += size
        }
        assert.isAtMost(kept, limit + surplusLimit)
      }
    ))
  })

  it("lets go of buffers of other sizes only as far as they are in the way", () => {
    const pool = new BufferPool<Uint8Array>({ limit: 400, surplusLimit: 0 })
    const old = Array.from({ length: 4 }, () => new Uint8Array(100))
    old.forEach((buffer) => pool.give(buffer))
    pool.give(new Uint8Array(150))
    assert.isDefined(pool.take(150))
    assert.isDefined(pool.take(100))
    assert.isDefined(pool.take(100))
    assert.isUndefined(pool.take(100))
  })

  it("keeps none that is larger than its limit, and lets go of none for it", () => {
    const pool = new BufferPool<Uint8Array>({ limit: 100, surplusLimit: 0 })
    pool.give(new Uint8Array(80))
    pool.give(new Uint8Array(101))
    assert.isUndefined(pool.take(101))
    assert.isDefined(pool.take(80))
  })
})
