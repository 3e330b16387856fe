/**
 * The worker's side of parts: a pipeline that is open in another process than its query's driver. It reads a part, processes
 * it, and writes its outputs into the transactions that the driver has begun. It decides nothing, and owns no log.
 *
 * @since 0.2.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Letter } from "../pipeline/Letter.ts"
import type { Pipeline } from "../pipeline/Pipeline.ts"
import { CommitError, PartFailed, WorkerRefused } from "../protocol/CommitError.ts"
import * as StructureChanges from "../protocol/StructureChanges.ts"
import type { Joined, Share } from "../sink/SinkContract.ts"
import * as PartitionWork from "./internal/PartitionWork.ts"
import type { Pass } from "./internal/Pass.ts"
import * as PlacedPartitions from "./internal/PlacedPartitions.ts"
import * as Sessions from "./internal/Sessions.ts"
import { PartAnswer, type PartOrder } from "./PartOrder.ts"
import * as Verdicts from "./Verdicts.ts"

/** @category models @since 0.2.0 */
export interface PartWorker<out R> {
  /** The query whose parts it processes. */
  readonly query: string
  /**
   * Processes a part. When it returns, all outputs are acknowledged. It fails with what the log or the pipeline says, with
   * `PartFailed` for every error of the process, a source or a sink, and with `WorkerRefused`, before anything is read, if the
   * driver has another pipeline.
   */
  readonly process: (order: PartOrder) => Effect.Effect<PartAnswer, CommitError, R>
}

/**
 * Sources and sinks are opened for the first part, and live as long as the Scope around. An opening that failed is made again
 * for the next part.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = <A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>
): Effect.Effect<PartWorker<R>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    const verdicts = Verdicts.make()
    const one = Semaphore.makeUnsafe(1)
    let sessions: Sessions.Sessions<A, B, ES, E> | undefined
    const opened = one.withPermit(Effect.suspend(() =>
      sessions === undefined
        ? Effect.tap(openIn(scope, pipeline, verdicts), (open) =>
          Effect.sync(() => {
            sessions = open
          }))
        : Effect.succeed(sessions)
    ))
    return {
      query: pipeline.name,
      process: Effect.fnUntraced(function*(order) {
        yield* refuseOthers(pipeline, order)
        const { batch, part, query } = order
        const working = Effect.scoped(Effect.flatMap(opened, (sessions) => partOf(pipeline, sessions, order)))
        // Errors of the pipeline are of types that only its own program knows: they go as text.
        return yield* Effect.mapError(working, (error) =>
          error instanceof CommitError ? error : new CommitError({
            reason: new PartFailed({
              query,
              batch,
              part,
              tag: tagOf(error),
              detail: Cause.pretty(Cause.fail(error)),
              isRetryable: verdicts.isRetryable(error)
            })
          }))
      })
    }
  })

/** Of an error with a reason, the reason's. Empty: it has none. */
const tagOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return ""
  if ("reason" in error && typeof error.reason === "object") return tagOf(error.reason)
  return "_tag" in error && typeof error._tag === "string" ? error._tag : ""
}

/** All or none stay open. */
const openIn = <A, B, ES, E, R>(scope: Scope.Scope, pipeline: Pipeline<A, B, ES, E, R>, verdicts: Verdicts.Verdicts) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const own = yield* Scope.fork(scope)
      return yield* restore(Scope.provide(Sessions.open(pipeline, verdicts), own)).pipe(
        Effect.onError(() => Scope.close(own, Exit.void))
      )
    })
  )

const refuseOthers = (
  { name, structure, version }: Pick<Pipeline<never, never, never, never, never>, "name" | "structure" | "version">,
  order: PartOrder
): Effect.Effect<void, CommitError> => {
  const refuse = (detail: string) =>
    Effect.fail(new CommitError({ reason: new WorkerRefused({ query: name, detail }) }))
  if (order.version !== version) return refuse(`it has version "${version}", the query "${order.version}"`)
  if (JSON.stringify(order.structure) === JSON.stringify(structure)) return Effect.void
  return refuse(`its pipeline is another one: ${StructureChanges.describe(order.structure, structure).join("; ")}`)
}

/** In the Scope around, whose end closes what it writes with, and never the try. */
const partOf = Effect.fnUntraced(function*<A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>,
  sessions: Sessions.Sessions<A, B, ES, E>,
  { at, batch, decided, first, part: id, plan, sinks: handles, source }: PartOrder
) {
  const pass: Pass = { reads: new Map(), decided, aside: [], refused: undefined }
  const partitions = yield* PlacedPartitions.of(pipeline, sessions.sources, batch, {
    first,
    plans: { [source]: plan },
    pass,
    onRead: () => {}
  })
  const partition = partitions.find((one) => one.id === id)
  if (partition === undefined) return yield* Effect.die(new Error(`batch ${batch} has no part ${id}`))

  const scope = yield* Effect.scope
  const joined = new Map<string, Joined<B | Letter, E | CommitError>>()
  const sinks = yield* Effect.forEach(pipeline.sinks.filter(({ name }) => name in handles), ({ accepts, name }) => {
    const handle = handles[name] ?? null
    const joining = Effect.suspend(() =>
      sessions.sinks.get(name)?.join?.(handle) ??
        Effect.die(new Error(`sink "${name}" takes outputs of its own process only`))
    )
    const noted = Effect.tap(joining, (joining) => Effect.sync(() => joined.set(name, joining)))
    return Effect.map(Effect.cached(Scope.provide(noted, scope)), (join) => ({ accepts, join, name }))
  })
  const work = yield* PartitionWork.make(pipeline, { at, batch }, {
    write: (lane, outputs: Arr.NonEmptyReadonlyArray<B | Letter>) =>
      Effect.forEach(
        sinks,
        ({ accepts, join }) =>
          accepts(outputs) ? Effect.flatMap(join, ({ write }) => write(lane, outputs)) : Effect.void,
        { discard: true }
      ),
    flush: (lane) => Effect.forEach([...joined.values()], ({ flush }) => flush(lane), { discard: true })
  })
  yield* work.alone(partition)
  if (pass.refused !== undefined) return yield* pass.refused
  const shares: Record<string, Share> = {}
  for (const [name, { written }] of joined) shares[name] = yield* written
  const events = pass.reads.get(source)?.events ?? 0
  return new PartAnswer({ events, aside: pass.aside.filter(({ partition }) => partition === id), shares })
})
