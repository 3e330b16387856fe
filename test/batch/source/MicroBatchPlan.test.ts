/** What is planned, as the log has it: a batch that an older program has planned is read by this one. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Recorded } from "../../../src/batch/source/internal/MicroBatchPlan.ts"

const json = Schema.toCodecJson(Recorded)

describe("a recorded plan", () => {
  const text = JSON.stringify({
    stream: { scope: "a", stream: "b" },
    from: { stream: { scope: "a", stream: "b" }, positions: [["1", "0"]] },
    to: { stream: { scope: "a", stream: "b" }, positions: [["1", "16"]] },
    ranges: [{ stream: { scope: "a", stream: "b" }, segment: "1", from: "0", to: "16", predecessors: ["0"] }],
    gaps: [{ segment: "3", from: "1", to: null }, { segment: "4", from: "1", to: "7" }],
    lanes: 2
  })

  it("is what 0.1.0 recorded, word for word", () => {
    const plan = Schema.decodeSync(json)(JSON.parse(text))
    assert.strictEqual(plan.bytes, 16n)
    assert.deepStrictEqual(Array.from(plan.end.positions.values()), [16n])
    assert.strictEqual(JSON.stringify(Schema.encodeSync(json)(plan)), text)
  })
})
