/**
 * Every optional number of an interface in src is in this table: how it is refused where it can't be meant, or why that is
 * not asked of it. Who adds an option meets this test.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, type Scope, Stream } from "effect"
import fc from "fast-check"
import { globSync, readFileSync } from "node:fs"
import * as DeadLetter from "../../src/batch/pipeline/DeadLetter.ts"
import * as Pipeline from "../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../src/batch/sink/Sink.ts"
import * as Source from "../../src/batch/source/Source.ts"
import * as ClusterWorkers from "../../src/cluster/ClusterWorkers.ts"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as Aggregate from "../../src/flow/aggregate/Aggregate.ts"
import * as Flow from "../../src/flow/Flow.ts"
import * as StateStore from "../../src/state/StateStore.ts"
import * as Faults from "../../src/testing/faults/Faults.ts"
import * as AggregateLaws from "../../src/testing/laws/AggregateLaws.ts"
import * as Simulation from "../../src/testing/simulation/Simulation.ts"

const lines = EventStream.make("options/lines", { codec: EventCodec.utf8, routingKey: (line: string) => line })
const source = Source.microBatch(lines)
const law = (options: AggregateLaws.Options) =>
  Effect.suspend(() => AggregateLaws.laws(Aggregate.count, fc.integer(), options)[0]!.check)

/** What is refused where it is given, or when it is first used. */
const refused: Record<string, (value: number) => Effect.Effect<unknown, unknown, Scope.Scope>> = {
  "batch/pipeline/DeadLetter.ts limit": (limit) => Effect.sync(() => DeadLetter.toSink(Sink.memory(), { limit })),
  "batch/pipeline/Pipeline.ts parallelism": (parallelism) =>
    Effect.sync(() =>
      Pipeline.make("it", {
        source,
        process: (reads) => Stream.map(reads, ({ event }) => event),
        sink: Sink.memory<string>(),
        parallelism
      })
    ),
  "batch/source/internal/MicroBatchOptions.ts bytes": (bytes) =>
    Effect.sync(() => Source.microBatch(lines, { limit: { bytes } })),
  "batch/source/internal/MicroBatchOptions.ts events": (events) =>
    Effect.sync(() => Source.microBatch(lines, { limit: { events } })),
  "batch/source/internal/MicroBatchOptions.ts lanes": (lanes) => Effect.sync(() => Source.microBatch(lines, { lanes })),
  "batch/source/internal/MicroBatchOptions.ts readAheadBytes": (readAheadBytes) =>
    Effect.sync(() => Source.microBatch(lines, { readAheadBytes })),
  "cluster/ClusterWorkers.ts places": (places) => Effect.sync(() => ClusterWorkers.layerCluster({ places })),
  "flow/aggregate/Quantiles.ts accuracy": (accuracy) =>
    Effect.sync(() => Aggregate.quantiles((n: number) => n, [0.5], { accuracy })),
  "flow/steps/Stateless.ts concurrency": (concurrency) =>
    Effect.sync(() => Flow.events<string>().pipe(Flow.mapEffect("same", Effect.succeed, { concurrency }))),
  "state/StateStore.ts heapBytes": (heapBytes) =>
    Effect.suspend(() => Layer.build(StateStore.StateStore.layerMemory({ heapBytes }))),
  "testing/faults/Faults.ts skip": (skip) =>
    Effect.map(Faults.make(), (faults) => faults.once({ _tag: "DropConnection" }, { skip })),
  "testing/faults/Faults.ts cutFrame": (cutFrame) => Faults.make({ rates: { cutFrame } }),
  "testing/faults/Faults.ts delayCall": (delayCall) => Faults.make({ rates: { delayCall } }),
  "testing/faults/Faults.ts delayFrame": (delayFrame) => Faults.make({ rates: { delayFrame } }),
  "testing/faults/Faults.ts dropConnection": (dropConnection) => Faults.make({ rates: { dropConnection } }),
  "testing/faults/Faults.ts duplicateCall": (duplicateCall) => Faults.make({ rates: { duplicateCall } }),
  "testing/faults/Faults.ts duplicateFrame": (duplicateFrame) => Faults.make({ rates: { duplicateFrame } }),
  "testing/faults/Faults.ts halfClose": (halfClose) => Faults.make({ rates: { halfClose } }),
  "testing/faults/Faults.ts loseReply": (loseReply) => Faults.make({ rates: { loseReply } }),
  "testing/faults/Faults.ts loseRequest": (loseRequest) => Faults.make({ rates: { loseRequest } }),
  "testing/faults/Faults.ts refuseCall": (refuseCall) => Faults.make({ rates: { refuseCall } }),
  "testing/faults/Faults.ts refuseConnection": (refuseConnection) => Faults.make({ rates: { refuseConnection } }),
  "testing/laws/AggregateLaws.ts inputs": (inputs) => law({ inputs }),
  "testing/laws/AggregateLaws.ts runs": (runs) => law({ runs }),
  "testing/simulation/Simulation.ts disorder": (disorder) =>
    Effect.suspend(() => Simulation.run(() => Effect.void, { seed: 1, disorder })),
  "testing/simulation/Simulation.ts tasks": (tasks) =>
    Effect.suspend(() => Simulation.run(() => Effect.void, { seed: 1, tasks }))
}

const inNumberOptions = "in numberOptions.test.ts"
const sameCheck = (other: string) => `the check of ${other}`
const ofSimulation = "drawn against a random number from 0 to 1: less than 0 is never, more than 1 always"
const anySeed = "any number is a seed"
const itsOwn = "no option: said by other code of this library"

/** Why others are not in the table above. */
const elsewhere: Record<string, string> = {
  "batch/engine/Workers.ts bytes": itsOwn,
  "batch/engine/internal/PlacedPartitions.ts first": itsOwn,
  "batch/log/internal/Gaps.ts next": itsOwn,
  "batch/pipeline/FlowOptions.ts parallelism": sameCheck("Pipeline"),
  "batch/sink/pravega/IdempotentSink.ts maxPendingBytes": sameCheck("EventWriter"),
  "batch/sink/pravega/PlainSink.ts maxPendingBytes": sameCheck("EventWriter"),
  "batch/source/SourceContract.ts bytes": "what a source says of a partition, to show it",
  "cluster/Workers.ts concurrency": "refused by NumberOption when the layer is built, which starts threads",
  "core/ReaderGroupConfig.ts maxOutstandingCheckpoints": "a Schema refuses it",
  "embedded/Embedded.ts controller": inNumberOptions,
  "embedded/Embedded.ts segmentStore": inNumberOptions,
  "embedded/connections/SocketServer.ts handshakes": itsOwn,
  "embedded/connections/SocketServer.ts lingerMillis": itsOwn,
  "embedded/connections/SocketServer.ts lingering": itsOwn,
  "embedded/store/SegmentContainer.ts tableKeyLength": itsOwn,
  "embedded/store/SqliteStorage.ts recentBytes": itsOwn,
  "flow/machine/MemoryRun.ts maxFirings": itsOwn,
  "flow/steps/Lookup.ts batchSize": "refused by its own words: Lookup",
  "flow/steps/Lookup.ts concurrency": "refused by its own words: Lookup",
  "pravega/controller/Controller.ts attempts": "refused by NumberOption when the layer is built",
  "pravega/read/BatchReader.ts concurrency": inNumberOptions,
  "pravega/read/BatchReader.ts maxEventBytes": inNumberOptions,
  "pravega/read/BatchReader.ts readAheadBytes": inNumberOptions,
  "pravega/read/EventChunk.ts bytes": itsOwn,
  "pravega/read/EventChunk.ts events": itsOwn,
  "pravega/readergroup/EventReader.ts concurrency": inNumberOptions,
  "pravega/readergroup/EventReader.ts maxEventBytes": inNumberOptions,
  "pravega/readergroup/EventReader.ts readAheadBytes": inNumberOptions,
  "pravega/readergroup/ReaderGroup.ts maxOutstandingCheckpoints": "a Schema refuses it",
  "pravega/segmentstore/BytePipe.ts highWaterMark": itsOwn,
  "pravega/segmentstore/SegmentStores.ts appendConnections": "refused by NumberOption when the layer is built",
  "pravega/segmentstore/SegmentStores.ts requestConnections": "refused by NumberOption when the layer is built",
  "pravega/transaction/TransactionWriter.ts blockBytes": inNumberOptions,
  "pravega/transaction/TransactionWriter.ts maxPendingBytes": sameCheck("EventWriter"),
  "pravega/wire/WireCodec.ts longestList": itsOwn,
  "pravega/wire/WireCodec.ts maxPayloadSize": itsOwn,
  "pravega/write/EventWriter.ts blockBytes": inNumberOptions,
  "pravega/write/EventWriter.ts maxPendingBytes": inNumberOptions,
  "pravega/write/WriterLimits.ts blockBytes": itsOwn,
  "pravega/write/WriterLimits.ts maxPendingBytes": itsOwn,
  "state/StateView.ts slot": "a slot that there is not has no rows",
  "state/internal/DeltaName.ts slot": itsOwn,
  "state/internal/Recovery.ts slot": itsOwn,
  "state/internal/StoredDeltas.ts slot": itsOwn,
  "testing/faults/FaultProxy.ts port": sameCheck("Embedded"),
  "testing/faults/Faults.ts seed": anySeed,
  "testing/faults/FaultyServer.ts seed": anySeed,
  "testing/laws/AggregateLaws.ts seed": anySeed,
  "testing/laws/CheckpointLogLaws.ts runs": sameCheck("AggregateLaws"),
  "testing/laws/CheckpointLogLaws.ts seed": anySeed,
  "testing/laws/FlowLaws.ts runs": sameCheck("AggregateLaws"),
  "testing/laws/FlowLaws.ts seed": anySeed,
  "testing/laws/PipelineLaws.ts crashes": "refused by NumberOption in the first run",
  "testing/laws/PipelineLaws.ts parts": itsOwn,
  "testing/laws/PipelineLaws.ts runs": sameCheck("AggregateLaws"),
  "testing/laws/PipelineLaws.ts seed": anySeed,
  "testing/laws/PipelineLaws.ts segments": "a number of segments that no stream can have is a typed error of Admin",
  "testing/laws/SinkLaws.ts runs": sameCheck("AggregateLaws"),
  "testing/laws/SinkLaws.ts seed": anySeed,
  "testing/laws/StateStoreLaws.ts runs": sameCheck("AggregateLaws"),
  "testing/laws/StateStoreLaws.ts seed": anySeed,
  "testing/laws/internal/Property.ts runs": itsOwn,
  "testing/laws/internal/Property.ts seed": itsOwn,
  "testing/simulation/SimulatedLogs.ts delay": ofSimulation,
  "testing/simulation/SimulatedLogs.ts unavailable": ofSimulation,
  "testing/simulation/SimulatedLogs.ts unknownDone": ofSimulation,
  "testing/simulation/SimulatedLogs.ts unknownLate": ofSimulation,
  "testing/simulation/SimulatedLogs.ts unknownNotDone": ofSimulation
}

/** All that the source declares, by file and name. */
const declared = (): ReadonlyArray<string> => {
  const found = new Set<string>()
  for (const file of globSync("src/**/*.ts").filter((path) => !path.split("/").includes("gen"))) {
    for (const [, name] of readFileSync(file, "utf8").matchAll(/readonly (\w+)\?: number\b/g)) {
      found.add(`${file.split("/").slice(1).join("/")} ${name}`)
    }
  }
  return [...found].toSorted()
}

/** Its name in the words of the error, or what those say instead. */
const saysOf = (name: string): RegExp =>
  new RegExp(name.split(" ")[1]!.replace("bytes", "limit in bytes").replace("events", "limit in events"))

describe("every number of options", () => {
  it("is known", () => {
    assert.deepStrictEqual(declared(), [...Object.keys(refused), ...Object.keys(elsewhere)].toSorted())
  })

  for (const [name, use] of Object.entries(refused)) {
    it.effect(`${name}: what can't be meant is refused`, () =>
      Effect.gen(function*() {
        const values = [
          Number.NaN,
          -Infinity,
          -1,
          ...fc.sample(fc.double({ max: -1e-9, noNaN: true }), { numRuns: 5, seed: 1 })
        ]
        for (const value of values) {
          const exit = yield* Effect.exit(Effect.scoped(use(value)))
          assert.isTrue(Exit.isFailure(exit), `${value} is taken`)
          if (Exit.isFailure(exit)) assert.match(String(Cause.squash(exit.cause)), saysOf(name), `${value}`)
        }
      }))
  }
})
