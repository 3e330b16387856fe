import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { seededBugs } from "./SeededBugs.ts"
import { planOf } from "./Swarm.ts"
import { run } from "./SwarmHistory.ts"

/** A mistake must show within so many histories. */
const most = 600

describe("Seeded bugs", () => {
  it("there are at least 20, all different", () => {
    assert.isAtLeast(new Set(seededBugs.map(({ name }) => name)).size, 20)
  })

  const found: Array<string> = []
  for (const bug of seededBugs) {
    it(`is caught: ${bug.name}`, async () => {
      for (let seed = 0; seed < most; seed++) {
        const plan = planOf(seed)
        if (bug.needs?.(plan) === false) continue
        const { violations: [violation] } = await Effect.runPromise(run(plan, seed, bug))
        if (violation === undefined) continue
        found.push(`${String(seed + 1).padStart(5)}  ${bug.name}: ${violation.split("\n")[0]!.slice(0, 110)}`)
        return
      }
      assert.fail(`not found in ${most} histories`)
    })
  }

  afterAll(() => console.log(["histories until a seeded bug was caught:", ...found].join("\n")))
})
