/**
 * What a segment remembers of a writer, on which the idempotent sink rests: the number of its last event.
 *
 * Seen, here and on a cluster whose stores were killed (`test/real/facts`): the number stays as long as the segment is there.
 * It survives the seal, truncation of the segment's bytes, the move to another store and that store's restart; a thousand
 * writers in one segment are remembered as well as one. Nothing removes it.
 * Promised by Pravega's documentation: nothing; it is how its own writers avoid duplicates when they reconnect.
 * Not to be had: the numbers of a segment that was deleted (its stream truncated beyond it, or deleted), and those of another
 * writer id. Successors of a segment know nothing of its writers.
 */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import * as EventFrame from "../../src/core/bytes/EventFrame.ts"
import * as ScalingPolicy from "../../src/core/ScalingPolicy.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import * as Segment from "../../src/core/Segment.ts"
import { StreamCut } from "../../src/core/StreamCut.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { randomName, randomScope } from "../names.ts"
import { setUpAppend } from "./rawAppends.ts"
import type { Cases } from "./Server.ts"

/** Of a writer that the segment does not know. */
const never = -(2n ** 63n)

/** What the store says to a set-up, on a connection of its own: a number, or another reply's name. Then appends one event. */
const lastNumber = (stream: ScopedStream, id: Segment.SegmentId, writerId: string, append?: bigint) =>
  Effect.scoped(Effect.gen(function*() {
    const { append: send, reply } = yield* setUpAppend({ stream, id }, writerId)
    if (reply._tag !== "AppendSetup") return reply._tag
    if (append !== undefined) yield* send(EventFrame.encode(new TextEncoder().encode(`${append}`)), append)
    return reply.lastEventNumber
  }))

export const writerNumberCases = (it: Cases): void => {
  it.effect("a segment tells a writer's last number when it is sealed and when it is truncated, not when it is deleted", () =>
    Effect.gen(function*() {
      const stream = ScopedStream.fromTextUnsafe(`${randomScope()}/${randomName()}`)
      yield* Admin.ensureStream(stream, { scaling: ScalingPolicy.fixed(1) })
      const old = Segment.makeId(0, 0)
      const writerId = globalThis.crypto.randomUUID()
      assert.strictEqual(yield* lastNumber(stream, old, writerId, 7n), never)
      // gaps are fine, and so are numbers beyond what a double holds
      const large = (2n ** 31n << 32n) - 1n
      assert.strictEqual(yield* lastNumber(stream, old, writerId, large), 7n)

      yield* Admin.scaleTo(stream, 2)
      assert.strictEqual(yield* lastNumber(stream, old, writerId), large)
      assert.strictEqual(yield* lastNumber(stream, old, globalThis.crypto.randomUUID()), never)
      for (const { id } of yield* Admin.segments(stream)) {
        assert.strictEqual(yield* lastNumber(stream, id, writerId), never)
      }

      const frame = BigInt(EventFrame.encode(new TextEncoder().encode("7")).length)
      yield* Admin.truncateStream(new StreamCut({ stream, positions: new Map([[old, frame]]) }))
      assert.strictEqual(yield* lastNumber(stream, old, writerId), large)

      yield* Admin.truncateStream(yield* Admin.latestCut(stream))
      assert.strictEqual(yield* lastNumber(stream, old, writerId), "NoSuchSegment")
    }))
}
