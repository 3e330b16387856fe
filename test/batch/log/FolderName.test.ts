/** Logs in a directory, by names that are one folder, or none, on other file systems. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import fc from "fast-check"
import { mkdirSync } from "node:fs"
import * as Path from "node:path"
import * as DirectoryLog from "../../../src/batch/log/internal/DirectoryLog.ts"
import * as FolderName from "../../../src/batch/log/internal/FolderName.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import { LogFiles } from "../../../src/files/LogFiles.ts"
import * as Seeded from "../../../src/testing/seeded/Seeded.ts"
import { temporaryFolder } from "../../temporary.ts"
import * as SimulatedFiles from "./SimulatedFiles.ts"

/** Names have no case, and are shown as they were first given: Windows, macOS. */
const caseless = (files: LogFiles["Service"]): LogFiles["Service"] => {
  const shown = new Map<string, string>()
  return {
    ...files,
    makeDirectory: (path) => {
      for (let at = path; at !== Path.dirname(at); at = Path.dirname(at)) {
        if (!shown.has(at.toLowerCase())) shown.set(at.toLowerCase(), Path.basename(at))
      }
      return files.makeDirectory(path.toLowerCase())
    },
    list: (path) =>
      Effect.map(
        files.list(path.toLowerCase()),
        (names) => names.map((name) => shown.get(Path.join(path, name).toLowerCase()) ?? name)
      ),
    read: (path) => files.read(path.toLowerCase()),
    create: (path, bytes) => files.create(path.toLowerCase(), bytes),
    sync: (path) => files.sync(path.toLowerCase()),
    link: (from, to) => files.link(from.toLowerCase(), to.toLowerCase()),
    remove: (path) => files.remove(path.toLowerCase()),
    syncDirectory: (path) => files.syncDirectory(path.toLowerCase())
  }
}

const opened = (files: LogFiles["Service"], directory: string, name: string) =>
  Effect.result(DirectoryLog.make(files, directory).open(QueryName.make(name)))

/** Names that often collide. */
const name = fc.stringMatching(/^[aAbB][aAbB.]{0,2}$/)

describe("a log's folder", () => {
  it.live("is no other query's where names have no case, whoever comes first or at the same time", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.uniqueArray(name, { minLength: 2, maxLength: 6 }), fc.integer(), (names, seed) =>
          Effect.runPromise(Effect.gen(function*() {
            const disk = SimulatedFiles.make()
            const random = Seeded.make(seed).next
            disk.onStep = () =>
              Effect.gen(function*() {
                for (let turns = Math.floor(random() * 4); turns > 0; turns--) {
                  yield* Effect.yieldNow
                }
                return "none" as const
              })
            const files = caseless(disk.files)
            const logs = yield* Effect.forEach(names, (name) =>
              opened(files, "/logs", name), { concurrency: "unbounded" })
            const bytes = new Uint8Array([1])
            let one = 0
            for (const log of logs) {
              if (Result.isSuccess(log)) {
                // taken: another query has written to the same folder
                yield* log.success.append(0, bytes)
                one++
              } else assert.strictEqual(log.failure.reason._tag, "FolderNameRefused")
            }
            const folders = new Set(
              names.filter((name) =>
                !name.endsWith(".")
              ).map((name) =>
                name.toLowerCase()
              )
            )
            assert.strictEqual(one, folders.size)
          }))),
        { numRuns: 100 }
      )
    ))

  it("is refused where Windows has it for a device, or drops its dot", () => {
    for (const name of ["CON", "con", "nul.1", "COM1", "lpt9.x.y", "aux", "x.", "x.."]) {
      assert.isString(FolderName.problem(name, []), name)
      assert.isUndefined(FolderName.problem(name, [name]), name)
    }
    for (const name of ["console", "COM", "com10", "x.y", "x.con", "nullable"]) {
      assert.isUndefined(FolderName.problem(name, []), name)
    }
  })

  it.live("goes on where it is there already", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryFolder
      for (const name of ["Totals", "totals", "CON", "x."]) mkdirSync(Path.join(directory, name))
      const files = yield* LogFiles.pipe(Effect.provide(LogFiles.layerNode))
      for (const name of ["Totals", "totals", "CON", "x."]) {
        assert.isTrue(Result.isSuccess(yield* opened(files, directory, name)), name)
      }
      const refused = yield* Effect.flip(DirectoryLog.make(files, directory).open(QueryName.make("TOTALS")))
      assert.match(refused.message, /query "TOTALS" in .*: "Totals" is there, .*; give the query another name/)
      assert.isFalse(refused.isRetryable)
      assert.notInclude(yield* files.list(directory), "TOTALS")
    }))

  it("of savepoints is no pipeline's, in whatever case", () => {
    const lines = EventStream.make("market/lines", { codec: EventCodec.utf8 })
    for (const name of ["effect-pravega.savepoints", "Effect-Pravega.Savepoints"]) {
      assert.throws(
        () =>
          Pipeline.make(name, {
            source: Source.microBatch(lines),
            processEach: ({ event }) => Effect.succeed([event]),
            sink: Sink.pravega(lines, { guarantee: "exactly-once" })
          }),
        /its name is that of the log of savepoints/
      )
    }
  })
})
