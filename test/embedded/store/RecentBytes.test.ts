import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { RecentBytes } from "../../../src/embedded/store/internal/RecentBytes.ts"

const mebibyte = 1024 * 1024

const key = fc.integer({ min: 1, max: 4 })
const change = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ _tag: fc.constant("append" as const), key, size: fc.integer({ min: 1, max: 3000 }) })
  },
  fc.record({ _tag: fc.constant("skip" as const), key, size: fc.integer({ min: 1, max: 100 }) }),
  fc.record({ _tag: fc.constant("truncate" as const), key, size: fc.nat(5000) }),
  fc.record({ _tag: fc.constant("merge" as const), key, source: key }),
  fc.record({ _tag: fc.constant("forget" as const), key })
)

describe("RecentBytes", () => {
  it("has bytes as they were written or not at all, and never more than its limit", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), fc.integer({ min: 0, max: 20_000 }), (changes, limit) => {
        const recent = new RecentBytes(limit)
        const segments = new Map<number, Uint8Array>()
        const of = (key: number) => segments.get(key) ?? new Uint8Array(0)
        let fill = 0
        for (const change of changes) {
          const bytes = of(change.key)
          switch (change._tag) {
            case "append":
            // bytes that went elsewhere: there is a gap
            // falls through
            case "skip": {
              const data = new Uint8Array(change.size).fill(++fill)
              if (change._tag === "append") recent.append(change.key, bytes.length, data)
              segments.set(change.key, new Uint8Array(Buffer.concat([bytes, data])))
              break
            }
            case "truncate":
              recent.truncate(change.key, Math.min(change.size, bytes.length))
              break
            case "merge":
              if (change.source === change.key) break
              recent.merge(change.key, bytes.length, change.source)
              segments.set(change.key, new Uint8Array(Buffer.concat([bytes, of(change.source)])))
              segments.delete(change.source)
              break
            case "forget":
              recent.forget(change.key)
              segments.delete(change.key)
              break
          }
          let kept = 0
          for (const [key, written] of segments) {
            for (let at = 0; at < written.length;) {
              const found = recent.read(key, at, written.length - at)
              if (found === undefined) {
                at++
                continue
              }
              assert.isTrue(Buffer.from(found).equals(written.subarray(at, at + found.length)))
              kept += found.length
              at += found.length
            }
          }
          assert.isAtMost(kept, recent.held)
          assert.isAtMost(recent.held, limit)
        }
      }),
      { numRuns: 200 }
    )
  })

  it("counts the buffers that bytes lie in, whatever they use of them", () => {
    const recent = new RecentBytes(4 * mebibyte)
    for (let i = 0; i < 40; i++) {
      // the most that a buffer may have beside the bytes
      recent.append(i % 3, Math.floor(i / 3) * mebibyte / 4, new Uint8Array(mebibyte / 2).subarray(0, mebibyte / 4))
      assert.isAtMost(recent.held, 4 * mebibyte)
    }
    // seven buffers of half a MiB, and the groups' overhead
    assert.isAbove(recent.held, 3 * mebibyte)
  })

  it("answers from memory what was written last", () => {
    const recent = new RecentBytes(1000)
    recent.append(1, 0, new Uint8Array(400).fill(1))
    recent.append(2, 0, new Uint8Array(400).fill(2))
    assert.strictEqual(recent.read(1, 0, 400), undefined)
    assert.deepStrictEqual(recent.read(2, 100, 300), new Uint8Array(300).fill(2))
  })
})
