/**
 * A delta's bytes: what one batch changed, as rows in chunks, and a head that says which chunks belong to it, which delta
 * comes before it, and what all of them sum up to. A small one is a single object: its head holds its last chunk.
 */
import * as Schema from "effect/Schema"
import type { Line } from "../../flow/machine/Operator.ts"
import { StateHead } from "../StateHead.ts"
import { checksum, Digest, Seeds } from "./Digest.ts"

/** A row as it is stored; without a value it was deleted. @category models @since 0.2.0 */
export interface StoredRow {
  readonly operator: string
  readonly slot: number
  readonly key: string
  readonly sub: string
  /** JSON. */
  readonly value: string | undefined
  /** Kept with it, so that recovery decodes nothing. */
  readonly due: At | undefined
}

/** When a row is due. @category models @since 0.2.0 */
export interface At {
  readonly line: Line
  readonly time: number
}

const format = 1

/** @category schemas @since 0.2.0 */
export const DeltaHead = Schema.Struct({
  format: Schema.Literal(format),
  head: StateHead,
  /** What it builds upon; absent: on nothing. */
  predecessor: Schema.optionalKey(StateHead),
  /** The digest of each slot in which something changed. */
  slots: Schema.Record(Schema.String, Schema.String),
  /** Rows name these by their place. */
  operators: Schema.Array(Schema.String),
  rows: Schema.Int,
  /** The checksums of its chunks, but for the last one, which is in the object of the head. */
  chunks: Schema.Array(Schema.String)
})
/** @category models @since 0.2.0 */
export type DeltaHead = typeof DeltaHead.Type

/** How many bytes a chunk has at most. @category constants @since 0.2.0 */
export const chunkBytes = 1024 * 1024

/** How many bytes key, sub and value of a row may have together. @category constants @since 0.2.0 */
export const maxRowBytes = chunkBytes - 64

/** Rows that are put into chunks, in the order in which they come. @category models @since 0.2.0 */
export class DeltaWriter {
  /** Those of which there are rows, by their places. */
  private readonly operators = new Map<string, number>()
  private readonly bySlot = new Map<number, Digest>()
  private readonly seeds = new Seeds()
  private readonly full: Array<Uint8Array> = []
  private chunk = Buffer.alloc(4096)
  private length = 0
  private rows = 0

  /** False when the row is larger than a row may be; nothing is written then. */
  write({ due, key, operator, slot, sub, value }: StoredRow): boolean {
    const subBytes = Buffer.byteLength(sub)
    const valueBytes = value === undefined ? 0 : Buffer.byteLength(value)
    const size = key.length + subBytes + valueBytes
    if (size > maxRowBytes) return false
    this.makeRoom(size + 64)
    const { chunk } = this
    let at = chunk.writeUInt16BE(slot, chunk.writeUInt16BE(this.placeOf(operator), this.length))
    const start = at
    const line = due === undefined ? 0 : due.line === "event" ? 2 : 4
    at = chunk.writeUInt8((value === undefined ? 0 : 1) | line, at)
    if (due !== undefined) at = chunk.writeDoubleBE(due.time, at)
    at = chunk.writeUInt32BE(key.length, at)
    at += chunk.write(key, at, "latin1")
    at = chunk.writeUInt32BE(subBytes, at)
    at += chunk.write(sub, at, "utf8")
    at = chunk.writeUInt32BE(valueBytes, at)
    if (value !== undefined) at += chunk.write(value, at, "utf8")
    this.length = at
    this.rows++
    this.digestOf(slot).addBytes(chunk.subarray(start, at), this.seeds.of(operator, slot))
    return true
  }

  /** The head's object last; `name` gets its digest. */
  finish(name: Omit<StateHead, "digest">, predecessor: StateHead | undefined): Finished {
    const total = new Digest()
    const slots: Record<string, string> = {}
    for (const [slot, digest] of Array.from(this.bySlot).toSorted(([a], [b]) => a - b)) {
      total.add(digest)
      slots[slot] = digest.toString()
    }
    const head: StateHead = { ...name, digest: total.toString() }
    const delta: DeltaHead = {
      format,
      head,
      ...predecessor === undefined ? {} : { predecessor: withoutBase(predecessor) },
      slots,
      operators: Array.from(this.operators.keys()),
      rows: this.rows,
      chunks: this.full.map(checksum)
    }
    const json = Buffer.from(JSON.stringify(encodeHead(delta)))
    const rest = Buffer.concat([length32(json), json, this.chunk.subarray(0, this.length)])
    return { head, chunks: this.full, object: writeFramed(magic, rest) }
  }

  private placeOf(operator: string): number {
    let place = this.operators.get(operator)
    if (place === undefined) this.operators.set(operator, place = this.operators.size)
    return place
  }

  private digestOf(slot: number): Digest {
    let digest = this.bySlot.get(slot)
    if (digest === undefined) this.bySlot.set(slot, digest = new Digest())
    return digest
  }

  private makeRoom(bytes: number): void {
    const needed = this.length + bytes
    if (needed <= this.chunk.length) return
    if (this.length > 0 && needed > chunkBytes) {
      this.full.push(this.chunk.subarray(0, this.length))
      this.chunk = Buffer.alloc(chunkBytes)
      this.length = 0
      return
    }
    const larger = Buffer.alloc(Math.min(chunkBytes, Math.max(needed, this.chunk.length * 2)))
    this.chunk.copy(larger, 0, 0, this.length)
    this.chunk = larger
  }
}

/** What is to be made durable: the chunks, and then the object of the head. @category models @since 0.2.0 */
export interface Finished {
  readonly head: StateHead
  readonly chunks: ReadonlyArray<Uint8Array>
  readonly object: Uint8Array
}

const encodeHead = Schema.encodeSync(Schema.toCodecJson(DeltaHead))
const decodeHead = Schema.decodeUnknownSync(Schema.toCodecJson(DeltaHead))

/** Where it is read from is not a part of what it is. */
const withoutBase = ({ attempt, digest, epoch, log, version }: StateHead): StateHead => ({
  log,
  version,
  epoch,
  attempt,
  digest
})

const magic = "EPS1"
const checksumBytes = 16

/** Bytes behind four letters and their checksum. @category encoding @since 0.2.0 */
export const writeFramed = (letters: string, bytes: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(letters), Buffer.from(checksum(bytes), "hex"), bytes])

/** Throws `Malformed`. @category decoding @since 0.2.0 */
export const readFramed = (letters: string, object: Uint8Array, otherwise: string): Buffer => {
  const bytes = Buffer.from(object.buffer, object.byteOffset, object.byteLength)
  const start = letters.length + checksumBytes
  if (bytes.length < start + 4 || bytes.toString("latin1", 0, letters.length) !== letters) {
    throw new Malformed(otherwise)
  }
  const rest = bytes.subarray(start)
  if (checksum(rest) !== bytes.toString("hex", letters.length, start)) {
    throw new Malformed("its checksum is another one")
  }
  return rest
}

const length32 = (bytes: Uint8Array): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return length
}

/** The bytes are not those of a delta. @category errors @since 0.2.0 */
export class Malformed extends Error {
  override readonly name = "Malformed"
}

/** Throws `Malformed`. @category decoding @since 0.2.0 */
export const readHead = (object: Uint8Array): { readonly delta: DeltaHead; readonly last: Uint8Array } => {
  const rest = readFramed(magic, object, "no delta")
  const length = rest.readUInt32BE(0)
  try {
    return { delta: decodeHead(JSON.parse(rest.toString("utf8", 4, 4 + length))), last: rest.subarray(4 + length) }
  } catch (cause) {
    throw new Malformed("its head can't be read: was it written by a later version?", { cause })
  }
}

/** Throws `Malformed` when a chunk is not that of the head. @category decoding @since 0.2.0 */
export const checkChunk = (delta: DeltaHead, index: number, chunk: Uint8Array): void => {
  if (checksum(chunk) !== delta.chunks[index]) throw new Malformed(`the checksum of chunk ${index + 1} is another one`)
}

/** The rows of a delta, chunk by chunk, and whether they are all of it. @category models @since 0.2.0 */
export class DeltaReader {
  private readonly delta: DeltaHead
  private readonly digest = new Digest()
  private readonly seeds = new Seeds()
  private rows = 0

  constructor(delta: DeltaHead) {
    this.delta = delta
  }

  /** Gives each row to `visit`. Throws `Malformed`. */
  read(chunk: Uint8Array, visit: (row: StoredRow) => void): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let at = 0
    try {
      while (at < bytes.length) at = this.readRow(bytes, at, visit)
    } catch (cause) {
      if (cause instanceof RangeError) throw new Malformed("a row is cut off", { cause })
      throw cause
    }
  }

  private readRow(bytes: Buffer, from: number, visit: (row: StoredRow) => void): number {
    const operator = this.delta.operators[bytes.readUInt16BE(from)]
    if (operator === undefined) throw new Malformed("a row is of no step")
    const slot = bytes.readUInt16BE(from + 2)
    const flags = bytes.readUInt8(from + 4)
    const hasDue = (flags & 6) !== 0
    const time = hasDue ? bytes.readDoubleBE(from + 5) : 0
    const key = sized(bytes, from + (hasDue ? 13 : 5))
    const sub = sized(bytes, key.end)
    const value = sized(bytes, sub.end)
    this.digest.addBytes(bytes.subarray(from + 4, value.end), this.seeds.of(operator, slot))
    this.rows++
    visit({
      operator,
      slot,
      key: bytes.toString("latin1", key.start, key.end),
      sub: bytes.toString("utf8", sub.start, sub.end),
      value: (flags & 1) === 0 ? undefined : bytes.toString("utf8", value.start, value.end),
      due: hasDue ? { line: (flags & 2) === 0 ? "clock" : "event", time } : undefined
    })
    return value.end
  }

  /** Throws `Malformed` when what was read is not what the head says. */
  finish(): void {
    const { head, rows } = this.delta
    if (this.rows !== rows) throw new Malformed(`${this.rows} rows of ${rows}`)
    if (this.digest.toString() !== head.digest) throw new Malformed("its rows have another digest")
  }
}

const sized = (bytes: Buffer, at: number): { readonly start: number; readonly end: number } => {
  const start = at + 4
  const end = start + bytes.readUInt32BE(at)
  if (end > bytes.length) throw new RangeError(`${end} of ${bytes.length} bytes`)
  return { start, end }
}
