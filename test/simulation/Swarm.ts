/**
 * Many histories, each from a seed: counted, and the first one that breaks an invariant made as small as fast-check can
 * make it, and printed so that it can be read.
 */
import * as Effect from "effect/Effect"
import fc from "fast-check"
import { type Bug, none } from "./SeededBugs.ts"
import { type Outcome, run } from "./SwarmHistory.ts"
import { expectedKinds, kindsOf, type SwarmPlan, swarmPlan } from "./SwarmPlan.ts"

export interface Tally {
  histories: number
  events: number
  crashes: number
  compactions: number
  lost: number
  repeated: number
  simulatedMillis: number
  realMillis: number
  /** How many histories had each kind of what is drawn. */
  readonly kinds: Record<string, number>
}

export const noTally = (): Tally => ({
  histories: 0,
  events: 0,
  crashes: 0,
  compactions: 0,
  lost: 0,
  repeated: 0,
  simulatedMillis: 0,
  realMillis: 0,
  kinds: {}
})

/** What a seed stands for. */
export const planOf = (seed: number): SwarmPlan => {
  const plans: Array<SwarmPlan> = []
  fc.check(fc.property(swarmPlan, (plan) => void plans.push(plan)), { ...oneRun, seed })
  return plans[0]!
}

/** Unbiased: as plans are drawn here one by one, each would be the first of its run, which fast-check makes small. */
const oneRun = { numRuns: 1, unbiased: true }

export const runSeed = (seed: number, bug: Bug = none): Promise<Outcome> =>
  Effect.runPromise(run(planOf(seed), seed, bug))

/** Adds a history up; says what it violates. */
export const count = async (tally: Tally, seed: number): Promise<Outcome | undefined> => {
  const begun = performance.now()
  const outcome = await runSeed(seed)
  tally.realMillis += performance.now() - begun
  tally.histories++
  for (const kind of new Set(kindsOf(planOf(seed)))) tally.kinds[kind] = (tally.kinds[kind] ?? 0) + 1
  tally.events += outcome.events
  tally.crashes += outcome.crashes
  tally.compactions += outcome.compactions
  tally.lost += outcome.lost
  tally.repeated += outcome.repeated
  tally.simulatedMillis += outcome.simulatedMillis
  return outcome.violations.length === 0 ? undefined : outcome
}

export const describeTally = (tally: Tally): string => {
  const seconds = tally.realMillis / 1000
  const ratio = Math.round(tally.simulatedMillis / tally.realMillis)
  return [
    `${tally.histories} histories, ${(tally.histories / seconds).toFixed(0)} a second`,
    `${tally.events} events, ${tally.crashes} crashes, ${tally.compactions} compactions`,
    `simulated to real time ${ratio} : 1`,
    `${tally.lost} lost, ${tally.repeated} repeated`
  ].join("; ")
}

/** In how many histories each kind was drawn, the rarest first. */
export const describeKinds = ({ kinds }: Tally): string =>
  Object.entries(kinds).sort(([, a], [, b]) => a - b).map(([kind, count]) => `${count} ${kind}`).join(", ")

/** What was drawn in less than one history of a hundred. */
export const tooRare = ({ histories, kinds }: Tally): ReadonlyArray<string> =>
  expectedKinds.filter((kind) => (kinds[kind] ?? 0) < histories / 100)

/** How many smaller plans are tried: a bound of steps, which gives the same on each machine. */
const mostSmaller = 100

/** What a person needs to see of a seed that fails: the smallest plan, its timeline, and how to see it again. */
export const explain = async (seed: number): Promise<string> => {
  let smallest: { readonly plan: SwarmPlan; readonly outcome: Outcome } | undefined
  let runs = 0
  const property = fc.asyncProperty(swarmPlan, async (plan) => {
    // what was not tried does not count as smaller
    if (runs++ > mostSmaller) return true
    const outcome = await Effect.runPromise(run(plan, seed, none))
    if (outcome.violations.length > 0) smallest = { plan, outcome }
    return outcome.violations.length === 0
  })
  // starts from the plan of the seed
  await fc.check(property, { ...oneRun, seed })
  const found = smallest ?? { plan: planOf(seed), outcome: await runSeed(seed) }
  return [
    `SIMULATION_SEED=${seed} npx vitest run test/simulation   shows the whole history again; made smaller, it is`,
    JSON.stringify(found.plan),
    found.outcome.timeline,
    ...found.outcome.violations.map((violation) => `VIOLATED ${violation}`)
  ].join("\n")
}
