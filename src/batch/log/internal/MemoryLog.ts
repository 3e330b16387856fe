/** A query's log in this process's memory. */
import * as Effect from "effect/Effect"
import { CheckpointLogError, SequenceNotNext, SequenceTaken } from "../../protocol/CheckpointLogError.ts"
import type { QueryName } from "../../protocol/QueryName.ts"
import type { QueryLog, StoredRecord } from "../LogContract.ts"

/** @category constructors @since 0.1.0 */
export const make = (query: QueryName): QueryLog => {
  const records: Array<StoredRecord> = []
  let floor = 0
  let next = 0
  return {
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
