/**
 * What happened in a run, one line an event, so that a failure can be read from its end backwards: when, who, what.
 *
 * @since 0.1.0
 */

/** @category models @since 0.1.0 */
export interface Timeline {
  /** `mark` is one character of the legend. */
  readonly add: (mark: Mark, who: string, what: string) => void
  /** The legend, and a line for each event. */
  readonly toString: () => string
  /** The lines alone. */
  readonly lines: () => ReadonlyArray<string>
}

/** What kind of event a line is. @category models @since 0.1.0 */
export type Mark = keyof typeof legend

const legend = {
  ">": "an rpc is sent",
  "L": "a record of the checkpoint log",
  "~": "a fault of the network",
  "!": "a crash, a pause, or another blow to a process",
  "*": "somebody changes a stream: writes, scales, seals, truncates",
  "=": "an outcome",
  "X": "an invariant is violated"
} as const

/** The latest are kept. */
const kept = 20_000

/**
 * `elapsed`: milliseconds since the run began.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (elapsed: () => number): Timeline => {
  const events: Array<readonly [at: number, mark: Mark, who: string, what: string]> = []
  const lines = () =>
    events.map(([at, mark, who, what]) => `${formatTime(at).padStart(12)} ${mark} ${who.padEnd(10)} ${what}`)
  return {
    add: (mark, who, what) => {
      events.push([elapsed(), mark, who, what])
      if (events.length > 2 * kept) events.splice(0, kept)
    },
    lines,
    toString: () => {
      const used = new Set(events.map(([, mark]) => mark))
      const meanings = Object.entries(legend).filter(([mark]) => used.has(mark as Mark))
      return [
        "time since the start, what kind of event, who, what:",
        ...meanings.map(([mark, meaning]) => `  ${mark} ${meaning}`),
        ...lines()
      ].join("\n")
    }
  }
}

/** `12.345 s`, `1:02:03.456`. */
const formatTime = (millis: number): string => {
  const seconds = (millis / 1000) % 60
  const minutes = Math.floor(millis / 60_000) % 60
  const hours = Math.floor(millis / 3_600_000)
  if (hours === 0 && minutes === 0) return `${seconds.toFixed(3)} s`
  return `${hours}:${String(minutes).padStart(2, "0")}:${seconds.toFixed(3).padStart(6, "0")}`
}
