/** Flows through the batch engine: what the model says, however the input is cut into batches and whatever dies. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { CheckpointLog } from "../../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../../src/batch/sink/Sink.ts"
import * as Source from "../../../../src/batch/source/Source.ts"
import * as Aggregate from "../../../../src/flow/aggregate/Aggregate.ts"
import * as Flow from "../../../../src/flow/Flow.ts"
import * as EventTime from "../../../../src/flow/time/EventTime.ts"
import * as Window from "../../../../src/flow/time/Window.ts"
import * as Admin from "../../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../../src/pravega/Pravega.ts"
import * as EventWriter from "../../../../src/pravega/write/EventWriter.ts"
import { StateStore } from "../../../../src/state/StateStore.ts"
import * as Query from "../../../../src/stream/query/Query.ts"
import * as Trigger from "../../../../src/stream/query/Trigger.ts"
import { type Numbered, numberedStream } from "../../../numbered.ts"

const events = numberedStream("flows/events")

const counted = Flow.events<Numbered>().pipe(
  Flow.keyBy("key", Schema.String, ({ key }) => key),
  Flow.window("tens", Window.tumbling("10 millis"), Aggregate.count),
  Flow.map(({ key, value, window }) => `${key} ${window.start}: ${value}`)
)

const layers = Layer.mergeAll(Pravega.layerEmbedded(), CheckpointLog.layerMemory, StateStore.layerMemory())

describe("A windowed count", () => {
  it.live("goes on over runs, and ends with its source", () =>
    Effect.gen(function*() {
      yield* Admin.ensureStream(events.name, { scaling: { _tag: "Fixed", segments: 2 } })
      const sink = Sink.memory<string>()
      const pipeline = Pipeline.make("counts", {
        source: Source.microBatch(events, {
          limit: { events: 7 },
          time: EventTime.from(({ number }) => number)
        }),
        flow: counted,
        sink
      })
      const writer = yield* EventWriter.make(events)
      const write = (from: number, to: number) =>
        writer.writeAll(Array.from({ length: to - from }, (_, n) => ({ key: `k${(from + n) % 3}`, number: from + n })))
      yield* write(0, 25)
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      const first = [...yield* sink.committed].sort()
      yield* write(25, 47)
      yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      const second = [...yield* sink.committed].sort()
      assert.isAbove(second.length, first.length)
      yield* Admin.sealStream(events.name)
      yield* Query.run(pipeline)
      const expected = new Map<string, number>()
      for (let n = 0; n < 47; n++) {
        const name = `k${n % 3} ${Math.floor(n / 10) * 10}`
        expected.set(name, (expected.get(name) ?? 0) + 1)
      }
      assert.deepStrictEqual(
        [...yield* sink.committed].sort(),
        [...expected].map(([name, count]) => `${name}: ${count}`).sort()
      )
    }).pipe(Effect.provide(layers)))
})
