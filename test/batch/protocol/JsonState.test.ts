/** What sources, sinks and flows left in the checkpoint log, read by something that writes it otherwise. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as FlowProgress from "../../../src/batch/engine/internal/flow/FlowProgress.ts"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import { FlowHead } from "../../../src/batch/protocol/CheckpointRecord.ts"
import { CommitError } from "../../../src/batch/protocol/CommitError.ts"
import { jsonState } from "../../../src/batch/protocol/JsonState.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"

/** The name in it. */
const unreadable = (error: unknown): string => {
  if (!(error instanceof CommitError) || error.reason._tag !== "StateUnreadable") return assert.fail(String(error))
  assert.isFalse(error.isRetryable)
  assert.include(error.message, `"${error.reason.name}"`)
  assert.isAbove(error.reason.detail.length, 0)
  return error.reason.name
}

describe("What was left in the log", () => {
  it("is read as it was written, and refused, with whose it is, if it is something else", () => {
    const { decode, encode } = jsonState("mine", Schema.Struct({ at: Schema.BigInt }))
    const state = { at: 2n ** 70n }
    assert.deepStrictEqual(Effect.runSync(decode(encode(state))), state)
    for (const other of [null, "text", {}, { at: 1.5 }]) {
      assert.strictEqual(unreadable(Effect.runSync(Effect.flip(decode(other)))), "mine")
    }
  })

  it.effect("stops a query whose source reads its positions otherwise, before anything is planned", () =>
    Effect.gen(function*() {
      let planned = 0
      const pipeline = <P>(position: Schema.Codec<P, unknown>, start: P) =>
        Pipeline.make("q", {
          source: Source.make<number, never, never, P, number, null>({
            name: "positions",
            structure: null,
            asked: null,
            position,
            plan: Schema.Number,
            identity: Schema.Null,
            open: Effect.succeed({
              start: Effect.succeed({ identity: null, start, end: undefined }),
              verify: () => Effect.void,
              latest: Effect.succeed(start),
              plan: () => Effect.sync(() => ({ _tag: "range" as const, plan: ++planned, next: start })),
              partitions: () => Effect.succeed([])
            })
          }),
          process: (events) => events,
          sink: Sink.memory<number>()
        })
      yield* Query.run(pipeline(Schema.Number, 7), { trigger: Trigger.once })
      const before = planned
      const error = yield* Effect.flip(Query.run(pipeline(Schema.String, "7"), { trigger: Trigger.once }))
      assert.strictEqual(unreadable(error), "positions")
      assert.strictEqual(planned, before)
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("stops a flow whose state or time can't be read", () =>
    Effect.gen(function*() {
      const time = { watermark: null }
      const heads = [
        ["the flow's state", new FlowHead({ head: "no JSON", digest: "", watermark: time })],
        ["the flow's state", new FlowHead({ head: `{"version":-1}`, digest: "", watermark: time })],
        ["the flow's time", new FlowHead({ head: "null", digest: "", watermark: "noon" })],
        ["the flow's time", new FlowHead({ head: "null", digest: "" })]
      ] as const
      for (const [name, head] of heads) {
        assert.strictEqual(unreadable(yield* Effect.flip(FlowProgress.decode(head))), name)
      }
      assert.deepStrictEqual(yield* FlowProgress.decode(undefined), { state: undefined, time: undefined })
    }))
})
