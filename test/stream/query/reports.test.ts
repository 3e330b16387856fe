import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import { PreparedSink } from "../../../src/batch/protocol/CheckpointRecord.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { numbersSource } from "../../batch/source/numbersSource.ts"

const roundTrip = <A>(schema: Schema.Codec<A, unknown>) => {
  const json = Schema.fromJsonString(Schema.toCodecJson(schema))
  return (value: A) => Effect.flatMap(Schema.encodeEffect(json)(value), Schema.decodeEffect(json))
}

describe("what a query tells of itself", () => {
  it.effect("comes back from JSON as it was: the reports of a run", () =>
    Effect.gen(function*() {
      const reports: Array<Query.BatchProgress> = []
      const pipeline = Pipeline.make("q", {
        source: numbersSource<never>({
          available: () => 25,
          end: 25,
          perBatch: 10,
          partitions: (from, to) => [{ id: 0, predecessors: [], events: Stream.range(from, to - 1) }]
        }),
        process: (events) => events,
        sink: Sink.memory<number>()
      })
      yield* Query.run(pipeline, {
        trigger: Trigger.availableNow,
        onBatch: (report) => Effect.sync(() => void reports.push(report))
      })
      assert.strictEqual(reports.length, 3)
      for (const report of reports) assert.deepStrictEqual(yield* roundTrip(Query.BatchProgress)(report), report)
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("comes back from JSON as it was: what a run seldom has", () =>
    Effect.gen(function*() {
      const none = { plan: 0.5, process: 0, prepare: 0, commit: 1e6 }
      const report: Query.BatchReport = {
        batch: 7,
        wasPlanned: true,
        positions: { in: { at: [1, null, "x"] } },
        sources: new Map([["in", {
          position: null,
          events: 2,
          bytes: 2 ** 40,
          lag: { bytes: 3, parts: { "a/b/0": 3 } },
          skipped: [{ part: "a/b/0", start: 2n ** 62n, end: undefined }, { part: "a/b/1", start: 0n, end: 5n }]
        }]]),
        eventsIn: 2,
        bytesIn: 2 ** 40,
        eventsOut: 1,
        bytesOut: 9,
        sinks: new Map([["out", new PreparedSink({ handle: "t", evidence: {}, digest: "d", events: 1, bytes: 9 })]]),
        attempts: 2,
        deadLetters: 1,
        flow: {
          watermark: -Infinity,
          late: new Map([["hourly", 3]]),
          dropped: new Map(),
          future: 0,
          state: { rows: 1, bytes: 100 },
          stateMillis: 0.25
        },
        took: none,
        times: { begun: 1, planned: 2, prepared: 3, committed: 4 }
      }
      assert.deepStrictEqual(yield* roundTrip(Query.BatchReport)(report), report)
      const statuses: ReadonlyArray<Query.Status> = [
        { _tag: "waiting" },
        { _tag: "running", batch: 1, step: "prepare" },
        {
          _tag: "stalled",
          evidence: {
            batch: 1,
            step: "commit",
            for: Duration.minutes(2),
            attempts: 3,
            failure: undefined,
            preparedFor: Duration.seconds(1),
            awaiting: { out: "t" }
          }
        },
        { _tag: "stopped" },
        { _tag: "ended" },
        { _tag: "failed", message: "no" }
      ]
      for (const status of statuses) assert.deepStrictEqual(yield* roundTrip(Query.Status)(status), status)
    }))
})
