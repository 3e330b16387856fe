/**
 * Aggregates: how many inputs become one value. An aggregate is a plain value, and aggregates compose: a struct of them is
 * one. They say nothing of keys, windows or time: those are a `Flow`'s.
 *
 * What holds for each, and is checked by `AggregateLaws`: an accumulator is never changed in place; it survives its Schema;
 * `merge`, where there is one, is associative and commutative, and the order of the inputs decides nothing: ties go by place.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import { compareTexts, type Place } from "../Place.ts"

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
export interface Aggregate<in In, in out Acc, out Out, in Can extends Ability = never> {
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

const variance = { [TypeId]: (): void => {} }

/** How many inputs there were. @category aggregates @since 0.2.0 */
export const count: Aggregate<unknown, number, number, Ability> = {
  ...variance,
  initial: 0,
  add: (accumulator) => accumulator + 1,
  merge: (a, b) => a + b,
  remove: (accumulator) => accumulator - 1,
  result: (accumulator) => accumulator,
  hasEmptyResult: true,
  accumulator: Schema.Int,
  fingerprint: "count"
}

/** What all of the fields can do. */
type CommonTo<Fields extends { readonly [name: string]: Any }> = Exclude<
  Ability,
  { readonly [K in keyof Fields]: Exclude<Ability, Can<Fields[K]>> }[keyof Fields]
>

/** What any of the fields takes, all of them must be given. */
type InOf<Fields extends { readonly [name: string]: Any }> =
  { readonly [K in keyof Fields]: (input: In<Fields[K]>) => void }[keyof Fields] extends (input: infer I) => void ? I
    : never

/**
 * Several aggregates of the same inputs, by name. It can do what all of them can.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 *
 * const both = Aggregate.struct({ flights: Aggregate.count, again: Aggregate.count })
 * ```
 *
 * @category combinators
 * @since 0.2.0
 */
export const struct = <const Fields extends { readonly [name: string]: Any }>(
  fields: Fields
): Aggregate<
  InOf<Fields>,
  { readonly [K in keyof Fields]: Acc<Fields[K]> },
  { readonly [K in keyof Fields]: Out<Fields[K]> },
  CommonTo<Fields>
> => structOf(fields as unknown as Named<InOf<Fields>>) as never

/** The fields' own types are in the signature: in here, an accumulator is whatever its field says. */
type Named<In> = { readonly [name: string]: Aggregate<In, unknown, unknown, Ability> }
type Values = { readonly [name: string]: unknown }

const structOf = <In>(fields: Named<In>): Aggregate<In, Values, Values, Ability> => {
  const names = Object.keys(fields).toSorted(compareTexts)
  const each = (value: (field: Named<In>[string], name: string) => unknown): Values => {
    const values: { [name: string]: unknown } = {}
    for (const name of names) values[name] = value(fields[name]!, name)
    return values
  }
  const all = (has: (field: Named<In>[string]) => boolean): boolean => names.every((name) => has(fields[name]!))
  return {
    ...variance,
    initial: each((field) => field.initial),
    add: (accumulator, input, at) => each((field, name) => field.add(accumulator[name], input, at)),
    merge: all(({ merge }) => merge !== undefined)
      ? (a, b) => each((field, name) => field.merge!(a[name], b[name]))
      : undefined,
    remove: all(({ remove }) => remove !== undefined)
      ? (accumulator, input) => each((field, name) => field.remove!(accumulator[name], input))
      : undefined,
    result: (accumulator) => each((field, name) => field.result(accumulator[name])),
    hasEmptyResult: all(({ hasEmptyResult }) => hasEmptyResult),
    accumulator: Schema.Struct(Object.fromEntries(names.map((name) => [name, fields[name]!.accumulator]))),
    fingerprint: `struct(${names.map((name) => `${JSON.stringify(name)}:${fields[name]!.fingerprint}`).join()})`
  }
}
