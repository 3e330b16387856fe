/** Histories of the same events: cut into batches anywhere, with the watermarks that follow. */
import { Watermarks } from "effect-pravega/flow"
import type { Change } from "effect-pravega/flow"
import type { Moment, Outcome, SourceEvent } from "./Interpreter.ts"
import { bySource, type Honest } from "./randomFlows.ts"

/** Each batch takes of each segment as much as the next of `takes` says; the last takes the rest, and then time ends. */
export const cut = ({ disorder, segments }: Honest, takes: ReadonlyArray<number>): ReadonlyArray<Moment> => {
  const read = segments.map(() => 0)
  const known = segments.map(() => -Infinity)
  const moments: Array<Moment> = []
  let watermark = -Infinity
  let turn = 0
  const batch = (sizeOf: () => number): void => {
    const events: Array<SourceEvent> = []
    segments.forEach((segment, i) => {
      const taken = segment.slice(read[i]!, read[i]! + sizeOf())
      read[i]! += taken.length
      known[i] = Watermarks.advance(known[i]!, taken.map(({ at }) => at.time), { disorder })
      events.push(...taken)
    })
    // A segment that is read to its end is as one that is sealed: only those that have more hold time back.
    const open = segments.flatMap((segment, i) =>
      read[i]! < segment.length ? [{ watermark: known[i]!, isIdle: false }] : []
    )
    if (open.length > 0) {
      watermark = Watermarks.combine(watermark, open, 0, { disorder, whenAllIdle: "wait" })
    }
    moments.push({ events: events.toSorted(bySource), watermark, clock: 0 })
  }
  for (let i = 0; i < takes.length; i += Math.max(1, segments.length)) batch(() => takes[turn++ % takes.length]!)
  batch(() => Infinity)
  moments.push({ events: [], watermark: Infinity, clock: 0 })
  return moments
}

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_name, part: unknown) => typeof part === "bigint" ? String(part) : part)

/** Results of a run as a multiset: of updates the last of each key and window, of changes their sum. */
export const results = (
  mode: "events" | "updates" | "changes",
  outcomes: ReadonlyArray<Outcome>
): ReadonlyArray<string> => {
  const values = outcomes.flatMap(({ outputs }) => outputs.map(({ value }) => value))
  if (mode === "events") return values.map(textOf).toSorted()
  if (mode === "updates") {
    return [...new Map(values.map((value) => [identity(value), textOf(value)])).values()].toSorted()
  }
  const sum = new Map<string, number>()
  const add = (value: unknown, by: number) => sum.set(textOf(value), (sum.get(textOf(value)) ?? 0) + by)
  for (const value of values) {
    const change = value as Change.Change<unknown>
    if (change._tag !== "Added") add(change.before, -1)
    if (change._tag !== "Removed") add(change.after, 1)
  }
  return [...sum].filter(([, count]) => count !== 0).map(([text, count]) => `${count} ${text}`).toSorted()
}

const identity = (value: unknown): string => {
  const { key, window } = value as { readonly key: unknown; readonly window?: unknown }
  return textOf([key, window])
}

/** What came out in each moment, in no order. */
export const byMoment = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<unknown> =>
  outcomes.map(({ late, outputs }) => ({
    late,
    outputs: outputs.map(({ at, value }) => `${at.time} ${textOf(value)}`).toSorted()
  }))
