import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import fc from "fast-check"
import * as Uuid from "../../src/core/Uuid.ts"

const form = (version: number) =>
  new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-${version}[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

describe("Uuid", () => {
  it("of a name is that of RFC 9562, and the same each time", () => {
    const dns = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    assert.strictEqual(Uuid.named(dns, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2")
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => {
      assert.match(Uuid.named(dns, a), form(5))
      assert.strictEqual(Uuid.named(dns, a) === Uuid.named(dns, b), a === b)
    }))
  })

  it.effect("that is new does not follow from a seed that somebody gives to random numbers", () =>
    Effect.gen(function*() {
      const [first, second] = [yield* Random.withSeed(Uuid.next, "s"), yield* Random.withSeed(Uuid.next, "s")]
      assert.match(first, form(4))
      assert.notStrictEqual(first, second)
    }))

  it("from numbers has all their bits, but for the six that say what it is", () => {
    fc.assert(fc.property(fc.array(fc.nat(0xFFFFFFFF), { minLength: 4, maxLength: 4 }), (numbers) => {
      const left = [...numbers]
      const id = Uuid.fromNumbers(() => left.shift() ?? 0).nextUnsafe()
      assert.match(id, form(4))
      const hex = numbers.map((number) => number.toString(16).padStart(8, "0")).join("")
      const kept = (text: string) => text.slice(0, 12) + text.slice(13, 16) + text.slice(17)
      assert.strictEqual(kept(id.replaceAll("-", "")), kept(hex))
    }))
  })
})
