/**
 * What the model speaks of: a history is what came in, moment by moment, with what was known of time. Every step of a flow
 * means a function from histories to histories; no step of the model remembers anything.
 *
 * @since 0.2.0
 */
import type { Place } from "../Place.ts"

/** @category models @since 0.2.0 */
export interface Event {
  readonly value: unknown
  readonly at: Place
}

/** What came at once: one batch. @category models @since 0.2.0 */
export interface Moment {
  readonly events: ReadonlyArray<Event>
  /** What was known of time before it, and with it: nothing earlier is to come. */
  readonly before: number
  readonly watermark: number
  readonly clock: number
}

/** @category models @since 0.2.0 */
export type History = ReadonlyArray<Moment>

/** An event that came with a key into a step. @category models @since 0.2.0 */
export interface Arrival extends Event {
  /** In which moment. */
  readonly n: number
  readonly key: string
  readonly port: number
}

/** What a step makes, and what came too late for it. @category models @since 0.2.0 */
export interface Made {
  /** By moment. */
  readonly events: ReadonlyArray<ReadonlyArray<Event>>
  readonly late: ReadonlyArray<Arrival>
  /** How far what it makes may be behind what it takes in. */
  readonly hold: number
}

/** The first moment from `n` on in which `isSo`: undefined if there is none. @category getters @since 0.2.0 */
export const firstFrom = (
  history: History,
  n: number,
  isSo: (moment: Moment) => boolean
): number | undefined => {
  for (let m = n; m < history.length; m++) if (isSo(history[m]!)) return m
  return undefined
}

/** What was made in which moment, each moment's in order of its times. @category converting @since 0.2.0 */
export const byMoment = (
  history: History,
  made: ReadonlyArray<Event & { readonly n: number }>
): ReadonlyArray<ReadonlyArray<Event>> =>
  history.map((_, n) => made.filter((event) => event.n === n).toSorted((a, b) => a.at.time - b.at.time))

/** The place of a result of a step. @category constructors @since 0.2.0 */
export const resultOf = (step: string, key: string, time: number): Place => ({
  time,
  source: `${step}\u0000${key}`,
  segment: 0n,
  offset: 0n,
  ordinal: 0
})

/** The place of one of several that were made of one. @category constructors @since 0.2.0 */
export const withOrdinal = ({ offset, segment, source, time }: Place, ordinal: number): Place => ({
  time,
  source,
  segment,
  offset,
  ordinal
})
