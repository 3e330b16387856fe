/**
 * What every home of state must hold, as laws that can be run against one of one's own: what was made is there, whole and
 * as it was, in every process; nothing is ever replaced; and state that is kept in it is, in every version, the sum of what
 * was committed, whichever tries failed and wherever processes died.
 *
 * **Example**
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { StateStore } from "effect-pravega/state"
 * import { StateStoreLaws } from "effect-pravega/testing"
 * import * as Effect from "effect/Effect"
 *
 * const fresh = Effect.provide(StateStore, StateStore.layerMemory())
 *
 * for (const law of StateStoreLaws.laws(fresh)) it.live(law.name, () => law.check)
 * ```
 *
 * @since 0.2.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Arbitrary, default as FastCheck } from "fast-check"
import * as Assert from "node:assert/strict"
import type { RowKind } from "../../flow/machine/Operator.ts"
import * as QueryState from "../../state/QueryState.ts"
import type { StateHome } from "../../state/StateContract.ts"
import type { StateStoreError } from "../../state/StateError.ts"
import type { StateStore } from "../../state/StateStore.ts"
import { property } from "./internal/Property.ts"

/** `check` dies with an `AssertionError` when the law does not hold; of a property, with its seed. @category models @since 0.2.0 */
export interface Law<out E, out R> {
  readonly name: string
  readonly check: Effect.Effect<void, E, R>
}

/** @category options @since 0.2.0 */
export interface Options {
  /** How many random histories each property is tried with; default 100. */
  readonly runs?: number | undefined
  /** Repeats the histories of a failed run. */
  readonly seed?: number | undefined
}

/** A store that is empty; each time it is asked for a home, it is as another process would ask. */
type Fresh<E, R> = Effect.Effect<StateStore["Service"], E, R>
type Check = Effect.Effect<void, StateStoreError, Scope.Scope>

/**
 * The laws. `fresh` makes an empty store; each law, and each history of a property, asks for one, and closes its Scope
 * after it.
 *
 * @category laws
 * @since 0.2.0
 */
export const laws = <E, R>(
  fresh: Fresh<E, R>,
  options: Options = {}
): ReadonlyArray<Law<E | StateStoreError, Exclude<R, Scope.Scope>>> => {
  const law = (name: string, check: (open: Open) => Effect.Effect<void, StateStoreError>) => ({
    name,
    check: Effect.scoped(Effect.flatMap(fresh, (store) => check(store.open("laws"))))
  })
  const many = <A>(
    name: string,
    histories: (fc: typeof FastCheck) => Arbitrary<A>,
    holds: (open: Open, history: A) => Check
  ) => ({
    name,
    check: property(
      options,
      histories,
      (history) => Effect.flatMap(fresh, (store) => holds(store.open("laws"), history))
    )
  })
  return [
    law("an object is read as it was made, in every process", isReadAsItWasMade),
    law("an object is never replaced", isNeverReplaced),
    law("of many that make an object at once, one does", isMadeOnce),
    law("what was deleted is gone, and all else is there", isDeleted),
    law("an object is a copy of what was given, and a copy is given", isACopy),
    law("names of any letters, empty objects and large ones are as all others", takesAnyObject),
    many("whatever several processes do, the home has what was made and not deleted", operations, hasWhatWasMade),
    many(
      "in every version the state is the sum of what was committed, whatever failed or died",
      lives,
      (open, tries) => isTheFold(open, tries, never)
    ),
    many(
      "the same from snapshots, whatever they made needless, which is deleted in the end",
      lives,
      (open, tries) => isTheFold(open, tries, often)
    )
  ]
}

type Open = Effect.Effect<StateHome, StateStoreError>

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const same = (actual: Uint8Array | undefined, expected: Uint8Array | undefined, what: string): void => {
  Assert.deepEqual(actual && Array.from(actual), expected && Array.from(expected), what)
}

const isReadAsItWasMade = Effect.fnUntraced(function*(open: Open) {
  const home = yield* open
  same(yield* home.read("a"), undefined, "it was never made")
  Assert.deepEqual(yield* home.list, [])
  Assert.equal(yield* home.create("a", bytesOf("one")), "created")
  for (const process of [home, yield* open]) {
    same(yield* process.read("a"), bytesOf("one"), "read")
    Assert.deepEqual(yield* process.list, ["a"])
  }
})

const isNeverReplaced = Effect.fnUntraced(function*(open: Open) {
  const home = yield* open
  yield* home.create("a", bytesOf("one"))
  for (const process of [home, yield* open]) {
    Assert.equal(yield* process.create("a", bytesOf("two")), "exists")
    Assert.equal(yield* process.create("a", bytesOf("one")), "exists")
  }
  same(yield* (yield* open).read("a"), bytesOf("one"), "after it was made again")
})

const isMadeOnce = Effect.fnUntraced(function*(open: Open) {
  const texts = ["one", "two", "three", "four", "five"]
  const outcomes = yield* Effect.forEach(
    texts,
    (text) => Effect.flatMap(open, (home) => home.create("a", bytesOf(text))),
    { concurrency: "unbounded" }
  )
  const made = texts.filter((_, index) => outcomes[index] === "created")
  Assert.equal(made.length, 1, `made by ${made.length}`)
  same(yield* (yield* open).read("a"), bytesOf(made[0]!), "it is that of who made it")
})

const isDeleted = Effect.fnUntraced(function*(open: Open) {
  const home = yield* open
  yield* home.create("a", bytesOf("one"))
  yield* home.create("b", bytesOf("two"))
  yield* home.delete("a")
  yield* home.delete("a")
  yield* home.delete("never")
  const other = yield* open
  same(yield* other.read("a"), undefined, "deleted")
  same(yield* other.read("b"), bytesOf("two"), "not deleted")
  Assert.deepEqual(yield* other.list, ["b"])
})

const isACopy = Effect.fnUntraced(function*(open: Open) {
  const home = yield* open
  // a Buffer, of which a slice is a view
  const given = Buffer.from("one")
  yield* home.create("a", given)
  given.fill(0)
  const read = yield* home.read("a")
  same(read, bytesOf("one"), "what was given was changed")
  read?.fill(0)
  same(yield* home.read("a"), bytesOf("one"), "what was read was changed")
})

const takesAnyObject = Effect.fnUntraced(function*(open: Open) {
  const large = Uint8Array.from({ length: 1024 * 1024 }, (_, index) => index * 7)
  const objects = new Map([
    ["empty", new Uint8Array(0)],
    ["large", large],
    ["a.b-c_D.0", bytesOf("dots")],
    ["x".repeat(200), bytesOf("long")]
  ])
  const home = yield* open
  for (const [name, bytes] of objects) Assert.equal(yield* home.create(name, bytes), "created", name)
  const other = yield* open
  for (const [name, bytes] of objects) same(yield* other.read(name), bytes, name)
  Assert.deepEqual((yield* other.list).toSorted(), Array.from(objects.keys()).toSorted())
})

// -----------------------------------------------------------------------------
// several processes on one home
// -----------------------------------------------------------------------------

interface Operation {
  readonly does: "create" | "read" | "delete" | "list" | "reopen"
  readonly process: number
  readonly name: string
  readonly text: string
}

const operations = (fc: typeof FastCheck): Arbitrary<ReadonlyArray<Operation>> =>
  fc.array(
    fc.record({
      does: fc.constantFrom("create", "create", "read", "delete", "list", "reopen"),
      process: fc.nat(2),
      name: fc.constantFrom("a", "a.1", "b"),
      text: fc.string({ maxLength: 3 })
    }),
    { maxLength: 20 }
  )

const hasWhatWasMade = Effect.fnUntraced(function*(open: Open, history: ReadonlyArray<Operation>) {
  const expected = new Map<string, Uint8Array>()
  const processes = [yield* open, yield* open, yield* open]
  for (const { does, name, process, text } of history) {
    const home = processes[process]!
    if (does === "reopen") processes[process] = yield* open
    if (does === "read") same(yield* home.read(name), expected.get(name), `read ${name}`)
    if (does === "list") Assert.deepEqual((yield* home.list).toSorted(), Array.from(expected.keys()).toSorted())
    if (does === "delete") {
      yield* home.delete(name)
      expected.delete(name)
    }
    if (does === "create") {
      Assert.equal(yield* home.create(name, bytesOf(text)), expected.has(name) ? "exists" : "created", `create ${name}`)
      if (!expected.has(name)) expected.set(name, bytesOf(text))
    }
  }
  const home = yield* open
  Assert.deepEqual((yield* home.list).toSorted(), Array.from(expected.keys()).toSorted())
  for (const [name, bytes] of expected) same(yield* home.read(name), bytes, name)
})

// -----------------------------------------------------------------------------
// a query's state
// -----------------------------------------------------------------------------

/** How far a try of a batch comes: in the end one of them commits. */
const ends = ["fails", "dies", "dies prepared", "fails prepared", "commits", "dies, and another one commits"] as const

interface Try {
  readonly writes: ReadonlyArray<Write>
  readonly end: typeof ends[number]
}

/** Of a row; without a value it is deleted. */
interface Write {
  readonly operator: "one" | "two"
  readonly slot: number
  readonly key: string
  readonly sub: string
  readonly value: number | undefined
}

const lives = (fc: typeof FastCheck): Arbitrary<ReadonlyArray<Try>> =>
  fc.array(
    fc.record({
      writes: fc.array(
        fc.record({
          operator: fc.constantFrom("one", "two"),
          slot: fc.nat(2),
          key: fc.constantFrom("k", "l", "\u00ff\0"),
          sub: fc.constantFrom("a", "a1", "b\u{1f600}"),
          value: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined })
        }),
        { maxLength: 6 }
      ),
      end: fc.constantFrom(...ends)
    }),
    { maxLength: 8 }
  )

const kind: RowKind = {
  schema: Schema.Int,
  // some are due, at the time that they have as value
  due: (sub, value) =>
    typeof value === "number" && value > 1 ? { line: sub === "a" ? "event" : "clock", time: value } : undefined
}
const operators = { one: { a: kind, b: kind }, two: { a: kind, b: kind } }

/** By operator, slot, key and sub. */
type Rows = ReadonlyMap<string, number>

const idOf = ({ key, operator, slot, sub }: Write): string => JSON.stringify([operator, slot, key, sub])

const after = (rows: Rows, writes: ReadonlyArray<Write>): Rows => {
  const next = new Map(rows)
  for (const write of writes) {
    if (write.value === undefined) next.delete(idOf(write))
    else next.set(idOf(write), write.value)
  }
  return next
}

type Policy = Context.Service.Shape<typeof QueryState.SnapshotPolicy>
const never: Policy = { deltas: Infinity, most: Infinity, bytesPerBatch: 1 }
/** A slot a batch, so that versions are mixed. */
const often: Policy = { deltas: 1, most: 1, bytesPerBatch: 1 }

const isTheFold = Effect.fnUntraced(function*(open: Open, tries: ReadonlyArray<Try>, policy: Policy) {
  let committed: Rows = new Map()
  let head: QueryState.StateHead | undefined
  let epoch = 0
  let batch = 0
  const start = () =>
    Effect.flatMap(
      open,
      (home) =>
        QueryState.open(
          home,
          { query: "laws", log: "log", epoch: ++epoch, lastPlanned: batch, head, operators },
          1 << 20
        )
    ).pipe(Effect.provideService(QueryState.SnapshotPolicy, policy))
  let state = yield* start()
  for (const [attempt, { end, writes }] of tries.entries()) {
    const tried = state.begin(batch, attempt)
    write(tried, writes)
    const expected = after(committed, writes)
    seen(tried, expected, "the try sees")
    if (end === "fails") {
      state.discard()
    } else if (end === "dies") {
      state = yield* start()
    } else {
      const prepared = yield* tried.prepare
      if (end === "fails prepared") state.discard()
      if (end === "dies prepared" || end.startsWith("dies,")) state = yield* start()
      if (end === "commits" || end.startsWith("dies,")) {
        yield* state.commit(prepared)
        ;[committed, head] = [expected, prepared]
        batch++
      }
    }
    Assert.equal(state.size().rows, committed.size, "rows")
    seen(state.begin(batch, attempt), committed, "the state has")
  }
  state = yield* start()
  Assert.equal(state.size().rows, committed.size, "rows")
  seen(state.begin(batch, 0), committed, "recovered, the state has")
  if (policy === often && head !== undefined) yield* isCleaned(open, state, batch)
})

/** Batches go on until snapshots and cleaning have caught up: then there is little left, however many batches there were. */
const isCleaned = Effect.fnUntraced(function*(open: Open, state: QueryState.QueryState, batch: number) {
  let left = 0
  for (let n = 0; n < 24 || (left > 20 && n < 1000); n++) {
    const tried = state.begin(batch + n, 0)
    write(tried, [{ operator: "one", slot: 0, key: "k", sub: "a", value: n }])
    yield* state.commit(yield* tried.prepare)
    // what is done beside batches
    for (let turns = 0; turns < 20; turns++) yield* Effect.yieldNow
    if (n >= 23) left = (yield* Effect.flatMap(open, (home) => home.list)).length
  }
  Assert.ok(left <= 20, `${left} objects are left, whatever snapshots made needless`)
})

const write = (tried: QueryState.StateTry, writes: ReadonlyArray<Write>): void => {
  for (const { key, operator, slot, sub, value } of writes) {
    const rows = tried.rows(operator, slot)
    if (value === undefined) rows.delete(key, sub)
    else rows.set(key, sub, value)
  }
}

/** Looks at all rows in each way in which a step can. */
const seen = (tried: QueryState.StateTry, expected: Rows, what: string): void => {
  for (const operator of ["one", "two"] as const) {
    for (const slot of [0, 1, 2]) {
      const rows = tried.rows(operator, slot)
      const due: Array<string> = []
      for (const key of ["k", "l", "\u00ff\0"]) {
        const found: Array<string> = []
        for (const sub of ["a", "a1", "b\u{1f600}"]) {
          const value = expected.get(idOf({ operator, slot, key, sub, value: undefined }))
          Assert.equal(rows.get(key, sub), value, `${what} another ${operator} ${slot} ${key} ${sub}`)
          if (value !== undefined) found.push(`${sub} ${value}`)
          if (value !== undefined && value > 1) due.push(`${sub === "a" ? "event" : "clock"} ${value} ${key} ${sub}`)
        }
        const range = rows.range(key, "a", "c").map(({ sub, value }) => `${sub} ${String(value)}`)
        Assert.deepEqual(range, found, `${what} in the range of ${key}`)
      }
      const told = (["event", "clock"] as const).flatMap((line) =>
        rows.due(line, Infinity, 100).map(({ key, sub, time }) => `${line} ${time} ${key} ${sub}`)
      )
      Assert.deepEqual(told.toSorted(), due.toSorted(), `${what} due`)
    }
  }
}
