import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import fc from "fast-check"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import type { EmbeddedError } from "../../../src/embedded/EmbeddedError.ts"
import * as SqliteStorage from "../../../src/embedded/store/SqliteStorage.ts"
import type { Storage, StoredSegment } from "../../../src/embedded/store/Storage.ts"
import * as ReadBuffers from "../../../src/pravega/wire/ReadBuffers.ts"
import * as Seeded from "../../../src/testing/seeded/Seeded.ts"
import * as Program from "../../Program.ts"
import { temporaryFolder } from "../../temporary.ts"
import * as Witness from "./storageWitness.ts"

const onFailure = (error: EmbeddedError) => {
  throw error
}
const open = (directory: string, recentBytes?: number) => SqliteStorage.open({ directory, onFailure, recentBytes })

const segment = (key: number, changes: Partial<StoredSegment> = {}): StoredSegment => ({
  key,
  name: `scope/stream/${key}.#epoch.0`,
  tableKeyLength: undefined,
  startOffset: 0,
  length: 0,
  isSealed: false,
  lastModified: 1,
  ...changes
})

const commit = (storage: Storage) => Effect.callback<void>((resume) => storage.commit(() => resume(Effect.void)))

const readAll = (storage: Storage, key: number, from: number, to: number): Buffer => {
  const parts: Array<Uint8Array> = []
  for (let at = from; at < to; at += parts.at(-1)!.length) {
    parts.push(storage.read(key, at, to - at) ?? assert.fail("the storage has failed"))
    assert.isAbove(parts.at(-1)!.length, 0)
  }
  const all = Buffer.concat(parts)
  // as a server does: what is read next may be put there
  parts.forEach(ReadBuffers.give)
  return all
}

/** What the storage should hold: the model of the property below. */
interface Modelled {
  bytes: Buffer
  start: number
  isSealed: boolean
  readonly attributes: Map<string, bigint>
}

type Change =
  | { readonly _tag: "append"; readonly key: number; readonly size: number; readonly fill: number }
  | { readonly _tag: "truncate" | "seal" | "delete"; readonly key: number; readonly part: number }
  | { readonly _tag: "merge"; readonly key: number; readonly source: number }
  | { readonly _tag: "attribute"; readonly key: number; readonly id: string; readonly value: bigint | undefined }
  | { readonly _tag: "record"; readonly key: string; readonly text: string | undefined }

type Step = Change | { readonly _tag: "commit" } | { readonly _tag: "reopen" } | { readonly _tag: "pause" }

const key = fc.integer({ min: 1, max: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      _tag: fc.constant("append" as const),
      key,
      size: fc.oneof(
        fc.integer({ min: 1, max: 300 }),
        fc.constantFrom(8191, 8192, 65_535, 65_536, 400_000, 520_000, 1_100_000)
      ),
      fill: fc.nat(255)
    })
  },
  fc.record({
    _tag: fc.constantFrom("truncate" as const, "seal", "delete"),
    key,
    part: fc.double({ min: 0, max: 1, noNaN: true })
  }),
  fc.record({ _tag: fc.constant("merge" as const), key, source: key }),
  fc.record({
    _tag: fc.constant("attribute" as const),
    key,
    id: fc.constantFrom("a", "b"),
    value: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { nil: undefined })
  }),
  fc.record({
    _tag: fc.constant("record" as const),
    key: fc.constantFrom("x", "y"),
    text: fc.option(fc.string({ unit: "binary" }), { nil: undefined })
  }),
  {
    weight: 3,
    arbitrary: fc.constantFrom<Step>({ _tag: "commit" }, { _tag: "commit" }, { _tag: "reopen" }, { _tag: "pause" })
  }
)

/** From nothing to everything. */
const recentBytes = fc.constantFrom(0, 1000, 100_000, 2_000_000, undefined)

class Model {
  readonly segments = new Map<number, Modelled>()
  readonly records = new Map<string, string>()
  nextKey = 10

  /** The segment that a small number stands for, created if need be. */
  of(storage: Storage, keys: Map<number, number>, small: number): [number, Modelled] {
    const known = keys.get(small)
    if (known !== undefined) return [known, this.segments.get(known)!]
    const fresh = this.nextKey++
    keys.set(small, fresh)
    const modelled: Modelled = { bytes: Buffer.alloc(0), start: 0, isSealed: false, attributes: new Map() }
    this.segments.set(fresh, modelled)
    storage.putSegment(segment(fresh))
    return [fresh, modelled]
  }

  put(storage: Storage, key: number): void {
    const { bytes, isSealed, start } = this.segments.get(key)!
    storage.putSegment(segment(key, { startOffset: start, length: bytes.length, isSealed }))
  }

  assertBytes(storage: Storage): void {
    for (const [key, { bytes, start }] of this.segments) {
      assert.isTrue(readAll(storage, key, start, bytes.length).equals(bytes.subarray(start)), `bytes of ${key}`)
      const middle = start + ((bytes.length - start) >> 1)
      assert.isTrue(readAll(storage, key, middle, bytes.length).equals(bytes.subarray(middle)))
    }
  }

  assertLoaded(storage: Storage): void {
    const { records, segments } = storage.load()
    assert.deepStrictEqual(new Map(records), this.records)
    const found = [...segments]
    assert.deepStrictEqual(
      found.map(({ isSealed, key, length, startOffset }) => ({ key, length, startOffset, isSealed })),
      [...this.segments].map(([key, { bytes, isSealed, start }]) => ({
        key,
        length: bytes.length,
        startOffset: start,
        isSealed
      })).toSorted((a, b) => a.key - b.key)
    )
    for (const { attributes, key } of found) {
      assert.deepStrictEqual(new Map(attributes), this.segments.get(key)!.attributes)
    }
    this.assertBytes(storage)
  }
}

const apply = (
  model: Model,
  keys: Map<number, number>,
  storage: Storage,
  step: Change
) => {
  if (step._tag === "record") {
    if (step.text === undefined) {
      model.records.delete(step.key)
      return storage.deleteRecord(step.key)
    }
    model.records.set(step.key, step.text)
    return storage.putRecord(step.key, step.text)
  }
  const [key, modelled] = model.of(storage, keys, step.key)
  switch (step._tag) {
    case "append": {
      // as a server does: the storage gives it back
      const data = ReadBuffers.take(step.size).fill(step.fill)
      storage.append(key, modelled.bytes.length, data)
      modelled.bytes = Buffer.concat([modelled.bytes, data])
      return
    }
    case "merge": {
      if (step.source === step.key) return
      const [sourceKey, source] = model.of(storage, keys, step.source)
      storage.merge(key, modelled.bytes.length, sourceKey)
      modelled.bytes = Buffer.concat([modelled.bytes, source.bytes.subarray(source.start)])
      model.segments.delete(sourceKey)
      keys.delete(step.source)
      return
    }
    case "truncate":
      modelled.start += Math.floor((modelled.bytes.length - modelled.start) * step.part)
      return model.put(storage, key)
    case "seal":
      modelled.isSealed = true
      return model.put(storage, key)
    case "delete":
      model.segments.delete(key)
      keys.delete(step.key)
      return storage.deleteSegment(key)
    case "attribute":
      if (step.value === undefined) modelled.attributes.delete(step.id)
      else modelled.attributes.set(step.id, step.value)
      return storage.putAttribute(key, step.id, step.value)
  }
}

describe("SqliteStorage", () => {
  it.live("holds what was staged at once, and what was committed after it was opened again", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), recentBytes, (steps, recentBytes) =>
          Effect.runPromise(Effect.scoped(Effect.gen(function*() {
            const directory = yield* temporaryFolder
            const model = new Model()
            const keys = new Map<number, number>()
            let scope = yield* Scope.make()
            let storage = yield* Scope.provide(open(directory, recentBytes), scope)
            for (const step of [...steps, { _tag: "reopen" } satisfies Step]) {
              if (step._tag === "pause") {
                // what was deleted is swept away meanwhile
                yield* commit(storage)
                yield* Effect.sleep("25 millis")
                model.assertBytes(storage)
                continue
              }
              if (step._tag !== "commit" && step._tag !== "reopen") {
                apply(model, keys, storage, step)
                model.assertBytes(storage)
                continue
              }
              yield* commit(storage)
              model.assertBytes(storage)
              if (step._tag === "commit") {
                continue
              }
              yield* Scope.close(scope, Exit.void)
              scope = yield* Scope.make()
              storage = yield* Scope.provide(open(directory, recentBytes), scope)
              model.assertLoaded(storage)
            }
            yield* Scope.close(scope, Exit.void)
          })))),
        { numRuns: 100 }
      )
    ))

  it.live("keeps what a merge has copied, whatever readers give back", () =>
    Effect.gen(function*() {
      const storage = yield* open(yield* temporaryFolder, 2_000_000)
      const size = 1_000_000
      for (const [key, fill] of [[1, 1], [2, 2], [3, 3]] as const) {
        storage.putSegment(segment(key))
        storage.append(key, 0, new Uint8Array(size * fill).fill(fill))
        yield* commit(storage)
      }
      // truncated, and no longer in memory: its bytes are copied, from the tables
      storage.putSegment(segment(1, { startOffset: 8, length: size }))
      storage.merge(2, 2 * size, 1)
      yield* commit(storage)
      const expected = Buffer.concat([Buffer.alloc(2 * size, 2), Buffer.alloc(size - 8, 1)])
      for (let round = 0; round < 3; round++) {
        assert.isTrue(readAll(storage, 2, 0, expected.length).equals(expected))
        assert.isTrue(readAll(storage, 3, 0, 3 * size).equals(Buffer.alloc(3 * size, 3)))
      }
    }))

  it.live("leaves nothing of what is read to the collector", () =>
    Effect.gen(function*() {
      const storage = yield* open(yield* temporaryFolder, 0)
      storage.putSegment(segment(1))
      const size = 512 * 1024
      const chunks = 80
      const data = new Uint8Array(size)
      for (let i = 0; i < chunks; i++) {
        storage.append(1, i * size, data)
        yield* commit(storage)
      }
      const before = process.memoryUsage().arrayBuffers
      // from the middle of one to the middle of the next
      for (let at = size / 2; at < (chunks - 1) * size; at += size) {
        const read = storage.read(1, at, size) ?? assert.fail("the storage has failed")
        assert.strictEqual(read.length, size)
        ReadBuffers.give(read)
      }
      assert.isBelow(process.memoryUsage().arrayBuffers - before, 10 * size)
    }))

  it.live("calls back later, in order, also when nothing is staged", () =>
    Effect.gen(function*() {
      const storage = yield* open(yield* temporaryFolder)
      const called: Array<number> = []
      yield* Effect.callback<void>((resume) => {
        for (const n of [1, 2, 3]) storage.commit(() => called.push(n))
        storage.commit(() => resume(Effect.void))
        assert.deepStrictEqual(called, [])
      })
      assert.deepStrictEqual(called, [1, 2, 3])
    }))

  it.live("refuses a directory that is open, in this process too, and no longer when it is closed", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryFolder
      yield* Effect.scoped(Effect.gen(function*() {
        yield* open(directory)
        const error = yield* Effect.flip(open(directory))
        assert.strictEqual(error.reason._tag, "DirectoryHeld")
        assert.include(error.message, directory)
      }))
      yield* open(directory)
    }))

  it.live("tells damage, foreign files, other formats and forbidden directories apart", () =>
    Effect.gen(function*() {
      const reason = (directory: string) =>
        Effect.map(Effect.flip(Effect.scoped(open(directory))), ({ reason }) => reason._tag)
      const broken = yield* temporaryFolder
      yield* Effect.scoped(Effect.gen(function*() {
        const storage = yield* open(broken)
        storage.putSegment(segment(1))
        storage.append(1, 0, new Uint8Array(100_000))
        yield* commit(storage)
      }))
      const file = Path.join(broken, "pravega.db")
      const bytes = Fs.readFileSync(file)
      Fs.writeFileSync(
        file,
        Buffer.concat([bytes.subarray(0, 100), Buffer.alloc(40_000, 0x5a), bytes.subarray(40_100)])
      )
      assert.strictEqual(yield* reason(broken), "DirectoryCorrupt")
      Fs.writeFileSync(file, "what is this, which is no database at all? ".repeat(100))
      assert.strictEqual(yield* reason(broken), "DirectoryCorrupt")

      const { DatabaseSync } = yield* Effect.promise(() => import("node:sqlite"))
      const write = (directory: string, sql: string) => {
        const database = new DatabaseSync(Path.join(directory, "pravega.db"))
        database.exec(sql)
        database.close()
      }
      const foreign = yield* temporaryFolder
      write(foreign, "CREATE TABLE mine (a)")
      assert.strictEqual(yield* reason(foreign), "DirectoryCorrupt")
      const newer = yield* temporaryFolder
      yield* Effect.scoped(open(newer))
      write(newer, "PRAGMA user_version = 99")
      assert.strictEqual(yield* reason(newer), "DirectoryFormat")
      assert.strictEqual(yield* reason(Path.join(file, "below-a-file")), "DirectoryUnavailable")
    }))

  it.live("abandoned, it loses what was not committed, and leaves the directory to others", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryFolder
      const storage = yield* SqliteStorage.open({ directory, onFailure })
      storage.putSegment(segment(1))
      storage.putRecord("kept", "x")
      yield* commit(storage)
      storage.append(1, 0, Uint8Array.of(1, 2, 3))
      storage.putRecord("lost", "x")
      storage.abandon()
      const { records, segments } = (yield* open(directory)).load()
      assert.deepStrictEqual([...records], [["kept", "x"]])
      assert.deepStrictEqual([...segments].map(({ length }) => length), [0])
    }))

  it.live("tells its owner when a write fails, and acknowledges nothing any more", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryFolder
      const failures: Array<EmbeddedError> = []
      const storage = yield* SqliteStorage.open({ directory, onFailure: (error) => failures.push(error) })
      storage.putSegment(segment(1))
      yield* commit(storage)
      // a name that is no text: as good as any write that SQLite refuses
      storage.putSegment(segment(2, { name: Symbol() as unknown as string }))
      let acknowledged = false
      storage.commit(() => acknowledged = true)
      while (failures.length === 0) yield* Effect.sleep("5 millis")
      yield* Effect.sleep("20 millis")
      assert.isFalse(acknowledged)
      assert.strictEqual(failures.length, 1)
    }))

  it.live("opens a directory without reading its events: that they are destroyed shows when they are read", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryFolder
      const event = new Uint8Array(108).fill(7)
      const events = 50_000
      yield* Effect.scoped(Effect.gen(function*() {
        const storage = yield* open(directory)
        storage.putSegment(segment(1))
        for (let i = 0; i < events; i++) {
          storage.append(1, i * event.length, event)
          if (i % 10_000 === 0) yield* commit(storage)
        }
        yield* commit(storage)
      }))
      // the pages that hold nothing but bytes of events, behind the number of the page that goes on
      const file = Path.join(directory, "pravega.db")
      const bytes = Fs.readFileSync(file)
      const pageSize = bytes.readUInt16BE(16)
      let destroyed = 0
      for (let at = 0; at < bytes.length; at += pageSize) {
        if (!bytes.subarray(at + 4, at + pageSize).every((byte) => byte === 7)) continue
        bytes.fill(0xff, at, at + pageSize)
        destroyed++
      }
      assert.isAbove(destroyed * pageSize, events * event.length / 2)
      Fs.writeFileSync(file, bytes)
      const storage = yield* open(directory)
      const [found] = storage.load().segments
      assert.strictEqual(found?.length, events * event.length)
      assert.throws(() => readAll(storage, 1, 0, events * event.length))
    }))

  it.live("gives the space of deleted segments back, a little at a time, and keeps the others", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryFolder
      const size = () => Fs.statSync(Path.join(directory, "pravega.db")).size
      const block = new Uint8Array(512 * 1024).fill(5)
      const blocks = 80
      yield* Effect.scoped(Effect.gen(function*() {
        const storage = yield* open(directory, 0)
        for (const key of [1, 2]) storage.putSegment(segment(key))
        for (let i = 0; i < blocks; i++) {
          for (const key of [1, 2]) storage.append(key, i * block.length, block)
          yield* commit(storage)
        }
      }))
      const full = size()
      assert.isAbove(full, 2 * blocks * block.length)
      // a process that ends before it has swept leaves the rest to the next
      yield* Effect.scoped(Effect.gen(function*() {
        const storage = yield* open(directory, 0)
        storage.deleteSegment(1)
        yield* commit(storage)
      }))
      // closed each time, as that is when the file shrinks at the latest; it must not take more than the test has
      while (size() > full * 0.75) {
        yield* Effect.scoped(Effect.gen(function*() {
          yield* commit(yield* open(directory, 0))
          yield* Effect.sleep("200 millis")
        }))
      }
      const storage = yield* open(directory, 0)
      assert.isTrue(readAll(storage, 2, 0, blocks * block.length).every((byte) => byte === 5))
    }))

  it.live("killed with SIGKILL, at other moments in each life: all that was acknowledged is there, units are whole", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryFolder
      const program = fileURLToPath(new URL("./storageWitness.ts", import.meta.url))
      const draws = Seeded.make(12)
      let acknowledged = 0
      for (let life = 0; life < 12; life++) {
        const delay = draws.between(0, 149)
        acknowledged = Math.max(acknowledged, yield* lifeOf(program, directory, delay))
        const units = yield* Effect.scoped(Effect.map(open(directory), Witness.check))
        assert.isAtLeast(units, acknowledged, `life ${life}, killed ${delay} ms after its first unit`)
      }
      assert.isAtLeast(acknowledged, 12)
    }))
})

/** Runs the witness, kills it some time after its first unit; the number of the last unit it said was durable. */
const lifeOf = (program: string, directory: string, delay: number): Effect.Effect<number> =>
  Effect.map(
    Program.run([program, directory], { onOutput: (_, end) => end("SIGKILL", delay) }),
    ({ output, signal }) => {
      assert.strictEqual(signal, "SIGKILL", output)
      // a line that was cut off was not said
      return Number(output.split("\n").at(-2) ?? 0)
    }
  )
