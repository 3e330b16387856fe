import { assert, describe, it } from "@effect/vitest"
import { QueryState } from "effect-pravega/state"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import fc from "fast-check"
import type { RowKind } from "../../src/flow/machine/Operator.ts"
import * as MemoryHome from "../../src/state/internal/MemoryHome.ts"
import type { StateHome } from "../../src/state/StateContract.ts"

const Row = Schema.Struct({ text: Schema.String, n: Schema.Int })
const kinds: Record<string, RowKind> = { a: { schema: Row } }
const operators = { sums: kinds }
const options = { query: "q", log: "log-1", epoch: 1, lastPlanned: 10, head: undefined, operators }

const open = (home: StateHome, more: Partial<QueryState.OpenOptions> = {}, heapBytes = 1 << 30) =>
  QueryState.open(home, { ...options, ...more }, heapBytes)

const row = (n: number, text = "") => ({ text, n })

/** Commits a batch that sets one row per key. */
const batch = Effect.fnUntraced(function*(
  state: QueryState.QueryState,
  number: number,
  rows: Record<string, typeof Row.Type>,
  slot = 0
) {
  const tried = state.begin(number, 1)
  for (const [key, value] of Object.entries(rows)) tried.rows("sums", slot).set(key, "a", value)
  const head = yield* tried.prepare
  yield* state.commit(head)
  return head!
})

const reasonOf = <A, R>(
  effect: Effect.Effect<A, { readonly reason: { readonly _tag: string }; readonly message: string }, R>
) => Effect.map(Effect.flip(effect), ({ message, reason }) => [reason._tag, message] as const)

describe("a try", () => {
  it.effect("S12: what it decoded, even if it was changed in place, is gone with it", () =>
    Effect.gen(function*() {
      const state = yield* open(MemoryHome.make())
      yield* batch(state, 0, { k: row(1) })
      const read = (tried: QueryState.StateTry) => tried.rows("sums", 0).get("k", "a")
      const changed = read(state.begin(1, 1))
      Object.assign(changed as object, { n: 99 })
      assert.deepStrictEqual(read(state.begin(1, 2)), row(1))
    }))

  it.effect("S1: whatever it did to a row, when it fails the row is as it was", () =>
    Effect.gen(function*() {
      const state = yield* open(MemoryHome.make())
      yield* batch(state, 0, { k: row(1) })
      const rows = state.begin(1, 1).rows("sums", 0)
      rows.delete("k", "a")
      rows.set("k", "a", row(2))
      rows.delete("k", "a")
      rows.set("k", "a", row(3))
      assert.deepStrictEqual(rows.get("k", "a"), row(3))
      state.discard()
      assert.deepStrictEqual(state.begin(1, 2).rows("sums", 0).get("k", "a"), row(1))
    }))

  it.effect("a batch that changes no row writes nothing, and has the head before", () =>
    Effect.gen(function*() {
      const home = MemoryHome.make()
      const state = yield* open(home)
      const head = yield* batch(state, 0, { k: row(1) })
      const tried = state.begin(1, 1)
      tried.rows("sums", 0).set("k", "a", row(1))
      tried.rows("sums", 1).set("new", "a", row(2))
      tried.rows("sums", 1).delete("new", "a")
      assert.deepStrictEqual(yield* tried.prepare, head)
      yield* state.commit(head)
      assert.strictEqual((yield* home.list).length, 1)
      assert.deepStrictEqual(state.size(), { rows: 1, bytes: `ka{"text":"","n":1}`.length })
    }))

  it.effect("one that is over can't be used any more", () =>
    Effect.gen(function*() {
      const state = yield* open(MemoryHome.make())
      const first = state.begin(0, 1)
      state.begin(0, 2)
      assert.throws(() => first.rows("sums", 0), "try 1 of batch 0 is over")
    }))

  it.effect("S21: deltas of many chunks are read as they were written, whatever their rows are", () =>
    Effect.gen(function*() {
      const home = MemoryHome.make()
      const state = yield* open(home)
      const rows = Object.fromEntries(
        Array.from({ length: 50 }, (_, index) => [`k${index}`, row(index, "\u20ac\u{1f600}".repeat(index * 800))])
      )
      const head = yield* batch(state, 0, rows)
      const sizes = yield* Effect.forEach(yield* home.list, (name) => home.read(name))
      assert.isAbove(sizes.length, 3)
      for (const bytes of sizes) assert.isAtMost(bytes!.length, 1024 * 1024 + 10_000)
      const again = yield* open(home, { head })
      const tried = again.begin(1, 1)
      for (const [key, value] of Object.entries(rows)) {
        assert.deepStrictEqual(tried.rows("sums", 0).get(key, "a"), value)
      }
      assert.deepStrictEqual(again.size(), state.size())
    }))

  it.effect("S21: a row has a limit, and the heap has one, and both are said", () =>
    Effect.gen(function*() {
      const state = yield* open(MemoryHome.make(), {}, 3_000_000)
      const fits = (length: number) => batch(state, 0, { k: row(1, "x".repeat(length)) })
      const overhead = `ka{"text":"","n":1}`.length
      yield* fits(1024 * 1024 - 64 - overhead)
      const [tag, message] = yield* reasonOf(fits(1024 * 1024 - 63 - overhead))
      assert.strictEqual(tag, "ValueTooLarge")
      assert.include(message, `the row "a" of the key 6b in step "sums" has 1048513 bytes, the limit is 1048512`)

      const full = yield* open(MemoryHome.make(), {}, overhead)
      yield* batch(full, 0, { k: row(1) })
      const [tooMuch, said] = yield* reasonOf(batch(full, 1, { k: row(10) }))
      assert.strictEqual(tooMuch, "WorkingSetFull")
      assert.include(said, `raise heapBytes (${overhead})`)
      assert.deepStrictEqual(full.begin(1, 2).rows("sums", 0).get("k", "a"), row(1))
    }))

  it.effect("a value that its Schema can't encode is said, with its row", () =>
    Effect.gen(function*() {
      const state = yield* open(MemoryHome.make())
      const [tag, message] = yield* reasonOf(batch(state, 0, { k: { text: "", n: 1.5 } }))
      assert.strictEqual(tag, "ValueNotCodable")
      assert.include(message, `the row "a" of the key 6b in step "sums" can't be encoded by its Schema`)
    }))
})

describe("F6, S15: the digest", () => {
  it("is the same however slots and rows are ordered, and another one for anything else", () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.record({ slot: fc.nat(3), key: fc.string(), n: fc.nat(3) }), {
          selector: ({ key, slot }) => `${slot} ${key}`,
          minLength: 1,
          maxLength: 8
        }),
        fc.nat(7),
        (writes, which) =>
          Effect.runPromise(Effect.scoped(Effect.gen(function*() {
            const digestOf = Effect.fnUntraced(function*(all: typeof writes) {
              const state = yield* open(MemoryHome.make())
              const tried = state.begin(0, 1)
              for (const { key, n, slot } of all) {
                tried.rows("sums", slot).set(Buffer.from(key).toString("latin1"), "a", row(n))
              }
              return (yield* tried.prepare)!.digest
            })
            const digest = yield* digestOf(writes)
            assert.match(digest, /^[0-9a-f]{32}$/)
            assert.strictEqual(yield* digestOf(writes.toReversed()), digest)
            const index = which % writes.length
            for (const change of [{ n: 9 }, { slot: 9 }, { key: "other key" }]) {
              assert.notStrictEqual(yield* digestOf(writes.with(index, { ...writes[index]!, ...change })), digest)
            }
            assert.notStrictEqual(yield* digestOf([...writes, { slot: 9, key: "", n: 0 }]), digest)
          })))
      )
    ))

  it.effect("and what is stored never change", () =>
    Effect.gen(function*() {
      const home = MemoryHome.make()
      const state = yield* open(home)
      const tried = state.begin(3, 2)
      tried.rows("sums", 5).set("\u00ff", "a", row(1, "\u20ac"))
      const head = yield* tried.prepare
      assert.deepStrictEqual(head, {
        log: "log-1",
        version: 3,
        epoch: 1,
        attempt: 2,
        digest: "18c7e1b6cfeb35f9183ce073177c3635"
      })
      const [name] = yield* home.list
      assert.strictEqual(name, "log-1.0000000000000003.1.2")
      const bytes = Buffer.from((yield* home.read(name!))!)
      assert.strictEqual(
        bytes.toString("hex"),
        "455053310da3012c038837f56f930003156f73fb000000cc7b22666f726d6174223a312c2268656164223a7b226c6f67223a226c6f672d31222c2276657273696f6e223a332c2265706f6368223a312c22617474656d7074223a322c22646967657374223a223138633765316236636665623335663931383363653037333137376333363335227d2c22736c6f7473223a7b2235223a223138633765316236636665623335663931383363653037333137376333363335227d2c226f70657261746f7273223a5b2273756d73225d2c22726f7773223a312c226368756e6b73223a5b5d7d000000050100000001ff0000000161000000147b2274657874223a22e282ac222c226e223a317d"
      )
    }))
})

describe("S3, S14, S18: log and state belong together", () => {
  const three = Effect.gen(function*() {
    const home = MemoryHome.make()
    const state = yield* open(home)
    const heads = [
      yield* batch(state, 0, { k: row(1) }),
      yield* batch(state, 1, { k: row(2) }),
      yield* batch(state, 2, { l: row(3) })
    ]
    return { home, heads }
  })

  it.effect("an older version than the newest is found again: what is above it was never committed", () =>
    Effect.gen(function*() {
      const { heads, home } = yield* three
      const state = yield* open(home, { head: heads[1] })
      assert.deepStrictEqual(state.size().rows, 1)
      assert.deepStrictEqual(state.begin(2, 2).rows("sums", 0).get("k", "a"), row(2))
    }))

  it.effect("a delta that was prepared before its process died is committed by the next one", () =>
    Effect.gen(function*() {
      const { heads, home } = yield* three
      const state = yield* open(home, { head: heads[1], epoch: 2 })
      yield* state.commit(heads[2])
      assert.deepStrictEqual(state.begin(3, 1).rows("sums", 0).get("l", "a"), row(3))
    }))

  it.effect("one that is gone is missing, in words, and the version before is still there", () =>
    Effect.gen(function*() {
      const { heads, home } = yield* three
      yield* home.delete("log-1.0000000000000002.1.1")
      const state = yield* open(home, { head: heads[1] })
      const [tag, message] = yield* reasonOf(state.commit(heads[2]))
      assert.strictEqual(tag, "StateBehindLog")
      assert.include(message, "log log-1 needs version 2, log-1.0000000000000002.1.1 is not there")
      assert.include(message, "the home has version 1 of this log")
      // run again, it gives the same digest
      const again = yield* batch(state, 2, { l: row(3) })
      assert.strictEqual(again.digest, heads[2]!.digest)
    }))

  it.effect("state that is gone altogether is missing: a query with a log never goes on without", () =>
    Effect.gen(function*() {
      const { heads } = yield* three
      const [tag, message] = yield* reasonOf(open(MemoryHome.make(), { head: heads[2] }))
      assert.strictEqual(tag, "StateMissing")
      assert.include(message, "nothing of this log")
    }))

  it.effect("that of another log is foreign, also when the log is new", () =>
    Effect.gen(function*() {
      const { heads, home } = yield* three
      for (const head of [undefined, { ...heads[2]!, log: "log-2" }]) {
        const [tag, message] = yield* reasonOf(open(home, { log: "log-2", head }))
        assert.strictEqual(tag, "ForeignState")
        assert.include(message, "it is that of log log-1, and the query's log is log-2")
      }
    }))

  it.effect("a log that is behind its state is an older copy", () =>
    Effect.gen(function*() {
      const { heads, home } = yield* three
      const [tag, message] = yield* reasonOf(open(home, { head: heads[0], lastPlanned: 1 }))
      assert.strictEqual(tag, "LogBehindState")
      assert.include(message, "the home has version 2 of epoch 1, and log log-1 knows of batch 1 and epoch 1 at most")
      assert.strictEqual((yield* reasonOf(open(home, { head: heads[2], epoch: 0 })))[0], "LogBehindState")
    }))

  it.effect("a version of another history is none", () =>
    Effect.gen(function*() {
      const { heads, home } = yield* three
      const state = yield* open(home, { head: heads[0] })
      const [tag, message] = yield* reasonOf(state.commit(heads[2]))
      assert.strictEqual(tag, "StateDamaged")
      assert.include(message, "it follows version 1")
      const digest = "0".repeat(32)
      assert.strictEqual((yield* reasonOf(open(home, { head: { ...heads[2]!, digest } })))[0], "StateDamaged")
    }))

  it.effect("rows of a step that the flow doesn't have are not dropped", () =>
    Effect.gen(function*() {
      const { heads, home } = yield* three
      const [tag, message] = yield* reasonOf(open(home, { head: heads[2], operators: { others: kinds } }))
      assert.strictEqual(tag, "UnknownState")
      assert.include(message, `rows of "sums"`)
    }))

  it.effect("any byte that changes is noticed", () =>
    Effect.gen(function*() {
      const { heads, home } = yield* three
      const name = "log-1.0000000000000001.1.1"
      const bytes = (yield* home.read(name))!
      for (let at = 0; at < bytes.length; at++) {
        const rotten = new Uint8Array(bytes)
        rotten[at]! ^= 1 << (at % 8)
        const reading: StateHome = {
          ...home,
          read: (asked) => asked === name ? Effect.succeed(rotten) : home.read(asked)
        }
        assert.strictEqual((yield* reasonOf(open(reading, { head: heads[2] })))[0], "StateDamaged")
      }
      const torn: StateHome = {
        ...home,
        read: (asked) => asked === name ? Effect.succeed(bytes.subarray(0, 10)) : home.read(asked)
      }
      assert.strictEqual((yield* reasonOf(open(torn, { head: heads[2] })))[0], "StateDamaged")
    }))

  it.effect("S4: what a paused owner writes late is under a name of its own, and another's is not replaced", () =>
    Effect.gen(function*() {
      const home = MemoryHome.make()
      const old = yield* open(home)
      const paused = old.begin(0, 1)
      paused.rows("sums", 0).set("k", "a", row(1))
      const owner = yield* open(home, { epoch: 2 })
      const head = yield* batch(owner, 0, { k: row(2) })
      yield* paused.prepare
      const again = yield* open(home, { epoch: 3, head })
      assert.deepStrictEqual(again.begin(1, 1).rows("sums", 0).get("k", "a"), row(2))
      // with the same epoch, which the log allows to nobody
      const twin = yield* open(home, { epoch: 2, lastPlanned: 0 })
      assert.strictEqual((yield* reasonOf(batch(twin, 0, { k: row(3) })))[0], "DeltaTaken")
    }))
})
