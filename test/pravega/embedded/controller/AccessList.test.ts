/** Lists of what users may, as a real password handler reads them. */
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { allows, everything, parse } from "../../../../src/pravega/embedded/internal/controller/AccessList.ts"

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

  it("any text is a list, and everything is everything", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (text, resource) => {
      allows(parse(`${text},READ`), resource, "READ")
      assert.isTrue(allows(everything, resource, "READ_UPDATE"))
    }))
  })
})
