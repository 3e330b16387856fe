/**
 * A program that writes to a storage until it is killed, and says what became durable; and the check of what it left.
 * Unit n writes n to two segments, a record and an attribute: after any kill all four agree.
 */
import { Effect } from "effect"
import { strict as assert } from "node:assert"
import { writeSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as SqliteStorage from "../../../src/embedded/store/SqliteStorage.ts"
import type { Storage } from "../../../src/embedded/store/Storage.ts"

const sizes = [16, 3000]

const unit = (n: number, size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  new DataView(bytes.buffer).setUint32(0, n)
  return bytes
}

/** The number of whole units. Throws if one is there in part. */
export const check = (storage: Storage): number => {
  const { records, segments } = storage.load()
  const units = Number(new Map(records).get("unit") ?? 0)
  const found = [...segments]
  if (units === 0) {
    assert.equal(found.length, 0)
    return 0
  }
  assert.deepEqual(found.map(({ length }) => length), sizes.map((size) => size * units))
  for (const { attributes, key } of found) {
    assert.deepEqual([...attributes], [["unit", BigInt(units)]])
    const size = sizes[key - 1]!
    for (let n = 1; n <= units; n++) {
      const bytes = storage.read(key, (n - 1) * size, 4)
      assert.ok(bytes !== undefined)
      assert.equal(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0), n)
    }
  }
  return units
}

const run = (storage: Storage) => {
  let n = check(storage)
  const next = () => {
    n++
    sizes.forEach((size, i) => {
      if (n === 1) {
        storage.putSegment({
          key: i + 1,
          name: `segment ${i}`,
          tableKeyLength: undefined,
          startOffset: 0,
          length: 0,
          isSealed: false,
          lastModified: 0
        })
      }
      storage.append(i + 1, (n - 1) * size, unit(n, size))
      storage.putAttribute(i + 1, "unit", BigInt(n))
    })
    storage.putRecord("unit", String(n))
    const mine = n
    storage.commit(() => {
      // not `process.stdout`, which would lose what it keeps for a full pipe
      writeSync(1, `${mine}\n`)
      next()
    })
  }
  next()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const onFailure = (error: Error) => {
    throw error
  }
  await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
    run(yield* SqliteStorage.open({ directory: process.argv[2]!, onFailure }))
    return yield* Effect.never
  })))
}
