/**
 * What a reader does when events that it was to read are gone because the stream was truncated.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { TruncatedData } from "./ReadError.ts"

/**
 * `fail` (the default everywhere): the read fails with `TruncatedData`. `skip`: it goes on after the gap; the gap is
 * logged as a warning and counted. A function: as `skip`, but it is given each gap instead of the log, and the read
 * waits for it.
 *
 * @category models
 * @since 0.1.0
 */
export type OnTruncated = "fail" | "skip" | ((lost: TruncatedData) => Effect.Effect<void>)

/**
 * Gaps that were skipped; by stream.
 *
 * @category metrics
 * @since 0.1.0
 */
export const gaps = Metric.counter("pravega_read_gaps", {
  description: "runs of truncated events that readers skipped",
  incremental: true
})

/**
 * Bytes in those gaps, as far as their length is known; by stream.
 *
 * @category metrics
 * @since 0.1.0
 */
export const gapBytes = Metric.counter("pravega_read_gap_bytes", {
  description: "truncated bytes that readers skipped, as far as known",
  incremental: true,
  bigint: true
})

/**
 * Does what was chosen about a gap: fails with it, or reports it.
 *
 * @internal
 * @category running
 * @since 0.1.0
 */
export const handle = (choice: OnTruncated, lost: TruncatedData): Effect.Effect<void, TruncatedData> => {
  if (choice === "fail") return Effect.fail(lost)
  const attributes = { stream: String(lost.stream) }
  const report = choice === "skip"
    ? Effect.logWarning("truncated events were skipped", {
      stream: attributes.stream,
      segment: lost.segment,
      from: lost.start,
      to: lost.end
    })
    : choice(lost)
  return Metric.update(Metric.withAttributes(gaps, attributes), 1).pipe(
    Effect.andThen(
      lost.end === undefined
        ? Effect.void
        : Metric.update(Metric.withAttributes(gapBytes, attributes), lost.end - lost.start)
    ),
    Effect.andThen(report)
  )
}
