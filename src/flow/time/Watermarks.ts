/**
 * How watermarks go on: pure functions of what is recorded, so that a batch that is done again has the same one. A
 * watermark is exclusive: no event with an earlier time is to come. Before anything is known it is `-Infinity`; at the end of
 * time it is `Infinity`.
 *
 * They read no clock and no stream; what they are given was read once, and recorded.
 *
 * @since 0.2.0
 */
import type { EventTime } from "./EventTime.ts"

/** A part of a source that is read in order, as far as time knows it. @category models @since 0.2.0 */
export interface Segment {
  readonly watermark: number
  readonly isIdle: boolean
}

/** A segment's watermark after some more of its events. @category transitions @since 0.2.0 */
export const advance = (
  watermark: number,
  times: ReadonlyArray<number>,
  { disorder }: Pick<EventTime<never>, "disorder">
): number => {
  let greatest = -Infinity
  for (const time of times) if (time > greatest) greatest = time
  return Math.max(watermark, greatest - disorder)
}

/** A segment begins with the least watermark of those that it replaces: none, that of a stream's first segments. @category transitions @since 0.2.0 */
export const successor = (predecessors: ReadonlyArray<number>): number =>
  predecessors.length === 0 ? -Infinity : Math.min(...predecessors)

/**
 * W(n): the greater of W(n-1) and the least over the segments that are not idle. Without any segment left to read time has
 * ended.
 *
 * @category transitions
 * @since 0.2.0
 */
export const combine = (
  previous: number,
  segments: ReadonlyArray<Segment>,
  clock: number,
  { disorder, whenAllIdle }: Pick<EventTime<never>, "disorder" | "whenAllIdle">
): number => {
  if (segments.length === 0) return Infinity
  let least = Infinity
  let isActive = false
  for (const { isIdle, watermark } of segments) {
    if (isIdle) continue
    isActive = true
    if (watermark < least) least = watermark
  }
  if (isActive) return Math.max(previous, least)
  return whenAllIdle === "clock" ? Math.max(previous, clock - disorder) : previous
}

/** What a look at a segment found, as it is recorded. @category models @since 0.2.0 */
export interface Look {
  /** When it was looked, in milliseconds since 1970. */
  readonly at: number
  /** Where the segment ends. */
  readonly tail: bigint
}

/**
 * Whether a segment is idle: all of it is read, and a look `idleAfter` before found the same end. Unread events are never
 * idle, however old they are.
 *
 * @category transitions
 * @since 0.2.0
 */
export const isIdle = (
  now: Look,
  since: Look | undefined,
  readTo: bigint,
  { idleAfter }: Pick<EventTime<never>, "idleAfter">
): boolean => since !== undefined && readTo >= now.tail && since.tail === now.tail && now.at - since.at >= idleAfter

/** The look that idleness is measured from: the first one that found this end. Time never goes back. @category transitions @since 0.2.0 */
export const firstLook = (now: Look, since: Look | undefined): Look => {
  const at = since === undefined ? now.at : Math.max(now.at, since.at)
  return since !== undefined && since.tail === now.tail ? since : { at, tail: now.tail }
}

/** What becomes of an event's time: undefined if the event is left out as a late one. @category transitions @since 0.2.0 */
export const believed = (
  time: number,
  clock: number,
  { beyond, maxAhead }: Pick<EventTime<never>, "beyond" | "maxAhead">
): { readonly time: number } | "refused" | "late" => {
  if (time <= clock + maxAhead) return { time }
  if (beyond === "clamp") return { time: clock + maxAhead }
  return beyond === "late" ? "late" : "refused"
}

/**
 * Whether planning may take more of a segment: not while it is further ahead of the watermark than `maxDrift`, and another
 * one, that is not idle, has unread events. Before there is a watermark, all are taken from.
 *
 * @category planning
 * @since 0.2.0
 */
export const mayTake = (
  segment: number,
  watermark: number,
  others: ReadonlyArray<{ readonly isIdle: boolean; readonly hasUnread: boolean }>,
  { maxDrift }: Pick<EventTime<never>, "maxDrift">
): boolean =>
  watermark === -Infinity || segment - watermark <= maxDrift ||
  !others.some(({ hasUnread, isIdle }) => hasUnread && !isIdle)
