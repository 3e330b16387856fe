/**
 * The entries of one table segment: what is there now, not how it came. Sorted by key, so that an iteration that is
 * interrupted by changes sees every key that stays once. It knows no storage and checks no version.
 *
 * @internal
 */

/** A key's bytes, one character each: compares as the bytes do. @category models @since 0.1.0 */
export type KeyText = string

/** @category models @since 0.1.0 */
export interface Entry {
  readonly key: KeyText
  readonly value: Uint8Array
  /** The segment's offset at which it was put. */
  readonly version: number
}

/** @category encoding @since 0.1.0 */
export const keyText = (bytes: Uint8Array): KeyText => buffer(bytes).toString("latin1")

/** @category encoding @since 0.1.0 */
export const keyBytes = (key: KeyText): Uint8Array => new Uint8Array(Buffer.from(key, "latin1"))

const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** What an entry adds to its segment before key and value: version of the layout, two lengths, version of the entry. */
const entryHeaderSize = 17

/** @category models @since 0.1.0 */
export class TableIndex {
  /** 0: keys of any length. */
  readonly keyLength: number
  private readonly entries = new Map<KeyText, Entry>()
  /** The keys in order, when somebody asked for it; some may be gone since, and those in `added` are missing. */
  private sorted: Array<KeyText> | undefined = undefined
  private added: Array<KeyText> = []
  private gone = 0
  /** In the order in which they were put; some are gone, or were put again, since. */
  private log: Array<Entry> = []

  constructor(keyLength: number) {
    this.keyLength = keyLength
  }

  get isHash(): boolean {
    return this.keyLength === 0
  }

  get size(): number {
    return this.entries.size
  }

  get(key: KeyText): Entry | undefined {
    return this.entries.get(key)
  }

  keys(): Iterable<KeyText> {
    return this.entries.keys()
  }

  /** Its version must be above all others. */
  put(entry: Entry): void {
    if (this.sorted !== undefined && !this.entries.has(entry.key)) this.added.push(entry.key)
    this.entries.set(entry.key, entry)
    this.log.push(entry)
    this.dropOld()
  }

  remove(key: KeyText): boolean {
    if (!this.entries.delete(key)) return false
    this.gone++
    this.dropOld()
    return true
  }

  /**
   * From `from` on (after it, if so asked) up to `to`, both included; undefined: from the first, to the last. At most
   * `count` entries, and (but for the first) no more than `bytes` of keys and values.
   */
  range(
    from: KeyText | undefined,
    isExclusive: boolean,
    to: KeyText | undefined,
    count: number,
    bytes = Infinity
  ): Array<Entry> {
    const sorted = this.inOrder()
    const found: Array<Entry> = []
    let at = from === undefined ? 0 : firstFrom(sorted, (key) => key >= from)
    if (isExclusive && sorted[at] === from) at++
    let left = bytes
    for (; at < sorted.length && found.length < count; at++) {
      const key = sorted[at]!
      if (to !== undefined && key > to) break
      const entry = this.entries.get(key)!
      left -= entrySize(key.length, entry.value.length)
      if (left < 0 && found.length > 0) break
      found.push(entry)
    }
    return found
  }

  /** Those put at `position` or later, in that order, as many and as large as `range` gives. `isAll`: there are no more. */
  since(
    position: number,
    count: number,
    bytes: number
  ): { readonly entries: ReadonlyArray<Entry>; readonly isAll: boolean } {
    const entries: Array<Entry> = []
    let left = bytes
    for (let at = firstFrom(this.log, ({ version }) => version >= position); at < this.log.length; at++) {
      const entry = this.log[at]!
      if (!this.isThere(entry)) continue
      left -= entrySize(entry.key.length, entry.value.length)
      if (entries.length >= count || (left < 0 && entries.length > 0)) return { entries, isAll: false }
      entries.push(entry)
    }
    return { entries, isAll: true }
  }

  private readonly isThere = (entry: Entry): boolean => this.entries.get(entry.key) === entry

  private dropOld(): void {
    if (this.log.length > 2 * this.entries.size + logSlack) this.log = this.log.filter(this.isThere)
  }

  /** Merged once for all that was put and removed since: finding a place for each key as it comes would move all others. */
  private inOrder(): ReadonlyArray<KeyText> {
    if (this.sorted === undefined) this.sorted = Array.from(this.entries.keys()).sort()
    else if (this.added.length > 0 || this.gone > 0) {
      const kept = this.sorted.filter((key) => this.entries.has(key))
      this.sorted = merged(kept, this.added.filter((key) => this.entries.has(key)).sort())
    }
    this.added = []
    this.gone = 0
    return this.sorted
  }
}

/** What is gone of a small log is not worth the copy. */
const logSlack = 1_024

/** Of two sorted lists; what is in both, or twice in one, is there once. */
const merged = (a: ReadonlyArray<KeyText>, b: ReadonlyArray<KeyText>): Array<KeyText> => {
  const all: Array<KeyText> = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const isFirst = j === b.length || (i < a.length && a[i]! <= b[j]!)
    const key = isFirst ? a[i++]! : b[j++]!
    if (all.at(-1) !== key) all.push(key)
  }
  return all
}

/** The place of the first of them for which it holds: for all that follow too. */
const firstFrom = <A>(sorted: ReadonlyArray<A>, holds: (item: A) => boolean): number => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(sorted[middle]!)) high = middle
    else low = middle + 1
  }
  return low
}

/**
 * What putting this grows its table segment by, in bytes; a removal is a key without value.
 *
 * @category measuring
 * @since 0.1.0
 */
export const entrySize = (keyLength: number, valueLength: number): number => entryHeaderSize + keyLength + valueLength
