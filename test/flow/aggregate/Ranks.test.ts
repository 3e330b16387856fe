/** Ranks as texts, against the order that `Aggregate` has of them. */
import { assert, describe, it } from "@effect/vitest"
import type { Aggregate } from "effect-pravega/flow"
import * as FastCheck from "fast-check"
import { compare } from "../../../src/flow/aggregate/internal/Comparable.ts"
import * as Ranks from "../../../src/flow/aggregate/Ranks.ts"

const ranks: FastCheck.Arbitrary<Aggregate.Comparable> = FastCheck.letrec<{ rank: Aggregate.Comparable }>((tie) => ({
  rank: FastCheck.oneof(
    { maxDepth: 2 },
    FastCheck.double(),
    FastCheck.constantFrom(0, -0, NaN, 1),
    FastCheck.bigInt(),
    FastCheck.string({ unit: "binary" }),
    FastCheck.boolean(),
    FastCheck.date({ noInvalidDate: true }),
    FastCheck.array(tie("rank"), { maxLength: 3 })
  )
})).rank

describe("Ranks", () => {
  it("are texts in the order of ranks, the greatest first, and none begins another", () => {
    FastCheck.assert(FastCheck.property(ranks, ranks, (a, b) => {
      const [x, y] = [Ranks.text(a), Ranks.text(b)]
      const order = Math.sign(compare(b, a))
      assert.strictEqual(x < y ? -1 : x > y ? 1 : 0, order + 0)
      if (order !== 0) assert.isFalse(x.startsWith(y) || y.startsWith(x))
    }))
  })
})
