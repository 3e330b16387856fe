/** A batch among other events, against all runs counted one by one. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { BatchFinder, type Read } from "../../../src/batch/sink/pravega/BatchFinder.ts"
import { addUnordered } from "../../../src/batch/sink/pravega/EncodedOutputs.ts"

const totals = (events: ReadonlyArray<Read>) => ({
  events: events.length,
  bytes: events.reduce((sum, { bytes }) => sum + bytes, 0),
  checksum: events.reduce((sum, { checksum }) => addUnordered(sum, checksum), 0)
})

const isFound = (batch: ReadonlyArray<Read>, events: ReadonlyArray<Read>) => {
  const finder = new BatchFinder(totals(batch))
  for (const event of events) finder.add(event)
  return finder.isFound
}

// few sizes and checksums: runs that are alike are frequent
const event = fc.record({ bytes: fc.integer({ min: 8, max: 10 }), checksum: fc.constantFrom(1, 2, 2 ** 32 - 1) })
const batches = fc.array(event, { minLength: 1, maxLength: 4 })

describe("a batch among what a segment got", () => {
  it("is found if and only if a run is alike", () => {
    fc.assert(fc.property(batches, fc.array(event, { maxLength: 12 }), (batch, events) => {
      const wanted = JSON.stringify(totals(batch))
      const starts = events.map((_, from) => events.slice(from, from + batch.length))
      assert.strictEqual(isFound(batch, events), starts.some((run) => JSON.stringify(totals(run)) === wanted))
    }))
  })

  it("is found in one piece, in any order, wherever it lies, also after many", () => {
    fc.assert(
      fc.property(batches, fc.nat(6000), fc.nat(20), (batch, before, after) => {
        const other = { bytes: 9, checksum: 77 }
        const around = (length: number) => Array.from({ length }, () => other)
        assert.isTrue(isFound(batch, [...around(before), ...batch.toReversed(), ...around(after)]))
        assert.isFalse(isFound(batch, around(before + after)))
      }),
      { numRuns: 30 }
    )
  })
})
