/** One benchmark: what it measures, of whom, and what its figures do not show. */
import type { Peer, Program } from "../peers/Peer.ts"
import type { Figures } from "../peers/PeerProcess.ts"
import type { RealServer } from "../RealServer.ts"

export interface Case {
  /** As in `--only`. */
  readonly name: string
  readonly title: string
  /** What is done, in a sentence or two above the tables. */
  readonly does: string
  /** What the tables do not show. */
  readonly doesNotShow: string
  /** A table for each. */
  readonly metrics: ReadonlyArray<Metric>
  /** Only when it is asked for. */
  readonly isExtra?: boolean | undefined
  /** Default true. False: it uses neither `peers` nor `server`. */
  readonly needsClients?: boolean | undefined
  /** Default: ours to the best other. */
  readonly ratios?: ReadonlyArray<Ratio> | undefined
  /** Its share of a whole run: no other round is begun that would not end within so many seconds. */
  readonly seconds: number
  readonly run: (bench: Bench) => Promise<void>
}

/** A figure, or what is made of several. */
export interface Metric {
  readonly title: string
  readonly of: (figures: Figures) => number | undefined
  /** What is better, for the ratio; undefined: there is none. */
  readonly better?: "more" | "less" | undefined
  readonly digits?: number | undefined
  /** Subjects that do less for their figure: not the best other, whatever it is. */
  readonly incomparable?: ReadonlyArray<string> | undefined
}

/** A column that compares: above 1, `of` is better than the best of `to` (all others if undefined). */
export interface Ratio {
  readonly title: string
  readonly of: string
  readonly to?: ReadonlyArray<string> | undefined
}

/** A measured row of one subject (a peer, a server). */
export interface Measured {
  readonly row: string
  readonly subject: string
  readonly round: number
  readonly figures: Figures
}

export interface PreparedPeer {
  readonly peer: Peer
  readonly program: Program
}

/** What a case is run with. */
export interface Bench {
  readonly isQuick: boolean
  /** Those that can be run here, ours last. */
  readonly peers: ReadonlyArray<PreparedPeer>
  readonly server: RealServer
  /** Numbers of rounds, as long as there is time. */
  readonly rounds: () => Iterable<number>
  readonly record: (measured: Measured) => void
  /** A sentence under the tables. */
  readonly remark: (text: string) => void
  /** What went wrong with one measurement: printed, and named under the table. */
  readonly failed: (row: string, subject: string, cause: unknown) => void
}

/** Of all rows that list it. */
export const eventsPerSecond: Metric = {
  title: "Events per second",
  of: ({ events = Number.NaN, seconds = Number.NaN }) => events / seconds,
  better: "more"
}

export const cpuPerMillion: Metric = {
  title: "Client's CPU seconds per million events",
  of: ({ cpuSeconds = Number.NaN, events = Number.NaN }) => cpuSeconds * 1e6 / events,
  better: "less",
  digits: 2
}

export const serverCpuPerMillion: Metric = {
  title: "Server's CPU seconds per million events",
  of: ({ events = Number.NaN, serverCpuSeconds = Number.NaN }) => serverCpuSeconds * 1e6 / events,
  digits: 2
}

export const sizes = [100, 1024, 10 * 1024, 100 * 1024] as const
export const segmentCounts = [1, 4, 16] as const

export const sizeText = (bytes: number): string => bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`
export const segmentsText = (segments: number): string => segments === 1 ? "1 segment" : `${segments} segments`
