/**
 * Whether the sinks stand where the log says. A log, or what a sink writes to, may have been put back to an older copy while
 * the query did not run: then nothing of the protocol notices, and events would be lost or repeated.
 */
import * as Effect from "effect/Effect"
import { lastCommitted } from "../../log/LogState.ts"
import { CommitError, SinkAhead, SinkBehind } from "../../protocol/CommitError.ts"
import type { Run } from "../BatchRun.ts"

/**
 * Compares each sink once: one that has a prepared batch to commit, when it has done so.
 *
 * @category running
 * @since 0.2.0
 */
export const compare = <E, R>({ log, sinks, uncompared }: Run<E, R>): Effect.Effect<void, E | CommitError> =>
  uncompared.size === 0 ? Effect.void : Effect.forEach(
    Array.from(uncompared).filter((name) => log.state().unfinished[0]?.prepared?.has(name) !== true),
    Effect.fnUntraced(function*(sink) {
      const last = lastCommitted(log.state(), sink)
      const standing = last === undefined
        ? undefined
        : yield* sinks.get(sink)?.compare?.(log.query, last) ?? Effect.undefined
      uncompared.delete(sink)
      if (standing === undefined || standing._tag === "asKnown") return
      const { detail } = standing
      const found = { query: log.query, sink, batch: last?.batch ?? -1, detail }
      return yield* new CommitError({
        reason: standing._tag === "ahead" ? new SinkAhead(found) : new SinkBehind(found)
      })
    }),
    { discard: true }
  )
