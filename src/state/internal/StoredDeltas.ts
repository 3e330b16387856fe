/**
 * The deltas and snapshots of a query in its home: written so that each is whole or not there, and read only if they are those
 * that were meant.
 */
import * as Effect from "effect/Effect"
import type { StateHome } from "../StateContract.ts"
import {
  DeltaTaken,
  ForeignState,
  LogBehindState,
  StateBehindLog,
  StateDamaged,
  StateMissing,
  StateStoreError
} from "../StateError.ts"
import type { SnapshotName, StateHead } from "../StateHead.ts"
import { checkChunk, type DeltaHead, DeltaReader, type Finished, Malformed, readHead, type StoredRow } from "./Delta.ts"
import * as DeltaName from "./DeltaName.ts"
import * as Snapshot from "./Snapshot.ts"

/** What the log says. @category options @since 0.2.0 */
export interface LogSays {
  readonly query: string
  readonly log: string
  readonly epoch: number
  readonly lastPlanned: number
}

/** A delta that was found; its rows are read when they are asked for. @category models @since 0.2.0 */
export interface Found {
  readonly delta: DeltaHead
  /** What `visit` throws of `StateStoreError` is the failure. */
  readonly read: (visit: (row: StoredRow) => void) => Effect.Effect<void, StateStoreError>
}

/** @category models @since 0.2.0 */
export interface StoredDeltas {
  /** Whether all that the home has can be of this log, as it is now. */
  readonly check: Effect.Effect<void, StateStoreError>
  /** `slot`: it is a snapshot's rows of that one. */
  readonly write: (delta: Finished, slot?: number) => Effect.Effect<void, StateStoreError>
  readonly writeSnapshot: (snapshot: Snapshot.Snapshot) => Effect.Effect<SnapshotName, StateStoreError>
  readonly snapshot: (name: SnapshotName) => Effect.Effect<Snapshot.Snapshot, StateStoreError>
  /** `follows`: what its predecessor must be; left out, that is not looked at. */
  readonly find: (
    head: StateHead & { readonly slot?: number },
    follows?: { readonly head: StateHead | undefined }
  ) => Effect.Effect<Found, StateStoreError>
}

/** @category constructors @since 0.2.0 */
export const make = (home: StateHome, says: LogSays): StoredDeltas => {
  const { epoch, lastPlanned, log, query } = says
  const check = Effect.flatMap(namesIn(home), (names) => {
    const own = names.filter((name) => name.log === DeltaName.logName(log))
    const beyond = own.find(({ epoch: claimed, version }) => version > lastPlanned || claimed > epoch)
    if (beyond !== undefined) {
      const { epoch: claimed, version } = beyond
      return fail(new LogBehindState({ query, log, lastPlanned, epoch, version, claimed }))
    }
    if (own.length > 0 || names.length === 0) return Effect.void
    return fail(new ForeignState({ query, log, found: Array.from(new Set(names.map((name) => name.log))).sort() }))
  })

  const put = (name: string, bytes: Uint8Array): Effect.Effect<void, StateStoreError> =>
    Effect.flatMap(home.create(name, bytes), (outcome) => {
      if (outcome === "created") return Effect.void
      // the same bytes: written before, and the answer was lost
      return Effect.flatMap(home.read(name), (there) =>
        there !== undefined && Buffer.compare(there, bytes) === 0
          ? Effect.void
          : fail(new DeltaTaken({ query, object: name })))
    })

  const write: StoredDeltas["write"] = ({ chunks, head, object }, slot) => {
    const name = { ...head, slot }
    return Effect.forEach(chunks.entries(), ([index, chunk]) => put(DeltaName.chunkName(name, index + 1), chunk), {
      concurrency: 4,
      discard: true
    }).pipe(
      // last: when it is there, all of them are
      Effect.andThen(put(DeltaName.headName(name), object))
    )
  }

  const writeSnapshot: StoredDeltas["writeSnapshot"] = (snapshot) => {
    const { name, object } = Snapshot.write(snapshot)
    return Effect.as(put(DeltaName.snapshotName(snapshot), object), name)
  }

  return { check, write, writeSnapshot, ...reader(home, says) }
}

/** What is there that has a name of ours. @category getters @since 0.2.0 */
export const namesIn = (home: StateHome): Effect.Effect<ReadonlyArray<DeltaName.Parsed>, StateStoreError> =>
  Effect.map(home.list, (names) => names.map(DeltaName.parse).filter((name) => name !== undefined))

/** What is read of a home, also where nothing may be written. @category constructors @since 0.2.0 */
export const reader = (
  home: StateHome,
  { log, query }: Pick<LogSays, "query" | "log">
): Pick<StoredDeltas, "find" | "snapshot"> => {
  const damaged = (object: string, detail: string) =>
    new StateStoreError({ reason: new StateDamaged({ query, object, detail }) })

  const get = Effect.fnUntraced(function*(object: string, { version }: Pick<StateHead, "version">) {
    const bytes = yield* home.read(object)
    if (bytes !== undefined) return bytes
    const newest = (yield* namesIn(home)).filter((name) => name.log === DeltaName.logName(log) && name.chunk === 0)
      .reduce((most, name) => Math.max(most, name.version), -1)
    if (newest < 0) return yield* fail(new StateMissing({ query, log, missing: object, version }))
    return yield* fail(
      newest < version
        ? new StateBehindLog({ query, log, missing: object, version, newest })
        : new StateMissing({ query, log, missing: object, version, newest })
    )
  })

  const decoding = <A>(object: string, run: () => A): Effect.Effect<A, StateStoreError> =>
    Effect.try({
      try: run,
      catch: (cause) => {
        if (cause instanceof StateStoreError) return cause
        if (cause instanceof Malformed) return damaged(object, cause.message)
        throw cause
      }
    })

  const snapshot: StoredDeltas["snapshot"] = Effect.fnUntraced(function*(name) {
    const object = DeltaName.snapshotName({ log, ...name })
    const bytes = yield* get(object, name)
    return yield* decoding(object, () => Snapshot.read(bytes, name))
  })

  const find: StoredDeltas["find"] = Effect.fnUntraced(function*(head, follows) {
    const name = DeltaName.headName(head)
    const object = yield* get(name, head)
    const { delta, last } = yield* decoding(name, () => readHead(object))
    if (!isSame(delta.head, head)) return yield* damaged(name, `it is ${describe(delta.head)}, not ${describe(head)}`)
    if (follows !== undefined && !isSame(delta.predecessor, follows.head)) {
      return yield* damaged(name, `it follows ${describe(delta.predecessor)}, not ${describe(follows.head)}`)
    }
    const read: Found["read"] = Effect.fnUntraced(function*(visit) {
      const reader = new DeltaReader(delta)
      for (const index of delta.chunks.keys()) {
        const part = DeltaName.chunkName(head, index + 1)
        const chunk = yield* get(part, head)
        yield* decoding(part, () => {
          checkChunk(delta, index, chunk)
          reader.read(chunk, visit)
        })
      }
      yield* decoding(name, () => {
        reader.read(last, visit)
        reader.finish()
      })
    })
    return { delta, read }
  })
  return { find, snapshot }
}

type Reason = StateStoreError["reason"]
const fail = (reason: Reason): Effect.Effect<never, StateStoreError> => Effect.fail(new StateStoreError({ reason }))

/** An object is not there, though the home can be read. @category guards @since 0.2.0 */
export const isGone = ({ reason }: StateStoreError): boolean =>
  reason._tag === "StateMissing" || reason._tag === "StateBehindLog"

/** @category getters @since 0.2.0 */
export const isSame = (a: StateHead | undefined, b: StateHead | undefined): boolean =>
  a === b ||
  (a !== undefined && b !== undefined && a.log === b.log && a.version === b.version && a.epoch === b.epoch &&
    a.attempt === b.attempt && a.digest === b.digest)

const describe = (head: StateHead | undefined): string =>
  head === undefined
    ? "nothing"
    : `version ${head.version} of epoch ${head.epoch}, attempt ${head.attempt}, digest ${head.digest}`
