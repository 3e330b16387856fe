import { planOf, runSeed } from "./Swarm.ts"
const kinds = process.argv[2].split(",")
const until = performance.now() + Number(process.argv[3]) * 1000
let n = 0, bad = 0
for (let seed = Number(process.argv[4] ?? 0); performance.now() < until; seed++) {
  const plan = planOf(seed)
  if (!plan.blows.some(({ what }) => kinds.includes(what._tag))) continue
  n++
  const { violations } = await runSeed(seed)
  if (violations.length) { bad++; console.log(seed, plan.guarantee, plan.isMixed, plan.isOwned, plan.blows.map(b => b.what._tag).join(), "|", violations.slice(0,2).join(" ;; ").slice(0,330)) }
}
console.log(kinds.join(), n, "histories", bad, "bad")
