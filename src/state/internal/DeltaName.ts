/**
 * The names of deltas and snapshots, and of their parts, among the objects of a home.
 */
import type { StateHead } from "../StateHead.ts"

/** By what a delta is found, or, with a slot, a snapshot's rows of that slot. @category models @since 0.2.0 */
export interface DeltaName extends Pick<StateHead, "log" | "version" | "epoch" | "attempt"> {
  readonly slot?: number | undefined
}

/** A name that was read; chunk 0 is the head. @category models @since 0.2.0 */
export interface Parsed extends Pick<StateHead, "version" | "epoch" | "attempt"> {
  /** As it is in names. */
  readonly log: string
  /** Of a snapshot's head, or of its rows of a slot; undefined: it is a delta. */
  readonly of: "snapshot" | "slot" | undefined
  readonly chunk: number
  /** As the home has it, and that of the head that it belongs to. */
  readonly name: string
  readonly head: string
}

/** The object with the head: the last one that is written. @category naming @since 0.2.0 */
export const headName = ({ slot, ...name }: DeltaName): string =>
  slot === undefined ? stem(name) : `${stem(name)}-${slot}`

/** A snapshot's head. @category naming @since 0.2.0 */
export const snapshotName = (name: DeltaName): string => `${stem(name)}-all`

const stem = ({ attempt, epoch, log, version }: DeltaName): string =>
  `${logName(log)}.${String(version).padStart(16, "0")}.${epoch}.${attempt}`

/** A further chunk, from 1. @category naming @since 0.2.0 */
export const chunkName = (name: DeltaName, chunk: number): string => `${headName(name)}.${chunk}`

/** A log's name as a part of objects' names. @category naming @since 0.2.0 */
export const logName = (log: string): string =>
  log.replaceAll(/[^A-Za-z0-9-]/g, (character) => `_${character.codePointAt(0)!.toString(16)}_`)

/** Undefined: it is none of them. @category decoding @since 0.2.0 */
export const parse = (name: string): Parsed | undefined => {
  const match = /^([A-Za-z0-9_-]+)\.(\d{16})\.(\d+)\.(\d+)(?:-(\d+|all))?(?:\.(\d+))?$/.exec(name)
  if (match === null) return undefined
  const [, log = "", version, epoch, attempt, part, chunk] = match
  return {
    log,
    version: Number(version),
    epoch: Number(epoch),
    attempt: Number(attempt),
    of: part === undefined ? undefined : part === "all" ? "snapshot" : "slot",
    chunk: Number(chunk ?? 0),
    name,
    head: chunk === undefined ? name : name.slice(0, -chunk.length - 1)
  }
}
