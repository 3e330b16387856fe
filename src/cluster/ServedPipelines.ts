/**
 * The pipelines that a worker's program serves, by the names of their queries, whatever their types are.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { PartAnswer, PartOrder } from "../batch/engine/PartOrder.ts"
import * as PartWorker from "../batch/engine/PartWorker.ts"
import type { Pipeline } from "../batch/pipeline/Pipeline.ts"
import { CommitError, WorkerRefused } from "../batch/protocol/CommitError.ts"

/** A pipeline of a worker's program. `R`: what it needs. @category models @since 0.2.0 */
export interface Served<out R> {
  readonly query: string
  readonly open: Effect.Effect<PartWorker.PartWorker<R>, never, Scope.Scope>
}

/** @category constructors @since 0.2.0 */
export const make = <A, B, ES, E, R>(pipeline: Pipeline<A, B, ES, E, R>): Served<Exclude<R, Scope.Scope>> => ({
  query: pipeline.name,
  open: Effect.map(PartWorker.make(pipeline), ({ process, query }) => ({
    query,
    // What a part needs besides the pipeline's services is a Scope, and that is its own.
    process: (order) => Effect.scoped(process(order))
  }))
})

/** Opens all, in the Scope around. What none of them is for is refused. @category running @since 0.2.0 */
export const openAll = <R>(
  pipelines: ReadonlyArray<Served<R>>
): Effect.Effect<(order: PartOrder) => Effect.Effect<PartAnswer, CommitError, R>, never, Scope.Scope> =>
  Effect.map(Effect.forEach(pipelines, ({ open }) => open), (open) => {
    const workers = new Map(open.map((worker) => [worker.query, worker] as const))
    return (order) => {
      const worker = workers.get(order.query)
      if (worker !== undefined) return worker.process(order)
      const names = [...workers.keys()].map((name) => `"${name}"`).join(", ")
      const detail = `it serves ${names === "" ? "no query" : names}`
      return Effect.fail(new CommitError({ reason: new WorkerRefused({ query: order.query, detail }) }))
    }
  })
