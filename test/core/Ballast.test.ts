import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { join } from "node:path"

const src = join(import.meta.dirname, "../../src")

/** How often the collector went through the whole heap, in a process of its own. */
const fullCollections = (program: string): number => {
  const options = ["--conditions=source", "--trace-gc", "--input-type=module", "--eval", program]
  const { status, stderr, stdout } = spawnSync(process.execPath, options, { cwd: src, encoding: "utf8" })
  assert.strictEqual(status, 0, stderr)
  return stdout.split("Mark-Compact").length - 1
}

describe("Ballast", () => {
  // without ballast there are 12 or more, also on an otherwise empty heap
  it("reading 800 MiB in large events needs no full collections", () => {
    const collections = fullCollections(`
      import { bytes } from "./core/EventCodec.ts"
      const lent = new Uint8Array(100 * 1024)
      for (let i = 0; i < 8192; i++) bytes.decode(lent)
    `)
    assert.isBelow(collections, 4)
  })

  it("nor does writing as much", () => {
    const collections = fullCollections(`
      import { BlockBuffers } from "./pravega/write/internal/BlockBuffers.ts"
      import { SegmentAppender } from "./pravega/write/internal/SegmentAppender.ts"
      const receipt = { acknowledge: () => {} }
      const appender = new SegmentAppender({
        writerId: "00000000-0000-0000-0000-000000000001",
        buffers: new BlockBuffers(512 * 1024),
        onAcknowledged: () => {},
        onWork: () => {}
      })
      const connection = { sendFrame: () => true, onDrain: () => {} }
      appender.attach(connection, 1n, -1n)
      let acknowledged = -1n
      for (let i = 0; i < 8192; i++) {
        appender.add(new Uint8Array(100 * 1024), 0.5, receipt)
        await undefined
        if (appender.inFlight === 0) continue
        const eventNumber = BigInt(i + 1)
        appender.onReply({ _tag: "DataAppended", eventNumber, previousEventNumber: acknowledged })
        acknowledged = eventNumber
      }
    `)
    assert.isBelow(collections, 4)
  })
})
