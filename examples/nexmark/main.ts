// A query of Nexmark, exactly once: its results are printed, its log and state are kept in a folder. Killed anywhere, it goes
// on where it was when it is started again.
//
//   node --conditions=source examples/nexmark/main.ts q5 1000000 ./nexmark
import { Console, Effect, Layer } from "effect"
import { CheckpointLog, Pipeline, Sink } from "effect-pravega/batch"
import { StateStore } from "effect-pravega/state"
import { Query as Running } from "effect-pravega/stream"
import { join } from "node:path"
import * as Generator from "./Generator.ts"
import * as NexmarkSource from "./NexmarkSource.ts"
import { queries, type Query } from "./Queries.ts"

const [name = "q5", count = "200000", folder] = process.argv.slice(2)
const flow = Object.entries<Query>(queries).find(([known]) => known === name)?.[1]
if (flow === undefined) throw new Error(`"${name}" is none of ${Object.keys(queries).join(", ")}`)

const pipeline = Pipeline.make(name, {
  source: NexmarkSource.make({ count: Number(count), perBatch: 20_000, event: Generator.make() }),
  flow,
  sink: Sink.console<unknown>()
})

const layers = folder === undefined
  ? Layer.mergeAll(CheckpointLog.layerMemory, StateStore.layerMemory())
  : Layer.mergeAll(
    CheckpointLog.layerFileSystem(join(folder, "checkpoints")),
    StateStore.layerDirectory(join(folder, "state"))
  )

const program = Running.run(pipeline, {
  onBatch: ({ batch, eventsIn, flow }) =>
    Console.error(`batch ${batch}: ${eventsIn} events, ${flow?.state.rows ?? 0} rows of state`)
})

await Effect.runPromise(Effect.provide(program, layers))
