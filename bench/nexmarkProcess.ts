/**
 * One run of a query of Nexmark in a process of its own, as an exactly-once query with log and state in files. Prints what it
 * took as a line of JSON: `node nexmarkProcess.ts QUERY EVENTS FOLDER`.
 */
import { CheckpointLog, Pipeline, Sink } from "effect-pravega/batch"
import { StateStore } from "effect-pravega/state"
import { Query as Running } from "effect-pravega/stream"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { join } from "node:path"
import * as Digest from "../examples/nexmark/Digest.ts"
import * as Generator from "../examples/nexmark/Generator.ts"
import * as NexmarkSource from "../examples/nexmark/NexmarkSource.ts"
import { queries, type Query } from "../examples/nexmark/Queries.ts"
import { winningBids } from "../examples/nexmark/queries/winningBids.ts"

const [name = "", count = "", folder = ""] = process.argv.slice(2)
// As the other programs do, q4 gives the winning bids that its averages are of.
const flow = name === "q4" ? winningBids : Object.entries<Query>(queries).find(([known]) => known === name)?.[1]
if (flow === undefined) throw new Error(`no query "${name}"`)

const hash: ((output: never) => number) | undefined = Object.entries(Digest.hashes).find(([known]) => known === name)
  ?.[1]
let outputs = 0
let digest = 0

/** Outputs are counted and hashed, and then thrown away. */
const counted = Sink.make<unknown, never, never, null, null>({
  name: "counted",
  structure: "counted",
  handle: Schema.Null,
  evidence: Schema.Null,
  open: Effect.succeed({
    begin: () =>
      Effect.sync(() => {
        const before = outputs
        return {
          handle: null,
          write: (_partition, some) =>
            Effect.sync(() => {
              outputs += some.length
              if (hash !== undefined) { for (const output of some) digest = (digest + hash(output as never)) | 0 }
            }),
          flush: () => Effect.void,
          prepare: Effect.sync(() => ({ evidence: null, digest: String(digest), events: outputs - before, bytes: 0 })),
          keep: Effect.void
        }
      }),
    commit: () => Effect.void,
    abort: () => Effect.succeed("aborted" as const),
    recover: () => Effect.succeed({ _tag: "committed" as const })
  })
})

const pipeline = Pipeline.make(name, {
  source: NexmarkSource.make({
    count: Number(count),
    perBatch: Number(process.env["NEXMARK_BATCH"] ?? 50_000),
    event: Generator.make()
  }),
  flow,
  sink: counted
})

const layers = Layer.mergeAll(
  CheckpointLog.layerFileSystem(join(folder, "checkpoints")),
  StateStore.layerDirectory(join(folder, "state"), { heapBytes: 4 * 1024 ** 3 })
)

const started = performance.now()
const cpu = process.cpuUsage()
await Effect.runPromise(Effect.provide(Running.run(pipeline), layers))
const { system, user } = process.cpuUsage(cpu)
console.log(JSON.stringify({
  events: Number(count),
  seconds: (performance.now() - started) / 1000,
  cpuSeconds: (system + user) / 1e6,
  peakMiB: process.resourceUsage().maxRSS / 1024,
  outputs,
  digest: digest >>> 0
}))
