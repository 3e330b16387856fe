/**
 * A storage in a directory: one SQLite database, through node:sqlite, which is part of Node. What needs a database here
 * is atomicity: a transaction's commit changes segments and the controller's records as one unit, and SQLite's
 * write-ahead log makes that hold at whatever instant the process is killed.
 *
 * - **kill -9**: what was committed is in the operating system's hands, and survives with either durability.
 * - **Power loss**: with `process` (the default) the last commits may be lost, in order and never in part; with `power`
 *   each group of commits waits for the disk.
 * - **One server a directory**: the database stays locked from opening to closing. The lock belongs to the open file, so
 *   the kernel frees it however the process ends.
 *
 * A write or a read that fails is the end of the storage: nothing is acknowledged or read any more, and its owner is told
 * once. It neither checks what is appended where nor knows what the bytes mean.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { DatabaseSync, StatementSync } from "node:sqlite"
import {
  DirectoryCorrupt,
  DirectoryFormat,
  DirectoryHeld,
  DirectoryUnavailable,
  EmbeddedError
} from "../EmbeddedError.ts"
import { LogSync } from "./internal/LogSync.ts"
import { chunkTables, makeChunkStore, MissingBytes } from "./internal/SqliteChunks.ts"
import type { Storage, StoredSegment, StoredState } from "./Storage.ts"

/** @category models @since 0.1.0 */
export interface SqliteStorageOptions {
  readonly directory: string
  /** What acknowledged data must survive: the end of the process, or also the loss of power. Default "process". */
  readonly durability?: "process" | "power" | undefined
  /** How much memory the bytes written last may take, which are kept for readers. Default 64 MiB. */
  readonly recentBytes?: number | undefined
  /** Told once, when a write or a read fails: nothing is acknowledged after it. */
  readonly onFailure: (error: EmbeddedError) => void
}

/** The database's name in the directory. Its write-ahead log lies beside it. */
const fileName = "pravega.db"
/** What a commit adds to the write-ahead log beside the bytes that were appended, about. In pages. */
const commitPages = 4
/**
 * In bytes. Large appends take a fifth less CPU than with pages of 8 KiB, which are twice the writes; small commits, which
 * write a few whole pages each, take as much.
 */
const pageSize = 16 * 1024
/** When the write-ahead log is this large, it is moved into the file. In bytes. */
const logBytes = 16 * 1024 * 1024
/** Changed with every change of the tables below. */
const format = 2
/** How long a step of cleaning up waits after the one before. In milliseconds. */
const sweepPauseMillis = 10
/** "EPrv": tells our databases from others. */
const applicationId = 0x45507276

const schema = `
  CREATE TABLE segments (
    key INTEGER PRIMARY KEY, name TEXT NOT NULL, tableKeyLength INTEGER, startOffset INTEGER NOT NULL,
    length INTEGER NOT NULL, isSealed INTEGER NOT NULL, lastModified INTEGER NOT NULL
  );
  CREATE TABLE attributes (segment INTEGER, id TEXT, value INTEGER NOT NULL, PRIMARY KEY (segment, id)) WITHOUT ROWID;
  CREATE TABLE records (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
  ${chunkTables}
  PRAGMA user_version = ${format};
  PRAGMA application_id = ${applicationId};
`

/** One that can also end as its process would. @category models @since 0.1.0 */
export interface AbandonableStorage extends Storage {
  /** As kill -9: what was not committed is lost. The directory is free then, as it is after a death. */
  readonly abandon: () => void
}

/** Opens the directory, and makes it if it is not there. Closed with the Scope. @category constructors @since 0.1.0 */
export const open = (
  options: SqliteStorageOptions
): Effect.Effect<AbandonableStorage, EmbeddedError, Scope.Scope> =>
  Effect.gen(function*() {
    // loaded here: Node 22 warns that the module is experimental, which concerns only those who use it
    const { DatabaseSync } = yield* Effect.tryPromise({
      try: () => import("node:sqlite"),
      // a Node older than this package asks for
      catch: (cause) => classify(options.directory, cause)
    })
    return yield* Effect.acquireRelease(
      Effect.try({
        try: () => {
          Fs.mkdirSync(options.directory, { recursive: true })
          const database = new DatabaseSync(Path.join(options.directory, fileName), { timeout: 0 })
          try {
            return new SqliteStorage(database, options)
          } catch (cause) {
            database.close()
            throw cause
          }
        },
        catch: (cause) => classify(options.directory, cause)
      }),
      (storage) => Effect.sync(storage.close)
    )
  })

/** SQLite's primary result codes that tell more than "it did not work". */
const busy = 5
const corrupt = 11
const notADatabase = 26

const classify = (directory: string, cause: unknown): EmbeddedError => {
  if (cause instanceof EmbeddedError) return cause
  if (cause instanceof MissingBytes) return new EmbeddedError({ reason: new DirectoryCorrupt({ directory, cause }) })
  const code = cause instanceof Error && "errcode" in cause && typeof cause.errcode === "number" ? cause.errcode : 0
  switch (code & 0xff) {
    case busy:
      return new EmbeddedError({ reason: new DirectoryHeld({ directory }) })
    case corrupt:
    case notADatabase:
      return new EmbeddedError({ reason: new DirectoryCorrupt({ directory, cause }) })
    default:
      return new EmbeddedError({ reason: new DirectoryUnavailable({ directory, cause }) })
  }
}

class SqliteStorage implements AbandonableStorage {
  readonly reusesAppends = true
  private readonly database: DatabaseSync
  private readonly options: SqliteStorageOptions
  private readonly statements: ReturnType<typeof prepare>
  /** Undefined: each commit waits for the disk anyway. */
  private readonly logSync: LogSync | undefined
  private readonly chunks: ReturnType<typeof makeChunkStore>
  private loaded: StoredState | undefined
  private state: "open" | "failed" | "closed" = "open"
  /** A transaction is open in the database. */
  private isStaged = false
  /** Bytes appended in it. */
  private stagedBytes = 0
  private isScheduled = false
  private waiting: Array<() => void> = []
  /** The last of each record that was put this turn; undefined: deleted. */
  private readonly records = new Map<string, string | undefined>()
  /** The last of each attribute that was put this turn, by segment; undefined: forgotten. Appends put the same ones. */
  private readonly attributes = new Map<number, Map<string, bigint | undefined>>()
  private sweeping: NodeJS.Timeout | undefined = undefined

  constructor(database: DatabaseSync, options: SqliteStorageOptions) {
    this.database = database
    this.options = options
    prepareFile(database, options)
    this.statements = prepare(database)
    this.chunks = makeChunkStore(database, options.recentBytes)
    this.loaded = this.readState()
    // the last, which nobody would close if another failed
    this.logSync = options.durability === "power"
      ? undefined
      : new LogSync(Path.join(options.directory, `${fileName}-wal`), (cause) => {
        if (this.state === "open") this.fail(cause)
      })
  }

  readonly load = (): StoredState => {
    const loaded = this.loaded ?? { segments: [], records: [] }
    this.loaded = undefined
    return loaded
  }

  readonly putRecord = (key: string, text: string): void => {
    this.records.set(key, text)
  }

  readonly deleteRecord = (key: string): void => {
    this.records.set(key, undefined)
  }

  readonly putSegment = (segment: StoredSegment): void =>
    this.stage(() => {
      const { isSealed, key, lastModified, length, name, startOffset, tableKeyLength } = segment
      const sealed = isSealed ? 1 : 0
      this.statements.putSegment.run(key, name, tableKeyLength ?? null, startOffset, length, sealed, lastModified)
      if (startOffset > 0) this.chunks.truncate(key, startOffset)
    })

  readonly deleteSegment = (key: number): void =>
    this.stage(() => {
      this.forget(key)
      this.chunks.delete(key)
    })

  readonly putAttribute = (key: number, id: string, value: bigint | undefined): void => {
    const known = this.attributes.get(key)
    if (known === undefined) this.attributes.set(key, new Map([[id, value]]))
    else known.set(id, value)
  }

  readonly append = (key: number, offset: number, data: Uint8Array): void =>
    this.stage(() => {
      this.stagedBytes += data.length
      this.chunks.append(key, offset, data)
    })

  readonly merge = (target: number, offset: number, source: number): void =>
    this.stage(() => {
      this.chunks.merge(target, offset, source)
      this.forget(source)
    })

  readonly read = (key: number, offset: number, length: number): Uint8Array | undefined => {
    if (this.state !== "open") return undefined
    try {
      return this.chunks.read(key, offset, length)
    } catch (cause) {
      this.fail(cause)
      return undefined
    }
  }

  readonly commit = (done: () => void): void => {
    this.waiting.push(done)
    if (this.isScheduled) return
    this.isScheduled = true
    // after this turn's callbacks: what other connections received meanwhile goes into the same commit
    setImmediate(this.finishTurn)
  }

  readonly close = (): void => {
    if (this.state === "closed") return
    this.writeStaged()
    this.abandon()
  }

  /** SQLite rolls back what is not committed. */
  readonly abandon = (): void => {
    if (this.state === "closed") return
    clearTimeout(this.sweeping)
    this.state = "closed"
    this.waiting = []
    this.logSync?.close()
    this.database.close()
  }

  private readonly finishTurn = (): void => {
    this.isScheduled = false
    this.writeStaged()
    if (this.state !== "open") return
    const waiting = this.waiting
    this.waiting = []
    for (const done of waiting) done()
    this.planSweep()
  }

  /** Some time after what it cleans up: those who wait for their commits come first. */
  private planSweep(): void {
    if (this.sweeping !== undefined || !this.chunks.isUnswept) return
    this.sweeping = setTimeout(() => {
      this.sweeping = undefined
      this.stage(() => this.chunks.sweep())
      this.writeStaged()
      if (this.state === "open") this.planSweep()
    }, sweepPauseMillis).unref()
  }

  /** A segment without its bytes. */
  private forget(key: number): void {
    this.attributes.delete(key)
    this.statements.deleteSegment.run(key)
    this.statements.deleteAttributes.run(key)
  }

  private writeStaged(): void {
    if (this.records.size > 0) this.stage(this.writeRecords)
    if (this.attributes.size > 0) this.stage(this.writeAttributes)
    if (!this.isStaged) return
    this.attempt(() => {
      this.chunks.flush()
      this.database.exec("COMMIT")
      this.isStaged = false
      this.logSync?.wrote(this.stagedBytes + commitPages * pageSize)
      this.stagedBytes = 0
    })
  }

  private readonly writeRecords = (): void => {
    for (const [key, text] of this.records) {
      if (text === undefined) this.statements.deleteRecord.run(key)
      else this.statements.putRecord.run(key, text)
    }
    this.records.clear()
  }

  private readonly writeAttributes = (): void => {
    for (const [key, values] of this.attributes) {
      for (const [id, value] of values) {
        if (value === undefined) this.statements.deleteAttribute.run(key, id)
        else this.statements.putAttribute.run(key, id, value)
      }
    }
    this.attributes.clear()
  }

  private stage(change: () => void): void {
    this.attempt(() => {
      if (!this.isStaged) {
        this.database.exec("BEGIN")
        this.isStaged = true
      }
      change()
    })
  }

  /** Does nothing once a write has failed: what was staged with it must never be committed in part. */
  private attempt(write: () => void): void {
    if (this.state !== "open") return
    try {
      write()
    } catch (cause) {
      this.fail(cause)
    }
  }

  private fail(cause: unknown): void {
    this.state = "failed"
    this.waiting = []
    this.options.onFailure(classify(this.options.directory, cause))
  }

  /** Reads tables of segments and records, and of the chunks one index entry a segment: not the data. */
  private readState(): StoredState {
    const attributes = Map.groupBy(this.statements.attributes.all(), ({ segment }) => Number(segment))
    const segments = this.statements.segments.all().map((row) => {
      const key = Number(row["key"])
      this.chunks.load(key, Number(row["startOffset"]))
      return {
        key,
        name: String(row["name"]),
        tableKeyLength: row["tableKeyLength"] === null ? undefined : Number(row["tableKeyLength"]),
        startOffset: Number(row["startOffset"]),
        length: Math.max(Number(row["length"]), this.chunks.end(key)),
        isSealed: row["isSealed"] === 1,
        lastModified: Number(row["lastModified"]),
        attributes: (attributes.get(key) ?? []).map(({ id, value }) => [String(id), BigInt(value as bigint)] as const)
      }
    })
    const records = this.statements.records.all().map(({ key, text }) => [String(key), String(text)] as const)
    return { segments, records }
  }
}

/** Locks the file for as long as it is open, and lays the tables out in a new one. */
const prepareFile = (database: DatabaseSync, { directory, durability }: SqliteStorageOptions): void => {
  database.exec(`
    PRAGMA page_size = ${pageSize};
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${durability === "power" ? "FULL" : "NORMAL"};
    PRAGMA wal_autocheckpoint = ${logBytes / pageSize};
    PRAGMA journal_size_limit = 33554432;
    PRAGMA cache_size = -16384;
  `)
  const found = Number(database.prepare("PRAGMA user_version").get()?.["user_version"])
  const owner = Number(database.prepare("PRAGMA application_id").get()?.["application_id"])
  const isEmpty = database.prepare("SELECT 1 FROM sqlite_master").get() === undefined
  if (isEmpty) {
    database.exec(`BEGIN; ${schema} COMMIT`)
  } else if (owner !== applicationId) {
    const cause = new Error(`${fileName} is a database of another program`)
    throw new EmbeddedError({ reason: new DirectoryCorrupt({ directory, cause }) })
  } else if (found !== format) {
    throw new EmbeddedError({ reason: new DirectoryFormat({ directory, found, supported: format }) })
  }
  // takes the lock also of a database that was only read so far
  database.exec("BEGIN IMMEDIATE; COMMIT")
}

const prepare = (database: DatabaseSync) => {
  const attributes: StatementSync = database.prepare("SELECT segment, id, value FROM attributes")
  // values use all 64 bits
  attributes.setReadBigInts(true)
  return {
    attributes,
    segments: database.prepare("SELECT * FROM segments ORDER BY key"),
    records: database.prepare("SELECT key, text FROM records ORDER BY key"),
    putSegment: database.prepare("REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?)"),
    deleteSegment: database.prepare("DELETE FROM segments WHERE key = ?"),
    putAttribute: database.prepare("REPLACE INTO attributes VALUES (?, ?, ?)"),
    deleteAttribute: database.prepare("DELETE FROM attributes WHERE segment = ? AND id = ?"),
    deleteAttributes: database.prepare("DELETE FROM attributes WHERE segment = ?"),
    putRecord: database.prepare("REPLACE INTO records VALUES (?, ?)"),
    deleteRecord: database.prepare("DELETE FROM records WHERE key = ?")
  }
}
