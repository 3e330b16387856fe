import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Effect } from "effect"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { LogSync } from "../../../src/embedded/store/internal/LogSync.ts"
import * as SqliteStorage from "../../../src/embedded/store/SqliteStorage.ts"
import { temporaryFolder } from "../../temporary.ts"

const mebibyte = 1024 * 1024

/** Syncs of the disk in threads, that end when they are told to. */
const watchSyncs = () => {
  const underWay: Array<(error: NodeJS.ErrnoException | null) => void> = []
  vi.spyOn(fs, "fdatasync").mockImplementation((_, done) => {
    underWay.push(done)
  })
  const close = vi.spyOn(fs, "closeSync")
  syncBuiltinESMExports()
  return { underWay, close }
}

describe("LogSync", () => {
  afterEach(() => {
    vi.restoreAllMocks()
    syncBuiltinESMExports()
  })

  const open = Effect.gen(function*() {
    const file = join(yield* temporaryFolder, "log")
    fs.writeFileSync(file, "")
    const watched = watchSyncs()
    const failures: Array<unknown> = []
    return { ...watched, failures, sync: new LogSync(file, (cause) => failures.push(cause)) }
  })

  it.live("syncs what was written every few MiB, once at a time", () =>
    Effect.gen(function*() {
      const { close, sync, underWay } = yield* open
      sync.wrote(mebibyte)
      assert.strictEqual(underWay.length, 0)
      for (let i = 0; i < 20; i++) sync.wrote(mebibyte)
      assert.strictEqual(underWay.length, 1)
      underWay[0]!(null)
      sync.wrote(1)
      assert.strictEqual(underWay.length, 2)
      underWay[1]!(null)
      sync.close()
      sync.close()
      assert.strictEqual(close.mock.calls.length, 1)
      sync.wrote(100 * mebibyte)
      assert.strictEqual(underWay.length, 2)
    }))

  it.live("closes the file when no thread has it any more", () =>
    Effect.gen(function*() {
      const { close, failures, sync, underWay } = yield* open
      sync.wrote(10 * mebibyte)
      sync.close()
      assert.strictEqual(close.mock.calls.length, 0)
      underWay[0]!(new Error("too late"))
      assert.strictEqual(close.mock.calls.length, 1)
      assert.deepStrictEqual(failures, [])
    }))

  it.live("is used by a storage that does not wait for the disk, which fails with it", () =>
    Effect.gen(function*() {
      for (const durability of ["power", "process"] as const) {
        const directory = yield* temporaryFolder
        const failures: Array<unknown> = []
        const storage = yield* SqliteStorage.open({
          directory,
          durability,
          onFailure: (error) => failures.push(error.reason._tag)
        })
        const { underWay } = watchSyncs()
        storage.putSegment({
          key: 1,
          name: "s",
          tableKeyLength: undefined,
          startOffset: 0,
          length: 0,
          isSealed: false,
          lastModified: 0
        })
        for (let i = 0; i < 5; i++) {
          storage.append(1, i * mebibyte, new Uint8Array(mebibyte))
          yield* Effect.callback<void>((resume) => storage.commit(() => resume(Effect.void)))
        }
        assert.strictEqual(underWay.length, durability === "power" ? 0 : 1)
        underWay[0]?.(new Error("no disk"))
        assert.deepStrictEqual(failures, durability === "power" ? [] : ["DirectoryUnavailable"])
        assert.strictEqual(storage.read(1, 0, 8) === undefined, durability === "process")
        vi.restoreAllMocks()
        syncBuiltinESMExports()
      }
    }))
})
