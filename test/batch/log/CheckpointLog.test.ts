import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import fc from "fast-check"
import * as Path from "node:path"
import { CheckpointLog, type QueryLog } from "../../../src/batch/log/CheckpointLog.ts"
import type { CheckpointLogError } from "../../../src/batch/protocol/CheckpointLogError.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import { LogFiles } from "../../../src/files/LogFiles.ts"
import * as CheckpointLogLaws from "../../../src/testing/laws/CheckpointLogLaws.ts"
import * as Seeded from "../../../src/testing/seeded/Seeded.ts"
import { temporaryFolder } from "../../temporary.ts"
import * as SimulatedFiles from "./SimulatedFiles.ts"

const query = QueryName.make("q")
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

const homeOn = (layer: Layer.Layer<CheckpointLog>): CheckpointLogLaws.Home => ({
  open: (name) => Effect.flatMap(CheckpointLog, (logs) => logs.open(name)).pipe(Effect.provide(layer)),
  exists: (name) => Effect.flatMap(CheckpointLog, (logs) => logs.exists(name)).pipe(Effect.provide(layer)),
  list: Effect.flatMap(CheckpointLog, ({ list }) => list).pipe(Effect.provide(layer))
})

const onDisk = (disk: SimulatedFiles.SimulatedDisk): CheckpointLogLaws.Home =>
  homeOn(CheckpointLog.layerFiles("/logs").pipe(Layer.provide(Layer.succeed(LogFiles, disk.files))))

/** Runs the laws; one home whose processes share nothing but the store. */
const holds = <E>(
  name: string,
  fresh: Effect.Effect<CheckpointLogLaws.Home, E, Scope.Scope>,
  options?: CheckpointLogLaws.Options
) =>
  describe(`a log in ${name}`, () => {
    for (const law of CheckpointLogLaws.laws(fresh, options)) it.live(law.name, () => law.check)
  })

describe("CheckpointLog", () => {
  holds(
    "memory",
    CheckpointLog.pipe(Effect.provide(CheckpointLog.layerMemory))
  )

  holds(
    "directory",
    // Some that the log has to make itself, too.
    Effect.map(
      temporaryFolder,
      (directory) => homeOn(CheckpointLog.layerFileSystem(Path.join(directory, "some", "where")))
    ),
    { runs: 20 }
  )

  let seed = 0
  holds(
    "directory on a simulated disk, steps interleaved",
    Effect.sync(() => {
      const disk = SimulatedFiles.make()
      const random = Seeded.make(seed++).next
      disk.onStep = () =>
        Effect.gen(function*() {
          for (let turns = Math.floor(random() * 4); turns > 0; turns--) yield* Effect.yieldNow
          return "none" as const
        })
      return onDisk(disk)
    }),
    { runs: 300 }
  )
})

/** What a process does until it is crashed; `acked` collects what it was told to be durable. */
const scenario = (log: QueryLog, acked: Map<number, string>, floor: { value: number }) =>
  Effect.gen(function*() {
    for (let n = 0; n < 3; n++) {
      yield* log.append(n, text(`record ${n}`))
      acked.set(n, `record ${n}`)
    }
    floor.value = 2
    yield* log.compact(2)
    yield* log.append(3, text("record 3"))
    acked.set(3, "record 3")
  })

describe("a directory's log after a crash of the machine", () => {
  it("crash point 12: keeps what was acknowledged, and nothing torn, whatever step the crash came at", () =>
    fc.assert(
      fc.asyncProperty(
        fc.nat(60),
        fc.constantFrom("crash-before" as const, "crash-after" as const),
        fc.integer(),
        (at, fault, crashSeed) =>
          Effect.gen(function*() {
            const disk = SimulatedFiles.make()
            const acked = new Map<number, string>()
            const floor = { value: 0 }
            let steps = 0
            let crashed = false
            disk.onStep = () =>
              Effect.sync(() => {
                if (crashed) return "crash-before"
                crashed = steps++ === at
                return crashed ? fault : "none"
              })
            // Never interrupted: a crash runs no finalizers (rule 20), the disk answers it no more.
            yield* Effect.forkDetach(
              Effect.flatMap(onDisk(disk).open(query), (log) => scenario(log, acked, floor)),
              { startImmediately: true }
            )
            for (let turn = 0; turn < 200 && !crashed; turn++) yield* Effect.yieldNow
            disk.onStep = () => Effect.succeed("crash-before")
            yield* Effect.yieldNow
            disk.onStep = () => Effect.succeed("none")
            disk.crash(Seeded.make(crashSeed).next)

            const log = yield* onDisk(disk).open(query)
            const records = yield* log.read(0)
            for (const { bytes, sequence } of records) {
              assert.strictEqual(new TextDecoder().decode(bytes), `record ${sequence}`)
            }
            const present = new Set(records.map((record) => record.sequence))
            for (const sequence of acked.keys()) {
              if (sequence >= floor.value) assert.isTrue(present.has(sequence), `record ${sequence} was lost`)
              else assert.isTrue(Exit.isFailure(yield* Effect.exit(log.append(sequence, text("again")))))
            }
            const next = records.length === 0 ? 0 : records[records.length - 1]!.sequence + 1
            yield* log.append(next, text("after"))
          }).pipe(Effect.runPromise)
      ),
      { numRuns: 500 }
    ))
})

describe("a directory's log and a failing disk", () => {
  const reason = (log: QueryLog): Effect.Effect<string, void> =>
    Effect.map(Effect.flip(log.append(0, text("x"))), (error: CheckpointLogError) => error.reason._tag)

  it.effect("says that nothing was stored when a step before the link fails, else that it can't know", () =>
    Effect.gen(function*() {
      for (
        const [operation, expected] of [
          ["write", "LogUnavailable"],
          ["fsync", "LogUnavailable"],
          ["link", "OutcomeUnknown"],
          ["fsync of directory", "OutcomeUnknown"]
        ] as const
      ) {
        for (const fault of ["fail-before", "fail-after"] as const) {
          const disk = SimulatedFiles.make()
          const log = yield* onDisk(disk).open(query)
          disk.onStep = (name) => Effect.succeed(name === operation ? fault : "none")
          assert.strictEqual(yield* reason(log), expected, `${operation} ${fault}`)
        }
      }
    }))

  it.effect("rule 1: a zombie's link below the floor is taken back and reported as taken", () =>
    Effect.gen(function*() {
      const disk = SimulatedFiles.make()
      const zombie = yield* onDisk(disk).open(query)
      const owner = yield* onDisk(disk).open(query)
      let paused = true
      disk.onStep = (operation) =>
        Effect.gen(function*() {
          // The zombie has looked at the folder when it was empty, and is about to write and link number 0.
          while (paused && operation === "write") yield* Effect.yieldNow
          return "none" as const
        })
      const append = yield* Effect.forkChild(zombie.append(0, text("zombie")), { startImmediately: true })
      for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow
      const free = disk.onStep
      disk.onStep = () => Effect.succeed("none")
      for (let n = 0; n < 3; n++) yield* owner.append(n, text("owner"))
      yield* owner.compact(2)
      disk.onStep = free
      paused = false
      const error = yield* Effect.flip(Fiber.join(append))
      assert.strictEqual(error.reason._tag, "SequenceTaken")
      assert.deepStrictEqual(disk.names("/logs/q"), ["0000000000000002.floor", "0000000000000002.record"])
    }))

  it.effect("rule 1: a zombie meets a floor also when its listing overlaps a compaction", () =>
    Effect.gen(function*() {
      const disk = SimulatedFiles.make()
      const owner = yield* onDisk(disk).open(query)
      let listings = 0
      // What a listing may miss: names that were added or removed since it began.
      const list = (path: string) =>
        Effect.gen(function*() {
          const before = yield* disk.files.list(path)
          listings++
          if (listings === 1) {
            // The zombie has looked, and wants number 0; the owner goes on.
            for (let n = 0; n < 8; n++) yield* Effect.orDie(owner.append(n, text("owner")))
            yield* Effect.orDie(owner.compact(4))
            return before
          }
          yield* Effect.orDie(owner.compact(6))
          const after = yield* disk.files.list(path)
          return before.filter((name) => after.includes(name))
        })
      const zombie = yield* onDisk({ ...disk, files: { ...disk.files, list } }).open(query)
      const error = yield* Effect.flip(zombie.append(0, text("zombie")))
      assert.strictEqual(error.reason._tag, "SequenceTaken")
      assert.deepStrictEqual((yield* owner.read(0)).map(({ sequence }) => sequence), [6, 7])
    }))

  it.effect("does not list its folder at each append", () =>
    Effect.gen(function*() {
      const disk = SimulatedFiles.make()
      let listings = 0
      disk.onStep = (operation) => {
        if (operation === "readdir") listings++
        return Effect.succeed("none")
      }
      const log = yield* onDisk(disk).open(query)
      listings = 0
      for (let n = 0; n < 50; n++) yield* log.append(n, text("owner"))
      assert.isAtMost(listings, 2)
      assert.lengthOf(yield* log.read(0), 50)
    }))

  it.effect("rule 1: an owner that is behind meets the floor, though the number that it wants follows its last one", () =>
    Effect.gen(function*() {
      const disk = SimulatedFiles.make()
      const [zombie, owner] = [yield* onDisk(disk).open(query), yield* onDisk(disk).open(query)]
      for (let n = 0; n < 3; n++) yield* zombie.append(n, text("zombie"))
      for (let n = 3; n < 6; n++) yield* owner.append(n, text("owner"))
      const taken = yield* Effect.flip(zombie.append(3, text("zombie")))
      assert.strictEqual(taken.reason._tag, "SequenceTaken")
      for (const floor of [4, 5]) {
        yield* owner.compact(floor)
        const error = yield* Effect.flip(zombie.append(3, text("zombie")))
        assert.strictEqual(error.reason._tag, "SequenceTaken")
      }
      assert.deepStrictEqual((yield* owner.read(0)).map(({ sequence }) => sequence), [5])
    }))

  it.effect("leaves no file of an append that could not be written, so that a full disk gets no fuller", () =>
    Effect.gen(function*() {
      const disk = SimulatedFiles.make()
      const log = yield* onDisk(disk).open(query)
      disk.onStep = (operation) => Effect.succeed(operation === "write" ? "fail-after" : "none")
      assert.strictEqual(yield* reason(log), "LogUnavailable")
      assert.deepStrictEqual(disk.names("/logs/q"), [])
    }))

  it.effect("makes every directory durable that it makes, where its name is", () =>
    Effect.gen(function*() {
      const disk = SimulatedFiles.make()
      const synced = new Set<string>()
      disk.onStep = (operation, path) =>
        Effect.sync(() => {
          if (operation === "fsync of directory") synced.add(path)
          return "none" as const
        })
      yield* onDisk(disk).open(query)
      assert.deepStrictEqual([...synced].toSorted(), ["/", "/logs"])
    }))

  it.effect("a hole in the numbers is shown, as a record that is missing", () =>
    Effect.gen(function*() {
      const disk = SimulatedFiles.make()
      const log = yield* onDisk(disk).open(query)
      for (let n = 0; n < 5; n++) yield* log.append(n, text("x"))
      for (const n of [1, 2]) yield* disk.files.remove(`/logs/q/000000000000000${n}.record`)
      const records = yield* log.read(0)
      assert.deepStrictEqual(records.map(({ isMissing, sequence }) => [sequence, isMissing === true]), [
        [0, false],
        [1, true],
        [3, false],
        [4, false]
      ])
      assert.deepStrictEqual((yield* log.read(2)).map(({ sequence }) => sequence), [2, 3, 4])
    }))
})
