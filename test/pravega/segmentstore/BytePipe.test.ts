import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as BytePipe from "../../../src/pravega/segmentstore/BytePipe.ts"

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

const collect = (pipe: BytePipe.BytePipe) => {
  const seen = { bytes: new Array<number>(), drained: 0, closed: 0 }
  pipe.listen({
    onData: (chunk) => seen.bytes.push(...chunk),
    onDrain: () => seen.drained++,
    onClose: () => seen.closed++
  })
  return seen
}

describe("a pipe in memory", () => {
  it("carries bytes both ways, in order, never within the write", () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 3 })), async (writes) => {
        const [a, b] = BytePipe.makePair()
        const seen = [collect(a), collect(b)]
        for (const parts of writes) {
          a.write(parts)
          b.write(parts)
        }
        for (const { bytes } of seen) assert.isEmpty(bytes)
        await turn()
        for (const { bytes } of seen) assert.deepStrictEqual(bytes, writes.flat().flatMap((part) => [...part]))
      }),
      { numRuns: 50 }
    ))

  it("keeps what comes before somebody listens, and what was written before the close", async () => {
    const [a, b] = BytePipe.makePair()
    a.write([Uint8Array.of(1, 2)])
    a.close()
    await turn()
    const seen = collect(b)
    await turn()
    assert.deepStrictEqual(seen, { bytes: [1, 2], drained: 0, closed: 1 })
  })

  it("tells the writer to wait at the mark, and once when there is room", async () => {
    const [a, b] = BytePipe.makePair({ highWaterMark: 4 })
    const [writer, reader] = [collect(a), collect(b)]
    b.pause()
    assert.isTrue(a.write([new Uint8Array(3)]))
    assert.isFalse(a.write([new Uint8Array(1)]))
    assert.isFalse(a.write([new Uint8Array(1)]))
    await turn()
    assert.isEmpty(reader.bytes)
    b.resume()
    await turn()
    assert.lengthOf(reader.bytes, 5)
    assert.strictEqual(writer.drained, 1)
  })

  it("a closed end calls nobody, the other end hears it once", async () => {
    const [a, b] = BytePipe.makePair()
    const [closer, other] = [collect(a), collect(b)]
    b.write([Uint8Array.of(1)])
    a.close()
    a.close()
    await turn()
    b.write([Uint8Array.of(2)])
    b.close()
    await turn()
    assert.deepStrictEqual(closer, { bytes: [], drained: 0, closed: 0 })
    assert.deepStrictEqual(other, { bytes: [], drained: 0, closed: 1 })
  })
})
