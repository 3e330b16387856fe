/**
 * A home of state in Pravega: a stream of one segment per query, to which objects are appended in parts. The last part is
 * appended on condition that nothing came after what its writer has read: so of two who make one object, one does. What is
 * deleted is truncated when it is more than half of the stream; objects that stand in the way are appended once more.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as ChildStream from "../../core/ChildStream.ts"
import * as EventStream from "../../core/EventStream.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import * as Uuid from "../../core/Uuid.ts"
import * as Admin from "../../pravega/admin/Admin.ts"
import type { ControllerError } from "../../pravega/controller/ControllerError.ts"
import { Pravega } from "../../pravega/Pravega.ts"
import { ReadError } from "../../pravega/read/ReadError.ts"
import type { SegmentError } from "../../pravega/segmentstore/SegmentError.ts"
import * as RevisionedStream from "../../pravega/synchronizer/RevisionedStream.ts"
import type { StateHome } from "../StateContract.ts"
import { StateStoreError, StateUnavailable } from "../StateError.ts"
import { codec, type PravegaEntry } from "./PravegaEntry.ts"
import { PravegaObjects, type StoredObject } from "./PravegaObjects.ts"

/** Of an object, in bytes: an event may have 8 MiB. */
const partSize = 4 * 1024 * 1024

/** So much that is deleted is left where it is, in bytes: a truncation is a request, and copies are appends. */
const slack = 8n * 1024n * 1024n

/** How often a reader begins again because the stream is truncated while it reads. */
const maxRestarts = 16

/** A stream for each query. Its connection is held as long as the Scope around, by all who open it. @category constructors @since 0.2.0 */
export const make = (
  prefix: ScopedStream
): Effect.Effect<(query: string) => Effect.Effect<StateHome, StateStoreError>, never, Pravega | Scope.Scope> =>
  Effect.map(Effect.all([Pravega, Effect.scope]), ([pravega, scope]) => {
    const homes = new Map<string, StateHome>()
    const one = Semaphore.makeUnsafe(1)
    return (query) =>
      one.withPermit(Effect.suspend(() => {
        const known = homes.get(query)
        if (known !== undefined) return Effect.succeed(known)
        return open(prefix, query).pipe(
          Scope.provide(scope),
          Effect.provideService(Pravega, pravega),
          Effect.tap((home) => Effect.sync(() => homes.set(query, home)))
        )
      }))
  })

/** Its stream is made if need be. */
const open = Effect.fnUntraced(function*(
  prefix: ScopedStream,
  query: string
): Effect.fn.Return<StateHome, StateStoreError, Pravega | Scope.Scope> {
  const stream = yield* ChildStream.of(prefix, query).pipe(
    Effect.tap((name) => Admin.ensureStream(name.toString(), { scaling: { _tag: "Fixed", segments: 1 } })),
    Effect.flatMap((name) => RevisionedStream.make(EventStream.make(name, { codec }))),
    Effect.catch(unavailable(query, "open"))
  )
  const home = new OpenHome(stream)
  const turn = Semaphore.makeUnsafe(1)
  const inTurn = <A, E>(operation: string, effect: Effect.Effect<A, E>) =>
    turn.withPermit(effect.pipe(Effect.catch(unavailable(query, operation))))
  return {
    create: (name, bytes) => inTurn("write", home.create(name, bytes)),
    read: (name) => inTurn("read", home.read(name)),
    list: inTurn("list", Effect.map(home.catchUp, () => [...home.known.objects.keys()])),
    delete: (name) => inTurn("delete", home.delete(name))
  }
})

const unavailable = (query: string, operation: string) => (cause: unknown) =>
  Effect.fail(new StateStoreError({ reason: new StateUnavailable({ query, operation, cause }) }))

type Failure = ReadError | SegmentError | ControllerError

const isTruncated = (tries: number) => (error: unknown): boolean =>
  error instanceof ReadError && error.reason._tag === "TruncatedData" && tries < maxRestarts

/** One operation at a time. */
class OpenHome {
  known = new PravegaObjects()
  private readonly stream: RevisionedStream.RevisionedStream<PravegaEntry>
  /** Where the next entry is that was not read; undefined: none was. */
  private tail: RevisionedStream.Revision | undefined = undefined

  constructor(stream: RevisionedStream.RevisionedStream<PravegaEntry>) {
    this.stream = stream
  }

  readonly create = (name: string, bytes: Uint8Array) =>
    Effect.gen({ self: this }, function*() {
      const copy = bytes.slice()
      for (;;) {
        yield* this.catchUp
        if (this.known.objects.has(name)) return "exists" as const
        const attempt = yield* this.append(name, copy)
        const made = this.known.objects.get(name)
        if (made !== undefined) return made.attempt === attempt ? "created" as const : "exists" as const
      }
    })

  readonly read = (name: string) =>
    Effect.gen({ self: this }, function*() {
      for (let tries = 0;; tries++) {
        yield* this.catchUp
        const object = this.known.objects.get(name)
        if (object === undefined) return undefined
        const bytes = yield* this.bytesOf(object).pipe(
          // it was moved meanwhile, or deleted
          Effect.catchIf(isTruncated(tries), () => Effect.undefined)
        )
        if (bytes !== undefined) return bytes
      }
    })

  readonly delete = (name: string) =>
    Effect.gen({ self: this }, function*() {
      for (;;) {
        yield* this.catchUp
        if (!this.known.objects.has(name)) return
        // On condition: one that is repeated after a lost reply must not delete what was made of this name meanwhile.
        if ((yield* this.stream.append({ kind: "deleted", name }, this.tail)) !== undefined) break
      }
      yield* this.catchUp
      yield* this.shorten
    })

  /** Reads on from what is known, or from the oldest entry, when nothing is, or somebody has truncated what came next. */
  readonly catchUp = Effect.suspend(() => this.catchUpFrom(0))

  private catchUpFrom(tries: number): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function*() {
      const from = this.tail ?? (yield* this.stream.oldest)
      if (this.tail === undefined) this.known = new PravegaObjects()
      yield* Stream.runForEach(this.stream.read(from), ({ endOffset, event, offset }) =>
        Effect.sync(() => {
          this.known.add(event, { start: offset, end: endOffset })
          this.tail = endOffset
        }))
      this.tail ??= from
    }).pipe(
      Effect.catchIf(isTruncated(tries), () =>
        Effect.suspend(() => {
          this.tail = undefined
          return this.catchUpFrom(tries + 1)
        }))
    )
  }

  /**
   * Appends all parts, the last one on condition: of a new object that there is none of its name, of a copy that its original is
   * still there. What became of it is known by what is known afterwards.
   */
  private append(name: string, bytes: Uint8Array, original?: StoredObject) {
    return Effect.gen({ self: this }, function*() {
      // a copy is of the same bytes: who has made the object is to find that it has
      const attempt = original?.attempt ?? (yield* Uuid.next)
      const count = Math.max(1, Math.ceil(bytes.length / partSize))
      const part = (index: number): PravegaEntry => ({
        kind: original === undefined ? "part" : "copy",
        name,
        attempt,
        index,
        count,
        bytes: bytes.subarray(index * partSize, (index + 1) * partSize)
      })
      for (let index = 0; index < count - 1; index++) yield* this.stream.append(part(index), undefined)
      for (;;) {
        if (count > 1) yield* this.catchUp
        if (this.known.objects.get(name) !== original) return attempt
        const end = yield* this.stream.append(part(count - 1), this.tail)
        yield* this.catchUp
        // Refused: something came in between. A part before may count no more now, so that all is made again.
        if (end !== undefined || count > 1) return attempt
      }
    })
  }

  private bytesOf({ places }: StoredObject) {
    return Effect.map(
      Effect.forEach(places, ({ end, start }) => Stream.runCollect(this.stream.read(start, end))),
      (read) => {
        const parts = read.flat().flatMap(({ event }) =>
          event.kind === "part" || event.kind === "copy" ? [event.bytes] : []
        )
        return new Uint8Array(Buffer.concat(parts))
      }
    )
  }

  /** Truncates what counts no more, if that is most of the stream. */
  private readonly shorten = Effect.gen({ self: this }, function*() {
    const { latest, oldest } = yield* this.stream.bounds
    const { size } = this.known
    if (latest - oldest <= 2n * size + slack) return
    for (;;) {
      const { first } = this.known
      // what is behind this place would be half of what counts, or more
      if (first === undefined || first[2] - oldest > (latest - oldest - size) / 2n) break
      const [name, object] = first
      yield* this.append(name, yield* this.bytesOf(object), object)
      if (this.known.objects.get(name) === object) break
    }
    const before = this.known.first?.[2] ?? this.tail ?? oldest
    if (before <= oldest) return
    // said before it is done: a part that stands before it counts no more for anybody
    const said = yield* this.stream.append({ kind: "floor", before }, this.tail)
    if (said !== undefined) yield* this.stream.truncate(before)
  })
}
