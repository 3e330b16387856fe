/**
 * The bytes of segments in the table of chunks. Appends are gathered: those of one turn become one chunk, and a small
 * chunk at a segment's end is written anew with what follows, so that a million single events are thousands of rows. It
 * begins and commits nothing.
 *
 * @internal
 */
import type { DatabaseSync } from "node:sqlite"

/** A chunk that has grown to this is written no more; the next append begins another. In bytes. */
const rewriteMaximum = 8 * 1024
/** From here on an append is a chunk of its own, and not copied. In bytes. */
const adoptMinimum = 64 * 1024
/** The largest chunk, in bytes: what one read brings into memory. */
const chunkMaximum = 1024 * 1024
/** A read that gets this much from one chunk does not go on to the next. In bytes. */
const viewMinimum = 64 * 1024
/** How many segments' last chunks are kept to be written on. Others begin a new one. */
const tailMaximum = 1024

/** The last chunk of a segment, while it may grow. */
interface Tail {
  readonly id: number
  readonly start: number
  bytes: Uint8Array
  length: number
  /** How much of it is in the table. */
  stored: number
}

export const makeChunkStore = (database: DatabaseSync): ChunkStore => new ChunkStore(database)

class ChunkStore {
  private readonly statements: ReturnType<typeof prepare>
  private readonly tails = new Map<number, Tail>()
  /** Segments whose last chunk is not in the table as it is. */
  private readonly dirty = new Set<number>()
  /** Where truncated segments start. */
  private readonly starts = new Map<number, number>()
  private lastId: number

  constructor(database: DatabaseSync) {
    this.statements = prepare(database)
    this.lastId = Number(this.statements.lastId.get()?.["id"] ?? 0)
  }

  /** Says where a segment starts that is loaded. */
  load(segment: number, start: number): void {
    if (start > 0) this.starts.set(segment, start)
  }

  /** Where the last chunk in the table ends; 0 if there is none. */
  end(segment: number): number {
    return Number(this.statements.end.get(segment)?.["end"] ?? 0)
  }

  append(segment: number, offset: number, data: Uint8Array): void {
    let tail = this.tails.get(segment)
    if (tail !== undefined && (tail.start + tail.length !== offset || tail.length + data.length > adoptMinimum)) {
      this.release(segment)
      tail = undefined
    }
    if (data.length >= adoptMinimum) {
      for (let at = 0; at < data.length; at += chunkMaximum) {
        this.statements.insert.run(++this.lastId, segment, offset + at, data.subarray(at, at + chunkMaximum))
      }
      return
    }
    if (tail === undefined) {
      tail = {
        id: ++this.lastId,
        start: offset,
        bytes: new Uint8Array(Math.max(512, data.length)),
        length: 0,
        stored: 0
      }
      this.tails.set(segment, tail)
    }
    grow(tail, data.length)
    tail.bytes.set(data, tail.length)
    tail.length += data.length
    this.dirty.add(segment)
  }

  /** Writes what was gathered. */
  flush(): void {
    for (const segment of this.dirty) {
      const tail = this.tails.get(segment)
      if (tail === undefined) continue
      this.write(segment, tail)
      if (tail.length >= rewriteMaximum) this.tails.delete(segment)
    }
    this.dirty.clear()
    for (const segment of this.tails.keys()) {
      if (this.tails.size <= tailMaximum) break
      this.tails.delete(segment)
    }
  }

  read(segment: number, offset: number, length: number): Uint8Array {
    const tail = this.tails.get(segment)
    if (tail !== undefined && offset >= tail.start) return readTail(tail, offset, length)
    const parts: Array<Uint8Array> = []
    let filled = 0
    const wanted = Math.min(length, chunkMaximum)
    const end = tail?.start ?? Number.MAX_SAFE_INTEGER
    for (const row of this.statements.read.iterate(segment, segment, offset, end)) {
      const data = row["data"]
      if (!(data instanceof Uint8Array)) throw new Error(`chunk of segment ${segment} without bytes`)
      const from = offset + filled - Number(row["offset"])
      if (from < 0 || from >= data.length) break
      parts.push(data.subarray(from, from + wanted - filled))
      filled += parts.at(-1)!.length
      if (filled >= Math.min(wanted, viewMinimum)) break
    }
    if (filled < Math.min(wanted, viewMinimum) && tail !== undefined && offset + filled === tail.start) {
      parts.push(readTail(tail, tail.start, wanted - filled))
    }
    if (parts.length === 0) throw new RangeError(`segment ${segment} has no bytes at ${offset}`)
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  /** Moves the bytes of a segment, from its start on, to the end of another. Whole chunks change their segment only. */
  merge(target: number, offset: number, source: number): void {
    const tail = this.tails.get(source)
    if (tail !== undefined && tail.start === 0) {
      // it was never written on elsewhere: small, so that gathering it saves more than moving it
      this.append(target, offset, tail.bytes.subarray(this.starts.get(source) ?? 0, tail.length))
    } else if (this.starts.has(source)) {
      this.copy(target, offset, source)
    } else {
      this.release(source)
      this.release(target)
      this.statements.move.run(target, offset, source)
    }
    this.delete(source)
  }

  /** Forgets chunks that lie wholly before `offset`, except the last. */
  truncate(segment: number, offset: number): void {
    if (this.starts.get(segment) === offset) return
    this.starts.set(segment, offset)
    this.statements.truncate.run(segment, segment, offset)
  }

  delete(segment: number): void {
    this.tails.delete(segment)
    this.dirty.delete(segment)
    this.starts.delete(segment)
    this.statements.delete.run(segment)
  }

  private copy(target: number, offset: number, source: number): void {
    const start = this.starts.get(source) ?? 0
    const end = Math.max(this.end(source), this.tailEnd(source))
    for (let at = start; at < end;) {
      const bytes = this.read(source, at, end - at)
      this.append(target, offset + at - start, bytes)
      at += bytes.length
    }
  }

  private tailEnd(segment: number): number {
    const tail = this.tails.get(segment)
    return tail === undefined ? 0 : tail.start + tail.length
  }

  /** Writes the last chunk and lets it be. */
  private release(segment: number): void {
    const tail = this.tails.get(segment)
    if (tail === undefined) return
    this.write(segment, tail)
    this.tails.delete(segment)
  }

  private write(segment: number, tail: Tail): void {
    if (tail.stored === tail.length) return
    const data = tail.bytes.subarray(0, tail.length)
    if (tail.stored === 0) this.statements.insert.run(tail.id, segment, tail.start, data)
    else this.statements.update.run(data, tail.id)
    tail.stored = tail.length
  }
}

/** Makes room for more. Bytes that were handed out are never written to again: the old buffer stays as it is. */
const grow = (tail: Tail, more: number): void => {
  const needed = tail.length + more
  if (needed <= tail.bytes.length) return
  const bytes = new Uint8Array(Math.max(needed, tail.bytes.length * 2))
  bytes.set(tail.bytes.subarray(0, tail.length))
  tail.bytes = bytes
}

const readTail = (tail: Tail, offset: number, length: number): Uint8Array => {
  const from = offset - tail.start
  if (from >= tail.length) throw new RangeError(`a read at ${offset}, beyond the end at ${tail.start + tail.length}`)
  return tail.bytes.subarray(from, Math.min(tail.length, from + length))
}

const prepare = (database: DatabaseSync) => {
  /** The start of the chunk that an offset lies in. */
  const holding = "(SELECT max(offset) FROM chunks WHERE segment = ? AND offset <= ?)"
  return {
    lastId: database.prepare("SELECT max(id) AS id FROM chunks"),
    end: database.prepare(
      "SELECT offset + length(data) AS end FROM chunks WHERE segment = ? ORDER BY offset DESC LIMIT 1"
    ),
    insert: database.prepare("INSERT INTO chunks VALUES (?, ?, ?, ?)"),
    update: database.prepare("UPDATE chunks SET data = ? WHERE id = ?"),
    read: database.prepare(
      `SELECT offset, data FROM chunks WHERE segment = ? AND offset >= ${holding} AND offset < ? ORDER BY offset`
    ),
    truncate: database.prepare(`DELETE FROM chunks WHERE segment = ? AND offset < ${holding}`),
    move: database.prepare("UPDATE chunks SET segment = ?, offset = offset + ? WHERE segment = ?"),
    delete: database.prepare("DELETE FROM chunks WHERE segment = ?")
  }
}
