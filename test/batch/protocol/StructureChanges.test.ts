import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import fc from "fast-check"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import { StructureChanged } from "../../../src/batch/protocol/CommitError.ts"
import * as StructureChanges from "../../../src/batch/protocol/StructureChanges.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as EventStream from "../../../src/core/EventStream.ts"

const stream = <A>(name: string, schema: Schema.Codec<A>) => EventStream.make(`shop/${name}`, { schema })
const orders = stream("orders", Schema.String)
const totals = stream("totals", Schema.String)

const base = {
  source: Source.microBatch(orders),
  process: <E>(reads: Stream.Stream<{ readonly event: string }, E>) => Stream.map(reads, ({ event }) => event),
  sink: Sink.pravega(totals, { guarantee: "exactly-once" })
}
const before = Pipeline.make("totals", base).structure

const changes = (now: { readonly structure: Schema.Json }) => StructureChanges.describe(before, now.structure)

describe("StructureChanges", () => {
  it("says what changed of a pipeline, and nothing else", () => {
    assert.deepStrictEqual(changes(Pipeline.make("totals", base)), [])
    assert.deepStrictEqual(changes(Pipeline.make("totals", { ...base, version: "2" })), [
      "its version was \"1\" and is \"2\""
    ])
    const { sink: _, ...rest } = base
    const alerts = Sink.pravega(stream("alerts", Schema.String), { guarantee: "exactly-once" })
    assert.deepStrictEqual(changes(Pipeline.make("totals", { ...base, sink: alerts })), [
      "sink \"shop/totals\" is gone",
      "sink \"shop/alerts\" is new"
    ])
    assert.deepStrictEqual(
      changes(Pipeline.make("totals", { ...rest, sinks: [base.sink, alerts], deterministic: true })),
      ["sink \"shop/alerts\" is new"]
    )
    const early = Sink.pravega(totals, { guarantee: "idempotent" })
    assert.deepStrictEqual(changes(Pipeline.make("totals", { ...base, sink: early, deterministic: true })), [
      "guarantee of sink \"shop/totals\" was \"exactly-once\" and is \"idempotent\""
    ])
    const wider = Sink.pravega(stream("totals", Schema.Union([Schema.String, Schema.Number])), {
      guarantee: "exactly-once"
    })
    assert.deepStrictEqual(changes(Pipeline.make("totals", { ...base, sink: wider })), [
      "the Schema of the events of sink \"shop/totals\" changed"
    ])
    const batchwise = Pipeline.make("totals", { ...base, each: "batch" })
    assert.deepStrictEqual(changes(batchwise), ["what its process is given was \"partition\" and is \"batch\""])
  })

  it("names the steps of a flow that are gone, new, or other ones", () => {
    const of = (steps: Record<string, Schema.Json>, slots = 8) => {
      const flow = { slots, steps }
      return { version: "1", each: "partition", sources: [], sinks: [], flow }
    }
    const counts = { operation: "Window", gap: 1 }
    const found = StructureChanges.describe(
      of({ counts, old: {} }),
      of({ counts: { ...counts, gap: 2 }, fresh: {} }, 16)
    )
    assert.deepStrictEqual(found, [
      "the number of slots of its keys was 8 and is 16",
      `gap of step "counts" was 1 and is 2`,
      `step "old" is gone`,
      `step "fresh" is new`
    ])
    const { flow: _, ...without } = of({})
    assert.deepStrictEqual(StructureChanges.describe(of({}), without), ["it has no flow any more"])
    assert.deepStrictEqual(StructureChanges.describe(of({ a: 1, b: 2 }), of({ b: 2, a: 1 })), [
      "the steps of its flow are in another order"
    ])
  })

  it("is short, and sends nobody into beginning anew by mistake", () => {
    const now = Pipeline.make("totals", { ...base, version: "2" }).structure
    const { message } = new StructureChanged({ query: "totals", loggedAs: "totals", recorded: before, now })
    assert.isBelow(message.length, 620)
    assert.match(message, /began with another pipeline \(its version was "1" and is "2"\)/)
    assert.match(message, /savepoint create totals NAME.*Savepoint\.restore.*writes all outputs again$/)
    const elsewhere = Pipeline.make("totals", { ...base, source: Source.microBatch(stream("other", Schema.String)) })
    const other = new StructureChanged({
      query: "totals",
      loggedAs: "totals",
      recorded: before,
      now: elsewhere.structure
    })
    assert.match(other.message, /start its sources at the savepoint's positions/)
    assert.notMatch(other.message, /Savepoint\.restore/)
    const renamed = new StructureChanged({ query: "totals", loggedAs: "sums", recorded: before, now: before })
    assert.match(renamed.message, /it is that of query "sums"/)
  })

  it("finds a difference between any two structures that differ, whatever they are", () =>
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (recorded, now) => {
        const lines = StructureChanges.describe(recorded as Schema.Json, now as Schema.Json)
        assert.strictEqual(lines.length === 0, JSON.stringify(recorded) === JSON.stringify(now))
        for (const line of lines) assert.isNotEmpty(line)
      })
    ))
})
