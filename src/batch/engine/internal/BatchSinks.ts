/**
 * The sinks of a batch, as the commit protocol uses them: what each is told, what became of what it prepared, its commit and
 * its abort. When each of that is asked for is `Commit`'s.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { lastCommitted, type UnfinishedBatch } from "../../log/LogState.ts"
import type { PreparedSink } from "../../protocol/CheckpointRecord.ts"
import { AmbiguousCommit, CommitError, InvariantViolated } from "../../protocol/CommitError.ts"
import type { BatchId, Past, SinkSession } from "../../sink/SinkContract.ts"
import type { Resolution, Run } from "../BatchRun.ts"

/** @category getters @since 0.2.0 */
export const session = <E, R>(run: Run<E, R>, name: string): SinkSession<never, E> => {
  const found = run.sinks.get(name)
  // Sinks are part of the structure, which was compared when the query started.
  if (found === undefined) throw new Error(`no sink "${name}"`)
  return found
}

const idOf = <E, R>(run: Run<E, R>, { batch }: UnfinishedBatch): BatchId => ({ query: run.log.query, batch })

/** What the log names now: the outcome of the batch, per sink. @category getters @since 0.2.0 */
export const preparedNow = <E, R>(
  run: Run<E, R>,
  { batch }: UnfinishedBatch
): ReadonlyMap<string, PreparedSink> =>
  run.log.state().unfinished.find((unfinished) => unfinished.batch === batch)?.prepared ?? new Map()

/** What a sink is told of the tries before. @category getters @since 0.2.0 */
export const pastOf = <E, R>(
  { log }: Run<E, R>,
  batch: UnfinishedBatch,
  name: string
): Past<Schema.Json> => ({
  log: log.state().started.log ?? "",
  handles: batch.begun.get(name) ?? [],
  last: lastCommitted(log.state(), name),
  // An append fails where another process owns the log: an append of nothing asks just that.
  checkOwner: log.append([])
})

/** Ends what was begun for a batch and never prepared. @category running @since 0.2.0 */
export const abortBegun = Effect.fnUntraced(function*<E, R>(run: Run<E, R>, batch: UnfinishedBatch) {
  for (const [name, handles] of batch.begun) {
    for (const handle of handles) {
      if ((yield* session(run, name).abort(handle)) === "aborted") continue
      // The protocol commits what was prepared only, so somebody else has committed this one.
      const detail = `transaction ${JSON.stringify(handle)} of sink "${name}" is committed, which was never prepared`
      const reason = new InvariantViolated({ query: run.log.query, batch: batch.batch, detail })
      return yield* new CommitError({ reason })
    }
  }
})

/**
 * What became of a prepared sink. Where nobody can know, it is not guessed: it fails, unless somebody has looked and said so.
 *
 * @category running
 * @since 0.2.0
 */
export const outcomeOf = Effect.fnUntraced(function*<E, R>(
  run: Run<E, R>,
  unfinished: UnfinishedBatch,
  sink: string,
  prepared: PreparedSink
) {
  const outcome = yield* session(run, sink).recover(idOf(run, unfinished), prepared)
  if (outcome._tag !== "unknown") return outcome._tag
  const { batch } = unfinished
  const { evidence, handle } = prepared
  const isSaid = (said: Resolution) =>
    said.batch === batch && said.sink === sink && JSON.stringify(said.handle) === JSON.stringify(handle)
  const said = run.resolutions.find(isSaid)
  if (said !== undefined) return said.outcome
  const { detail } = outcome
  const reason = new AmbiguousCommit({ query: run.log.query, batch, sink, handle, evidence, detail })
  return yield* new CommitError({ reason })
})

/** Commits what the log names of a sink, if it names anything. @category running @since 0.2.0 */
export const commit = <E, R>(run: Run<E, R>, batch: UnfinishedBatch, name: string) =>
  Effect.suspend(() => {
    const prepared = preparedNow(run, batch).get(name)
    return prepared === undefined ? Effect.void : session(run, name).commit(idOf(run, batch), prepared)
  })
