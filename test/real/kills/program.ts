/**
 * The process that is killed: copies a stream, exactly once, through the proxies that it is told of. Prints a line for each
 * batch that is committed. Words: the controller's address, the segment store's port, scope, guarantee, where the checkpoint
 * log is, and "finish" if it is to end when it has read what is there.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as ControllerLayers from "../../../src/pravega/controller/ControllerLayers.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import { SegmentStoreTransport } from "../../../src/pravega/segmentstore/SegmentStoreTransport.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import type { Numbered } from "../../numbered.ts"
import { streamsOf } from "./streams.ts"

const [controller = "", storePort = "", scope = "", guarantee = "", logs = "", finish] = process.argv.slice(2)
const { sink, source } = streamsOf(scope)

const copyTo = <E>(to: Sink.Sink<Numbered, E, Pravega>) =>
  Query.run(
    Pipeline.make("copy", {
      source: Source.microBatch(source, { limit: { events: 100 } }),
      process: (events) => Stream.map(events, ({ event }) => event),
      sink: to,
      deterministic: true
    }),
    {
      trigger: finish === undefined ? Trigger.asFastAsPossible : Trigger.availableNow,
      // connections break all the time
      retry: Schedule.spaced("50 millis").pipe(Schedule.upTo({ times: 100 })),
      onBatch: ({ batch }) => Effect.sync(() => process.stdout.write(`batch ${batch}\n`))
    }
  )

/** Whatever store the controller names is reached through the proxy. */
const stores = Layer.effect(
  SegmentStoreTransport,
  Effect.map(SegmentStoreTransport, ({ open }) => ({
    open: () => open({ host: "127.0.0.1", port: Number(storePort) })
  }))
).pipe(Layer.provide(SegmentStoreTransport.layerSocket()))

const copy: Effect.Effect<void, unknown, Pravega | CheckpointLog> = guarantee === "idempotent"
  ? copyTo(Sink.pravega(sink, { guarantee: "idempotent" }))
  : copyTo(Sink.pravega(sink, { guarantee: "exactly-once" }))

const Live = Layer.merge(
  Pravega.layerTransport().pipe(Layer.provide(Layer.merge(ControllerLayers.grpc({ controller }), stores))),
  CheckpointLog.layerFileSystem(logs)
)

process.stdout.write("started\n")
await Effect.runPromise(Effect.provide(copy, Live))
