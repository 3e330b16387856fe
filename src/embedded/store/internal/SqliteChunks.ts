/**
 * The bytes of segments in two tables: chunks say which blob holds which part of a segment, blobs hold the bytes, which
 * never move: a merge changes small rows only. Appends are gathered: those of one turn become one chunk, and a small
 * chunk at a segment's end is written anew with what follows, so that a million single events are thousands of rows. It
 * begins and commits nothing.
 *
 * What is forgotten is many pages of a database that must be visited one by one: large segments leave their blobs to
 * `sweep`, a few at a time.
 *
 * @internal
 */
import * as Data from "effect/Data"
import type { DatabaseSync } from "node:sqlite"
import * as ReadBuffers from "../../../pravega/wire/ReadBuffers.ts"
import { RecentBytes } from "./RecentBytes.ts"

/** A chunk that has grown to this is written no more; the next append begins another. In bytes. */
const rewriteMaximum = 8 * 1024
/** From here on an append is a chunk of its own, and not copied. In bytes. */
const adoptMinimum = 64 * 1024
/** The largest chunk, in bytes. */
const chunkMaximum = 1024 * 1024
/** How many segments' last chunks are kept to be written on. Others begin a new one. */
const tailMaximum = 1024
/** Blobs that were read last are kept, up to so many, for their rest and for those who read the same. */
const readBlobsMaximum = 8
/** A segment of more chunks than this leaves its blobs to `sweep`. */
const deletedAtOnce = 4
/** How many blobs one step of `sweep` deletes, and after how many bytes it stops. */
const sweptBlobs = 64
const sweptBytes = 2 * 1024 * 1024
/** Free pages are given back to the file system when they are this many, and a quarter of all; so many in a step. */
const freeMinimum = 1024
const freedPages = 128

/** @category constants @since 0.1.0 */
export const chunkTables = `
  CREATE TABLE chunks (
    segment INTEGER, offset INTEGER, blob INTEGER NOT NULL, PRIMARY KEY (segment, offset)
  ) WITHOUT ROWID;
  CREATE TABLE blobs (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
  CREATE TABLE garbage (blob INTEGER PRIMARY KEY);
`

/** The tables do not hold what they should: they are damaged. @category errors @since 0.1.0 */
export class MissingBytes extends Data.TaggedError("MissingBytes")<{ readonly message: string }> {}

/** The last chunk of a segment, while it may grow. */
interface Tail {
  readonly id: number
  readonly start: number
  bytes: Uint8Array
  length: number
  /** How much of it is in the table. */
  stored: number
}

/** @category constructors @since 0.1.0 */
export const makeChunkStore = (database: DatabaseSync, recentBytes: number | undefined): ChunkStore =>
  new ChunkStore(database, recentBytes)

class ChunkStore {
  private readonly statements: ReturnType<typeof prepare>
  private readonly recent: RecentBytes
  private readonly tails = new Map<number, Tail>()
  /** Segments whose last chunk is not in the table as it is. */
  private readonly dirty = new Set<number>()
  /** Where truncated segments start. */
  private readonly starts = new Map<number, number>()
  /** By id, the one that was read last at the end. They never change, and nobody else has a view of them. */
  private readonly readBlobs = new Map<number, Uint8Array>()
  private lastId: number
  /** There may be something for `sweep` to do. */
  isUnswept = true

  constructor(database: DatabaseSync, recentBytes: number | undefined) {
    this.recent = new RecentBytes(recentBytes)
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
        this.insert(++this.lastId, segment, offset + at, data.subarray(at, at + chunkMaximum))
      }
      this.recent.append(segment, offset, data)
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
      if (tail.length >= rewriteMaximum) this.retire(segment, tail)
    }
    this.dirty.clear()
    for (const [segment, tail] of this.tails) {
      if (this.tails.size <= tailMaximum) break
      this.retire(segment, tail)
    }
  }

  read(segment: number, offset: number, length: number): Uint8Array {
    const tail = this.tails.get(segment)
    if (tail !== undefined && offset >= tail.start) return readTail(tail, offset, length)
    const recent = this.recent.read(segment, offset, length)
    if (recent !== undefined) return recent
    const parts: Array<Uint8Array> = []
    let filled = 0
    const wanted = Math.min(length, ReadBuffers.readMaximum)
    const end = tail?.start ?? Number.MAX_SAFE_INTEGER
    for (const row of this.statements.read.iterate(segment, segment, offset, end)) {
      const data = this.blob(Number(row["blob"]))
      const from = offset + filled - Number(row["offset"])
      if (from < 0 || from >= data.length) break
      parts.push(data.subarray(from, from + wanted - filled))
      filled += parts.at(-1)!.length
      if (filled >= wanted) break
    }
    if (filled < wanted && tail !== undefined && offset + filled === tail.start) {
      parts.push(readTail(tail, tail.start, wanted - filled))
      filled += parts.at(-1)!.length
    }
    if (parts.length === 0) throw new MissingBytes({ message: `segment ${segment} has no bytes at ${offset}` })
    // copied: the blobs are freed
    const bytes = ReadBuffers.take(filled)
    let at = 0
    for (const part of parts) {
      bytes.set(part, at)
      at += part.length
    }
    this.freeBlobs()
    return bytes
  }

  /** Moves the bytes of a segment, from its start on, to the end of another. Whole chunks change their segment only. */
  merge(target: number, offset: number, source: number): void {
    const tail = this.tails.get(source)
    const start = this.starts.get(source) ?? 0
    if (tail !== undefined && tail.start === 0) {
      // it was never written on elsewhere: small, so that gathering it saves more than moving it
      this.append(target, offset, tail.bytes.subarray(start, tail.length))
    } else if (start > 0) {
      this.copy(target, offset, source)
    } else {
      this.release(source)
      this.release(target)
      this.statements.move.run(target, offset, source)
      this.recent.merge(target, offset, source)
    }
    this.delete(source)
  }

  /** Forgets chunks that lie wholly before `offset`, except the last. */
  truncate(segment: number, offset: number): void {
    if (this.starts.get(segment) === offset) return
    this.starts.set(segment, offset)
    this.recent.truncate(segment, offset)
    this.statements.discardBefore.run(segment, segment, offset)
    this.isUnswept = Number(this.statements.truncate.run(segment, segment, offset).changes) > 0 || this.isUnswept
  }

  delete(segment: number): void {
    this.recent.forget(segment)
    this.tails.delete(segment)
    this.dirty.delete(segment)
    this.starts.delete(segment)
    const chunks = Number(this.statements.count.get(segment, deletedAtOnce + 1)?.["count"] ?? 0)
    if (chunks === 0) return
    if (chunks <= deletedAtOnce) this.statements.deleteBlobs.run(segment)
    else this.statements.discard.run(segment)
    this.isUnswept = true
    this.statements.delete.run(segment)
  }

  /** A step of deleting what was left behind, and of giving free pages back. */
  sweep(): void {
    let bytes = 0
    let found = 0
    for (const { blob, size } of this.statements.garbage.all(sweptBlobs)) {
      found++
      this.statements.deleteBlob.run(Number(blob))
      this.statements.deleteGarbage.run(Number(blob))
      bytes += Number(size)
      if (bytes >= sweptBytes) break
    }
    if (found > 0) return
    const free = Number(this.statements.freePages.get()?.["freelist_count"] ?? 0)
    const pages = Number(this.statements.pages.get()?.["page_count"] ?? 0)
    if (free >= freeMinimum && free * 4 >= pages) this.statements.vacuum.all()
    else this.isUnswept = false
  }

  private copy(target: number, offset: number, source: number): void {
    const start = this.starts.get(source) ?? 0
    const end = Math.max(this.end(source), this.tailEnd(source))
    for (let at = start; at < end;) {
      const bytes = this.read(source, at, end - at)
      // into an array of its own, which the target keeps: its reads give back what came from here
      this.append(target, offset + at - start, bytes.slice())
      at += bytes.length
      ReadBuffers.give(bytes)
    }
  }

  private blob(id: number): Uint8Array {
    const known = this.readBlobs.get(id)
    const data = known ?? this.statements.blob.get(id)?.["data"]
    if (!(data instanceof Uint8Array)) throw new MissingBytes({ message: `blob ${id} has no bytes` })
    this.readBlobs.delete(id)
    this.readBlobs.set(id, data)
    return data
  }

  /**
   * Those that are too many, at once: left to the collector, which starts a full collection for each few of them, reading
   * took 4 us per KiB instead of 1.2.
   */
  private freeBlobs(): void {
    for (const [id, { buffer }] of this.readBlobs) {
      if (this.readBlobs.size <= readBlobsMaximum) return
      this.readBlobs.delete(id)
      if (buffer instanceof ArrayBuffer) buffer.transfer(0)
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
    this.retire(segment, tail)
  }

  /** It grows no more: what is appended next begins another. */
  private retire(segment: number, tail: Tail): void {
    this.tails.delete(segment)
    this.recent.append(segment, tail.start, tail.bytes.subarray(0, tail.length))
  }

  private write(segment: number, tail: Tail): void {
    if (tail.stored === tail.length) return
    const data = tail.bytes.subarray(0, tail.length)
    if (tail.stored === 0) this.insert(tail.id, segment, tail.start, data)
    else this.statements.update.run(data, tail.id)
    tail.stored = tail.length
  }

  private insert(id: number, segment: number, offset: number, data: Uint8Array): void {
    this.statements.insertBlob.run(id, data)
    this.statements.insert.run(segment, offset, id)
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
  const before = `FROM chunks WHERE segment = ? AND offset < ${holding}`
  return {
    lastId: database.prepare("SELECT max(id) AS id FROM blobs"),
    end: database.prepare(
      `SELECT offset + length(data) AS end FROM chunks JOIN blobs ON id = blob WHERE segment = ?
      ORDER BY offset DESC LIMIT 1`
    ),
    insert: database.prepare("INSERT INTO chunks VALUES (?, ?, ?)"),
    insertBlob: database.prepare("INSERT INTO blobs VALUES (?, ?)"),
    update: database.prepare("UPDATE blobs SET data = ? WHERE id = ?"),
    read: database.prepare(
      `SELECT offset, blob FROM chunks WHERE segment = ? AND offset >= ${holding} AND offset < ? ORDER BY offset`
    ),
    blob: database.prepare("SELECT data FROM blobs WHERE id = ?"),
    discardBefore: database.prepare(`INSERT INTO garbage SELECT blob ${before}`),
    truncate: database.prepare(`DELETE ${before}`),
    move: database.prepare("UPDATE chunks SET segment = ?, offset = offset + ? WHERE segment = ?"),
    count: database.prepare("SELECT count(*) AS count FROM (SELECT 1 FROM chunks WHERE segment = ? LIMIT ?)"),
    deleteBlobs: database.prepare("DELETE FROM blobs WHERE id IN (SELECT blob FROM chunks WHERE segment = ?)"),
    discard: database.prepare("INSERT INTO garbage SELECT blob FROM chunks WHERE segment = ?"),
    delete: database.prepare("DELETE FROM chunks WHERE segment = ?"),
    garbage: database.prepare("SELECT blob, length(data) AS size FROM garbage JOIN blobs ON id = blob LIMIT ?"),
    deleteBlob: database.prepare("DELETE FROM blobs WHERE id = ?"),
    deleteGarbage: database.prepare("DELETE FROM garbage WHERE blob = ?"),
    freePages: database.prepare("PRAGMA freelist_count"),
    pages: database.prepare("PRAGMA page_count"),
    vacuum: database.prepare(`PRAGMA incremental_vacuum(${freedPages})`)
  }
}
