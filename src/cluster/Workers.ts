/**
 * Where the parts of a query's batches are processed: in fibers of its process, in worker threads, or on the runners of a cluster.
 * The pipeline does not change.
 *
 * The driver, which is the process that runs the query, plans, begins transactions, hands out the parts, and commits. Workers
 * read, process and write into the driver's transactions. They decide nothing: what correctness trusts is the checkpoint log,
 * as ever. If a part fails, or its worker ends, the whole try of the batch is given up and its transactions are aborted; the
 * next try has new ones. So a worker that goes on late writes into something that is aborted.
 *
 * **Example** (a worker's program, and the driver's)
 *
 * ```ts
 * import { NodeWorker } from "@effect/platform-node"
 * import { EventCodec, EventStream, Pravega } from "effect-pravega"
 * import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
 * import { Workers } from "effect-pravega/cluster"
 * import { Query } from "effect-pravega/stream"
 * import { Effect, Layer } from "effect"
 * import { Worker } from "node:worker_threads"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 * const upper = EventStream.make("logs/upper", { codec: EventCodec.utf8 })
 * export const shout = Pipeline.make("shout", {
 *   source: Source.microBatch(lines),
 *   processEach: ({ event }) => Effect.succeed([event.toUpperCase()]),
 *   sink: Sink.pravega(upper, { guarantee: "exactly-once" })
 * })
 *
 * // worker.ts: NodeRuntime.runMain(Layer.launch(program)), with NodeWorkerRunner.layer of @effect/platform-node
 * export const program = Workers.layerThread([Workers.serve(shout)]).pipe(
 *   Layer.provide(Pravega.layer({ controller: "tcp://localhost:9090" }))
 * )
 *
 * // main.ts
 * export const main = Query.run(shout).pipe(
 *   Effect.provide(Workers.layerThreads({ threads: 2 })),
 *   Effect.provide(NodeWorker.layer(() => new Worker(new URL("./worker.ts", import.meta.url)))),
 *   Effect.provide(CheckpointLog.layerFileSystem("./.effect-pravega/checkpoints")),
 *   Effect.provide(Pravega.layer({ controller: "tcp://localhost:9090" }))
 * )
 * ```
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcClient from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import * as RpcServer from "effect/rpc/RpcServer"
import type * as Scope from "effect/Scope"
import type * as Worker from "effect/workers/Worker"
import type { WorkerError } from "effect/workers/WorkerError"
import type { WorkerRunnerPlatform } from "effect/workers/WorkerRunner"
import type { PartAnswer, PartOrder } from "../batch/engine/PartOrder.ts"
import * as Seam from "../batch/engine/Workers.ts"
import type { Pipeline } from "../batch/pipeline/Pipeline.ts"
import type { CommitError } from "../batch/protocol/CommitError.ts"
import * as NumberOption from "../core/NumberOption.ts"
import { lost, Parts } from "./PartRpc.ts"
import * as ServedPipelines from "./ServedPipelines.ts"

export type { PartAnswer, PartOrder } from "../batch/engine/PartOrder.ts"
export type { PartWorker } from "../batch/engine/PartWorker.ts"
export type { Assignment, Part, Remote, Workers as Service } from "../batch/engine/Workers.ts"
export type { Served } from "./ServedPipelines.ts"

/** The workers of a query. Default: fibers of its own process. @category services @since 0.2.0 */
export const Workers = Seam.Workers

/** In the query's own process: a fiber for each part. @category layers @since 0.2.0 */
export const layerLocal: Layer.Layer<never> = Layer.succeed(Seam.Workers, Seam.local)

/** @category options @since 0.2.0 */
export interface ThreadOptions {
  /** How many threads. About as many as there are cores. */
  readonly threads: number
  /**
   * How many parts a thread processes at the same time: one reads while another one computes. A thread is filled before the next
   * one is, so the pipeline's `parallelism` should be at least `threads` times this. Default: 4.
   */
  readonly concurrency?: number | undefined
}

/**
 * In worker threads of this process, which run `layerThread`. How a thread is started is the platform's: `NodeWorker.layer` of
 * `@effect/platform-node`, say. Threads are started at once, and end with the Scope of the layer.
 *
 * **Details**
 *
 * What threads can't do is done in this process: batches of a sink whose outputs must be with the process that began (`memory`,
 * `console`, `sql`, `foreachBatch`, `idempotent`, `at-least-once`), of a source that may skip what is gone, of a pipeline that sees
 * whole batches, and of a flow that remembers, has effects, or reads several sources.
 *
 * **Gotchas**
 *
 * It pays where the process takes its time. What is bound by Pravega is not made faster by threads. A thread that ends by a
 * defect outside of Effect gives up the batches that all threads work on, and a new one is started. Then the query tries again.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerThreads = (
  { concurrency, threads }: ThreadOptions
): Layer.Layer<never, WorkerError, Worker.WorkerPlatform | Worker.Spawner> =>
  Layer.effect(Seam.Workers, Effect.map(RpcClient.make(Parts, { disableTracing: true }), remote)).pipe(
    Layer.provide(RpcClient.layerProtocolWorker({
      size: NumberOption.check("threads", threads, { least: 1, most: 1024, otherwise: 1 }),
      concurrency: NumberOption.check("concurrency", concurrency, { least: 1, most: 1024, otherwise: 4 })
    }))
  )

/** A pipeline of a worker's program. @category constructors @since 0.2.0 */
export const serve = <A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>
): ServedPipelines.Served<Exclude<R, Scope.Scope>> => ServedPipelines.make(pipeline)

/**
 * The program of a worker thread: it serves these pipelines until it is told to end. It needs what the pipelines need, but no
 * checkpoint log: a connection to Pravega of its own, say.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerThread = <R>(
  pipelines: ReadonlyArray<ServedPipelines.Served<R>>
): Layer.Layer<never, WorkerError, R | WorkerRunnerPlatform> =>
  RpcServer.layer(Parts, { disableTracing: true, disableFatalDefects: true }).pipe(
    Layer.provide(handlers(pipelines)),
    Layer.provide(RpcServer.layerProtocolWorkerRunner)
  )

const handlers = <R>(pipelines: ReadonlyArray<ServedPipelines.Served<R>>) =>
  Parts.toLayer(Effect.map(ServedPipelines.openAll(pipelines), (process) => ({ ProcessPart: process })))

/** Whatever lies between driver and workers: what is not answered is lost. */
const remote = (
  { ProcessPart }: {
    readonly ProcessPart: (order: PartOrder) => Effect.Effect<PartAnswer, CommitError | RpcClientError>
  }
) =>
  Seam.remote((order) =>
    Effect.catchTag(
      ProcessPart(order),
      "RpcClientError",
      (error) => Effect.fail(lost(order, error.message))
    )
  )

export { type ClusterOptions, type DriverOptions, layerCluster, layerDriver, layerRunner } from "./ClusterWorkers.ts"
