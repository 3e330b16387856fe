import { assert, describe, it } from "@effect/vitest"
import { explain, planOf, runSeed } from "./Swarm.ts"

describe("A seed", () => {
  it("gives the same history each time, to the last line of its timeline", async () => {
    for (let seed = 100; seed < 130; seed++) {
      const [first, second] = [await runSeed(seed), await runSeed(seed)]
      assert.strictEqual(first.timeline, second.timeline)
      assert.deepStrictEqual(first, second)
    }
  })

  it("that fails is made smaller from its own plan, and printed to be read and repeated", async () => {
    const text = await explain(3)
    assert.match(text, /SIMULATION_SEED=3 npx vitest run test\/simulation/)
    assert.include(text, JSON.stringify(planOf(3)))
    assert.match(text, /L a record of the checkpoint log\n/)
    assert.match(text, /\d s L p\d +0: claimed epoch 1, started/)
  })
})
