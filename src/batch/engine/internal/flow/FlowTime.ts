/**
 * How far time is after a batch: a function of where it was before, of what the batch's plan recorded, and of the times of
 * the events that it read. It reads no clock and no stream (T1).
 */
import type { EventTime } from "../../../../flow/time/EventTime.ts"
import * as Watermarks from "../../../../flow/time/Watermarks.ts"
import type { Looks, PartTime, SourceLook, TimeState } from "../../../protocol/TimeRecord.ts"

/** As far as time knows a source. @category models @since 0.2.0 */
export interface TimedSource {
  readonly name: string
  /** Undefined: its events have the time of their batch's plan. */
  readonly time?: EventTime<never> | undefined
}

/** What a batch's plan says. @category models @since 0.2.0 */
export interface Planned {
  readonly at: number
  readonly looks: Looks
}

/** Per source and part: the greatest time that was read. @category models @since 0.2.0 */
export type Greatest = ReadonlyMap<string, ReadonlyMap<string, number>>

/** W(n), and what the next batch goes on from. @category models @since 0.2.0 */
export interface Next {
  readonly watermark: number
  readonly sources: TimeState["sources"]
}

/** @category transitions @since 0.2.0 */
export const next = (
  before: Pick<TimeState, "watermark" | "sources"> | undefined,
  planned: Planned,
  sources: ReadonlyArray<TimedSource>,
  greatest: Greatest
): Next => {
  const segments: Array<Watermarks.Segment> = []
  const after: Record<string, TimeState["sources"][string]> = {}
  for (const { name, time } of sources) {
    const look = planned.looks[name]
    if (look === undefined || look.isEnded) continue
    if (time === undefined) {
      segments.push({ watermark: planned.at, isIdle: false })
      continue
    }
    const parts = partsAfter(before?.sources[name] ?? {}, look, planned.at, time, greatest.get(name) ?? new Map())
    after[name] = Object.fromEntries(parts.map(({ name, part }) => [name, part]))
    for (const { isIdle, part } of parts) segments.push({ watermark: part.watermark, isIdle })
  }
  // Where all wait for the clock, they wait for the one that allows for the most disorder.
  const timed = sources.flatMap(({ time }) => time === undefined ? [] : [time])
  const disorder = Math.max(0, ...timed.map((time) => time.disorder))
  const whenAllIdle = timed.every((time) => time.whenAllIdle === "clock") ? "clock" : "wait"
  const previous = before?.watermark ?? -Infinity
  return {
    watermark: Watermarks.combine(previous, segments, planned.at, { disorder, whenAllIdle }),
    sources: after
  }
}

interface PartAfter {
  readonly name: string
  readonly part: PartTime
  readonly isIdle: boolean
}

const partsAfter = (
  before: Readonly<Record<string, PartTime>>,
  { parts }: SourceLook,
  at: number,
  time: EventTime<never>,
  greatest: ReadonlyMap<string, number>
): ReadonlyArray<PartAfter> => {
  const advanced = (name: string, watermark: number): number => {
    const most = greatest.get(name)
    return most === undefined ? watermark : Watermarks.advance(watermark, [most], time)
  }
  // What is not there any more was replaced by what is new. Which by which is not known here, so each of those begins with
  // the least of all: no event of a successor is judged by a later watermark than its predecessor's (T4).
  const gone = Object.entries(before).filter(([name]) => parts[name] === undefined)
  const first = Watermarks.successor(gone.map(([name, { watermark }]) => advanced(name, watermark)))
  return Object.entries(parts).map(([name, { readTo, tail }]) => {
    const known = before[name]
    const since = known?.since === undefined ? undefined : { at: known.since.at, tail: BigInt(known.since.tail) }
    const now = { at, tail: BigInt(tail) }
    const look = Watermarks.firstLook(now, since)
    return {
      name,
      part: {
        watermark: advanced(name, known?.watermark ?? first),
        since: { at: look.at, tail: String(look.tail) }
      },
      isIdle: Watermarks.isIdle(now, since, BigInt(readTo), time)
    }
  })
}
