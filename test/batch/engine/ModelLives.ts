/** Processes that run a query in a model world, from opening its log to the end of their input, or of them. */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as BatchRun from "../../../src/batch/engine/BatchRun.ts"
import * as Commit from "../../../src/batch/engine/Commit.ts"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import { StateStore } from "../../../src/state/StateStore.ts"
import type * as ModelWorld from "./ModelWorld.ts"

export type Options = ModelWorld.PipelineOptions & {
  readonly ahead?: boolean
  readonly resolve?: ReadonlyArray<BatchRun.Resolution>
}

/** One process's whole life: open, recover, and batches until the source ends. */
const life = (world: ModelWorld.World, process: ModelWorld.Process, options?: Options) =>
  Effect.scoped(Effect.gen(function*() {
    const run = yield* BatchRun.open(world.pipeline(process, options), {
      retry: Schedule.recurs(3),
      resolutions: options?.resolve
    })
    let ended = false
    while (!ended) {
      const step = yield* Commit.step(run, { until: undefined, more: options?.ahead ?? true })
      ended = step._tag !== "done"
    }
  })).pipe(
    Effect.provideService(CheckpointLog, world.logOf(process)),
    Effect.provideService(StateStore, world.stateOf(process))
  )

/** Runs a process until it ends or crashes; a crashed one is left as it is, no finalizer of it ever runs. */
export const start = (world: ModelWorld.World, process: ModelWorld.Process, options?: Options) =>
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
export const assertOutcome = (world: ModelWorld.World, outcome: string, ...expected: ReadonlyArray<string>) => {
  if (!expected.includes(outcome)) assert.fail(`${outcome}, not ${expected.join(" or ")}\n${world.history.join("\n")}`)
}

export const never: ModelWorld.Process["at"] = () => "nothing"
export const atCall = (call: number, happening: ModelWorld.Happening): ModelWorld.Process["at"] => (n) =>
  n === call ? happening : "nothing"

/** Exactly once, per key in order (I1, I2). */
export const assertExact = (world: ModelWorld.World, sinks: ReadonlyArray<string> = ["out"]) => {
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
export const undisturbed = (make: () => ModelWorld.World, options?: Options) =>
  Effect.gen(function*() {
    const world = make()
    const process = world.process("p", never)
    assert.strictEqual(yield* start(world, process, options), "finished")
    assertExact(world, options?.sinks)
    return process.calls
  })
