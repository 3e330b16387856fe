import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { BlockBuffers } from "../../../src/pravega/write/internal/BlockBuffers.ts"

const limit = 16 * 1024 * 1024
const blockSizes = [4096, 65_536, 512 * 1024, 3_000_000]

/** A writer with blocks of some size takes a buffer, or gives back the one that it has had longest. */
const step = fc.record({
  writer: fc.nat(blockSizes.length - 1),
  action: fc.oneof(
    fc.record({ take: fc.integer({ min: 1, max: 4_000_000 }) }),
    fc.constant("give" as const)
  )
})

describe("BlockBuffers", () => {
  it("never lends a buffer to two at a time, and none that is too small", () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const writers = blockSizes.map((size) => ({ buffers: new BlockBuffers(size), held: new Array<Uint8Array>() }))
      const lent = new Set<ArrayBufferLike>()
      for (const { action, writer } of steps) {
        const { buffers, held } = writers[writer]!
        if (action === "give") {
          const buffer = held.shift()
          if (buffer === undefined) continue
          lent.delete(buffer.buffer)
          buffers.give(buffer)
          continue
        }
        const buffer = buffers.take(action.take)
        assert.isAtLeast(buffer.length, action.take)
        assert.isFalse(lent.has(buffer.buffer))
        lent.add(buffer.buffer)
        held.push(buffer)
      }
    }))
  })

  it("keeps what was given for the next writer, up to a limit, and the latest sizes rather than older ones", () => {
    for (const size of [512 * 1024, 300_000, 64 * 1024]) {
      const buffers = new BlockBuffers(size)
      const many = Array.from({ length: 2 * Math.ceil(limit / size) }, () => buffers.take(size))
      const given = new Set(many.map((buffer) => buffer.buffer))
      for (const buffer of many) buffers.give(buffer)
      const next = new BlockBuffers(size)
      const again = many.map(() => next.take(size)).filter((buffer) => given.has(buffer.buffer))
      assert.strictEqual(again.length, Math.floor(limit / size))
      for (const buffer of again) next.give(buffer)
    }
  })

  it("lets go of as many as are in the way of another size, and keeps the others", () => {
    const size = 512 * 1024
    const buffers = new BlockBuffers(size)
    const many = Array.from({ length: limit / size }, () => buffers.take(size))
    const given = new Set(many.map((buffer) => buffer.buffer))
    for (const buffer of many) buffers.give(buffer)
    buffers.give(new Uint8Array(size / 4))
    const again = many.map(() => buffers.take(size)).filter((buffer) => given.has(buffer.buffer))
    assert.strictEqual(again.length, many.length - 1)
    for (const buffer of again) buffers.give(buffer)
  })

  it("keeps none that is larger than a block", () => {
    const buffers = new BlockBuffers(4096)
    const large = buffers.take(1_000_001)
    buffers.give(large)
    assert.notStrictEqual(buffers.take(1_000_001).buffer, large.buffer)
  })

  it("keeps no part of a larger buffer", () => {
    const buffers = new BlockBuffers(4096)
    const part = new Uint8Array(8192).subarray(0, 4096)
    buffers.give(part)
    assert.notStrictEqual(buffers.take(4096).buffer, part.buffer)
  })
})
