/**
 * Look-ups: events with what a service knows of their keys, asked for many keys at once, and remembered for a while.
 *
 * Not a join with a table: a table is another flow, and what a row was at an event's time is known. A service answers with
 * what is there now.
 *
 * @since 0.2.0
 */
import * as Arr from "effect/Array"
import * as Cache from "effect/Cache"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type * as Node from "../graph/Node.ts"
import type { Effectful, Flow, Mode, OnlyEvents } from "../graph/Typed.ts"
import * as Span from "../time/Span.ts"
import type { Joined } from "./Joins.ts"
import { each, isFlowFirst, make } from "./Made.ts"

/** What can be asked for, and be a key of a `Map`. @category models @since 0.2.0 */
export type LookupKey = string | number | bigint | boolean

/** @category options @since 0.2.0 */
export interface LookupOptions<T extends "inner" | "left", A, K extends LookupKey, B, E, R> {
  /** Default `inner`: an event of which nothing is known is left out. */
  readonly type?: T | undefined
  readonly key: (value: A) => K
  /** Asked for keys that differ. What is not in the answer is not known. */
  readonly find: (keys: Arr.NonEmptyReadonlyArray<K>) => Effect.Effect<ReadonlyMap<K, B>, E, R>
  /** How many keys are asked for at once, at most; default 1000. */
  readonly batchSize?: number | undefined
  /** How many are asked at the same time; default 1. */
  readonly concurrency?: number | undefined
  /**
   * What is remembered between batches: the answers to so many keys, those that nothing is known of too, for so long. Default:
   * nothing; in one batch no key is asked for twice in any case. A pipeline that is declared deterministic remembers
   * nothing: a process that goes on with its batches would not know it.
   */
  readonly cache?: { readonly capacity: number; readonly timeToLive: Duration.Input } | undefined
}

/**
 * Each event with what a service knows of its key: rows of a database, say. A batch's keys are asked for together, each once.
 * As with `mapEffect` the flow is not pure any more: run again, it may have other outputs.
 *
 * Throws `RangeError` for sizes that are no whole numbers above 0.
 *
 * **Example**
 *
 * ```ts
 * import { Flow } from "effect-pravega/flow"
 * import { Effect } from "effect"
 *
 * interface User { readonly id: number; readonly name: string }
 * declare const usersOf: (ids: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<User>>
 *
 * const named = Flow.events<{ readonly user: number; readonly page: string }>().pipe(
 *   Flow.lookup("users", {
 *     key: (view) => view.user,
 *     find: (ids) => Effect.map(usersOf(ids), (users) => new Map(users.map((user) => [user.id, user]))),
 *     cache: { capacity: 10_000, timeToLive: "1 minute" }
 *   }),
 *   Flow.map(({ left, right }) => ({ page: left.page, name: right.name }))
 * )
 * ```
 *
 * @category combinators
 * @since 0.2.0
 */
export const lookup: {
  <A, K extends LookupKey, B, E2, R2, const T extends "inner" | "left" = "inner">(
    name: string,
    options: LookupOptions<T, A, K, B, E2, R2>
  ): <In, M extends Mode, E, R>(
    self: Flow<In, A, M, E, R> & OnlyEvents<M>
  ) => Flow<In, Joined<T, K, A, B>, "events", E | E2, R | R2 | Effectful>
  <In, A, M extends Mode, E, R, K extends LookupKey, B, E2, R2, const T extends "inner" | "left" = "inner">(
    self: Flow<In, A, M, E, R> & OnlyEvents<M>,
    name: string,
    options: LookupOptions<T, A, K, B, E2, R2>
  ): Flow<In, Joined<T, K, A, B>, "events", E | E2, R | R2 | Effectful>
} = dual(
  isFlowFirst,
  <A, K extends LookupKey, B, E2, R2, T extends "inner" | "left">(
    self: { readonly node: Node.Node },
    name: string,
    options: LookupOptions<T, A, K, B, E2, R2>
  ): Flow<never, unknown, "events", unknown, unknown> => {
    const sizes = sizesOf(name, options)
    const asked = make({
      _tag: "Effectful",
      input: self.node,
      name,
      kind: "lookup",
      detail: sizes,
      open: () => new Lookups(options.key as (value: unknown) => LookupKey, options.find as unknown as Find, sizes).ask
    }) as { readonly node: Node.Node }
    if (options.type === "left") return each(asked, { does: "map", f: (answer) => answer })
    return each(asked, {
      does: "filterMap",
      f: (answer) => {
        const { key, left, right } = answer as Answer
        return Option.isSome(right) ? { key, left, right: right.value } : undefined
      }
    })
  }
)

interface Sizes {
  readonly batchSize: number
  readonly concurrency: number
  readonly capacity: number
  readonly timeToLive: number
  readonly [name: string]: number
}

const sizesOf = (
  name: string,
  { batchSize = 1000, cache, concurrency = 1 }: Pick<
    LookupOptions<"inner", never, never, never, never, never>,
    "batchSize" | "cache" | "concurrency"
  >
): Sizes => {
  const sizes = {
    batchSize,
    concurrency,
    capacity: cache?.capacity ?? 0,
    timeToLive: cache === undefined ? 0 : Span.positive(`Flow.lookup "${name}": timeToLive`, cache.timeToLive)
  }
  for (const what of ["batchSize", "concurrency", "capacity"] as const) {
    const least = what === "capacity" && cache === undefined ? 0 : 1
    if (!Number.isSafeInteger(sizes[what]) || sizes[what] < least) {
      throw new RangeError(`Flow.lookup "${name}": ${what}: ${sizes[what]} is not a whole number of 1 or more`)
    }
  }
  return sizes
}

type Find = (keys: Arr.NonEmptyReadonlyArray<LookupKey>) => Effect.Effect<unknown, unknown, unknown>

interface Answer {
  readonly key: LookupKey
  readonly left: unknown
  readonly right: Option.Option<unknown>
}

/** What one run has asked. */
class Lookups {
  private readonly keyOf: (value: unknown) => LookupKey
  private readonly find: Find
  private readonly sizes: Sizes
  private cache: Cache.Cache<LookupKey, Option.Option<unknown>> | undefined

  constructor(keyOf: (value: unknown) => LookupKey, find: Find, sizes: Sizes) {
    this.keyOf = keyOf
    this.find = find
    this.sizes = sizes
  }

  readonly ask: Node.Ask = (values, { apart, remembers }) =>
    Effect.gen({ self: this }, function*() {
      const cache = remembers && this.sizes.capacity > 0 ? yield* this.remembered : undefined
      const keys = values.map(this.keyOf)
      const known = new Map<LookupKey, Option.Option<unknown>>()
      const missing = new Map<LookupKey, number>()
      for (const [index, key] of keys.entries()) {
        if (known.has(key) || missing.has(key)) continue
        const there = cache === undefined ? Option.none() : yield* Cache.getSuccess(cache, key)
        if (Option.isSome(there)) known.set(key, there.value)
        else missing.set(key, index)
      }
      yield* Effect.forEach(
        Arr.chunksOf(missing, this.sizes.batchSize),
        (chunk) =>
          Effect.gen({ self: this }, function*() {
            const asked = Arr.map(chunk, ([key]) => key)
            const found = (yield* apart(this.find(asked), chunk[0][1])) as ReadonlyMap<LookupKey, unknown>
            for (const key of asked) {
              const answer = found.has(key) ? Option.some(found.get(key)) : Option.none()
              known.set(key, answer)
              if (cache !== undefined) yield* Cache.set(cache, key, answer)
            }
          }),
        { concurrency: this.sizes.concurrency, discard: true }
      )
      return values.map((left, i): Answer => ({ key: keys[i]!, left, right: known.get(keys[i]!)! }))
    })

  private get remembered(): Effect.Effect<Cache.Cache<LookupKey, Option.Option<unknown>>> {
    const { capacity, timeToLive } = this.sizes
    if (this.cache !== undefined) return Effect.succeed(this.cache)
    // It is asked for what is there only: several keys are found at once.
    const made = Cache.make({
      capacity,
      timeToLive,
      lookup: (_key: LookupKey) => Effect.succeed(Option.none<unknown>())
    })
    return Effect.tap(made, (cache) =>
      Effect.sync(() => {
        this.cache = cache
      }))
  }
}
