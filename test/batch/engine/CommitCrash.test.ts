/**
 * Every crash point of the commit protocol, in every way, and in every one of these worlds another crash at every call of
 * what follows: not a sample. Each call of the process is a point: of the log, of each sink, of the source.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assertExact, assertOutcome, never, start, undisturbed } from "./ModelLives.ts"
import * as ModelWorld from "./ModelWorld.ts"

/** How the first call goes wrong. A record is torn only where one is written. */
const ways = [
  { name: "clean, before it takes effect", happening: "crash-before", ofLogOnly: false },
  { name: "whole, after it took effect", happening: "crash-after", ofLogOnly: false },
  { name: "torn", happening: "crash-torn", ofLogOnly: true },
  { name: "reply lost, and the process lives on", happening: "reply-lost", ofLogOnly: false }
] as const

/** Then the process that goes on crashes too, if it comes to that call. */
const second = (call: number): ModelWorld.Process["at"] => (n, what) => {
  if (n !== call) return "nothing"
  if (call % 3 === 2) return isAppend(what) ? "crash-torn" : "crash-before"
  return call % 3 === 1 ? "crash-before" : "crash-after"
}

const isAppend = (what: string): boolean => what.startsWith("log ") && what !== "log read"

describe("Commit, crashed at every call, and again at every call of what follows (crash points 1 to 11)", () => {
  const counts: Array<string> = []

  for (const sinks of [["one"], ["one", "two"], ["one", "two", "three"]]) {
    for (const way of ways) {
      for (const expires of way.happening === "reply-lost" ? [true] : [false, true]) {
        const name = `${sinks.length} sink(s); ${way.name}; leases ${expires ? "run out" : "live on"} meanwhile`
        it(`${name}`, () =>
          Effect.gen(function*() {
            const make = () => ModelWorld.make({ eventsPerSegment: 1, limit: 5 })
            const calls = yield* undisturbed(make, { sinks })
            let histories = 0
            for (let first = 0; first < calls; first++) {
              for (let then = 0, reached = true; reached; then++) {
                const world = make()
                let isMet = false
                const at: ModelWorld.Process["at"] = (n, what) => {
                  if (n < first) return "nothing"
                  if (n === first) {
                    isMet = !way.ofLogOnly || isAppend(what)
                    return isMet ? way.happening : "crash-before"
                  }
                  return second(first + 1 + then)(n, what)
                }
                const outcome = yield* start(world, world.process("p", at), { sinks })
                if (way.ofLogOnly && !isMet) break
                if (expires) world.expire()
                if (way.happening === "reply-lost") {
                  // the same process has gone on, and was crashed later, or has finished
                  reached = outcome === "crashed"
                  assertOutcome(world, outcome, "crashed", "finished")
                } else {
                  assertOutcome(world, outcome, "crashed")
                  reached = (yield* start(world, world.process("q", second(then)), { sinks })) === "crashed"
                  if (expires) world.expire()
                }
                assertOutcome(world, yield* start(world, world.process("r", never), { sinks }), "finished")
                // what no record names can't be found: it ends with its lease (crash point 3)
                world.expire()
                assertExact(world, sinks)
                histories++
              }
            }
            assert.isAbove(histories, 20)
            counts.push(`${String(histories).padStart(6)}  ${name}`)
          }).pipe(Effect.runPromise))
      }
    }
  }

  afterAll(() => console.log(["histories, all that there are:", ...counts].join("\n")))
})
