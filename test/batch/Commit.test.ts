import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import fc from "fast-check"
import * as BatchRun from "../../src/batch/BatchRun.ts"
import { CheckpointLog } from "../../src/batch/CheckpointLog.ts"
import * as Commit from "../../src/batch/Commit.ts"
import * as ModelWorld from "./ModelWorld.ts"

type Options = ModelWorld.PipelineOptions & {
  readonly ahead?: boolean
  readonly resolve?: ReadonlyArray<BatchRun.Resolution>
}

/** One process's whole life: open, recover, and batches until the source ends. */
const life = (world: ModelWorld.World, process: ModelWorld.Process, options?: Options) =>
  Effect.scoped(Effect.gen(function*() {
    const run = yield* BatchRun.open(world.pipeline(process, options), Schedule.recurs(3), options?.resolve)
    let ended = false
    while (!ended) {
      const step = yield* Commit.step(run, { until: undefined, more: options?.ahead ?? true })
      ended = step._tag !== "done"
    }
  })).pipe(Effect.provideService(CheckpointLog, world.logOf(process)))

/** Runs a process until it ends or crashes; a crashed one is left as it is, no finalizer of it ever runs. */
const start = (world: ModelWorld.World, process: ModelWorld.Process, options?: Options) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkDetach(life(world, process, options), { startImmediately: false })
    process.interrupt = () => fiber.interruptUnsafe()
    return yield* Effect.raceFirst(
      Effect.as(Deferred.await(process.crashed), "crashed" as const),
      Effect.map(Fiber.await(fiber), (exit) => {
        if (Exit.isSuccess(exit)) return "finished" as const
        if (Cause.hasInterruptsOnly(exit.cause)) return "interrupted" as const
        const [reason] = exit.cause.reasons
        if (reason === undefined || reason._tag !== "Fail") throw new Error(Cause.pretty(exit.cause))
        const { error } = reason
        return "reason" in error ? error.reason._tag : error._tag
      })
    )
  })

/** Fails with the world's history. */
const assertOutcome = (world: ModelWorld.World, outcome: string, ...expected: ReadonlyArray<string>) => {
  if (!expected.includes(outcome)) assert.fail(`${outcome}, not ${expected.join(" or ")}\n${world.history.join("\n")}`)
}

const never: ModelWorld.Process["at"] = () => "nothing"
const atCall = (call: number, happening: ModelWorld.Happening): ModelWorld.Process["at"] => (n) =>
  n === call ? happening : "nothing"

/** Exactly once, per key in order (invariants 1 and 2). */
const assertExact = (world: ModelWorld.World, sinks: ReadonlyArray<string> = ["out"]) => {
  const input = world.input.flat()
  for (const sink of sinks) {
    const output = world.visible.get(sink) ?? []
    const timeline = () => `sink ${sink}\n${world.history.join("\n")}`
    const numbers = output.map(({ number }) => number).toSorted((a, b) => a - b)
    if (numbers.join() !== input.map(({ number }) => number).join()) assert.fail(`${numbers.join()}; ${timeline()}`)
    for (const key of new Set(input.map((event) => event.key))) {
      const numbers = output.filter((event) => event.key === key).map(({ number }) => number)
      if (numbers.join() !== numbers.toSorted((a, b) => a - b).join()) assert.fail(`${numbers.join()}; ${timeline()}`)
    }
  }
  for (const { id, state } of world.transactions.values()) assert.notStrictEqual(state, "open", `${id} was left open`)
}

/** How many calls an undisturbed run makes. */
const undisturbed = (make: () => ModelWorld.World, options?: Options) =>
  Effect.gen(function*() {
    const world = make()
    const process = world.process("p", never)
    assert.strictEqual(yield* start(world, process, options), "finished")
    assertExact(world, options?.sinks)
    return process.calls
  })

const small = () => ModelWorld.make({ eventsPerSegment: 3, limit: 4 })

describe("Commit", () => {
  it("an undisturbed run: every event once, in order", () =>
    Effect.gen(function*() {
      assert.isAbove(yield* undisturbed(small), 20)
      assert.isAbove(yield* undisturbed(small, { ahead: false, sinks: ["one", "two"] }), 20)
    }).pipe(Effect.runPromise))

  for (const sinks of [["out"], ["one", "two"]]) {
    for (const expires of [false, true]) {
      const name = `${sinks.length} sink(s), leases ${expires ? "run out" : "live on"} while it is down`
      it(
        `C1 to C11: a crash at every call, and another at every call of the recovery; ${name}`,
        () =>
          Effect.gen(function*() {
            const make = () => ModelWorld.make({ eventsPerSegment: sinks.length === 1 ? 2 : 1, limit: 5 })
            const calls = yield* undisturbed(make, { sinks })
            let histories = 0
            for (let first = 0; first < calls; first++) {
              for (const how of ["crash-before", "crash-after"] as const) {
                for (let second = 0, reached = true; reached; second += 1) {
                  const world = make()
                  assert.strictEqual(yield* start(world, world.process("p", atCall(first, how)), { sinks }), "crashed")
                  if (expires) world.expire()
                  const recovery = world.process("q", atCall(second, second % 2 === 0 ? "crash-before" : "crash-after"))
                  reached = (yield* start(world, recovery, { sinks })) === "crashed"
                  if (expires) world.expire()
                  assertOutcome(world, yield* start(world, world.process("r", never), { sinks }), "finished")
                  if (!expires) {
                    for (const { process, state } of world.transactions.values()) {
                      // What no record names can't be found: it ends with its lease (C3).
                      if (!process.alive && state === "open") world.expire()
                    }
                  }
                  assertExact(world, sinks)
                  histories++
                }
              }
            }
            assert.isAbove(histories, 500)
          }).pipe(Effect.runPromise),
        120_000
      )
    }
  }

  it("F1, F2: leases that run out at any call are no loss, before prepare and after", () =>
    Effect.gen(function*() {
      const calls = yield* undisturbed(small)
      for (let call = 0; call < calls; call++) {
        const world = small()
        const outcome = yield* start(world, world.process("p", atCall(call, "expire-before")))
        assert.strictEqual(outcome, "finished")
        assertExact(world)
      }
    }).pipe(Effect.runPromise))

  it("F12: a process paused at any call, while another finishes, is fenced", () =>
    Effect.gen(function*() {
      const calls = yield* undisturbed(small)
      for (let call = 2; call < calls; call++) {
        for (const expires of [false, true]) {
          const world = small()
          const resume = yield* Deferred.make<void>()
          const paused = yield* Deferred.make<void>()
          const pause = Effect.andThen(Deferred.succeed(paused, undefined), Deferred.await(resume))
          const zombie = yield* Effect.forkDetach(start(world, world.process("z", atCall(call, pause))), {
            startImmediately: true
          })
          yield* Deferred.await(paused)
          if (expires) world.expire()
          assertOutcome(world, yield* start(world, world.process("q", never)), "finished")
          yield* Deferred.succeed(resume, undefined)
          assert.include(["Fenced", "finished"], yield* Fiber.join(zombie))
          world.expire()
          assertExact(world)
        }
      }
    }).pipe(Effect.runPromise))

  it("F13: of two processes that start at once, one stops", () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { minLength: 200, maxLength: 200 }), fc.boolean(), (turns, ahead) =>
        Effect.gen(function*() {
          const world = small()
          let turn = 0
          const jitter: ModelWorld.Process["at"] = () =>
            Effect.forEach(Array.from({ length: turns[turn++ % turns.length]! }), () =>
              Effect.yieldNow, { discard: true })
          const outcomes = yield* Effect.all([
            start(world, world.process("p", jitter), { ahead }),
            start(world, world.process("q", jitter), { ahead })
          ], { concurrency: 2 })
          assert.includeMembers(["Fenced", "finished"], outcomes)
          assert.include(outcomes, "finished")
          world.expire()
          assertExact(world)
        }).pipe(Effect.runPromise)),
      { numRuns: 100 }
    ))

  it("an append whose outcome is unknown is settled, whether it came true or not", () =>
    Effect.gen(function*() {
      const calls = yield* undisturbed(small)
      yield* Effect.forEach(Array.from({ length: calls }, (_, n) => n), (call) =>
        Effect.forEach(["unknown-done", "unknown-not-done"] as const, (happening) =>
          Effect.gen(function*() {
            const world = small()
            assert.strictEqual(
              yield* start(world, world.process("p", atCall(call, happening))),
              "finished",
              world.history.join("\n")
            )
            assertExact(world)
          }), { concurrency: 2 }), { concurrency: "unbounded" })
    }).pipe(Effect.runPromise))

  it("F11: a log that takes nothing, from any append on, is no loss: the batch is tried again, or the next process does it", () =>
    Effect.gen(function*() {
      const calls = yield* undisturbed(small)
      for (let call = 0; call < calls; call++) {
        for (const times of call % 4 === 0 ? [1, Infinity] : [1]) {
          const world = small()
          let left = times
          const unavailable: ModelWorld.Process["at"] = (n, what) =>
            n >= call && what.startsWith("log ") && what !== "log read" && left-- > 0 ? "unavailable" : "nothing"
          const outcome = yield* start(world, world.process("p", unavailable))
          assertOutcome(world, outcome, "finished", "LogUnavailable")
          for (const { id, state } of world.transactions.values()) {
            if (state === "open" && !world.isNamedByPrepared(id)) {
              assert.fail(`${id} was left\n${world.history.join("\n")}`)
            }
          }
          if (outcome !== "finished") assertOutcome(world, yield* start(world, world.process("q", never)), "finished")
          assertExact(world)
        }
      }
    }).pipe(Effect.runPromise))

  it("F4: what nobody remembers stops the query, with the evidence, and commits nothing", () =>
    Effect.gen(function*() {
      const world = small()
      const crash: ModelWorld.Process["at"] = (_, what) => what.startsWith("out commit") ? "crash-after" : "nothing"
      assert.strictEqual(yield* start(world, world.process("p", crash)), "crashed")
      world.forget()
      const before = world.log.length
      assert.strictEqual(yield* start(world, world.process("q", never)), "AmbiguousCommit")
      assert.strictEqual(world.log.length, before + 1)
    }).pipe(Effect.runPromise))

  it("F4: goes on with what somebody found out about that very transaction, and about no other", () =>
    Effect.gen(function*() {
      for (const outcome of ["committed", "lost"] as const) {
        const world = small()
        const when = outcome === "committed" ? "crash-after" : "crash-before"
        const crash: ModelWorld.Process["at"] = (_, what) => what.startsWith("out commit") ? when : "nothing"
        assert.strictEqual(yield* start(world, world.process("p", crash)), "crashed")
        world.expire()
        world.forget()
        const handle = [...world.transactions.keys()].at(-1) ?? ""
        for (
          const other of [
            { batch: 1, sink: "out", handle },
            { batch: 0, sink: "other", handle },
            { batch: 0, sink: "out", handle: `${handle}.` }
          ]
        ) {
          const q = yield* start(world, world.process("q", never), { resolve: [{ ...other, outcome }] })
          assert.strictEqual(q, "AmbiguousCommit")
        }
        const resolve = [{ batch: 0, sink: "out", handle, outcome }]
        assert.strictEqual(yield* start(world, world.process("r", never), { resolve }), "finished")
        assertExact(world)
      }
    }).pipe(Effect.runPromise))

  it("rule 10: a replay beside a sink that has committed must have the same outputs", () =>
    Effect.gen(function*() {
      const sinks = ["one", "two"]
      let attempt = 0
      const change = (event: ModelWorld.Event): ModelWorld.Event => ({ ...event, key: `${event.key}${attempt}` })
      const world = small()
      const crash: ModelWorld.Process["at"] = (_, what) => what.startsWith("two commit") ? "crash-before" : "nothing"
      assert.strictEqual(yield* start(world, world.process("p", crash), { sinks, change }), "crashed")
      world.expire()
      attempt++
      assert.strictEqual(yield* start(world, world.process("q", never), { sinks, change }), "NonDeterministicReplay")
    }).pipe(Effect.runPromise))

  it("a batch that is lost in all of its sinks is processed again for all sinks, also for those without output before", () =>
    Effect.gen(function*() {
      const sinks = ["one", "two"]
      let attempt = 0
      const isFor = (sink: string, { key }: ModelWorld.Event) => (sink === "two") === (attempt > 0 && key === "a")
      const world = small()
      const crash: ModelWorld.Process["at"] = (_, what) => what.startsWith("one commit") ? "crash-before" : "nothing"
      assert.strictEqual(yield* start(world, world.process("p", crash), { sinks, isFor }), "crashed")
      world.expire()
      attempt++
      assert.strictEqual(yield* start(world, world.process("q", never), { sinks, isFor }), "finished")
      const numbers = sinks.flatMap((sink) => world.visible.get(sink) ?? []).map(({ number }) => number)
      assert.deepStrictEqual(numbers.toSorted((a, b) => a - b), world.input.flat().map(({ number }) => number))
    }).pipe(Effect.runPromise))

  it("interrupted at any call, it leaves nothing open but what is prepared, and goes on from there", () =>
    Effect.gen(function*() {
      const calls = yield* undisturbed(small)
      for (let call = 0; call < calls; call++) {
        const world = small()
        const outcome = yield* start(world, world.process("p", atCall(call, "interrupt")))
        assertOutcome(world, outcome, "interrupted", "finished")
        const open = [...world.transactions.values()].filter(({ state }) => state === "open")
        for (const { id } of open) assert.isTrue(world.isNamedByPrepared(id), `${id} was left open`)
        assertOutcome(world, yield* start(world, world.process("q", never)), "finished")
        assertExact(world)
      }
    }).pipe(Effect.runPromise))

  /** One history: a process is paused or crashed at a call, another finishes, the first goes on. Throws on a violation. */
  const disturbed = (bug: ModelWorld.Bug, call: number, how: "pause" | "crash-after" | "interrupt") =>
    Effect.gen(function*() {
      const world = ModelWorld.make({ eventsPerSegment: 4, limit: 12, bug })
      const resume = yield* Deferred.make<void>()
      const paused = yield* Deferred.make<void>()
      const pause = Effect.andThen(Deferred.succeed(paused, undefined), Deferred.await(resume))
      const first = world.process("p", atCall(call, how === "pause" ? pause : how))
      const fiber = yield* Effect.forkDetach(start(world, first), { startImmediately: true })
      yield* Effect.raceFirst(Deferred.await(paused), Effect.exit(Fiber.join(fiber)))
      const outcome = yield* start(world, world.process("q", never))
      assertOutcome(world, outcome, "finished", "Fenced")
      yield* Deferred.succeed(resume, undefined)
      assertOutcome(world, yield* Fiber.join(fiber), "finished", "Fenced", "crashed", "interrupted")
      world.expire()
      assertExact(world)
    }).pipe(Effect.timeoutOption("5 seconds"))

  // "none": the same histories hold without a bug.
  for (const bug of ["none", "no fence", "lost, whatever its state", "predecessors ignored", "keep ignored"] as const) {
    it(
      `seeded bug: ${bug}`,
      () =>
        Effect.gen(function*() {
          let caught = 0
          for (let call = 0; call < 60 && (bug === "none" || caught === 0); call++) {
            for (const how of ["pause", "crash-after", "interrupt"] as const) {
              const exit = yield* Effect.exit(disturbed(bug, call, how))
              if (Exit.isFailure(exit)) caught++
            }
          }
          if (bug === "none") assert.strictEqual(caught, 0)
          else assert.isAbove(caught, 0)
        }).pipe(Effect.runPromise)
    )
  }
})
