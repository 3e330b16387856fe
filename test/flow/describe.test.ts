/** A flow as others see it. */
import { assert, describe, it } from "@effect/vitest"
import { Aggregate, Flow, Window } from "effect-pravega/flow"
import * as Schema from "effect/Schema"

const Order = Schema.Struct({ id: Schema.String, total: Schema.BigInt, at: Schema.Date })
type Order = typeof Order.Type

const hourly = (options: { readonly name?: string; readonly size?: number; readonly grace?: number } = {}) =>
  Flow.events<Order>().pipe(
    Flow.filter((order) => order.total > 0n),
    Flow.keyBy("id", Schema.String, (order) => order.id),
    Flow.window(options.name ?? "hourly", Window.tumbling(options.size ?? 10), Aggregate.count, {
      grace: options.grace ?? 5
    }),
    Flow.map(({ value }) => value)
  )

describe("Flow.describe", () => {
  it("says each step in a line, and draws it", () => {
    const { mermaid, text } = Flow.describe(hourly())
    assert.deepStrictEqual(text.split("\n"), [
      "0 source \"events\"",
      "1 filter of 0",
      "2 window \"hourly\" of 1: late count, window {\"kind\":\"tumbling\",\"size\":10,\"every\":10,\"offset\":0,\"time\":\"event\"}, " +
      "aggregate count, grace 5, emit final",
      "3 map of 2"
    ])
    assert.deepStrictEqual(mermaid.split("\n"), [
      "flowchart LR",
      "  s0[\"source #quot;events#quot;\"]",
      "  s1[\"filter\"]",
      "  s2[\"window #quot;hourly#quot;\"]",
      "  s3[\"map\"]",
      "  s0 --> s1",
      "  s1 --> s2",
      "  s2 --> s3"
    ])
  })

  it("S20: the structure has windows, grace and names, and no stateless function", () => {
    const structure = (flow: Flow.Flow<never, unknown, Flow.Mode, never, Flow.Stateful>) =>
      JSON.stringify(Flow.describe(flow).structure)
    assert.strictEqual(structure(Flow.map(hourly(), (n) => n + 1)), structure(hourly()))
    for (const other of [hourly({ name: "daily" }), hourly({ size: 20 }), hourly({ grace: 6 })]) {
      assert.notStrictEqual(structure(other), structure(hourly()))
    }
  })

  it("S7: the structure has what is stored of each step with state", () => {
    const from = Flow.sources<{ orders: Order; payments: Order }>()
    const keyed = (name: "orders" | "payments") => from(name).pipe(Flow.keyBy("id", Schema.String, (order) => order.id))
    const joined = (right: Schema.Codec<Order, unknown>) =>
      Flow.joinWithin(keyed("orders"), "paid", keyed("payments"), { before: 1, after: 2, left: Order, right })
    const structure = (right: Schema.Codec<Order, unknown>) => JSON.stringify(Flow.describe(joined(right)).structure)
    assert.include(structure(Order), "\"lower\":-1")
    assert.notStrictEqual(structure(Schema.Struct({ ...Order.fields, at: Schema.DateFromString })), "")
    const states = Flow.describe(
      keyed("orders").pipe(Flow.mapState("state", {
        order: "arrival",
        state: Schema.Struct({ total: Schema.BigInt }),
        initial: { total: 0n },
        onEvent: ({ total }, order) => [{ total: total + order.total }, []]
      }))
    )
    assert.include(JSON.stringify(states.structure), "total")
  })
})
