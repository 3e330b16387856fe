/**
 * Aggregates out of aggregates: several at once, and of other inputs or with other results.
 *
 * @since 0.2.0
 */
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { compareTexts, type Place } from "../Place.ts"
import { type Ability, type Aggregate, type Any, type Can, type In, of, type Out } from "./Contract.ts"

/** What all of them can do. */
type CommonTo<A extends Any> = Exclude<Ability, A extends Any ? Exclude<Ability, Can<A>> : never>

/** The input of the whole: it must fit each of the aggregates. */
type InOf<A extends Any> = (A extends Any ? (input: In<A>) => void : never) extends (input: infer I) => void ? I : never

/** The accumulators of several aggregates, in the order of their names or places. @category models @since 0.2.0 */
export type Accumulators = ReadonlyArray<unknown>

/**
 * Several aggregates of the same inputs, by name: one result with a field for each. It can do what all of them can.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 *
 * interface Flight {
 *   readonly delay: number
 * }
 *
 * const delays = Aggregate.struct({
 *   flights: Aggregate.count,
 *   mean: Aggregate.mean((flight: Flight) => flight.delay),
 *   worst: Aggregate.max((flight: Flight) => flight.delay)
 * })
 * ```
 *
 * @category combinators
 * @since 0.2.0
 */
export const struct = <const Fields extends { readonly [name: string]: Any }>(
  fields: Fields
): Aggregate<
  InOf<Fields[keyof Fields]>,
  Accumulators,
  { readonly [K in keyof Fields]: Out<Fields[K]> },
  CommonTo<Fields[keyof Fields]>
> => {
  const names = Object.keys(fields).toSorted(compareTexts)
  const parts = names.map((name) => loose<InOf<Fields[keyof Fields]>>(fields[name]!))
  const named = Schema.Struct(Object.fromEntries(names.map((name, index) => [name, parts[index]!.accumulator])))
  // named where it is kept, so that a field more or in another place is seen as what it is
  const accumulator = named.pipe(Schema.decodeTo(
    Schema.Array(Schema.Unknown),
    SchemaTransformation.transform<Accumulators, { readonly [name: string]: unknown }>({
      decode: (record) => names.map((name) => record[name]),
      encode: (accumulators) => Object.fromEntries(names.map((name, index) => [name, accumulators[index]]))
    })
  ))
  const described = names.map((name, index) => `${JSON.stringify(name)}:${parts[index]!.fingerprint}`)
  return several(parts, accumulator, `struct(${described.join()})`, (accumulators) => {
    const results: { [name: string]: unknown } = {}
    for (const [index, name] of names.entries()) results[name] = parts[index]!.result(accumulators[index])
    return results as never
  })
}

/**
 * Several aggregates of the same inputs, by place: one result with an element for each. It can do what all of them can.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 *
 * const range = Aggregate.tuple(
 *   Aggregate.min((reading: { celsius: number }) => reading.celsius),
 *   Aggregate.max((reading: { celsius: number }) => reading.celsius)
 * ).pipe(Aggregate.map(([low, high]) => high - low))
 * ```
 *
 * @category combinators
 * @since 0.2.0
 */
export const tuple = <const Elements extends ReadonlyArray<Any>>(
  ...elements: Elements
): Aggregate<
  InOf<Elements[number]>,
  Accumulators,
  { readonly [K in keyof Elements]: Out<Elements[K]> },
  CommonTo<Elements[number]>
> => {
  const parts = elements.map((element) => loose<InOf<Elements[number]>>(element))
  return several(
    parts,
    Schema.Tuple(parts.map(({ accumulator }) => accumulator)),
    `tuple(${parts.map(({ fingerprint }) => fingerprint).join()})`,
    (accumulators) => parts.map(({ result }, index) => result(accumulators[index])) as never
  )
}

/** Each part's own types are in the signature: in here, an accumulator is whatever its part says. */
type Loose<In> = Aggregate<In, unknown, unknown, Ability>
const loose = <In>(part: Any): Loose<In> => part as unknown as Loose<In>

const several = <In, Out, Can extends Ability>(
  parts: ReadonlyArray<Loose<In>>,
  accumulator: Schema.Codec<Accumulators, unknown>,
  fingerprint: string,
  result: (accumulators: Accumulators) => Out
): Aggregate<In, Accumulators, Out, Can> =>
  of({
    initial: parts.map(({ initial }) => initial),
    add: addTo(parts),
    merge: parts.every(({ merge }) => merge !== undefined)
      ? (a, b) => parts.map(({ merge }, index) => merge!(a[index], b[index]))
      : undefined,
    remove: parts.every(({ remove }) => remove !== undefined)
      ? (accumulators, input) => parts.map(({ remove }, index) => remove!(accumulators[index], input))
      : undefined,
    result,
    hasEmptyResult: parts.every(({ hasEmptyResult }) => hasEmptyResult),
    accumulator,
    fingerprint
  })

/** Runs once per event: written out for few parts, which takes a quarter of the time of a loop. */
const addTo = <In>(parts: ReadonlyArray<Loose<In>>) => {
  const [first, second, third, fourth] = parts.map(({ add }) => add)
  if (first === undefined) return (accumulators: Accumulators) => accumulators
  if (second === undefined) return ([a]: Accumulators, input: In, at: Place) => [first(a, input, at)]
  if (third === undefined) {
    return (all: Accumulators, input: In, at: Place) => [first(all[0], input, at), second(all[1], input, at)]
  }
  if (fourth === undefined) {
    return (all: Accumulators, input: In, at: Place) => [
      first(all[0], input, at),
      second(all[1], input, at),
      third(all[2], input, at)
    ]
  }
  if (parts.length === 4) {
    return (all: Accumulators, input: In, at: Place) => [
      first(all[0], input, at),
      second(all[1], input, at),
      third(all[2], input, at),
      fourth(all[3], input, at)
    ]
  }
  return (all: Accumulators, input: In, at: Place) => parts.map(({ add }, index) => add(all[index], input, at))
}

/**
 * Changes the result.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 *
 * const isBusy = Aggregate.map(Aggregate.count, (flights) => flights > 100)
 * ```
 *
 * @category combinators
 * @since 0.2.0
 */
export const map: {
  <A, B>(f: (result: A) => B): <In, Acc, Can extends Ability>(
    self: Aggregate<In, Acc, A, Can>
  ) => Aggregate<In, Acc, B, Can>
  <In, Acc, A, Can extends Ability, B>(
    self: Aggregate<In, Acc, A, Can>,
    f: (result: A) => B
  ): Aggregate<In, Acc, B, Can>
} = dual(
  2,
  <In, Acc, A, Can extends Ability, B>(
    self: Aggregate<In, Acc, A, Can>,
    f: (result: A) => B
  ): Aggregate<In, Acc, B, Can> => of({ ...self, result: (accumulator) => f(self.result(accumulator)) })
)

/**
 * Takes other inputs, and makes of each what the aggregate takes.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const airports = Aggregate.mapInput(
 *   Aggregate.distinct(Schema.String, { limit: 10_000 }),
 *   (flight: { origin: string }) => flight.origin
 * )
 * ```
 *
 * @category combinators
 * @since 0.2.0
 */
export const mapInput: {
  <B, A>(f: (input: B) => A): <Acc, Out, Can extends Ability>(
    self: Aggregate<A, Acc, Out, Can>
  ) => Aggregate<B, Acc, Out, Can>
  <A, Acc, Out, Can extends Ability, B>(
    self: Aggregate<A, Acc, Out, Can>,
    f: (input: B) => A
  ): Aggregate<B, Acc, Out, Can>
} = dual(
  2,
  <A, Acc, Out, Can extends Ability, B>(
    self: Aggregate<A, Acc, Out, Can>,
    f: (input: B) => A
  ): Aggregate<B, Acc, Out, Can> => {
    const { remove } = self
    return of({
      ...self,
      add: (accumulator, input, at) => self.add(accumulator, f(input), at),
      remove: remove === undefined ? undefined : (accumulator, input) => remove(accumulator, f(input))
    })
  }
)

/**
 * Takes only the inputs for which the predicate is true. The result is an Option where the aggregate has none without an input,
 * as the predicate may let none through.
 *
 * **Example**
 *
 * ```ts
 * import { Aggregate } from "effect-pravega/flow"
 *
 * const late = Aggregate.filter(Aggregate.count, (flight: { delay: number }) => flight.delay > 15)
 * ```
 *
 * @category combinators
 * @since 0.2.0
 */
export const filter: {
  <In>(predicate: (input: In) => boolean): <Acc, Out, Can extends Ability>(
    self: Aggregate<In, Acc, Out, Can>
  ) => Filtered<In, Acc, Out, Can>
  <In, Acc, Out, Can extends Ability>(
    self: Aggregate<In, Acc, Out, Can>,
    predicate: (input: In) => boolean
  ): Filtered<In, Acc, Out, Can>
} = dual(
  2,
  <In, Acc, Out, Can extends Ability>(
    self: Aggregate<In, Acc, Out, Can>,
    predicate: (input: In) => boolean
  ): Filtered<In, Acc, Out, Can> => {
    const { add, merge, remove, result } = self
    return of({
      initial: { passed: 0, accumulator: self.initial },
      add: (all, input, at) =>
        predicate(input) ? { passed: all.passed + 1, accumulator: add(all.accumulator, input, at) } : all,
      merge: merge === undefined
        ? undefined
        : (a, b) => ({ passed: a.passed + b.passed, accumulator: merge(a.accumulator, b.accumulator) }),
      remove: remove === undefined
        ? undefined
        : (all, input) =>
          predicate(input) ? { passed: all.passed - 1, accumulator: remove(all.accumulator, input) } : all,
      result: ({ accumulator, passed }): FilteredOut<Out, Can> =>
        (self.hasEmptyResult
          ? result(accumulator)
          : passed === 0
          ? Option.none()
          : Option.some(result(accumulator))) as FilteredOut<Out, Can>,
      hasEmptyResult: true,
      accumulator: Schema.Struct({ passed: Schema.Int, accumulator: self.accumulator }),
      fingerprint: `filter(${self.fingerprint})`
    })
  }
)

/** @category models @since 0.2.0 */
export interface Passed<out Acc> {
  /** How many inputs the predicate let through. */
  readonly passed: number
  readonly accumulator: Acc
}

/** An Option where there is no result without an input. @category models @since 0.2.0 */
export type Filtered<In, Acc, Out, Can extends Ability> = Aggregate<
  In,
  Passed<Acc>,
  FilteredOut<Out, Can>,
  Can | "empty"
>

type FilteredOut<Out, Can extends Ability> = "empty" extends Can ? Out : Option.Option<Out>
