/**
 * What every aggregate must hold, as laws that can be run against one's own: that how inputs are grouped, ordered, split
 * over partitions, stored and taken back changes nothing. An aggregate is held to what it says that it can do: one without
 * `merge` may go by the order of its inputs.
 *
 * **Example**
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Aggregate } from "effect-pravega/flow"
 * import { AggregateLaws } from "effect-pravega/testing"
 * import fc from "fast-check"
 *
 * const longest = Aggregate.max((text: string) => text.length)
 *
 * for (const law of AggregateLaws.laws(longest, fc.string())) it.effect(law.name, () => law.check)
 * ```
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Arbitrary, default as FastCheck } from "fast-check"
import * as Assert from "node:assert/strict"
import { inspect, isDeepStrictEqual } from "node:util"
import * as NumberOption from "../../core/NumberOption.ts"
import type { Aggregate } from "../../flow/aggregate/Aggregate.ts"
import type { Place } from "../../flow/Place.ts"
import { property } from "./internal/Property.ts"

/** `check` dies with the law's name, fast-check's seed and the smallest inputs that break it. @category models @since 0.2.0 */
export interface Law {
  readonly name: string
  readonly check: Effect.Effect<void>
}

/** @category options @since 0.2.0 */
export interface Options {
  /** How many lists of inputs each law is tried with; default 100. */
  readonly runs?: number | undefined
  /** Repeats the inputs of a failed run. */
  readonly seed?: number | undefined
  /** How many inputs at most; default 10. */
  readonly inputs?: number | undefined
}

/**
 * The laws of an aggregate, given a fast-check arbitrary of its inputs. Two accumulators are the same when what is stored
 * of them is: that is what a replay and a checksum see.
 *
 * @category laws
 * @since 0.2.0
 */
export const laws = <In, Acc, Out>(
  aggregate: Aggregate<In, Acc, Out>,
  inputs: Arbitrary<In>,
  options: Options = {}
): ReadonlyArray<Law> => {
  const subject = subjectOf(aggregate)
  const law = (name: string, holds: Holds<In, Acc, Out>): Law => ({
    name,
    check: property(options, (fc) => trials(fc, inputs, inputsOf(options)), (trial) =>
      Effect.sync(() => {
        try {
          holds(subject, trial)
        } catch (cause) {
          throw new Assert.AssertionError({ message: `the law "${name}" does not hold: ${messageOf(cause)}` })
        }
      }))
  })
  return [
    law("an accumulator is never changed, nor an input", changesNothing),
    law("the same inputs give the same accumulator and the same result", isPure),
    law("an accumulator survives its Schema, through JSON", survivesItsSchema),
    ...aggregate.hasEmptyResult ? [law("there is a result without an input", hasEmptyResult)] : [],
    ...aggregate.merge === undefined ? [] : [
      law("merging with the initial accumulator changes nothing", hasNeutralInitial),
      law("merging is commutative", isCommutative),
      law("merging is associative", isAssociative),
      law("adding is independent of how the inputs are split", isIndependentOfSplitting),
      law("adding is independent of the order", isIndependentOfOrder)
    ],
    ...aggregate.remove === undefined ? [] : [law("removing undoes adding", removesWhatWasAdded)]
  ]
}

/** An aggregate without a `merge` has none. */
interface Subject<In, Acc, Out> {
  readonly initial: Acc
  readonly add: (accumulator: Acc, input: Placed<In>) => Acc
  readonly merge: (a: Acc, b: Acc) => Acc
  readonly remove: (accumulator: Acc, input: In) => Acc
  readonly result: (accumulator: Acc) => Out
  readonly hasEmptyResult: boolean
  /** What is stored of it. */
  readonly encode: (accumulator: Acc) => string
  readonly decode: (text: string) => Acc
}

interface Placed<In> {
  readonly input: In
  readonly at: Place
}

/** Inputs in three groups, and an order of all of them. */
interface Trial<In> {
  readonly groups: readonly [ReadonlyArray<Placed<In>>, ReadonlyArray<Placed<In>>, ReadonlyArray<Placed<In>>]
  readonly shuffled: ReadonlyArray<Placed<In>>
  readonly all: ReadonlyArray<Placed<In>>
}

type Holds<In, Acc, Out> = (subject: Subject<In, Acc, Out>, trial: Trial<In>) => void

const subjectOf = <In, Acc, Out>(aggregate: Aggregate<In, Acc, Out>): Subject<In, Acc, Out> => {
  const { accumulator, add, hasEmptyResult, initial, merge, remove, result } = aggregate
  const json = Schema.fromJsonString(Schema.toCodecJson(accumulator))
  return {
    initial,
    add: (accumulator, { at, input }) => add(accumulator, input, at),
    merge: merge ?? ((a) => a),
    remove: remove ?? ((a) => a),
    result,
    hasEmptyResult,
    encode: Schema.encodeSync(json),
    decode: Schema.decodeSync(json)
  }
}

const trials = <In>(fc: typeof FastCheck, inputs: Arbitrary<In>, maxLength: number): Arbitrary<Trial<In>> =>
  // few times and sources, so that there are ties to decide
  fc.array(fc.record({ input: inputs, time: fc.nat(3), source: fc.constantFrom("a", "b"), group: fc.nat(2) }), {
    maxLength
  })
    .chain((drawn) =>
      fc.shuffledSubarray(drawn.map((_, index) => index), { minLength: drawn.length }).map((order) => {
        const all = drawn.map(({ input, source, time }, index): Placed<In> => ({
          input,
          at: { time, source, segment: 0n, offset: BigInt(index), ordinal: 0 }
        }))
        const group = (number: number) => all.filter((_, index) => drawn[index]!.group === number)
        return { all, groups: [group(0), group(1), group(2)], shuffled: order.map((index) => all[index]!) }
      })
    )

const fold = <In, Acc, Out>(
  { add, initial }: Subject<In, Acc, Out>,
  inputs: ReadonlyArray<Placed<In>>,
  from: Acc = initial
): Acc => inputs.reduce(add, from)

/** What is stored must be the same; a result is then the same as well, as it is pure. */
const assertSame = <In, Acc, Out>(
  { encode }: Subject<In, Acc, Out>,
  actual: Acc,
  expected: Acc,
  what: string
): void => {
  const [one, other] = [encode(actual), encode(expected)]
  if (one !== other) Assert.fail(`${what}: ${one} is not ${other}`)
}

const changesNothing = <In, Acc, Out>(
  subject: Subject<In, Acc, Out>,
  { all, groups: [first, second] }: Trial<In>
): void => {
  const { add, encode, hasEmptyResult, initial, merge, remove, result } = subject
  freeze(initial)
  const frozen = (accumulator: Acc): Acc => freeze(accumulator)
  const unchanged = (accumulator: Acc, what: string, act: () => void): void => {
    const before = encode(accumulator)
    act()
    if (encode(accumulator) !== before) Assert.fail(`${what} changed ${before} to ${encode(accumulator)}`)
  }
  let accumulator = initial
  for (const placed of all) {
    freeze(placed)
    const last = accumulator
    unchanged(last, "add", () => {
      accumulator = frozen(add(last, placed))
    })
    unchanged(accumulator, "remove", () => remove(accumulator, placed.input))
    unchanged(accumulator, "result", () => result(accumulator))
  }
  if (hasEmptyResult) unchanged(initial, "result", () => result(initial))
  const [a, b] = [frozen(fold(subject, first)), frozen(fold(subject, second))]
  unchanged(a, "merge", () => unchanged(b, "merge", () => merge(a, b)))
}

const isPure = <In, Acc, Out>(subject: Subject<In, Acc, Out>, { all }: Trial<In>): void => {
  const accumulator = fold(subject, all)
  assertSame(subject, accumulator, fold(subject, all), "added once more")
  if (all.length > 0 || subject.hasEmptyResult) {
    Assert.deepEqual(
      subject.result(accumulator),
      subject.result(accumulator),
      "the result of the same accumulator differs"
    )
  }
}

const survivesItsSchema = <In, Acc, Out>(subject: Subject<In, Acc, Out>, trial: Trial<In>): void => {
  const { decode, encode, hasEmptyResult, result } = subject
  const [first, second] = trial.groups
  const accumulator = fold(subject, first)
  const again = decode(encode(accumulator))
  assertSame(subject, again, accumulator, "decoded")
  if (first.length > 0 || hasEmptyResult) {
    assertAlike(result(again), result(accumulator), "the result of what was decoded differs")
  }
  assertSame(subject, fold(subject, second, again), fold(subject, second, accumulator), "decoded, and added to")
}

const hasEmptyResult = <In, Acc, Out>({ initial, result }: Subject<In, Acc, Out>): void => {
  result(initial)
}

const hasNeutralInitial = <In, Acc, Out>(subject: Subject<In, Acc, Out>, { all }: Trial<In>): void => {
  const accumulator = fold(subject, all)
  assertSame(subject, subject.merge(subject.initial, accumulator), accumulator, "initial first")
  assertSame(subject, subject.merge(accumulator, subject.initial), accumulator, "initial second")
}

const isCommutative = <In, Acc, Out>(subject: Subject<In, Acc, Out>, trial: Trial<In>): void => {
  const [a, b] = trial.groups.map((group) => fold(subject, group))
  assertSame(subject, subject.merge(a!, b!), subject.merge(b!, a!), "merged the other way round")
}

const isAssociative = <In, Acc, Out>(subject: Subject<In, Acc, Out>, trial: Trial<In>): void => {
  const { merge } = subject
  const [a, b, c] = trial.groups.map((group) => fold(subject, group))
  assertSame(subject, merge(merge(a!, b!), c!), merge(a!, merge(b!, c!)), "merged in another grouping")
}

const isIndependentOfSplitting = <In, Acc, Out>(subject: Subject<In, Acc, Out>, { all, groups }: Trial<In>): void => {
  const merged = groups.map((group) => fold(subject, group)).reduce(subject.merge)
  assertSame(subject, merged, fold(subject, all), "in three groups, merged")
}

const isIndependentOfOrder = <In, Acc, Out>(subject: Subject<In, Acc, Out>, { all, shuffled }: Trial<In>): void =>
  assertSame(subject, fold(subject, shuffled), fold(subject, all), "in another order")

const removesWhatWasAdded = <In, Acc, Out>(subject: Subject<In, Acc, Out>, { all, groups }: Trial<In>): void => {
  const [first, second, third] = groups
  const left = [...second, ...third].reduce(
    (accumulator, { input }) => subject.remove(accumulator, input),
    fold(subject, all)
  )
  assertSame(subject, left, fold(subject, first), "added and removed")
}

const assertAlike = (actual: unknown, expected: unknown, what: string): void => {
  if (!isAlike(actual, expected)) Assert.fail(`${what}: ${inspect(actual)} is not ${inspect(expected)}`)
}

/** As strict as can be, but that a record may have no prototype: those that fast-check makes have none. */
const isAlike = (a: unknown, b: unknown): boolean => {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b)
  if (!hasParts(a) || !hasParts(b)) return isDeepStrictEqual(a, b)
  if (classOf(a) !== classOf(b)) return false
  const names = Object.keys(a)
  return names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isAlike(Reflect.get(a, name), Reflect.get(b, name)))
}

const classOf = (value: object): unknown => Object.getPrototypeOf(value) ?? Object.prototype

/** And nothing besides, as a Map has. */
const hasParts = (value: object): boolean =>
  !(value instanceof Map || value instanceof Set || value instanceof Date || ArrayBuffer.isView(value))

const messageOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/** Deeply. The bytes of a typed array can't be frozen: what is stored of it is compared. */
const freeze = <A>(value: A): A => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) freeze(part)
  return value
}

const inputsOf = ({ inputs }: Options): number =>
  NumberOption.check("inputs", inputs, { least: 0, most: 0x7fff_ffff, otherwise: 10 })
