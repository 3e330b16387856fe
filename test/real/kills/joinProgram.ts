/**
 * The process that is killed: joins two streams by windows, exactly once, with its state beside its checkpoint log. Prints a
 * line for each batch that is committed. Words: the controller's address, the scope, and the directory of log and state.
 * Ends when the streams are sealed and all of them is read.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { join } from "node:path"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import { StateStore } from "../../../src/state/StateStore.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { eventsPerBatch, joined, joinStreamsOf, time } from "./joins.ts"

const [controller = "", scope = "", directory = ""] = process.argv.slice(2)
const { orders, payments, sink } = joinStreamsOf(scope)
const limit = { events: eventsPerBatch }

const pipeline = Pipeline.make("joined", {
  source: Source.union({
    orders: Source.microBatch(orders, { start: "earliest", limit, time }),
    payments: Source.microBatch(payments, { start: "earliest", limit, time })
  }),
  flow: joined,
  sink: Sink.pravega(sink, { guarantee: "exactly-once" })
})

const layers = Layer.mergeAll(
  Pravega.layer({ controller }),
  CheckpointLog.layerFileSystem(join(directory, "log")),
  StateStore.layerDirectory(join(directory, "state"))
)

process.stdout.write("started\n")
await Effect.runPromise(
  Query.run(pipeline, {
    trigger: Trigger.asFastAsPossible,
    onBatch: ({ batch }) => Effect.sync(() => process.stdout.write(`batch ${batch}\n`))
  }).pipe(Effect.provide(layers))
)
