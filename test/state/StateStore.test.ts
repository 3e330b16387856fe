import { assert, describe, it } from "@effect/vitest"
import { StateStore } from "effect-pravega/state"
import { StateStoreLaws } from "effect-pravega/testing"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { LogFiles } from "../../src/files/LogFiles.ts"
import * as MemoryHome from "../../src/state/internal/MemoryHome.ts"
import type { StateHome } from "../../src/state/StateContract.ts"
import * as SimulatedFiles from "../batch/log/SimulatedFiles.ts"
import { temporaryFolder } from "../temporary.ts"

describe("a store in memory", () => {
  const fresh = Effect.provide(StateStore, StateStore.layerMemory())
  for (const law of StateStoreLaws.laws(fresh)) it.live(law.name, () => law.check)
})

describe("a store in a directory", () => {
  const fresh = Effect.flatMap(
    temporaryFolder,
    (directory) => Effect.provide(StateStore, StateStore.layerDirectory(directory))
  )
  for (const law of StateStoreLaws.laws(fresh, { runs: 20 })) it.live(law.name, () => law.check)
})

describe("a store on a simulated disk", () => {
  const fresh = Effect.suspend(() =>
    Effect.provide(
      StateStore,
      StateStore.layerFiles("/state").pipe(Layer.provide(Layer.succeed(LogFiles, SimulatedFiles.make().files)))
    )
  )
  for (const law of StateStoreLaws.laws(fresh)) it.live(law.name, () => law.check)
})

/** Wrong on purpose, each in one way. */
const wrong: Record<string, (home: StateHome, objects: Map<string, Uint8Array>) => Partial<StateHome>> = {
  "an object is read as it was made, in every process": (home) => ({
    read: (name) => Effect.map(home.read(name), (bytes) => bytes?.subarray(0, -1))
  }),
  "an object is never replaced": (home) => ({
    create: (name, bytes) => Effect.andThen(home.delete(name), home.create(name, bytes))
  }),
  "of many that make an object at once, one does": (home) => ({
    create: (name, bytes) =>
      Effect.flatMap(home.read(name), (there) =>
        there === undefined
          ? Effect.yieldNow.pipe(Effect.andThen(home.create(name, bytes)), Effect.as("created" as const))
          : Effect.succeed("exists" as const))
  }),
  "what was deleted is gone, and all else is there": () => ({ delete: () => Effect.void }),
  "an object is a copy of what was given, and a copy is given": (_, objects) => ({
    create: (name, bytes) =>
      Effect.sync(() => {
        if (objects.has(name)) return "exists" as const
        objects.set(name, bytes)
        return "created" as const
      }),
    read: (name) => Effect.sync(() => objects.get(name)),
    list: Effect.sync(() => Array.from(objects.keys())),
    delete: (name) => Effect.sync(() => void objects.delete(name))
  }),
  "names of any letters, empty objects and large ones are as all others": (home) => ({
    create: (name, bytes) => home.create(name.slice(0, 100), bytes),
    read: (name) => home.read(name.slice(0, 100))
  }),
  "whatever several processes do, the home has what was made and not deleted": (home) => ({
    delete: (name) =>
      Effect.flatMap(
        home.list,
        (names) => Effect.forEach(names.filter((other) => other.startsWith(name)), home.delete, { discard: true })
      )
  }),
  "in every version the state is the sum of what was committed, whatever failed or died": (home) => ({
    create: (name, bytes) =>
      // the newest delta is not written when there are others already
      Effect.flatMap(home.list, (names) =>
        names.length > 1 && bytes.length > 100 ? Effect.succeed("created" as const) : home.create(name, bytes))
  })
}

describe("a store that is wrong breaks the law that it is wrong by", () => {
  for (const [name, change] of Object.entries(wrong)) {
    it.live(name, () =>
      Effect.gen(function*() {
        const fresh = Effect.sync(() => {
          const right = MemoryHome.make()
          const home: StateHome = { ...right, ...change(right, new Map()) }
          return { heapBytes: 1 << 20, open: () => Effect.succeed(home) }
        })
        const law = StateStoreLaws.laws(fresh).find((law) => law.name === name)
        assert.isDefined(law)
        const exit = yield* Effect.exit(law!.check)
        assert.isTrue(Exit.isFailure(exit))
      }))
  }
})

describe("S14: an object in a directory is whole or not there, wherever the machine or its disk fails", () => {
  const steps = ["write", "fsync", "link", "fsync of directory", "unlink"]
  const faults = ["fail-before", "fail-after", "crash-before", "crash-after"] as const

  for (const operation of steps) {
    // a crash at the last step is one after the step before it
    for (const fault of operation === "unlink" ? faults.slice(0, 2) : faults) {
      it.live(`${fault} ${operation}`, () =>
        Effect.gen(function*() {
          for (let seed = 0; seed < 20; seed++) {
            const disk = SimulatedFiles.make()
            const open = Effect.provide(StateStore, StateStore.layerFiles("/state")).pipe(
              Effect.provideService(LogFiles, disk.files),
              Effect.flatMap((store) => store.open("query"))
            )
            const bytes = new Uint8Array(1000).fill(7)
            const home = yield* open
            yield* home.create("before", bytes)
            disk.onStep = (step) => Effect.succeed(step === operation ? fault : "none")
            const outcome = yield* Effect.result(home.create("a", bytes)).pipe(Effect.timeoutOption("5 millis"))
            disk.onStep = () => Effect.succeed("none")
            const answer = outcome._tag === "Some" && outcome.value._tag === "Success"
              ? outcome.value.success
              : "failed"
            disk.crash(random(seed))
            const again = yield* open
            assert.deepStrictEqual(yield* again.read("before"), bytes)
            const found = yield* again.read("a")
            if (answer === "created" || found !== undefined) assert.deepStrictEqual(found, bytes)
            assert.strictEqual(yield* again.create("a", bytes), found === undefined ? "created" : "exists")
            assert.deepStrictEqual((yield* again.list).toSorted(), ["a", "before"])
          }
        }))
    }
  }

  it.live("a disk that is full, or fails otherwise, is said so, with its cause", () =>
    Effect.gen(function*() {
      const disk = SimulatedFiles.make()
      const home = yield* Effect.provide(StateStore, StateStore.layerFiles("/state")).pipe(
        Effect.provideService(LogFiles, disk.files),
        Effect.flatMap((store) => store.open("query"))
      )
      disk.onStep = (step) => Effect.succeed(step === "write" ? "fail-before" : "none")
      const error = yield* Effect.flip(home.create("a", new Uint8Array(1)))
      assert.strictEqual(error.reason._tag, "StateUnavailable")
      assert.isTrue(error.isRetryable)
      assert.include(error.message, `state of query "query": write failed`)
    }))
})

const random = (seed: number): () => number => {
  let state = seed + 1
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}
