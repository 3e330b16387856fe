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
  /** All keys in order; made when somebody asks for it, then kept. */
  private sorted: Array<KeyText> | undefined = undefined

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

  put(entry: Entry): void {
    if (this.sorted !== undefined && !this.entries.has(entry.key)) {
      this.sorted.splice(position(this.sorted, entry.key), 0, entry.key)
    }
    this.entries.set(entry.key, entry)
  }

  remove(key: KeyText): boolean {
    if (!this.entries.delete(key)) return false
    if (this.sorted !== undefined) this.sorted.splice(position(this.sorted, key), 1)
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
    const sorted = this.sorted ??= Array.from(this.entries.keys()).sort()
    const found: Array<Entry> = []
    let at = from === undefined ? 0 : position(sorted, from)
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

  /** Those put at `position` or later, in that order. */
  since(position: number): Array<Entry> {
    return Array.from(this.entries.values()).filter(({ version }) => version >= position)
      .sort((a, b) => a.version - b.version)
  }
}

/**
 * What putting this grows its table segment by, in bytes; a removal is a key without value.
 *
 * @category measuring
 * @since 0.1.0
 */
export const entrySize = (keyLength: number, valueLength: number): number => entryHeaderSize + keyLength + valueLength

/** Where the key is, or would be. */
const position = (sorted: ReadonlyArray<KeyText>, key: KeyText): number => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}
