/** Logs, state and queries on a disk that is full, and has room again later. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule, Stream } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as CauseText from "../../../src/core/CauseText.ts"
import { LogFileError, LogFiles } from "../../../src/files/LogFiles.ts"
import { StateStore } from "../../../src/state/StateStore.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import { temporaryFolder } from "../../temporary.ts"
import { numbersSource } from "../source/numbersSource.ts"

/** Node's files. When it is full, half of a new file's bytes are there before the write fails. */
const makeDisk = Effect.gen(function*() {
  const disk = { isFull: false, refused: 0 }
  const node = yield* LogFiles
  const files = LogFiles.of({
    ...node,
    create: (path, bytes) =>
      Effect.suspend(() => {
        if (!disk.isFull) return node.create(path, bytes)
        disk.refused++
        const cause = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })
        const failure = Effect.fail(new LogFileError({ operation: "write", path, cause }))
        return bytes.length === 0
          ? failure
          : Effect.andThen(node.create(path, bytes.subarray(0, bytes.length / 2)), failure)
      })
  })
  return { disk, layer: Layer.succeed(LogFiles, files) }
}).pipe(Effect.provide(LogFiles.layerNode))

const query = QueryName.make("full")
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe("a log on a disk that is full", () => {
  it.live("says so with path and errno, keeps what it has and no litter, and goes on when there is room", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const { disk, layer } = yield* makeDisk
      const logs = CheckpointLog.layerFiles(folder).pipe(Layer.provide(layer))
      yield* Effect.gen(function*() {
        const log = yield* (yield* CheckpointLog).open(query)
        yield* log.append(0, text("a"))
        disk.isFull = true
        for (const operation of [log.append(1, text("bcde")), log.compact(1)]) {
          const error = yield* Effect.flip(operation)
          assert.strictEqual(error.reason._tag, "LogUnavailable")
          assert.isTrue(error.isRetryable)
          assert.include(CauseText.of(error), "ENOSPC")
          assert.include(CauseText.of(error), Path.join(folder, query))
        }
        assert.deepStrictEqual((yield* log.read(0)).map(({ sequence }) => sequence), [0])
        assert.deepStrictEqual(Fs.readdirSync(Path.join(folder, query)).filter((name) => name.endsWith(".tmp")), [])
        disk.isFull = false
        yield* log.append(1, text("bcde"))
        assert.deepStrictEqual((yield* log.read(0)).map(({ bytes }) => bytes.length), [1, 4])
      }).pipe(Effect.provide(logs))
    }))

  it.live("holds for state in a folder, too", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const { disk, layer } = yield* makeDisk
      yield* Effect.gen(function*() {
        const state = yield* (yield* StateStore).open(query)
        yield* state.create("a", text("a"))
        disk.isFull = true
        const error = yield* Effect.flip(state.create("b", text("bcde")))
        assert.strictEqual(error.reason._tag, "StateUnavailable")
        assert.isTrue(error.isRetryable)
        assert.include(CauseText.of(error), "ENOSPC")
        assert.include(CauseText.of(error), Path.join(folder, query, "b"))
        assert.deepStrictEqual(yield* state.list, ["a"])
        assert.deepStrictEqual(Fs.readdirSync(Path.join(folder, query)), ["a"])
        disk.isFull = false
        assert.strictEqual(yield* state.create("b", text("bcde")), "created")
        assert.deepStrictEqual((yield* state.list).toSorted(), ["a", "b"])
      }).pipe(Effect.provide(StateStore.layerFiles(folder).pipe(Layer.provide(layer))))
    }))

  const pipelineOf = (sink: Sink.Memory<number>, onEvent: (n: number) => void) =>
    Pipeline.make(query, {
      source: numbersSource({
        available: () => 40,
        end: 40,
        perBatch: 4,
        partitions: (from, to) => [{ id: 0, predecessors: [], events: Stream.range(from, to - 1) }]
      }),
      process: (events) => Stream.tap(events, (n) => Effect.sync(() => onEvent(n))),
      sink
    })

  it.live("holds its query up, which loses nothing, can be ended meanwhile, and goes on when there is room", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const { disk, layer } = yield* makeDisk
      const sink = Sink.memory<number>()
      const pipeline = pipelineOf(sink, (n) => {
        if (n === 9) disk.isFull = true
      })
      const retry = Schedule.spaced("2 millis")
      yield* Effect.gen(function*() {
        const first = yield* Query.start(pipeline, { retry, stallAfter: "20 millis" })
        const told = yield* Stream.runHead(
          Stream.filter(
            first.statusChanges,
            (status) => status._tag === "stalled" && status.evidence.failure?.includes("ENOSPC") === true
          )
        )
        assert.include(JSON.stringify(told), folder)
        assert.isAbove(disk.refused, 0)
        // The way out, as a signal's: it asks nothing of the disk that it would wait for.
        assert.notStrictEqual(yield* first.stopWithin("10 millis"), "left")
        assert.deepStrictEqual(yield* sink.committed, Array.from({ length: 8 }, (_, n) => n))
        const late = yield* Effect.flip(Query.start(pipeline, { retry: Schedule.recurs(1) }))
        assert.include(CauseText.of(late), "ENOSPC")
        disk.isFull = false
        const second = yield* Query.start(pipelineOf(sink, () => {}), { retry })
        yield* second.await
        assert.deepStrictEqual(yield* sink.committed, Array.from({ length: 40 }, (_, n) => n))
      }).pipe(Effect.scoped, Effect.provide(CheckpointLog.layerFiles(folder).pipe(Layer.provide(layer))))
    }))
})
