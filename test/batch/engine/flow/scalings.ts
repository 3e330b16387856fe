/** The same events in segments that replaced each other: some are split by their keys, and merged again. */
import * as FastCheck from "fast-check"
import type { SourceEvent } from "../../../flow/Interpreter.ts"
import type { Event, Honest } from "../../../flow/randomFlows.ts"
import type { Segment } from "./segmentsSource.ts"

/** Where each segment is split and where its halves are merged again, as parts of its length. */
export type Scaling = readonly [number, number]

const part = FastCheck.double({ min: 0, max: 1, noNaN: true })
export const scalings = FastCheck.array(FastCheck.tuple(part, part), { minLength: 4, maxLength: 4 })

/** By the names of the sources. */
export const scaled = (
  { segments }: Honest,
  scalings: ReadonlyArray<Scaling>
): Readonly<Record<string, ReadonlyArray<Segment>>> => {
  const all: Record<string, Array<Segment>> = { left: [], right: [] }
  segments.forEach((events, i) => {
    const [first] = events
    if (first === undefined) return
    const into = all[first.source]!
    const [a, b] = scalings[i % scalings.length]!
    const split = Math.floor(Math.min(a, b) * events.length)
    const merge = Math.floor(Math.max(a, b) * events.length)
    const n = into.length
    into.push({ events: events.slice(0, split), after: [] })
    const between = events.slice(split, merge)
    into.push({ events: between.filter((event) => isLow(event)), after: [n] })
    into.push({ events: between.filter((event) => !isLow(event)), after: [n] })
    into.push({ events: events.slice(merge), after: [n + 1, n + 2] })
  })
  return all
}

const isLow = ({ value }: SourceEvent): boolean => (value as Event).key < "b"
