import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import fc from "fast-check"
import { assertExact, assertOutcome, atCall, never, start, undisturbed } from "./ModelLives.ts"
import * as ModelWorld from "./ModelWorld.ts"

const small = () => ModelWorld.make({ eventsPerSegment: 3, limit: 4 })

describe("Commit", () => {
  it("an undisturbed run: every event once, in order", () =>
    Effect.gen(function*() {
      assert.isAbove(yield* undisturbed(small), 20)
      assert.isAbove(yield* undisturbed(small, { ahead: false, sinks: ["one", "two"] }), 20)
    }).pipe(Effect.runPromise))

  it("faults 1 and 2: leases that run out at any call are no loss, before prepare and after", () =>
    Effect.gen(function*() {
      const calls = yield* undisturbed(small)
      for (let call = 0; call < calls; call++) {
        const world = small()
        const outcome = yield* start(world, world.process("p", atCall(call, "expire-before")))
        assert.strictEqual(outcome, "finished")
        assertExact(world)
      }
    }).pipe(Effect.runPromise))

  it("fault 12: a process paused at any call, while another finishes, is fenced", () =>
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

  it("fault 13: of two processes that start at once, one stops", () =>
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

  it("fault 11: a log that takes nothing, from any append on, is no loss: the batch is tried again, or the next process does it", () =>
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

  for (const happening of ["unknown-done", "unknown-not-done"] as const) {
    it.effect(`rules 2 and 3: while a log is away that may have got what was prepared, nothing is committed or aborted: ${happening}`, () =>
      Effect.gen(function*() {
        const world = small()
        let sent = 0
        const away: ModelWorld.Process["at"] = (_, what) => {
          if (what.startsWith("log prepared(0)")) sent++
          if (sent === 0 || !what.startsWith("log ")) return "nothing"
          return what.startsWith("log prepared(0)") && sent === 1 ? happening : "unavailable"
        }
        const running = yield* Effect.forkChild(start(world, world.process("p", away)), { startImmediately: true })
        // the log is asked for half a minute
        for (let second = 0; second < 60 && running.pollUnsafe() === undefined; second++) {
          yield* TestClock.adjust("1 second")
        }
        assertOutcome(world, yield* Fiber.join(running), "OutcomeUnknown")
        assert.isAbove(sent, 10)
        const [begun] = world.transactions.values()
        assert.deepStrictEqual([world.transactions.size, begun?.state], [1, "open"], world.history.join("\n"))
        assertOutcome(world, yield* start(world, world.process("q", never)), "finished")
        assertExact(world)
        assert.strictEqual(begun?.state, happening === "unknown-done" ? "committed" : "aborted")
      }))
  }

  it("fault 4: what nobody remembers stops the query, with the evidence, and commits nothing", () =>
    Effect.gen(function*() {
      const world = small()
      const crash: ModelWorld.Process["at"] = (_, what) => what.startsWith("out commit") ? "crash-after" : "nothing"
      assert.strictEqual(yield* start(world, world.process("p", crash)), "crashed")
      world.forget()
      const before = world.log.length
      assert.strictEqual(yield* start(world, world.process("q", never)), "AmbiguousCommit")
      // The claim, and the record without entries by which it saw that it still owned the query.
      assert.strictEqual(world.log.length, before + 2)
    }).pipe(Effect.runPromise))

  it("fault 4: goes on with what somebody found out about that very transaction, and about no other", () =>
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

  it("rule 3: what was begun and never prepared is aborted first; where somebody has committed it, the query stops", () =>
    Effect.gen(function*() {
      for (const isCommitted of [false, true]) {
        const world = small()
        const crash: ModelWorld.Process["at"] = (_, what) => what === "log begun(0)" ? "crash-after" : "nothing"
        assert.strictEqual(yield* start(world, world.process("p", crash)), "crashed")
        const [begun] = world.transactions.values()
        if (begun === undefined) return assert.fail("nothing was begun")
        assert.strictEqual(begun.state, "open")
        if (isCommitted) Object.assign(begun, { state: "committed", wasCommitted: true })
        const ended = yield* start(world, world.process("q", never))
        assert.strictEqual(ended, isCommitted ? "InvariantViolated" : "finished")
        if (isCommitted) continue
        assert.strictEqual(begun.state, "aborted")
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
