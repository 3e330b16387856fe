import { assert, describe, it } from "@effect/vitest"
import { count, describeTally, explain, noTally, planOf, runSeed } from "./Swarm.ts"

/** A sample: `npm run soak` runs as many as are asked for, and CI ten thousand. */
const histories = Number(process.env["SIMULATION_HISTORIES"] ?? 300)
const seedGiven = process.env["SIMULATION_SEED"]

describe("Swarm", () => {
  it.runIf(seedGiven !== undefined)("the seed that is given, again", async () => {
    const seed = Number(seedGiven)
    const outcome = await runSeed(seed)
    console.log([JSON.stringify(planOf(seed)), outcome.timeline, ...outcome.violations].join("\n"))
    assert.deepStrictEqual(outcome.violations, [])
  })

  it.runIf(seedGiven === undefined)(
    "whatever happens, nothing is lost or repeated, and the query comes to its end",
    async () => {
      const tally = noTally()
      for (let seed = 0; seed < histories; seed++) {
        if (await count(tally, seed) !== undefined) assert.fail(await explain(seed))
      }
      console.log(`swarm: ${describeTally(tally)}`)
      assert.deepStrictEqual([tally.lost, tally.repeated], [0, 0])
      assert.isAbove(tally.crashes, histories / 4)
      assert.isAbove(tally.compactions, histories / 4)
    }
  )
})
