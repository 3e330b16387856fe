/**
 * Snapshots, the records that name them, and what is deleted after that: processes die at every operation of the home, before it
 * and after it, and the next one finds the state that was committed, and leaves little behind in the end.
 */
import { assert, describe, it } from "@effect/vitest"
import { QueryState, StateError } from "effect-pravega/state"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { RowKind } from "../../src/flow/machine/Operator.ts"
import * as MemoryHome from "../../src/state/internal/MemoryHome.ts"
import type { StateHome } from "../../src/state/StateContract.ts"

const kinds: Record<string, RowKind> = { a: { schema: Schema.Int } }
const often = { deltas: 2, most: 2, bytesPerBatch: 1 }
const keys = ["k", "l", "m", "n"]

/** What outlives processes besides the home: the checkpoint log. */
interface Log {
  epoch: number
  planned: number
  /** Of the last committed batch. */
  head: QueryState.StateHead | undefined
  prepared: { readonly batch: number; readonly head: QueryState.StateHead | undefined } | undefined
  committed: number
}

const newLog = (): Log => ({ epoch: 0, planned: -1, head: undefined, prepared: undefined, committed: -1 })

/** A batch sets one row, and deletes another one now and then. */
const write = (tried: QueryState.StateTry, batch: number) => {
  const slot = batch % 3
  tried.rows("sums", slot).set(keys[batch % 4]!, "a", batch)
  if (batch % 5 === 4) tried.rows("sums", (batch + 1) % 3).delete(keys[(batch - 2) % 4]!, "a")
}

const expected = (upTo: number): Record<string, number> => {
  const rows: Record<string, number> = {}
  for (let batch = 0; batch <= upTo; batch++) {
    rows[`${batch % 3} ${keys[batch % 4]}`] = batch
    if (batch % 5 === 4) delete rows[`${(batch + 1) % 3} ${keys[(batch - 2) % 4]}`]
  }
  return rows
}

const found = (state: QueryState.QueryState): Record<string, number> => {
  const tried = state.begin(0, 0)
  const rows: Record<string, number> = {}
  for (const slot of [0, 1, 2]) {
    for (const key of keys) {
      const value = tried.rows("sums", slot).get(key, "a")
      if (typeof value === "number") rows[`${slot} ${key}`] = value
    }
  }
  state.discard()
  return rows
}

const turns = Effect.gen(function*() {
  for (let n = 0; n < 10; n++) yield* Effect.yieldNow
})

const open = (home: StateHome, log: Log, more: Partial<QueryState.OpenOptions> = {}) =>
  QueryState.open(home, {
    query: "q",
    log: "log-1",
    epoch: log.epoch,
    lastPlanned: log.planned,
    head: log.head,
    operators: { sums: kinds },
    ...more
  }, 1 << 20).pipe(Effect.provideService(QueryState.SnapshotPolicy, often))

/** A process from its start to the end of the history, or of itself: as `Commit` does it. */
const life = Effect.fnUntraced(
  function*(home: StateHome, log: Log, batches: number, more: Partial<QueryState.OpenOptions> = {}) {
    log.epoch++
    const state = yield* open(home, log, more)
    assert.deepStrictEqual(found(state), expected(log.committed), `after batch ${log.committed}`)
    while (log.committed < batches - 1) {
      const batch = log.committed + 1
      log.planned = batch
      if (log.prepared === undefined) {
        const tried = state.begin(batch, 1)
        write(tried, batch)
        log.prepared = { batch, head: yield* tried.prepare }
      }
      log.head = log.prepared.head
      log.committed = batch
      yield* state.commit(log.prepared.head)
      log.prepared = undefined
      yield* turns
    }
  },
  Effect.scoped
)

/** The home of a process that dies at an operation. */
const dying = (home: StateHome, at: number, when: "before" | "after") =>
  Effect.map(Deferred.make<void>(), (died) => {
    let operations = 0
    const guarded = <A, E>(operation: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        const n = operations++
        if (n < at) return operation
        const die = Effect.andThen(Deferred.succeed(died, undefined), Effect.never)
        return n === at && when === "after" ? Effect.andThen(operation, die) : die
      })
    const mortal: StateHome = {
      create: (name, bytes) => guarded(home.create(name, bytes)),
      read: (name) => guarded(home.read(name)),
      list: guarded(home.list),
      delete: (name) => guarded(home.delete(name))
    }
    return { mortal, died: Deferred.await(died), operations: () => operations }
  })

const runDying = Effect.fnUntraced(function*(
  home: StateHome,
  log: Log,
  batches: number,
  { at, when }: { readonly at: number; readonly when: "before" | "after" }
) {
  const { died, mortal, operations } = yield* dying(home, at, when)
  // what was prepared is in the log; the rest of the process is gone
  yield* Effect.raceFirst(life(mortal, log, batches), died)
  return operations()
})

const batches = 24

describe("S10, S13, S17: snapshots", () => {
  for (const when of ["before", "after"] as const) {
    it.effect(`a process dies ${when} each operation, and the next one goes on`, () =>
      Effect.gen(function*() {
        const all = yield* runDying(MemoryHome.make(), newLog(), batches, { at: Infinity, when })
        assert.isAbove(all, 60, "the history has snapshots and deletes")
        for (let at = 0; at < all; at++) {
          const home = MemoryHome.make()
          const log = newLog()
          yield* runDying(home, log, batches, { at, when })
          yield* life(home, log, batches)
          const state = yield* open(home, log)
          assert.deepStrictEqual(found(state), expected(batches - 1), `died ${when} operation ${at}`)
          yield* life(home, log, batches + 12)
          const { length } = yield* home.list
          assert.isAtMost(length, 14, `died ${when} operation ${at}: objects left`)
        }
      }))
  }

  it.effect("two die, at any two operations", () =>
    Effect.gen(function*() {
      const runs = Number(process.env["SNAPSHOT_RUNS"] ?? 150)
      for (let run = 0; run < runs; run++) {
        const home = MemoryHome.make()
        const log = newLog()
        yield* runDying(home, log, batches, { at: (run * 7) % 83, when: run % 2 === 0 ? "before" : "after" })
        yield* runDying(home, log, batches, { at: (run * 13) % 59, when: run % 3 === 0 ? "before" : "after" })
        yield* life(home, log, batches)
      }
    }))

  it.effect("what a paused owner writes late, under names that were deleted, changes nothing and goes", () =>
    Effect.gen(function*() {
      const home = MemoryHome.make()
      const log = newLog()
      yield* life(home, log, 3)
      const made = new Map<string, Uint8Array>()
      for (const name of yield* home.list) made.set(name, (yield* home.read(name))!)
      yield* life(home, log, batches)
      const gone = [...made].filter(([name]) => name.includes(".1."))
      for (const [name, bytes] of gone) yield* home.create(name, bytes)
      yield* life(home, log, batches + 12)
      assert.deepStrictEqual((yield* home.list).filter((name) => made.has(name)), [])
    }))

  it.effect("what has a higher epoch is never deleted", () =>
    Effect.gen(function*() {
      const home = MemoryHome.make()
      yield* home.create("log-1.0000000000000000.9.1", new Uint8Array([1]))
      // it was not there yet when the paused owner began
      let isFirst = true
      const blind: StateHome = {
        ...home,
        list: Effect.suspend(() => {
          if (!isFirst) return home.list
          isFirst = false
          return Effect.succeed([])
        })
      }
      yield* life(blind, newLog(), batches)
      assert.include(yield* home.list, "log-1.0000000000000000.9.1")
    }))

  it.effect("S22: what a savepoint names is kept as long as it is there", () =>
    Effect.gen(function*() {
      const home = MemoryHome.make()
      const log = newLog()
      yield* life(home, log, 7)
      const pin = log.head!
      let pins = [pin]
      const pinned = Effect.sync(() => pins)
      yield* life(home, log, batches, { pinned })
      assert.deepStrictEqual(found(yield* open(home, { ...log, head: pin })), expected(6))
      pins = []
      yield* life(home, log, batches + 12, { pinned })
      const error = yield* Effect.flip(open(home, { ...log, head: pin }))
      assert.strictEqual(error.reason._tag, "StateMissing")
    }))

  it.effect("a home that fails for snapshots only fails no batch", () =>
    Effect.gen(function*() {
      const home = MemoryHome.make()
      const log = newLog()
      let refused = 0
      const full: StateHome = {
        ...home,
        create: (name, bytes) => {
          if (!/-(\d+|all)(\.\d+)?$/.test(name)) return home.create(name, bytes)
          refused++
          const reason = new StateError.StateUnavailable({ query: "q", operation: "write", cause: new Error("full") })
          return Effect.fail(new StateError.StateStoreError({ reason }))
        }
      }
      yield* life(full, log, batches)
      assert.isAbove(refused, 1)
      assert.strictEqual(log.head?.base, undefined)
      yield* life(home, log, batches + 12)
      assert.isDefined(log.head?.base)
    }))
})
