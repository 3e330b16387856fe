/**
 * Where the embedded server keeps what must outlive a crash: segments, their bytes and attributes, and records (text
 * under a key) for everything else. It decides nothing: what may be appended where is `SegmentContainer`'s business, what
 * a record means its owner's.
 *
 * Changes are staged by plain calls, and become durable together at the next commit: whatever is staged within one turn
 * of the event loop is one atomic unit, whatever staged it. What was staged can be read back at once.
 *
 * @internal
 */
import { SegmentBytes } from "./internal/SegmentBytes.ts"

/**
 * A segment without its bytes and attributes. Offsets and lengths in bytes, times in milliseconds since 1970.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredSegment {
  /** Unique for ever: a segment that is created again under an old name gets another key. */
  readonly key: number
  readonly name: string
  /** The length of all keys of a table segment, 0 if they may differ; undefined: not a table. */
  readonly tableKeyLength: number | undefined
  /** The first byte that can be read. */
  readonly startOffset: number
  /** Where the next byte goes; what was truncated counts. */
  readonly length: number
  readonly isSealed: boolean
  readonly lastModified: number
}

/** What a storage holds when it is opened. Both can be gone through more than once. @category models @since 0.1.0 */
export interface StoredState {
  readonly segments: Iterable<StoredSegment & { readonly attributes: Iterable<readonly [id: string, value: bigint]> }>
  readonly records: Iterable<readonly [key: string, text: string]>
}

/** @category models @since 0.1.0 */
export interface Storage {
  /** It gives the buffers of what is appended back to `ReadBuffers`, where they came from there. */
  readonly reusesAppends?: boolean
  /** Called once, before anything is staged. */
  readonly load: () => StoredState
  readonly putRecord: (key: string, text: string) => void
  readonly deleteRecord: (key: string) => void
  /**
   * Creates a segment or changes it. Bytes below its `startOffset` may be forgotten. Its bytes and attributes are staged
   * by the other calls; appending and `length` need not agree before the commit.
   */
  readonly putSegment: (segment: StoredSegment) => void
  /** Forgets a segment with its bytes and attributes. */
  readonly deleteSegment: (key: number) => void
  /** `id`: a UUID in lower case. Undefined: forgets it. */
  readonly putAttribute: (key: number, id: string, value: bigint | undefined) => void
  /**
   * `offset` is the segment's length, which grows by this: no `putSegment` need follow. The bytes are not copied if that
   * can be avoided, and must stay as they are: nobody else has them, if they came from `ReadBuffers`.
   */
  readonly append: (key: number, offset: number, data: Uint8Array) => void
  /**
   * Appends all bytes of the source, from its start, to the target, whose length is `offset`, and forgets the source as
   * `deleteSegment` does.
   */
  readonly merge: (target: number, offset: number, source: number) => void
  /**
   * Bytes from `offset` on: at least one, at most `length`; fewer than asked where that spares a copy or a second look.
   * The range must lie between the segment's start and its length. A view that nobody may write to, except who gives it to
   * `ReadBuffers`: nobody else has it, if it came from there. Undefined: the
   * storage has failed, now or before, of which its owner is told.
   */
  readonly read: (key: number, offset: number, length: number) => Uint8Array | undefined
  /**
   * Makes all that is staged durable as one unit, soon (those of one turn together), then calls back: later, never from
   * within this call, in the order of the calls. Also calls back if nothing is staged.
   */
  readonly commit: (done: () => void) => void
  /** What was not committed may be lost. */
  readonly close: () => void
}

/** Keeps everything in memory, for the life of the process. @category constructors @since 0.1.0 */
export const makeMemory = (): Storage => new MemoryStorage()

class MemoryStorage implements Storage {
  private readonly logs = new Map<number, SegmentBytes>()
  private waiting: Array<() => void> = []

  readonly load = (): StoredState => ({ segments: [], records: [] })

  // the caller that put these keeps them: without a restart nothing asks for them again
  readonly putRecord = (): void => {}
  readonly deleteRecord = (): void => {}
  readonly putAttribute = (): void => {}

  readonly putSegment = (segment: StoredSegment): void => {
    const log = this.logs.get(segment.key)
    if (log !== undefined) log.truncate(segment.startOffset)
    else this.logs.set(segment.key, new SegmentBytes(segment.length))
  }

  readonly deleteSegment = (key: number): void => {
    this.logs.delete(key)
  }

  readonly append = (key: number, offset: number, data: Uint8Array): void => {
    const log = this.logs.get(key)
    if (log?.end !== offset) throw new Error(`an append at ${offset} of segment ${key}, which ends at ${log?.end}`)
    log.append(data)
  }

  readonly merge = (target: number, offset: number, source: number): void => {
    const log = this.logs.get(source)
    if (log === undefined) throw new Error(`a merge of segment ${source}, which is not there`)
    let at = offset
    for (const bytes of log.parts()) {
      this.append(target, at, bytes)
      at += bytes.length
    }
    this.logs.delete(source)
  }

  readonly read = (key: number, offset: number, length: number): Uint8Array => {
    const log = this.logs.get(key)
    if (log === undefined) throw new Error(`a read from segment ${key}, which is not there`)
    return log.read(offset, length)
  }

  readonly commit = (done: () => void): void => {
    // after this turn's callbacks: a socket hands over what has arrived in many, and all of it is answered together
    if (this.waiting.push(done) === 1) setImmediate(this.finish)
  }

  readonly close = (): void => this.logs.clear()

  private readonly finish = (): void => {
    const waiting = this.waiting
    this.waiting = []
    for (const done of waiting) done()
  }
}
