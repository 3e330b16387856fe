/**
 * A query's log in a Pravega stream of one segment. A record is an event, appended on condition that the segment ends
 * where the record before it ends: of two owners one is refused. Offsets only grow, also when the beginning is
 * truncated, so that a number once taken is never free again (rule 1). Compaction truncates the segment at a record; if
 * none is to be left, it first appends an entry that holds the next number, and truncates at that.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { maxEventSize } from "../../../core/bytes/EventFrame.ts"
import * as ChildStream from "../../../core/ChildStream.ts"
import * as EventCodec from "../../../core/EventCodec.ts"
import * as EventStream from "../../../core/EventStream.ts"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import * as Admin from "../../../pravega/admin/Admin.ts"
import { Pravega } from "../../../pravega/Pravega.ts"
import type { ReadError } from "../../../pravega/read/ReadError.ts"
import * as StreamCuts from "../../../pravega/read/StreamCuts.ts"
import * as RevisionedStream from "../../../pravega/synchronizer/RevisionedStream.ts"
import {
  CheckpointCorrupt,
  CheckpointLogError,
  LogUnavailable,
  OutcomeUnknown,
  SequenceNotNext,
  SequenceTaken
} from "../../protocol/CheckpointLogError.ts"
import { QueryName } from "../../protocol/QueryName.ts"
import type { LogHome, QueryLog, StoredRecord } from "../LogContract.ts"

/** `record`: `sequence` is its own number; `next`: nothing is left before that number. */
interface Entry {
  readonly kind: "record" | "next"
  readonly sequence: number
  readonly bytes: Uint8Array
}

const headerSize = 9
const kinds = ["record", "next"] as const

/** Kind (u8), sequence (u64, big-endian), bytes. */
const codec = EventCodec.make<Entry>({
  name: "checkpoint-log-entry",
  copies: true,
  encode: ({ bytes, kind, sequence }) => {
    const encoded = new Uint8Array(headerSize + bytes.length)
    encoded[0] = kinds.indexOf(kind)
    new DataView(encoded.buffer).setBigUint64(1, BigInt(sequence))
    encoded.set(bytes, headerSize)
    return encoded
  },
  decode: (bytes) => {
    const kind = kinds[bytes[0] ?? kinds.length]
    if (bytes.length < headerSize || kind === undefined) throw new Error("it is no entry of a checkpoint log")
    const sequence = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(1))
    if (!Number.isSafeInteger(sequence)) throw new Error(`its number is ${sequence}`)
    return { kind, sequence, bytes: bytes.slice(headerSize) }
  }
})

/** The query whose log a stream would be. */
const queryOf = (prefix: ScopedStream, stream: ScopedStream): Option.Option<QueryName> =>
  decodeName(ChildStream.nameOf(prefix, stream))

const decodeName = Schema.decodeUnknownOption(QueryName)

/** A stream for each query. @category constructors @since 0.2.0 */
export const make = (prefix: ScopedStream): Effect.Effect<LogHome, never, Pravega | Scope.Scope> =>
  Effect.map(Effect.all([Pravega, Effect.scope]), ([pravega, scope]) => {
    const logs = new Map<QueryName, { readonly turn: Semaphore.Semaphore; log?: QueryLog }>()
    const here = <A, E>(effect: Effect.Effect<A, E, Pravega>) => Effect.provideService(effect, Pravega, pravega)
    /** A log that was opened only has nothing in it. */
    const isBegun = (stream: ScopedStream) =>
      Effect.map(StreamCuts.tail(stream), ({ cut }) => [...cut.positions.values()].some((offset) => offset > 0n))
    return {
      // Each has a connection and leaves a writer's trace in the segment: all who open one have the same.
      open: (query) =>
        Effect.suspend(() => {
          const known = logs.get(query) ?? { turn: Semaphore.makeUnsafe(1) }
          logs.set(query, known)
          const opening = Effect.tap(here(Scope.provide(open(prefix, query), scope)), (log) =>
            Effect.sync(() => {
              known.log = log
            }))
          return known.turn.withPermit(
            Effect.suspend(() => known.log === undefined ? opening : Effect.succeed(known.log))
          )
        }),
      exists: (query) =>
        here(
          Effect.gen(function*() {
            const stream = yield* ChildStream.of(prefix, query)
            return (yield* Admin.streamExists(stream)) && (yield* isBegun(stream))
          }).pipe(Effect.catch(unavailable(query, "look")))
        ),
      list: here(
        Stream.runCollect(Admin.listStreams(prefix.scope)).pipe(
          Effect.catchIf(
            ({ reason }) => reason._tag === "ScopeNotFound",
            () => Effect.succeed<Array<ScopedStream>>([])
          ),
          Effect.map(Arr.filter((stream) => Option.isSome(queryOf(prefix, stream)))),
          Effect.flatMap((streams) => Effect.filter(streams, isBegun, { concurrency: 8 })),
          Effect.map((streams) => streams.flatMap((stream) => Option.toArray(queryOf(prefix, stream))).toSorted()),
          Effect.catch(unavailable("", "list"))
        )
      )
    }
  })

/** What is known of the log; it may have gone on since. */
interface Known {
  readonly next: number
  /** Where the next entry will be. */
  readonly tail: RevisionedStream.Revision
  /** Where each record begins that is not forgotten. */
  readonly offsets: ReadonlyMap<number, RevisionedStream.Revision>
}

/** Opens a query's log, its stream made if need be; its connection is held until the Scope closes. */
const open = Effect.fnUntraced(function*(
  prefix: ScopedStream,
  query: QueryName
): Effect.fn.Return<QueryLog, CheckpointLogError, Pravega | Scope.Scope> {
  const stream = yield* ChildStream.of(prefix, query).pipe(
    Effect.tap((name) => Admin.ensureStream(name.toString(), { scaling: { _tag: "Fixed", segments: 1 } })),
    Effect.flatMap((name) => RevisionedStream.make(EventStream.make(name, { codec }))),
    Effect.catch(unavailable(query, "open"))
  )
  const log = new OpenLog(query, stream)
  const inTurn = (yield* Semaphore.make(1)).withPermits(1)
  return {
    append: (sequence, bytes) => inTurn(log.append(sequence, bytes)),
    read: (from) => inTurn(log.read(from)),
    compact: (before) => inTurn(log.compact(before))
  }
})

const fail = (reason: CheckpointLogError["reason"]) => Effect.fail(new CheckpointLogError({ reason }))

const unavailable = (query: string, operation: string) => (cause: unknown) =>
  fail(new LogUnavailable({ query, operation, cause }))

/** One operation at a time. */
class OpenLog implements QueryLog {
  private readonly query: QueryName
  private readonly stream: RevisionedStream.RevisionedStream<Entry>
  private known: Known | undefined = undefined

  constructor(query: QueryName, stream: RevisionedStream.RevisionedStream<Entry>) {
    this.query = query
    this.stream = stream
  }

  readonly append: QueryLog["append"] = (sequence, bytes) =>
    Effect.gen({ self: this }, function*() {
      const { query, stream } = this
      if (bytes.length > maxEventSize - headerSize) {
        const cause = new Error(`a record of ${bytes.length} bytes is larger than an event may be`)
        return yield* unavailable(query, "append")(cause)
      }
      for (;;) {
        // What is known may be old, but never wrong about a number that was taken.
        const { known } = this
        const { next, tail } = known !== undefined && sequence <= known.next ? known : yield* this.catchUp("append")
        if (sequence !== next) return yield* this.refused(sequence, next)
        const end = yield* stream.append({ kind: "record", sequence, bytes }, tail).pipe(
          // The client has tried again: an earlier try may have come true.
          Effect.catch((cause) => fail(new OutcomeUnknown({ query, sequence, cause })))
        )
        if (end === undefined) {
          yield* this.catchUp("append")
          continue
        }
        this.known = { next: next + 1, tail: end, offsets: new Map(this.known?.offsets).set(sequence, tail) }
        return
      }
    })

  readonly read: QueryLog["read"] = (from) =>
    Effect.suspend(() => {
      // Records that were read before are not kept.
      if (this.known !== undefined && from < this.known.next) this.known = undefined
      return Effect.map(this.catchUp("read"), ({ read }) => read.filter(({ sequence }) => sequence >= from))
    })

  readonly compact: QueryLog["compact"] = (before) =>
    Effect.gen({ self: this }, function*() {
      const { stream } = this
      for (;;) {
        const { next, offsets, tail } = yield* this.catchUp("compaction")
        if (before > next) return yield* this.refused(before, next)
        if (before <= Math.min(next, ...offsets.keys())) return
        const kept = new Map([...offsets].filter(([sequence]) => sequence >= before))
        let start = offsets.get(before)
        let end: RevisionedStream.Revision | undefined = tail
        if (start === undefined) {
          // Nothing is left: the next number must be, before the records go.
          start = tail
          end = yield* stream.append({ kind: "next", sequence: next, bytes: new Uint8Array(0) }, tail)
          if (end === undefined) continue
        }
        this.known = { next, tail: end, offsets: kept }
        return yield* stream.truncate(start)
      }
    }).pipe(
      Effect.catchIf((error) => error._tag !== "CheckpointLogError", unavailable(this.query, "compaction"))
    )

  /**
   * Reads on from what is known, or from the oldest entry, when nothing is, or somebody has truncated what came next.
   * `read`: the records that were read.
   */
  private catchUp(operation: string) {
    const failed = unavailable(this.query, operation)
    return Effect.gen({ self: this }, function*() {
      for (let tries = 0;; tries++) {
        const found = yield* this.pass(operation, tries)
        if (found === undefined) {
          this.known = undefined
          continue
        }
        const { next, offsets, tail } = found
        this.known = { next, offsets, tail }
        return found
      }
    }).pipe(Effect.catchTags({ SegmentError: failed, ControllerError: failed }))
  }

  /** Undefined: what was to be read was truncated meanwhile. */
  private pass(operation: string, tries: number) {
    return Effect.gen({ self: this }, function*() {
      const { known, query, stream } = this
      const corrupt = (sequence: number, detail: string) => fail(new CheckpointCorrupt({ query, sequence, detail }))
      const read: Array<StoredRecord> = []
      const offsets = new Map(known?.offsets)
      let next = known?.next
      let tail = known?.tail ?? (yield* stream.oldest)
      const isWhole = yield* Stream.runForEach(
        stream.read(tail),
        ({ endOffset, event: { bytes, kind, sequence }, offset }) => {
          if (sequence !== (next ?? sequence)) return corrupt(next ?? 0, `entry ${sequence} stands in its place`)
          if (kind === "record") {
            offsets.set(sequence, offset)
            read.push({ sequence, bytes })
          }
          next = kind === "record" ? sequence + 1 : sequence
          tail = endOffset
          return Effect.void
        }
      ).pipe(
        Effect.as(true),
        Effect.catchTag("ReadError", (error) => {
          if (isCorruption(error)) return corrupt(next ?? 0, error.message)
          return error.reason._tag === "TruncatedData" && tries < maxRestarts
            ? Effect.succeed(false)
            : unavailable(query, operation)(error)
        })
      )
      return isWhole ? { next: next ?? 0, tail, offsets, read } : undefined
    })
  }

  private refused(sequence: number, next: number) {
    const { query } = this
    return fail(
      sequence < next ? new SequenceTaken({ query, sequence }) : new SequenceNotNext({ query, sequence, next })
    )
  }
}

/** How often a reader begins again because the log is compacted while it reads. */
const maxRestarts = 16

const isCorruption = ({ reason }: ReadError): boolean =>
  reason._tag === "UndecodableEvent" || reason._tag === "CorruptSegment" || reason._tag === "EventTooLarge"
