/** Table segments of the embedded store, as they were seen on a real 0.13.0 store; and through a restart. */
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { open } from "../../../src/embedded/store/ContainerState.ts"
import { type Entry, TableIndex } from "../../../src/embedded/store/internal/TableIndex.ts"
import type { SegmentContainer } from "../../../src/embedded/store/SegmentContainer.ts"
import * as Storage from "../../../src/embedded/store/Storage.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const none = new Uint8Array(0)
const any = -(2n ** 63n)

const openEmpty = (): SegmentContainer => open({ storage: Storage.makeMemory(), now: () => 0 })

const put = (container: SegmentContainer, key: string, value: string, version = any) => {
  const result = container.tables.update(
    "t",
    [{ key: { data: bytes(key), keyVersion: version }, value: bytes(value) }],
    -1n
  )
  return result._tag === "Updated" ? result.versions[0] : result._tag
}
const drop = (container: SegmentContainer, key: string, version = any) =>
  container.tables.remove("t", [{ data: bytes(key), keyVersion: version }], -1n)._tag
const get = (container: SegmentContainer, key: string) => {
  const result = container.tables.get("t", [{ data: bytes(key), keyVersion: any }])
  if (result._tag !== "Entries") return result._tag
  const [{ key: { keyVersion }, value }] = result.entries as [(typeof result.entries)[number]]
  return [keyVersion, text(value)]
}
const page = (
  container: SegmentContainer,
  count: number,
  options: Partial<Parameters<typeof container.tables.page>[1]> = {}
) =>
  container.tables.page("t", { suggestedCount: count, continuationToken: none, fromKey: none, toKey: none, ...options })
const keysOf = (result: ReturnType<typeof page>) =>
  result._tag === "TablePage" ? result.entries.map(({ key }) => text(key.data)) : result._tag

describe("hash tables", () => {
  it("pages fit into a frame, however many entries were asked for", () => {
    const container = openEmpty()
    container.create("t", { tableKeyLength: 0 })
    const mebibyte = "x".repeat(1024 * 1024 - 100)
    for (let i = 0; i < 20; i++) put(container, `key${String(i).padStart(2, "0")}`, mebibyte)
    const pages: Array<number> = []
    for (let continuationToken = none;;) {
      const result = page(container, 1000, { continuationToken })
      assert(result._tag === "TablePage")
      if (result.entries.length === 0) break
      pages.push(result.entries.length)
      continuationToken = new Uint8Array(result.continuationToken)
    }
    assert.deepStrictEqual(pages, [8, 8, 4])
    const changes: Array<number> = []
    for (let from = 0n;;) {
      const result = container.tables.delta("t", from, 1000)
      assert(result._tag === "TableDelta")
      changes.push(result.entries.length)
      if (result.reachedEnd) break
      from = BigInt(result.lastPosition)
    }
    assert.deepStrictEqual(changes, [8, 8, 4])
  })

  it("versions are offsets, and are checked", () => {
    const container = openEmpty()
    assert.strictEqual(put(container, "a", "1"), "NoSuchSegment")
    container.create("t", { tableKeyLength: 0 })
    assert.deepStrictEqual([put(container, "a", "1"), put(container, "bb", "22"), put(container, "a", "333")], [
      0n,
      19n,
      40n
    ])
    assert.strictEqual(put(container, "a", "x", 0n), "BadKeyVersion")
    assert.strictEqual(put(container, "a", "x", -1n), "BadKeyVersion")
    assert.strictEqual(put(container, "zz", "x", 1n), "KeyDoesNotExist")
    assert.deepStrictEqual([get(container, "a"), get(container, "zz")], [[40n, "333"], [-1n, ""]])
    assert.deepStrictEqual([drop(container, "a", 3n), drop(container, "zz", 3n)], ["BadKeyVersion", "BadKeyVersion"])
    assert.deepStrictEqual([drop(container, "zz", -1n), drop(container, "a", 40n)], ["Done", "Done"])
    // removals are entries too, also of what is not there: 17 bytes and the key
    assert.deepInclude(container.tables.info("t"), { length: 61 + 19 + 18, entryCount: 1, keyLength: 0 })
    assert.deepStrictEqual(container.tables.update("t", [], 5n), { _tag: "Truncated", startOffset: 98 })
    assert.strictEqual(container.tables.delete("t", true)._tag, "TableNotEmpty")
  })

  it("pages go on behind the last key, and end with an empty one", () => {
    const container = openEmpty()
    container.create("t", { tableKeyLength: 0 })
    for (const key of ["c", "a", "b"]) put(container, key, "")
    const first = page(container, 2)
    assert.deepStrictEqual(keysOf(first), ["a", "b"])
    const { continuationToken } = first._tag === "TablePage" ? first : assert.fail()
    drop(container, "b")
    put(container, "bb", "")
    const second = page(container, 2, { continuationToken })
    assert.deepStrictEqual(keysOf(second), ["bb", "c"])
    const last = page(container, 2, second._tag === "TablePage" ? { continuationToken: second.continuationToken } : {})
    assert.deepStrictEqual(last, { _tag: "TablePage", entries: [], continuationToken: none })
    assert.strictEqual(keysOf(page(container, 2, { fromKey: bytes("a") })), "IllegalArgument")
    assert.strictEqual(keysOf(page(container, 2, { continuationToken: bytes("rubbish") })), "BadToken")
  })
})

describe("fixed-key tables", () => {
  it("are sorted, take one length of key, and know no missing key", () => {
    const container = openEmpty()
    container.create("t", { tableKeyLength: 1 })
    for (const key of ["c", "a", "d"]) put(container, key, key)
    assert.deepStrictEqual(keysOf(page(container, 9, { fromKey: bytes("b"), toKey: bytes("d") })), ["c", "d"])
    assert.strictEqual(keysOf(page(container, 9, { fromKey: bytes("d"), toKey: bytes("b") })), "IllegalArgument")
    assert.strictEqual(keysOf(page(container, 9, { continuationToken: bytes("b") })), "IllegalArgument")
    assert.strictEqual(put(container, "long", ""), "IllegalArgument")
    assert.strictEqual(put(container, "z", "", 1n), "BadKeyVersion")
    const before = container.tables.info("t")
    assert.strictEqual(drop(container, "a"), "Done")
    assert.deepInclude(container.tables.info("t"), { length: before._tag === "TableInfo" ? before.length : -1 })
    assert.strictEqual(container.tables.delta("t", 0n, 1)._tag, "Unsupported")
    assert.strictEqual(container.tables.delete("t", true)._tag, "Unsupported")
  })
})

it("what is asked for has no more bytes than a page, however often one key is named", () => {
  const container = openEmpty()
  container.create("t", { tableKeyLength: 0 })
  put(container, "a", "x".repeat(1024 * 1024 - 100))
  const key = { data: bytes("a"), keyVersion: any }
  const ask = (times: number) => container.tables.get("t", Array.from({ length: times }, () => key))._tag
  assert.strictEqual(ask(8), "Entries")
  assert.strictEqual(ask(9), "IllegalArgument")
  assert.strictEqual(ask(10_000), "IllegalArgument")
})

it("entries are looked at once for what is put, and once for what is listed: not all for each", () => {
  let looked = 0
  const counted = (i: number): Entry => {
    const key = `key${(i * 7919) % 20_000}`.padEnd(12)
    return {
      get key() {
        looked++
        return key
      },
      value: none,
      version: i * 20
    }
  }
  const index = new TableIndex(0)
  for (let i = 0; i < 20_000; i++) index.put(counted(i))
  assert.lengthOf(index.range(undefined, false, undefined, 10), 10)
  for (let i = 20_000; i < 40_000; i++) index.put(counted(i))
  assert.isBelow(looked, 10 * 40_000)
  looked = 0
  for (let at = 0; at < 1_000; at++) index.since(20_000 * 20 + at * 20, 10, Infinity)
  assert.isBelow(looked, 1_000 * 100)
})

it("tables are where no table is, and the other way round", () => {
  const container = openEmpty()
  container.create("t")
  assert.strictEqual(put(container, "a", ""), "NotATable")
  container.delete("t")
  container.create("t", { tableKeyLength: 0 })
  assert.strictEqual(container.appendOwn("t", bytes("x"), 1)._tag, "Unsupported")
})

it("a table behaves like a map with versions, and its records bring it back", () => {
  const key = fc.constantFrom("", "a", "b", "cc", "\u00e9")
  const step = fc.record({
    key,
    value: fc.string({ maxLength: 3 }),
    remove: fc.boolean(),
    looks: fc.option(fc.nat(99))
  })
  fc.assert(fc.property(fc.array(step), (steps) => {
    const records = new Map<string, string>()
    const storage: Storage.Storage = {
      ...Storage.makeMemory(),
      putRecord: (key, text) => void records.set(key, text),
      deleteRecord: (key) => void records.delete(key)
    }
    const container = open({ storage, now: () => 0 })
    container.create("t", { tableKeyLength: 0 })
    const model = new Map<string, readonly [bigint, string]>()
    /** All keys in the order of their bytes; what was put from an offset on, in that order. */
    const look = (opened: SegmentContainer, from: number) => {
      const keys = [...model.keys()].toSorted((a, b) => Buffer.compare(bytes(a), bytes(b)))
      assert.deepStrictEqual(keysOf(page(opened, 100)), keys)
      const position = BigInt(from % (container.info("t")!.length + 1))
      const changed = opened.tables.delta("t", position, 100)
      const later = [...model].filter(([, [version]]) => version >= position).toSorted((a, b) =>
        Number(a[1][0] - b[1][0])
      )
      assert(changed._tag === "TableDelta" && changed.reachedEnd)
      assert.deepStrictEqual(changed.entries.map((e) => text(e.key.data)), later.map(([key]) => key))
    }
    for (const { key, looks, remove, value } of steps) {
      if (looks !== null) look(container, looks)
      if (remove) {
        drop(container, key)
        model.delete(key)
      } else {
        const version = put(container, key, value)
        model.set(key, [typeof version === "bigint" ? version : assert.fail(), value])
      }
    }
    const { length } = container.info("t")!
    const stored = { key: 1, name: "t", tableKeyLength: 0, startOffset: 0, length, isSealed: false, lastModified: 0 }
    const again = open({
      storage: Storage.makeMemory(),
      state: { segments: [{ ...stored, attributes: [] }], records },
      now: () => 0
    })
    for (const opened of [container, again]) {
      look(opened, 0)
      look(opened, 17)
      for (const key of ["", "a", "b", "cc", "\u00e9"]) {
        assert.deepStrictEqual(get(opened, key), [...model.get(key) ?? [-1n, ""]])
      }
    }
    container.tables.delete("t", false)
    assert.strictEqual(records.size, 0)
  }))
})
