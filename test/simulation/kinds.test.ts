import { assert, describe, it } from "@effect/vitest"
import { noTally, planOf, tooRare } from "./Swarm.ts"
import { expectedKinds, kindsOf } from "./SwarmPlan.ts"

/** What the soak of CI runs. */
const histories = 10_000

describe("What the swarm draws", () => {
  it(`has each kind at least ${histories / 100} times in ${histories} histories, and no kind that nobody expects`, () => {
    const tally = { ...noTally(), histories }
    for (let seed = 0; seed < histories; seed++) {
      for (const kind of new Set(kindsOf(planOf(seed)))) tally.kinds[kind] = (tally.kinds[kind] ?? 0) + 1
    }
    assert.deepStrictEqual(tooRare(tally), [])
    assert.deepStrictEqual(Object.keys(tally.kinds).toSorted(), expectedKinds.toSorted())
  })
})
