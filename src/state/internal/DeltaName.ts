/**
 * The names of deltas and of their parts among the objects of a home.
 */
import type { StateHead } from "../StateHead.ts"

/** By what a delta is found. @category models @since 0.2.0 */
export type DeltaName = Pick<StateHead, "log" | "version" | "epoch" | "attempt">

/** A name that was read; chunk 0 is the head. @category models @since 0.2.0 */
export interface Parsed extends Omit<DeltaName, "log"> {
  /** As it is in names. */
  readonly log: string
  readonly chunk: number
}

/** The object with the head: the last one that is written. @category naming @since 0.2.0 */
export const headName = ({ attempt, epoch, log, version }: DeltaName): string =>
  `${logName(log)}.${String(version).padStart(16, "0")}.${epoch}.${attempt}`

/** A further chunk, from 1. @category naming @since 0.2.0 */
export const chunkName = (name: DeltaName, chunk: number): string => `${headName(name)}.${chunk}`

/** A log's name as a part of objects' names. @category naming @since 0.2.0 */
export const logName = (log: string): string =>
  log.replaceAll(/[^A-Za-z0-9-]/g, (character) => `_${character.codePointAt(0)!.toString(16)}_`)

/** Undefined: it is no delta's. @category decoding @since 0.2.0 */
export const parse = (name: string): Parsed | undefined => {
  const match = /^([A-Za-z0-9_-]+)\.(\d{16})\.(\d+)\.(\d+)(?:\.(\d+))?$/.exec(name)
  if (match === null) return undefined
  const [, log = "", version, epoch, attempt, chunk = "0"] = match
  return { log, version: Number(version), epoch: Number(epoch), attempt: Number(attempt), chunk: Number(chunk) }
}
