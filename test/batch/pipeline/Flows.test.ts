/** What pipelines of flows need: a `StateStore` where the flow remembers something, and nothing else of flows' own. */
import { assert, describe, it } from "@effect/vitest"
import { Aggregate, Flow } from "effect-pravega/flow"
import { StateStore } from "effect-pravega/state"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import { numbersSource } from "../source/numbersSource.ts"

const numbers = Array.from({ length: 20 }, (_, n) => n)
const source = numbersSource<never>({
  available: () => numbers.length,
  end: numbers.length,
  perBatch: 6,
  partitions: (from, to) => [{ id: 0, predecessors: [], events: Stream.fromArray(numbers.slice(from, to)) }]
})

const numbered = Flow.events<number>()
const sum = numbered.pipe(
  Flow.keyBy("parity", Schema.Int, (n) => n % 2),
  Flow.aggregate("sum", Aggregate.sum((n: number) => n))
)
const both = Flow.sources<{ a: number; b: number }>()

const log = CheckpointLog.layerMemory

const doubled = numbered.pipe(Flow.map((n) => 2 * n))
const asking = numbered.pipe(Flow.mapEffect("asked", (n) => Effect.succeed(2 * n)))
const united = Flow.merge([both("a"), both("b")]).pipe(Flow.map((n) => 2 * n))

describe("Pipelines of flows that remember nothing need no StateStore", () => {
  it.live("whether they ask the world, or have several sources", () =>
    Effect.gen(function*() {
      const sink = Sink.memory<number>()
      const union = Source.union({ a: source, b: source })
      yield* Query.run(Pipeline.make("plain", { source, flow: doubled, sink }))
      yield* Query.run(Pipeline.make("asking", { source, flow: asking, sink }))
      yield* Query.run(Pipeline.make("united", { source: union, flow: united, sink }))
      const twice = numbers.map((n) => 2 * n)
      assert.deepStrictEqual(
        (yield* sink.committed).toSorted((a, b) => a - b),
        [...twice, ...twice, ...twice, ...twice].toSorted((a, b) => a - b)
      )
    }).pipe(Effect.provide(log)))

  it.live("and those that remember do", () =>
    Effect.gen(function*() {
      const sink = Sink.memory<{ readonly key: number; readonly value: number }>()
      const running = Effect.provide(Query.run(Pipeline.make("sums", { source, flow: sum, sink })), log)
      const isNeeded: StateStore extends Effect.Services<typeof running> ? true : false = true
      assert.isTrue(isNeeded)
      yield* Effect.provide(running, StateStore.layerMemory())
      const last = new Map((yield* sink.committed).map(({ key, value }) => [key, value]))
      const sumOf = (key: number) => numbers.filter((n) => n % 2 === key).reduce((a, b) => a + b, 0)
      assert.deepStrictEqual([0, 1].map((key) => last.get(key)), [0, 1].map(sumOf))
    }))
})

describe("A flow that remembers what the world said", () => {
  const once = asking.pipe(Flow.keyBy("n", Schema.Int, (n) => n), Flow.deduplicate("once", { within: "Infinity" }))
  const mail = Sink.foreachBatch("mail", () => Effect.void)

  it("S15: is refused by the compiler beside a sink whose outputs are seen early, and where it is made", () => {
    // @ts-expect-error: it must be deterministic
    assert.throws(() => Pipeline.make("seen", { source, flow: once, sink: mail }), Pipeline.PipelineRefused, "\"mail\"")
    const chosen = Sink.filterMapInput(mail, (n: number) => n)
    // @ts-expect-error: also behind a filter
    const made = () => Pipeline.make("seen", { source, flow: once, sink: chosen })
    assert.throws(made, Pipeline.PipelineRefused, "\"mail\"")
    Pipeline.make("seen", { source, flow: once, sink: mail, deterministic: true })
    Pipeline.make("seen", { source, flow: once, sink: Sink.memory<number>() })
    Pipeline.make("seen", { source, flow: asking, sink: mail })
    Pipeline.make("seen", { source, flow: sum, sink: mail })
  })
})
