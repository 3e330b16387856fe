/**
 * What an aggregate is, and how one's own is made. Not the aggregates that there are: those are in the files beside.
 *
 * @since 0.2.0
 */
import { type Pipeable, Prototype } from "effect/Pipeable"
import * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import type { Place } from "../Place.ts"

const TypeId = "~effect-pravega/flow/Aggregate"

/**
 * What an aggregate can do besides adding:
 *
 * - `"merge"`: join two accumulators. The order of the inputs then decides nothing. Sessions need it, and it lets partitions
 *   add up for themselves.
 * - `"remove"`: take back an input. Needed behind `emit: "changes"`.
 * - `"empty"`: it has a result also where there was no input: a count is 0. A least value has none.
 *
 * @category models
 * @since 0.2.0
 */
export type Ability = "merge" | "remove" | "empty"

/**
 * Inputs of `In` become an accumulator `Acc`, and that a result `Out`. `Can` says what it can do besides.
 *
 * @category models
 * @since 0.2.0
 */
export interface Aggregate<in In, in out Acc, out Out, in Can extends Ability = never> extends Pipeable {
  readonly [TypeId]: Types.Contravariant<Can>
  /** The accumulator of no input. */
  readonly initial: Acc
  /** A new accumulator; the old one is as it was. The place decides ties. */
  readonly add: (accumulator: Acc, input: In, at: Place) => Acc
  /** As if the inputs of both had been added to one. Neither is changed. There whenever `Can` has "merge". */
  readonly merge: ((a: Acc, b: Acc) => Acc) | undefined
  /** As if the input had never been added. There whenever `Can` has "remove". */
  readonly remove: ((accumulator: Acc, input: In) => Acc) | undefined
  /** Asked only where there was an input, unless the aggregate can "empty". */
  readonly result: (accumulator: Acc) => Out
  /** Whether there is a result also where there was no input: whether `Can` has "empty". */
  readonly hasEmptyResult: boolean
  /** How accumulators are kept. */
  readonly accumulator: Schema.Codec<Acc, unknown>
  /** Tells one kind of aggregate from others; part of a query's structure. The functions in it are not. */
  readonly fingerprint: string
}

/** Any aggregate of any input. @category models @since 0.2.0 */
export interface Any {
  readonly [TypeId]: Types.Contravariant<never>
  readonly initial: unknown
  readonly add: (accumulator: never, input: never, at: Place) => unknown
  readonly merge: ((a: never, b: never) => unknown) | undefined
  readonly remove: ((accumulator: never, input: never) => unknown) | undefined
  readonly result: (accumulator: never) => unknown
  readonly hasEmptyResult: boolean
  readonly accumulator: Schema.Codec<unknown, unknown>
  readonly fingerprint: string
}

/** @category utility types @since 0.2.0 */
export type In<A extends Any> = Parameters<A["add"]>[1]
/** @category utility types @since 0.2.0 */
export type Acc<A extends Any> = A["initial"]
/** @category utility types @since 0.2.0 */
export type Out<A extends Any> = ReturnType<A["result"]>
/** @category utility types @since 0.2.0 */
export type Can<A extends Any> = Parameters<A[typeof TypeId]>[0]

/**
 * An aggregate was asked for its result, had no input, and has no result for none. No step asks so.
 *
 * @category errors
 * @since 0.2.0
 */
export class NoInput extends Schema.TaggedError<NoInput>()("NoInput", { aggregate: Schema.String }) {
  override get message(): string {
    return `the aggregate "${this.aggregate}" was asked for its result, and had no input. Ask for it when there was one, or wrap the ` +
      `aggregate in Aggregate.filter, whose result is an Option`
  }
  get isRetryable(): boolean {
    return false
  }
}

/** What an aggregate consists of. @category models @since 0.2.0 */
export interface Parts<In, Acc, Out> {
  readonly initial: Acc
  readonly add: (accumulator: Acc, input: In, at: Place) => Acc
  readonly merge?: ((a: Acc, b: Acc) => Acc) | undefined
  readonly remove?: ((accumulator: Acc, input: In) => Acc) | undefined
  readonly result: (accumulator: Acc) => Out
  readonly hasEmptyResult: boolean
  readonly accumulator: Schema.Codec<Acc, unknown>
  readonly fingerprint: string
}

const prototype = { ...Prototype, [TypeId]: (): void => {} }

/**
 * An aggregate of its parts. The caller knows that it can do what `Can` says.
 *
 * @category constructors
 * @since 0.2.0
 */
export const of = <In, Acc, Out, Can extends Ability>(parts: Parts<In, Acc, Out>): Aggregate<In, Acc, Out, Can> =>
  Object.assign(Object.create(prototype), { merge: undefined, remove: undefined, ...parts })

/** What an aggregate of one's own is made of. @category options @since 0.2.0 */
export interface Options<in In, in out Acc, out Out> {
  /** Its name in the structure of a query: a query does not go on with another one. */
  readonly name: string
  readonly initial: Acc
  readonly add: (accumulator: Acc, input: In, at: Place) => Acc
  readonly result: (accumulator: Acc) => Out
  readonly accumulator: Schema.Codec<Acc, unknown>
}

/** With `empty: true`, `result` is asked of the initial accumulator too. @category options @since 0.2.0 */
export interface Abilities<in In, in out Acc> {
  readonly merge?: (a: Acc, b: Acc) => Acc
  readonly remove?: (accumulator: Acc, input: In) => Acc
  readonly empty?: true
}

/** What it can do is what was given. */
type Given<Has> =
  | (Has extends { readonly merge: unknown } ? "merge" : never)
  | (Has extends { readonly remove: unknown } ? "remove" : never)
  | (Has extends { readonly empty: true } ? "empty" : never)

/**
 * An aggregate of one's own. All functions are pure, and give new accumulators: none changes what it is given. Hold it to
 * `AggregateLaws`, in `effect-pravega/testing`.
 *
 * With `merge`, partitions add up for themselves, and sessions can be counted: it must be associative and commutative, and
 * the order of the inputs must decide nothing (where it would, go by the place). With `remove`, it can follow `changes`.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * // how many inputs were of more than a hundred
 * const large = Aggregate.make({
 *   name: "large",
 *   accumulator: Schema.Int,
 *   initial: 0,
 *   add: (count, amount: number) => amount > 100 ? count + 1 : count,
 *   merge: (a, b) => a + b,
 *   result: (count) => count,
 *   empty: true
 * })
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = <In, Acc, Out, const Has extends Abilities<In, Acc>>(
  options: Options<In, Acc, Out> & Has
): Aggregate<In, Acc, Out, Given<Has>> => {
  const { accumulator, add, empty, initial, merge, name, remove, result } = options
  return of({
    accumulator,
    add,
    initial,
    merge,
    remove,
    result,
    hasEmptyResult: empty === true,
    fingerprint: `own(${JSON.stringify(name)})`
  })
}
