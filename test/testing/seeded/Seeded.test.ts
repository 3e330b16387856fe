import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as Seeded from "../../../src/testing/seeded/Seeded.ts"

const draws = (seeded: Seeded.Seeded, count: number) => Array.from({ length: count }, () => seeded.next())

describe("Seeded", () => {
  it("gives the same draws for a seed, and others for another", () =>
    fc.assert(fc.property(fc.integer(), (seed) => {
      assert.deepStrictEqual(draws(Seeded.make(seed), 20), draws(Seeded.make(seed), 20))
      assert.notDeepEqual(draws(Seeded.make(seed), 20), draws(Seeded.make(seed ^ 1), 20))
    })))

  it("stays within its bounds, which are both reached", () =>
    fc.assert(fc.property(fc.integer(), fc.integer({ min: -5, max: 5 }), fc.nat(4), (seed, low, more) => {
      const seeded = Seeded.make(seed)
      const drawn = new Set(Array.from({ length: 400 }, () => seeded.between(low, low + more)))
      assert.deepStrictEqual([...drawn].toSorted((a, b) => a - b), Array.from({ length: more + 1 }, (_, i) => low + i))
    })))

  it("a fork does not depend on what was drawn before, only on its name", () => {
    const one = Seeded.make(7)
    const two = Seeded.make(7)
    draws(one, 5)
    assert.deepStrictEqual(draws(one.fork("a"), 5), draws(two.fork("a"), 5))
    assert.notDeepEqual(draws(one.fork("a"), 5), draws(two.fork("b"), 5))
  })

  it("never and always are what they say, and draw nothing", () => {
    const seeded = Seeded.make(1)
    const before = Seeded.make(1).next()
    assert.deepStrictEqual([seeded.chance(0), seeded.chance(1), seeded.next()], [false, true, before])
  })
})
