/**
 * Every crash point of the commit protocol with state as a participant: each call of the process is a point, of the log, of
 * each sink, of the source, and of the state's home, and in these worlds another crash follows.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { decode } from "../../../../src/batch/protocol/CheckpointRecord.ts"
import * as QueryState from "../../../../src/state/QueryState.ts"
import { assertOutcome, never, start } from "../ModelLives.ts"
import * as ModelWorld from "../ModelWorld.ts"

const keyed = Flow.events<ModelWorld.Event>().pipe(Flow.keyBy("key", Schema.String, ({ key }) => key))
/** Tells of each event the sum so far, and of each window, at the end, how much was in it. */
const flow = Flow.merge([
  keyed.pipe(Flow.mapState("sums", {
    event: Schema.Struct({ key: Schema.String, number: Schema.Int }),
    order: "arrival",
    state: Schema.Int,
    initial: 0,
    onEvent: (sum, { number }, { key }) => [sum + number, [{ key, number: sum + number }]]
  })),
  keyed.pipe(
    Flow.window("windows", Window.tumbling(2), Aggregate.count),
    Flow.map(({ key, value, window }) => ({ key: `${key} ${window.start}`, number: value }))
  )
])

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

/** Of the second crashes only some, other ones for each first crash: without state all are gone through (`CommitCrash`). */
const stride = 11

const make = () => ModelWorld.make({ eventsPerSegment: 1, limit: 3 })

/** What came of it: the outputs of each sink, and what each batch did to the state. */
const outcomeOf = (world: ModelWorld.World, sinks: ReadonlyArray<string>) => ({
  visible: sinks.map((sink) =>
    (world.visible.get(sink) ?? []).map(({ key, number }) => `${key}: ${number}`).toSorted()
  ),
  state: world.log.flatMap((bytes) => {
    const record = decode(bytes)
    return Result.isFailure(record) ?
      [] :
      record.success.entries.flatMap((entry) =>
        entry._tag === "committed" ? [`${entry.batch}: ${entry.state?.digest}`] : []
      )
  })
})

/** A snapshot after each batch, and then what it makes needless is deleted. */
const always = { deltas: 1, most: 1, bytesPerBatch: 2 ** 20 }
const isClean = ({ happening }: (typeof ways)[number]): boolean =>
  happening === "crash-before" || happening === "crash-after"

describe("Commit with state, crashed at every call, and again in what follows", () => {
  const counts: Array<string> = []

  for (const sinks of [["one"], ["one", "two"]]) {
    for (const way of ways) {
      if (sinks.length === 2 && way.happening !== "crash-after" && way.happening !== "reply-lost") continue
      for (const expires of way.happening === "reply-lost" ? [true] : [false, true]) {
        const snapshots = sinks.length === 1 && expires && isClean(way)
        const name = `${sinks.length} sink(s); ${way.name}; leases ${expires ? "run out" : "live on"} meanwhile` +
          (snapshots ? "; snapshots" : "")
        it(`S2: ${name}`, () =>
          Effect.gen(function*() {
            const options = { sinks, flow }
            const undisturbed = make()
            const calm = undisturbed.process("p", never)
            assert.strictEqual(yield* start(undisturbed, calm, options), "finished")
            const expected = outcomeOf(undisturbed, sinks)
            assert.isAbove(expected.visible[0]!.length, 6)
            let histories = 0
            for (let first = 0; first < calm.calls; first++) {
              for (let then = first % stride, reached = true; reached; then += stride) {
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
                const outcome = yield* start(world, world.process("p", at), options)
                if (way.ofLogOnly && !isMet) break
                if (expires) world.expire()
                if (way.happening === "reply-lost") {
                  // the same process has gone on, and was crashed later, or has finished
                  reached = outcome === "crashed"
                  assertOutcome(world, outcome, "crashed", "finished", "StateUnavailable")
                } else {
                  assertOutcome(world, outcome, "crashed")
                  reached = (yield* start(world, world.process("q", second(then)), options)) === "crashed"
                  if (expires) world.expire()
                }
                assertOutcome(world, yield* start(world, world.process("r", never), options), "finished")
                world.expire()
                assert.deepStrictEqual(outcomeOf(world, sinks), expected, world.history.join("\n"))
                histories++
              }
            }
            assert.isAbove(histories, 20)
            const isCleaned = undisturbed.history.some((line) => line.includes("state delete"))
            assert.strictEqual(isCleaned, snapshots, undisturbed.history.join("\n"))
            counts.push(`${String(histories).padStart(6)}  ${name}`)
          }).pipe(
            snapshots ? Effect.provideService(QueryState.SnapshotPolicy, always) : identity,
            Effect.runPromise
          ))
      }
    }
  }

  afterAll(() => console.log(["histories, all that there are:", ...counts].join("\n")))
})
