/**
 * The bytes that were appended last, of all segments of a directory, in memory: readers mostly ask for what was just
 * written. The oldest go first when there are too many. It is a cache: whatever it does not have lies in the tables.
 *
 * Bytes that came in a buffer of `ReadBuffers` stay in it, and it goes back when they go: so nobody gets a view of them.
 *
 * @internal
 */
import * as ReadBuffers from "../../../pravega/wire/ReadBuffers.ts"
import { SegmentBytes } from "./SegmentBytes.ts"

/** What is held, in bytes: with what is empty of the buffers that they lie in. */
const limitDefault = 64 * 1024 * 1024
/** Appends to one segment that follow each other leave together, up to so many bytes. */
const groupBytes = 256 * 1024
/** What a group is counted for beside its bytes: there may be millions of tiny ones. */
const groupOverhead = 256

/** Up to `end`, a log is forgotten when the group's turn comes. */
interface Group {
  readonly log: SegmentBytes
  end: number
  bytes: number
}

/** @category models @since 0.1.0 */
export class RecentBytes {
  private readonly limit: number
  /** Of each segment one run without gaps. */
  private readonly logs = new Map<number, SegmentBytes>()
  /** In the order of their first append; those before `first` are gone. */
  private groups: Array<Group> = []
  private first = 0
  /** What is held in memory, in bytes: never more than the limit when a call is over. */
  held = 0

  constructor(limit: number = limitDefault) {
    this.limit = limit
  }

  /** `data`: nobody else has it, if it came from `ReadBuffers`. */
  append(segment: number, offset: number, data: Uint8Array): void {
    let log = this.logs.get(segment)
    if (log === undefined || log.end !== offset) {
      this.forget(segment)
      log = new SegmentBytes(offset, ReadBuffers.give)
      this.logs.set(segment, log)
    }
    const before = log.held
    if (!log.append(data)) ReadBuffers.give(data)
    this.held += log.held - before
    const last = this.first < this.groups.length ? this.groups.at(-1) : undefined
    if (last?.log === log && last.bytes < groupBytes) {
      last.end = log.end
      last.bytes += data.length
    } else {
      this.groups.push({ log, end: log.end, bytes: data.length })
      this.held += groupOverhead
    }
    while (this.held > this.limit && this.first < this.groups.length) this.evict()
  }

  /** A copy, which may be given to `ReadBuffers`. Undefined: `offset` is not among them. */
  read(segment: number, offset: number, length: number): Uint8Array | undefined {
    const log = this.logs.get(segment)
    return log === undefined || offset < log.start || offset >= log.end ? undefined : log.copy(offset, length)
  }

  /** All bytes of `source` are now those of `target` from `offset` on. */
  merge(target: number, offset: number, source: number): void {
    const from = this.logs.get(source)
    if (from !== undefined && from.start === 0) {
      // they are the target's now
      from.onDropped = undefined
      let at = offset
      for (const bytes of Array.from(from.parts())) {
        this.append(target, at, bytes)
        at += bytes.length
      }
    }
    this.forget(source)
  }

  truncate(segment: number, offset: number): void {
    const log = this.logs.get(segment)
    if (log !== undefined) this.truncateLog(log, offset)
  }

  forget(segment: number): void {
    const log = this.logs.get(segment)
    if (log === undefined) return
    // its groups hold the log until their turn comes
    this.truncateLog(log, log.end)
    this.logs.delete(segment)
  }

  private evict(): void {
    const { end, log } = this.groups[this.first++]!
    this.held -= groupOverhead
    this.truncateLog(log, end)
    if (this.first >= 1024 && this.first * 2 >= this.groups.length) {
      this.groups.splice(0, this.first)
      this.first = 0
    }
  }

  private truncateLog(log: SegmentBytes, offset: number): void {
    const before = log.held
    log.truncate(offset)
    this.held -= before - log.held
  }
}
