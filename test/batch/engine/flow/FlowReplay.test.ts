/**
 * What a batch's replay must agree with, where a flow remembers: state that is gone between `prepared` and `committed`, and
 * outputs that somebody may have seen of a try that is lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { Flow } from "effect-pravega/flow"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Pipeline from "../../../../src/batch/pipeline/Pipeline.ts"
import { assertOutcome, never, type Options, start } from "../ModelLives.ts"
import * as ModelWorld from "../ModelWorld.ts"

const make = () => ModelWorld.make({ eventsPerSegment: 2, limit: 4 })
const Event = Schema.Struct({ key: Schema.String, number: Schema.Int })

/** Each event with the sum of its key so far. */
const summed = <R>(events: Flow.Flow<{ readonly events: ModelWorld.Event }, ModelWorld.Event, "events", never, R>) =>
  events.pipe(
    Flow.keyBy("key", Schema.String, ({ key }) => key),
    Flow.mapState("sums", {
      event: Event,
      order: "arrival",
      state: Schema.Int,
      initial: 0,
      onEvent: (sum, { number }, { key }) => [sum + number, [{ key, number: sum + number }]]
    })
  )
const pure = summed(Flow.events<ModelWorld.Event>())

/** Asks the world, which has changed whenever it is asked: what is added to each number. */
const asking = (world: Effect.Effect<number>) =>
  summed(
    Flow.events<ModelWorld.Event>().pipe(
      Flow.mapEffect("asked", ({ key, number }) => Effect.map(world, (more) => ({ key, number: number + more })))
    )
  )
const counting = () => {
  let asked = 0
  return asking(Effect.sync(() => asked++))
}

/** The process dies at its first call that is of this. */
const dyingAt = (text: string): ModelWorld.Process["at"] => (_, what) =>
  what.includes(text) ? "crash-before" : "nothing"

const texts = (world: ModelWorld.World, sink: string) =>
  (world.visible.get(sink) ?? []).map(({ key, number }) => `${key}: ${number}`).toSorted()

/** Runs to a batch's `prepared`, and no further; what then happens to the world; then to the end. */
const interrupted = Effect.fnUntraced(function*(
  options: Options,
  { at = "commit one-1", meanwhile }: { readonly at?: string; readonly meanwhile: (world: ModelWorld.World) => void }
) {
  const world = make()
  assertOutcome(world, yield* start(world, world.process("p", dyingAt(at)), options), "crashed")
  meanwhile(world)
  const outcome = yield* start(world, world.process("q", never), options)
  return { world, outcome }
})

const undisturbed = Effect.fnUntraced(function*(options: Options) {
  const world = make()
  assertOutcome(world, yield* start(world, world.process("p", never), options), "finished")
  return world
})

const losing = (world: ModelWorld.World) => assert.isAbove(world.loseState(1), 0, "there was a delta of batch 1")

describe("State that is gone between prepared and committed", () => {
  for (const sinks of [["one"], ["one", "two"]]) {
    for (const at of sinks.length === 1 ? ["commit one-1"] : ["commit one-1", "commit two-1", "log committed(1)"]) {
      for (const expires of [false, true]) {
        it.effect(`S3: is made again (${sinks.length} sink(s), ${at}, leases ${expires ? "run out" : "live on"})`, () =>
          Effect.gen(function*() {
            const options = { sinks, flow: pure }
            const expected = yield* undisturbed(options)
            const { outcome, world } = yield* interrupted(options, {
              at,
              meanwhile: (world) => {
                losing(world)
                if (expires) world.expire()
              }
            })
            assertOutcome(world, outcome, "finished")
            for (const sink of sinks) {
              assert.deepStrictEqual(texts(world, sink), texts(expected, sink), world.history.join("\n"))
            }
          }))
      }
    }
  }

  it.effect("S3: is not replaced by other state, where outputs of the batch are seen or will be", () =>
    Effect.gen(function*() {
      for (const expires of [false, true]) {
        const { outcome, world } = yield* interrupted({ sinks: ["one"], flow: counting() }, {
          meanwhile: (world) => {
            losing(world)
            if (expires) world.expire()
          }
        })
        // nothing was seen where the transaction is lost: then all of it is made anew
        assertOutcome(world, outcome, expires ? "finished" : "NonDeterministicReplay")
        if (!expires) assert.strictEqual(world.transactions.get("one-1-1")?.state, "open", "nothing more was shown")
      }
    }))
})

describe("Outputs that may have been seen, of a try that is lost", () => {
  const lost = { meanwhile: (world: ModelWorld.World) => world.expire() }

  it.effect("S15: a replay must agree with them, state included", () =>
    Effect.gen(function*() {
      const options = { sinks: ["one"], flow: counting(), deterministic: true, mayBeSeenEarly: true } as const
      const { outcome, world } = yield* interrupted(options, lost)
      assertOutcome(world, outcome, "NonDeterministicReplay")
      const honest = { sinks: ["one"], flow: pure, mayBeSeenEarly: true } as const
      const again = yield* interrupted(honest, lost)
      assertOutcome(again.world, again.outcome, "finished")
      assert.deepStrictEqual(texts(again.world, "one"), texts(yield* undisturbed(honest), "one"))
    }))

  it("S15: a flow that remembers and asks the world is refused, unless it is deterministic", () => {
    const world = make()
    const pipeline = (options: Options) => world.pipeline(world.process("p", never), options)
    const flow = counting()
    assert.throws(
      () => pipeline({ flow, mayBeSeenEarly: true }),
      Pipeline.PipelineRefused,
      "with which state must agree"
    )
    pipeline({ flow, mayBeSeenEarly: true, deterministic: true })
    pipeline({ flow })
    pipeline({ flow: pure, mayBeSeenEarly: true })
  })
})

describe("Effects of a flow that is declared deterministic", () => {
  it.effect("F1: have the time of their batch's plan, and random numbers that are the same each time", () =>
    Effect.gen(function*() {
      const seen = new Map<string, Set<number>>()
      const flow = summed(
        Flow.events<ModelWorld.Event>().pipe(
          Flow.mapEffect("drawn", ({ key, number }) =>
            Effect.gen(function*() {
              yield* Effect.yieldNow
              const drawn = (yield* Random.nextIntBetween(0, 2 ** 30)) + (yield* Clock.currentTimeMillis)
              const all = seen.get(`${key} ${number}`) ?? new Set()
              seen.set(`${key} ${number}`, all.add(drawn))
              return { key, number: drawn }
            }), { concurrency: 4 })
        )
      )
      const options = { sinks: ["one", "two"], flow, deterministic: true }
      const { outcome, world } = yield* interrupted(options, {
        at: "commit two-1",
        meanwhile: (world) => world.expire()
      })
      assertOutcome(world, outcome, "finished")
      const events = world.input.flat().length
      assert.strictEqual(seen.size, events)
      for (const [event, drawn] of seen) assert.strictEqual(drawn.size, 1, event)
      assert.strictEqual(new Set([...seen.values()].flatMap((drawn) => [...drawn])).size, events)
    }))

  it.effect("F1: look-ups are answered for their batch alone, so that the process that goes on has the same answers", () =>
    Effect.gen(function*() {
      const flow = summed(
        Flow.events<ModelWorld.Event>().pipe(
          Flow.lookup("drawn", {
            key: ({ key }) => key,
            find: (keys) =>
              Effect.map(
                Random.nextIntBetween(0, 2 ** 30),
                (drawn) => new Map(keys.map((key) => [key, drawn] as const))
              ),
            cache: { capacity: 1000, timeToLive: "1 hour" }
          }),
          Flow.map(({ key, right }) => ({ key, number: right }))
        )
      )
      const options = { sinks: ["one", "two"], flow, deterministic: true }
      const { outcome, world } = yield* interrupted(options, {
        at: "commit two-1",
        meanwhile: (world) => world.expire()
      })
      assertOutcome(world, outcome, "finished")
      // Each batch asks anew: the numbers are others.
      const calm = yield* undisturbed(options)
      assert.deepStrictEqual(texts(world, "one"), texts(calm, "one"))
      assert.deepStrictEqual(texts(world, "two"), texts(calm, "two"))
    }))
})
