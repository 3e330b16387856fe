/**
 * Several flows of one key, added up side by side in the same windows.
 *
 * Not a join: a join makes pairs of events. This makes one result of all that each side has.
 *
 * @since 0.2.0
 */
import * as Aggregate from "../aggregate/Aggregate.ts"
import type { Ability, Acc, Any, Can, Out } from "../aggregate/Aggregate.ts"
import type * as Node from "../graph/Node.ts"
import type { Holds, Keyed, Mode, OnlyEvents, Stateful, Step } from "../graph/Typed.ts"
import * as Key from "../key/Key.ts"
import type { Window } from "../time/Window.ts"
import { each, erased, keyed, make } from "./Made.ts"
import { type ModeOf, window as inWindows, type Windowed, type WindowOptions } from "./Windows.ts"

/** One of several flows that are added up side by side. @category models @since 0.2.0 */
export interface Side<in In, out K, out A, out G, out E, out R> {
  readonly of: Keyed<In, K, A, "events", E, R>
  readonly aggregate: G
}

/**
 * A side of `Flow.cogroup`: a flow with keys, and how its values are added up.
 *
 * @category constructors
 * @since 0.2.0
 */
export const side = <In, K, A, M extends Mode, E, R, Acc, B, Can extends Ability>(
  of: Keyed<In, K, A, M, E, R> & OnlyEvents<M>,
  aggregate: Aggregate.Aggregate<NoInfer<A>, Acc, B, Can>
): Side<In, K, A, Aggregate.Aggregate<A, Acc, B, Can>, E, R> => ({
  of: of as unknown as Keyed<In, K, A, "events", E, R>,
  aggregate
})

/** @category models @since 0.2.0 */
export type AnySide = Side<never, unknown, unknown, Any, unknown, unknown>

/** A value, and the name of the side that it is of. @category models @since 0.2.0 */
export type Sided<S extends Readonly<Record<string, AnySide>>> = {
  readonly [N in keyof S & string]: { readonly _tag: N; readonly value: ValueOf<S[N]> }
}[keyof S & string]

/** What each side comes to; an Option where its aggregate has no result without an input. @category models @since 0.2.0 */
export type Cogrouped<S extends Readonly<Record<string, AnySide>>> = {
  readonly [N in keyof S]: Out<
    Aggregate.Filtered<unknown, Acc<S[N]["aggregate"]>, Out<S[N]["aggregate"]>, Can<S[N]["aggregate"]>>
  >
}

/**
 * What several flows have of each key and window, as one result with a field for each of them. It comes where any of them has
 * a value. Windows can be sessions: what is near in time then is in one session, whichever side it is of.
 *
 * **Example** (What was ordered and what was paid, in each hour)
 *
 * ```ts
 * import { Aggregate, Flow, Window } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * interface Order { readonly shop: string; readonly total: number }
 * interface Payment { readonly shop: string; readonly amount: number }
 *
 * const from = Flow.sources<{ orders: Order; payments: Payment }>()
 * const orders = from("orders").pipe(Flow.keyBy("shop", Schema.String, (order) => order.shop))
 * const payments = from("payments").pipe(Flow.keyBy("shop", Schema.String, (payment) => payment.shop))
 *
 * const hourly = Flow.cogroup("hourly", Window.tumbling("1 hour"), {
 *   ordered: Flow.side(orders, Aggregate.sum((order) => order.total)),
 *   paid: Flow.side(payments, Aggregate.sum((payment) => payment.amount))
 * }).pipe(Flow.map(({ key, value }) => ({ shop: key, open: value.ordered - value.paid })))
 * ```
 *
 * **Gotchas**
 *
 * Throws `RangeError` where the keys of the sides have other forms. What comes too late (`Flow.late`) says which side it is of.
 *
 * @category combinators
 * @since 0.2.0
 */
export const cogroup = <
  const S extends Readonly<Record<string, AnySide>>,
  Needs extends Ability,
  Allowed extends Node.Emit,
  const Emit extends Node.Emit & Allowed = "final" & Allowed
>(
  name: string,
  window: Window<Sided<S>, Needs, Allowed>,
  sides: S & OfOneKey<S> & AllMerge<S, Needs>,
  options?: WindowOptions<Emit>
): Step<
  InOf<S[keyof S]>,
  Windowed<KeyOf<S[keyof S]>, Cogrouped<S>>,
  Sided<S>,
  ModeOf<Emit>,
  ErrorOf<S[keyof S]>,
  ServicesOf<S[keyof S]> | Stateful
> => {
  // A copy in the order of names: another order is no other flow.
  const named = Object.entries<AnySide>(sides).sort(([a], [b]) => a < b ? -1 : 1)
  const tagged = named.map(([_tag, { of }]) =>
    each({ node: of.keyed.input }, { does: "map", f: (value) => ({ _tag, value }) }, false) as {
      readonly node: Node.Node
    }
  )
  const byName = new Map(named.map(([side, { of }]) => [side, of.keyed.f]))
  const all = keyed({
    _tag: "Keyed",
    input: (make({ _tag: "Merge", inputs: tagged.map(({ node }) => node) }) as { readonly node: Node.Node }).node,
    ...keyOf(name, named.map(([, { of }]) => of.keyed)),
    f: (value) => {
      const { _tag, value: own } = value as Tagged
      return byName.get(_tag)!(own)
    },
    isOfChanges: false
  })
  const aggregate = Aggregate.struct(
    Object.fromEntries(named.map(([side, { aggregate }]) => [side, ofSide(side, erased(aggregate))]))
  )
  return inWindows(all, name, window as never, aggregate as never, options) as never
}

interface Tagged {
  readonly _tag: string
  readonly value: unknown
}

const ofSide = (side: string, aggregate: Node.AnyAggregate) =>
  aggregate.pipe(
    Aggregate.mapInput(({ value }: Tagged) => value),
    Aggregate.filter(({ _tag }: Tagged) => _tag === side)
  )

const keyOf = (name: string, keys: ReadonlyArray<Node.Keyed>): Pick<Node.Keyed, "name" | "schema"> => {
  const [first] = keys
  if (first === undefined) throw new RangeError(`Flow.cogroup "${name}": it has no sides`)
  const forms = new Set(keys.map(({ schema }) => Key.make(schema).fingerprint))
  if (forms.size > 1) {
    throw new RangeError(`Flow.cogroup "${name}": the keys of its sides have other forms: ${[...forms].join(", ")}`)
  }
  return { name: [...new Set(keys.map((key) => key.name))].join("/"), schema: first.schema }
}

type ValueOf<S> = S extends Side<never, unknown, infer A, Any, unknown, unknown> ? A : never
type KeyOf<S> = S extends Side<never, infer K, unknown, Any, unknown, unknown> ? K : never
type ErrorOf<S> = S extends Side<never, unknown, unknown, Any, infer E, unknown> ? E : never
type ServicesOf<S> = S extends Side<never, unknown, unknown, Any, unknown, infer R> ? R : never
type InOf<S> = (S extends Side<infer In, unknown, unknown, Any, unknown, unknown> ? (in_: In) => void : never) extends
  (in_: infer I) => void ? I : never

type OfOneKey<S extends Readonly<Record<string, AnySide>>> = Holds<
  { [N in keyof S]: [KeyOf<S[keyof S]>] extends [KeyOf<S[N]>] ? never : N }[keyof S] extends never ? true : false,
  "its sides must have keys of one type"
>

type AllMerge<S extends Readonly<Record<string, AnySide>>, Needs> = Holds<
  { [N in keyof S]: [Needs] extends [Can<S[N]["aggregate"]>] ? never : N }[keyof S] extends never ? true : false,
  "these windows are put together from parts: the aggregates of all sides need merge"
>
