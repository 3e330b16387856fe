import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { namedHistories } from "./NamedHistories.ts"
import { none } from "./SeededBugs.ts"
import { run } from "./SwarmHistory.ts"

describe("A history that once went wrong", () => {
  for (const { name, plan, seed } of namedHistories) {
    it(`goes right: ${name}`, async () => {
      const { timeline, violations } = await Effect.runPromise(run(plan, seed, none))
      assert.deepStrictEqual(violations, [], timeline)
    })
  }
})
