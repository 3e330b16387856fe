/**
 * An append to a log whose outcome is known in the end (rule 2): one that may have come true or not is sent again under
 * the same number, which tells whether it did, or makes it so. What the bytes say is not looked at.
 */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as BackOff from "../../core/BackOff.ts"
import { CheckpointCorrupt, CheckpointLogError, OutcomeUnknown } from "../protocol/CheckpointLogError.ts"
import type { QueryName } from "../protocol/QueryName.ts"
import type { QueryLog } from "./LogContract.ts"

/** @category models @since 0.1.0 */
export type Settled =
  | { readonly _tag: "appended" }
  /** By another record; undefined: it was forgotten already. */
  | { readonly _tag: "taken"; readonly by: Uint8Array | undefined }

/** How long an unknown outcome is looked into: about half a minute. */
const settling = BackOff.doubling("50 millis", "2 seconds").pipe(Schedule.upTo({ duration: "30 seconds" }))

/** A taken number that holds these very bytes is success. @category running @since 0.1.0 */
export const settle = (
  log: QueryLog,
  query: QueryName,
  sequence: number,
  bytes: Uint8Array
): Effect.Effect<Settled, CheckpointLogError> => {
  const attempt: Effect.Effect<Settled, CheckpointLogError> = log.append(sequence, bytes).pipe(
    Effect.as<Settled>({ _tag: "appended" }),
    Effect.catchReason("CheckpointLogError", "SequenceTaken", () => look(log, query, sequence, bytes))
  )
  return Effect.catchReason(attempt, "CheckpointLogError", "OutcomeUnknown", (_, unknown) =>
    attempt.pipe(
      Effect.retry({
        schedule: settling,
        while: (error) => error.reason._tag === "OutcomeUnknown" || error.reason._tag === "LogUnavailable"
      }),
      // Not found out: whatever was answered last, the first append may have come true.
      Effect.mapError((error) => error.reason._tag === "LogUnavailable" ? unknown : error)
    )).pipe(Effect.uninterruptible)
}

/** By which record a number is taken. */
const look = Effect.fnUntraced(function*(log: QueryLog, query: QueryName, sequence: number, bytes: Uint8Array) {
  const records = yield* Effect.catchReason(
    log.read(sequence),
    "CheckpointLogError",
    "LogUnavailable",
    ({ cause }) => Effect.fail(new CheckpointLogError({ reason: new OutcomeUnknown({ query, sequence, cause }) }))
  )
  const stored = records.find((found) => found.sequence === sequence)
  if (stored === undefined) return { _tag: "taken", by: undefined } satisfies Settled
  if (stored.isMissing === true) {
    const reason = new CheckpointCorrupt({ query, sequence, detail: "the record is missing" })
    return yield* new CheckpointLogError({ reason })
  }
  if (Bytes.Equivalence(stored.bytes, bytes)) return { _tag: "appended" } satisfies Settled
  return { _tag: "taken", by: stored.bytes } satisfies Settled
})
