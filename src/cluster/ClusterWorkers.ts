/**
 * Parts on the runners of an Effect Cluster, and the driver as a singleton of it. The cluster places and moves the work.
 * Nothing of exactly-once depends on its locks: the checkpoint log's epoch says who owns a query, and a try's transactions who
 * may write.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as ClusterSchema from "effect/cluster/ClusterSchema"
import * as Entity from "effect/cluster/Entity"
import type { Sharding } from "effect/cluster/Sharding"
import * as Singleton from "effect/cluster/Singleton"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Seam from "../batch/engine/Workers.ts"
import type { CheckpointLog } from "../batch/log/CheckpointLog.ts"
import type { Pipeline } from "../batch/pipeline/Pipeline.ts"
import { CheckpointLogError } from "../batch/protocol/CheckpointLogError.ts"
import * as NumberOption from "../core/NumberOption.ts"
import * as Query from "../stream/query/Query.ts"
import { lost, ProcessPart } from "./PartRpc.ts"
import * as ServedPipelines from "./ServedPipelines.ts"

/** Its name is in the cluster's database. */
const Parts = Entity.make("effect-pravega/Parts", [ProcessPart])
  // a span per part on both sides costs more than the call
  .annotateRpcs(ClusterSchema.ClientTracingEnabled, false)

/** @category options @since 0.2.0 */
export interface ClusterOptions {
  /**
   * Over how many places of the cluster a query's parts are spread. It should be a few times the number of runners, so that
   * they get about the same. Default: 32.
   */
  readonly places?: number | undefined
  /**
   * How long a part may take until it counts as lost. It must be longer than the longest part takes. Default: 10 minutes.
   */
  readonly patience?: Duration.Input | undefined
}

/**
 * For the driver: its parts are processed by the cluster's runners (`layerRunner`).
 *
 * @category layers
 * @since 0.2.0
 */
export const layerCluster = (
  { patience = "10 minutes", places }: ClusterOptions = {}
): Layer.Layer<never, never, Sharding> => {
  const count = NumberOption.check("places", places, { least: 1, most: 65_536, otherwise: 32 })
  return Layer.effect(
    Seam.Workers,
    Effect.map(
      Parts.client,
      (clientOf) =>
        Seam.remote((order) =>
          clientOf(`${order.query}/${order.part % count}`).ProcessPart(order).pipe(
            Effect.catch((error) =>
              error._tag === "CommitError"
                ? Effect.fail(error)
                : Effect.fail(lost(order, `${error._tag}: ${error.message}`))
            ),
            Effect.timeoutOrElse({
              duration: patience,
              orElse: () =>
                Effect.fail(lost(order, `no answer within ${Duration.format(Duration.fromInputUnsafe(patience))}`))
            })
          )
        )
    )
  )
}

/**
 * For a runner: it processes parts of these pipelines. Their sources and sinks are opened at the first part, and live as long
 * as the layer.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerRunner = <R>(
  pipelines: ReadonlyArray<ServedPipelines.Served<R>>
): Layer.Layer<never, never, R | Sharding> =>
  Layer.unwrap(Effect.map(ServedPipelines.openAll(pipelines), (process) =>
    // A part that is processed twice fails by its sinks, so it may run beside others of its place.
    Parts.toLayer({ ProcessPart: ({ payload }) => process(payload) }, { concurrency: "unbounded" })))

/** @category options @since 0.2.0 */
export interface DriverOptions<in E> extends Query.Options<E> {
  /** After what time a query that ended with an error is started again. Default: 5 seconds. */
  readonly restartAfter?: Duration.Input | undefined
  /** The cluster's `shardLockExpiration`: so long a driver waits that finds another owner of its log. Default: 35 seconds. */
  readonly lockExpiration?: Duration.Input | undefined
}

/**
 * The driver of a query as a singleton of the cluster: it runs on one of the runners, and on another one when that ends. It
 * goes on where the checkpoint log says, which must be one that all runners reach.
 *
 * **Details**
 *
 * A cluster starts no singleton again that has failed, so this does: after `restartAfter`, with the cause in the log. A driver
 * that finds another owner of its log waits until the cluster's shard lock has expired, and a random part of that more: if it
 * has lost its place, it is interrupted by then; at once, two drivers would fence each other in turns.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerDriver = <A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>,
  options: DriverOptions<ES | E> = {}
): Layer.Layer<never, never, CheckpointLog | Exclude<R, Scope.Scope> | Sharding> => {
  const { lockExpiration = "35 seconds", restartAfter = "5 seconds" } = options
  const run = Effect.gen(function*() {
    const expiry = Duration.fromInputUnsafe(lockExpiration)
    const again = (cause: Cause.Cause<unknown>) =>
      Effect.gen(function*() {
        const pause = isFenced(cause)
          ? Duration.times(expiry, 1 + (yield* Random.next))
          : Duration.fromInputUnsafe(restartAfter)
        yield* Effect.logWarning(
          `query "${pipeline.name}" ended, it is started again in ${Duration.format(pause)}`,
          cause
        )
        yield* Effect.sleep(pause)
      })
    const once = Query.run(pipeline, options)
    return yield* once.pipe(
      Effect.sandbox,
      // the singleton's own end, when its place moves, is none of them
      Effect.tapError((cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : again(cause)),
      Effect.eventually
    )
  })
  return Singleton.make(`effect-pravega/${pipeline.name}`, run)
}

const isFenced = (cause: Cause.Cause<unknown>): boolean => {
  const error = Cause.findErrorOption(cause)
  return Option.isSome(error) && error.value instanceof CheckpointLogError && error.value.reason._tag === "Fenced"
}
