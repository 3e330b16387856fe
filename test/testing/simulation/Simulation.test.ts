import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import fc from "fast-check"
import * as Uuid from "../../../src/core/Uuid.ts"
import * as Simulation from "../../../src/testing/simulation/Simulation.ts"

/** Ten fibers that note when they come round. */
const racers = (seed: number, disorder: number) =>
  Simulation.run(() =>
    Effect.gen(function*() {
      const order: Array<number> = []
      yield* Effect.forEach(
        Array.from({ length: 10 }, (_, n) => n),
        (n) => Effect.andThen(Effect.yieldNow, Effect.sync(() => order.push(n))),
        { concurrency: "unbounded", discard: true }
      )
      return order
    }), { seed, disorder })

describe("Simulation", () => {
  it("repeats a run from its seed: order of fibers, random numbers, times, number of steps", () =>
    fc.assert(
      fc.asyncProperty(fc.integer(), (seed) =>
        Effect.gen(function*() {
          const once = Simulation.run((simulation) =>
            Effect.gen(function*() {
              const queue = yield* Queue.unbounded<string>()
              const worker = (name: string) =>
                Effect.forEach([1, 2, 3], (n) =>
                  Effect.gen(function*() {
                    yield* Effect.sleep(Duration.millis(yield* Random.nextIntBetween(1, 1000)))
                    yield* Queue.offer(queue, `${name}${n} ${yield* Clock.currentTimeMillis}`)
                  }))
              const [a, b] = [simulation.process("a"), simulation.process("b")]
              yield* Effect.all([a.run(worker("a")), b.run(worker("b"))], { concurrency: 2 })
              return [yield* Queue.takeAll(queue), simulation.steps()] as const
            }), { seed })
          const [first, second] = [yield* once, yield* once]
          assert.deepStrictEqual(first, second)
          assert.strictEqual(first[0].length, 6)
        }).pipe(Effect.runPromise)),
      { numRuns: 30 }
    ))

  it("gives ids that follow from the seed, of each process and each of its lives its own", () =>
    Effect.gen(function*() {
      const ids = (seed: number) =>
        Simulation.run((simulation) =>
          Effect.gen(function*() {
            const some = Effect.all([Uuid.next, Uuid.next])
            const [a, b] = [simulation.process("a"), simulation.process("b")]
            const lives = [yield* a.run(some), yield* b.run(some), yield* simulation.process("a").run(some)]
            return lives.flatMap((exit) => exit !== undefined && Exit.isSuccess(exit) ? exit.value : [])
          }), { seed })
      const [once, again, other] = [yield* ids(1), yield* ids(1), yield* ids(2)]
      assert.deepStrictEqual(once, again)
      assert.strictEqual(new Set([...once, ...other]).size, once.length + other.length)
      assert.strictEqual(once.length, 6)
      for (const id of once) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }).pipe(Effect.runPromise))

  it("orders fibers by the seed, from the order of a real process to any", () =>
    Effect.gen(function*() {
      const inOrder = Array.from({ length: 10 }, (_, n) => n)
      assert.deepStrictEqual(yield* racers(1, 0), inOrder)
      const [one, two] = [yield* racers(1, 1), yield* racers(2, 1)]
      assert.notDeepEqual(one, two)
      assert.deepStrictEqual(one.toSorted((a, b) => a - b), inOrder)
    }).pipe(Effect.runPromise))

  it("lets a day pass at once, in the order of the times", () =>
    Effect.gen(function*() {
      const passed = yield* Simulation.run((simulation) =>
        Effect.gen(function*() {
          const start = simulation.now()
          const woken: Array<number> = []
          yield* Effect.forEach(
            [24, 3, 7, 3],
            (hours) => Effect.andThen(Effect.sleep(Duration.hours(hours)), Effect.sync(() => woken.push(hours))),
            {
              concurrency: "unbounded",
              discard: true
            }
          )
          return { woken, hours: (simulation.now() - start) / 3_600_000 }
        }), { seed: 1 })
      assert.deepStrictEqual(passed, { woken: [3, 3, 7, 24], hours: 24 })
    }).pipe(Effect.runPromise))

  it("a crashed process runs not one more step, its finalizers neither, and whoever waits for it is told", () =>
    Effect.gen(function*() {
      const seen = yield* Simulation.run((simulation) =>
        Effect.gen(function*() {
          const events: Array<string> = []
          const process = simulation.process("p")
          process.onDeath(() => events.push("told"))
          const begun = yield* Deferred.make<void>()
          const work = Effect.andThen(Deferred.succeed(begun, undefined), Effect.sleep("1 second")).pipe(
            Effect.andThen(Effect.sync(() => events.push("went on"))),
            Effect.ensuring(Effect.sync(() => events.push("finalizer")))
          )
          const killer = Effect.andThen(Deferred.await(begun), Effect.sync(process.crash))
          const [exit] = yield* Effect.all([process.run(work), killer], { concurrency: 2 })
          yield* Effect.sleep("1 minute")
          return { exit, events, state: process.state() }
        }), { seed: 1 })
      assert.deepStrictEqual(seen, { exit: undefined, events: ["told"], state: "dead" })
    }).pipe(Effect.runPromise))

  it("a paused process goes on where it was, late", () =>
    Effect.gen(function*() {
      const late = yield* Simulation.run((simulation) =>
        Effect.gen(function*() {
          const process = simulation.process("p")
          process.pause()
          const waiting = Effect.sleep("1 second").pipe(Effect.andThen(Clock.currentTimeMillis))
          const start = simulation.now()
          const resume = Effect.andThen(Effect.sleep("1 hour"), Effect.sync(process.resume))
          const [exit] = yield* Effect.all([process.run(waiting), resume], { concurrency: 2 })
          return exit !== undefined && Exit.isSuccess(exit) ? exit.value - start : undefined
        }), { seed: 1 })
      assert.strictEqual(late, 3_601_000)
    }).pipe(Effect.runPromise))

  it("a wall clock that is set moves what the process reads, not what it sleeps", () =>
    Effect.gen(function*() {
      const read = yield* Simulation.run((simulation) =>
        Effect.gen(function*() {
          const process = simulation.process("p")
          const start = simulation.now()
          process.jump(Duration.hours(-1))
          const exit = yield* process.run(Effect.andThen(Effect.sleep("1 second"), Clock.currentTimeMillis))
          const wall = exit !== undefined && Exit.isSuccess(exit) ? exit.value - start : undefined
          return { wall, passed: simulation.now() - start }
        }), { seed: 1 })
      assert.deepStrictEqual(read, { wall: -3_599_000, passed: 1000 })
    }).pipe(Effect.runPromise))

  it("says that it is stuck, instead of waiting: nothing to do, too long, too many steps", () =>
    Effect.gen(function*() {
      const stuck = (options: Omit<Simulation.Options, "seed">, effect: Effect.Effect<unknown>) =>
        Effect.map(Effect.flip(Simulation.run(() => effect, { seed: 3, ...options })), (error) => error.message)
      assert.match(yield* stuck({}, Effect.never), /seed 3 is stuck: nobody will do anything/)
      assert.match(yield* stuck({ limit: "1 hour" }, Effect.forever(Effect.sleep("1 minute"))), /have passed/)
      assert.match(yield* stuck({ tasks: 100 }, Effect.forever(Effect.yieldNow)), /100 tasks were not enough/)
    }).pipe(Effect.runPromise))

  it("leaps: what was due meanwhile happens once, late", () =>
    Effect.gen(function*() {
      const beats = yield* Simulation.run((simulation) =>
        Effect.gen(function*() {
          const times: Array<number> = []
          const start = simulation.now()
          const heart = Effect.andThen(
            Effect.sleep("1 second"),
            Effect.sync(() => times.push((simulation.now() - start) / 1000))
          )
          yield* Effect.forkChild(Effect.forever(heart))
          yield* Effect.sleep("2500 millis")
          yield* simulation.leap("1 hour")
          yield* Effect.sleep("1500 millis")
          return times
        }), { seed: 1 })
      assert.deepStrictEqual(beats, [1, 2, 3602.5, 3603.5])
    }).pipe(Effect.runPromise))
})
