/** Queries' logs in this process's memory. */
import * as Effect from "effect/Effect"
import { CheckpointLogError, SequenceNotNext, SequenceTaken } from "../../protocol/CheckpointLogError.ts"
import type { QueryName } from "../../protocol/QueryName.ts"
import type { LogHome, QueryLog, StoredRecord } from "../LogContract.ts"

/** Gone with the one who made it. @category constructors @since 0.2.0 */
export const make = (): LogHome => {
  const logs = new Map<QueryName, ReturnType<typeof open>>()
  return {
    open: (query) =>
      Effect.sync(() => {
        const log = logs.get(query) ?? open(query)
        logs.set(query, log)
        return log
      }),
    exists: (query) => Effect.sync(() => logs.get(query)?.isBegun() ?? false),
    list: Effect.sync(() => [...logs].flatMap(([query, log]) => log.isBegun() ? [query] : []).toSorted())
  }
}

const open = (query: QueryName): QueryLog & { readonly isBegun: () => boolean } => {
  const records: Array<StoredRecord> = []
  let floor = 0
  let next = 0
  return {
    isBegun: () => next > 0,
    append: (sequence, bytes) =>
      Effect.suspend(() => {
        if (sequence < next) {
          return Effect.fail(new CheckpointLogError({ reason: new SequenceTaken({ query, sequence }) }))
        }
        if (sequence > next) {
          return Effect.fail(new CheckpointLogError({ reason: new SequenceNotNext({ query, sequence, next }) }))
        }
        records.push({ sequence, bytes: bytes.slice() })
        next++
        return Effect.void
      }),
    read: (from) => Effect.sync(() => records.filter((record) => record.sequence >= from)),
    compact: (before) =>
      Effect.suspend(() => {
        if (before > next) {
          return Effect.fail(new CheckpointLogError({ reason: new SequenceNotNext({ query, sequence: before, next }) }))
        }
        floor = Math.max(floor, before)
        while (records[0] !== undefined && records[0].sequence < floor) records.shift()
        return Effect.void
      })
  }
}
