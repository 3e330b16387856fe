/** Lists of what users may, as a real password handler reads them. */
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { allows, everything, parse } from "../../../src/embedded/controller/AccessList.ts"

const path = "prn::/scope:market/stream:trades"

describe("what users may", () => {
  it("the first entry that names a resource decides, to the level that it says", () => {
    const list = parse(`${path},READ; prn::/scope:market/*,READ_UPDATE ;prn::/scope:other,NONE;prn::/scope:*,READ;`)
    assert.deepStrictEqual([allows(list, path, "READ"), allows(list, path, "READ_UPDATE")], [true, false])
    assert.isTrue(allows(list, `${path}2`, "READ_UPDATE"))
    assert.isTrue(allows(list, "prn::/scope:market", "READ"))
    assert.isFalse(allows(list, "prn::/scope:market", "READ_UPDATE"))
    assert.isFalse(allows(list, "prn::/scope:other", "READ"))
    assert.isFalse(allows(list, "prn::/", "READ"))
  })

  it("a dot is a dot, and what cannot be read allows nothing", () => {
    assert.isFalse(allows(parse("prn::/scope:a.b,READ"), "prn::/scope:axb", "READ"))
    for (const text of ["", ";", "prn::/scope:a", "prn::/scope:a,READS", "prn::/scope:a,READ,READ", ",READ"]) {
      assert.isFalse(allows(parse(text), "prn::/scope:a", "READ"), text)
    }
  })

  it("an asterisk stands for anything: nothing, and line breaks, too", () => {
    const list = parse("prn::/scope:*/stream:*s,READ")
    for (
      const resource of ["prn::/scope:/stream:s", "prn::/scope:a\nb/stream:ss", "prn::/scope:/stream:/stream:\u2028s"]
    ) {
      assert.isTrue(allows(list, resource, "READ"), resource)
    }
    for (
      const resource of ["prn::/scope:/stream:", "prn::/scope:/stream:st", "prn::/scope:/streams", "/scope:/stream:s"]
    ) {
      assert.isFalse(allows(list, resource, "READ"), resource)
    }
    // parts may not overlap
    assert.isFalse(allows(parse("ab*ba,READ"), "aba", "READ"))
    assert.isFalse(allows(parse("*ab*b,READ"), "ab", "READ"))
  })

  it("says the same of any resource as trying every way to cut it", () => {
    const letters = (letters: ReadonlyArray<string>) => fc.string({ unit: fc.constantFrom(...letters), maxLength: 8 })
    const matches = (pattern: string, text: string): boolean =>
      pattern === ""
        ? text === ""
        : pattern.startsWith("*")
        ? matches(pattern.slice(1), text) || text !== "" && matches(pattern, text.slice(1))
        : text.startsWith(pattern[0]!) && matches(pattern.slice(1), text.slice(1))
    fc.assert(
      fc.property(letters(["a", "b", "*"]), letters(["a", "b", "\n"]), (pattern, resource) => {
        fc.pre(pattern !== "")
        assert.strictEqual(allows(parse(`${pattern},READ`), resource, "READ"), matches(pattern, resource))
      }),
      { numRuns: 5000 }
    )
  })

  it("looks at a resource of any length about as often as it is long", () => {
    // what a regular expression tries some 10^13 times
    const list = parse("*a*a*a*b,READ")
    assert.isFalse(allows(list, `${"a".repeat(1_000_000)}c`, "READ"))
    assert.isTrue(allows(list, `${"a".repeat(1_000_000)}b`, "READ"))
  })

  it("any text is a list, and everything is everything", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (text, resource) => {
      allows(parse(`${text},READ`), resource, "READ")
      assert.isTrue(allows(everything, resource, "READ_UPDATE"))
    }))
  })
})
