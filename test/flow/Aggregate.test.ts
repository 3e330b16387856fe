// @effect-diagnostics schemaNumber:off (NaN and the infinities are inputs too)
import { assert, describe, it } from "@effect/vitest"
import { Aggregate, type Place } from "effect-pravega/flow"
import { AggregateLaws } from "effect-pravega/testing"
import { pipe } from "effect/Function"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import fc from "fast-check"

const anyFloat = fc.oneof(
  fc.double(),
  fc.double({ min: -1000, max: 1000 }),
  fc.integer({ min: -10, max: 10 }),
  fc.constantFrom(
    0.1,
    0.2,
    0.3,
    1e16,
    -1e16,
    1e308,
    -1e308,
    Number.MAX_VALUE,
    Number.MIN_VALUE,
    -0,
    2 ** -1074,
    2 ** 970
  )
)
const finite = anyFloat.filter(Number.isFinite)

const Bid = Schema.Struct({ bidder: Schema.String, price: Schema.Finite })
type Bid = typeof Bid.Type
/** Few prices, so that there are ties. */
const bids: fc.Arbitrary<Bid> = fc.record({ bidder: fc.string(), price: fc.integer({ min: 0, max: 3 }) })
const price = (bid: Bid): number => bid.price

const at = (index: number, time: number = index): Place.Place => ({
  time,
  source: "s",
  segment: 0n,
  offset: BigInt(index),
  ordinal: 0
})

const fold = <In, Acc, Out>(aggregate: Aggregate.Aggregate<In, Acc, Out>, inputs: ReadonlyArray<In>): Acc =>
  inputs.reduce((accumulator, input, index) => aggregate.add(accumulator, input, at(index)), aggregate.initial)

const resultOf = <In, Acc, Out>(aggregate: Aggregate.Aggregate<In, Acc, Out>, inputs: ReadonlyArray<In>): Out =>
  aggregate.result(fold(aggregate, inputs))

const lawsOf = <In, Acc, Out>(
  name: string,
  aggregate: Aggregate.Aggregate<In, Acc, Out>,
  inputs: fc.Arbitrary<In>
): void => {
  for (const law of AggregateLaws.laws(aggregate, inputs, { runs: 200 })) {
    it.effect(`${name}: ${law.name}`, () => law.check)
  }
}

describe("every aggregate of the house passes the laws", () => {
  lawsOf("count", Aggregate.count, bids)
  lawsOf("sum", Aggregate.sum((x: number) => x), anyFloat)
  lawsOf("sumBigInt", Aggregate.sumBigInt((x: bigint) => x), fc.bigInt())
  lawsOf("mean", Aggregate.mean((x: number) => x), anyFloat)
  lawsOf("min", Aggregate.min((x: number) => x), anyFloat)
  lawsOf("max", Aggregate.max((x: number) => x), anyFloat)
  lawsOf("minBy", Aggregate.minBy(Bid, price), bids)
  lawsOf("maxBy", Aggregate.maxBy(Bid, price), bids)
  lawsOf("maxBy of several", Aggregate.maxBy(Bid, (bid) => [bid.price, bid.bidder, true]), bids)
  lawsOf("first", Aggregate.first(Bid), bids)
  lawsOf("last", Aggregate.last(Bid), bids)
  lawsOf("collect", Aggregate.collect(Bid, { limit: 4 }), bids)
  lawsOf("topN", Aggregate.topN(Bid, { n: 3, by: price }), bids)
  lawsOf("distinct", Aggregate.distinct(Schema.Int, { limit: 3 }), fc.integer({ min: 0, max: 5 }))
  lawsOf("quantiles", Aggregate.quantiles((x: number) => x, [0, 0.5, 1]), anyFloat)
  lawsOf("struct", Aggregate.struct({ n: Aggregate.count, total: Aggregate.sum(price) }), bids)
  lawsOf(
    "a struct of many",
    Aggregate.struct({
      n: Aggregate.count,
      total: Aggregate.sum(price),
      best: Aggregate.maxBy(Bid, price),
      first: Aggregate.first(Bid),
      mean: Aggregate.mean(price)
    }),
    bids
  )
  lawsOf("tuple", Aggregate.tuple(Aggregate.min(price), Aggregate.max(price), Aggregate.mean(price)), bids)
  lawsOf("filter", Aggregate.filter(Aggregate.max(price), (bid) => bid.price > 1), bids)
  lawsOf("filter of what can be empty", Aggregate.count.pipe(Aggregate.filter((bid: Bid) => bid.price > 1)), bids)
  lawsOf("map", Aggregate.map(Aggregate.mean(price), String), bids)
  lawsOf("mapInput", Aggregate.mapInput(Aggregate.sum((x: number) => x), price), bids)
})

/** Floats as whole numbers of units of 2^-1074, without the code under test. */
const exact = (value: number): bigint => {
  const [mantissa, exponent] = value === 0 ? ["0", 0] : decompose(value)
  return BigInt(mantissa) << BigInt(exponent)
}
const decompose = (value: number): [string, number] => {
  let [mantissa, exponent] = [value, 0]
  while (!Number.isInteger(mantissa) && exponent < 1074) [mantissa, exponent] = [mantissa * 2, exponent + 1]
  return [String(BigInt(mantissa)), 1074 - exponent]
}

/** Whether no float is nearer to the quotient than this one. */
const isNearest = (value: number, sum: bigint, divisor: bigint): boolean => {
  const limit = exact(Number.MAX_VALUE) + (1n << 2044n)
  const distance = (float: bigint): bigint => {
    const difference = float * divisor - sum
    return difference < 0n ? -difference : difference
  }
  if (!Number.isFinite(value)) {
    return (sum < 0n ? -sum : sum) >= limit * divisor && Math.sign(value) === (sum < 0n ? -1 : 1)
  }
  return [next(value, 1), next(value, -1)].every((neighbour) =>
    !Number.isFinite(neighbour) || distance(exact(value)) <= distance(exact(neighbour))
  )
}
const next = (value: number, direction: 1 | -1): number => {
  if (value === 0) return direction * Number.MIN_VALUE
  const word = new DataView(new ArrayBuffer(8))
  word.setFloat64(0, value)
  word.setBigInt64(0, word.getBigInt64(0) + BigInt(value > 0 ? direction : -direction))
  return word.getFloat64(0)
}

describe("F8: sums of floats are exact", () => {
  const numbers = [0.1, 0.2, 0.3, 1e16, -1e16]
  const sum = Aggregate.sum((x: number) => x)

  /** All ways to put the numbers in an order, and then brackets between them. */
  function* sums(
    accumulators: ReadonlyArray<ReturnType<typeof fold<number, typeof sum.initial, number>>>
  ): Generator<number> {
    if (accumulators.length === 1) yield sum.result(accumulators[0]!)
    for (let i = 0; i < accumulators.length; i++) {
      for (let j = i + 1; j < accumulators.length; j++) {
        const rest = accumulators.filter((_, index) => index !== i && index !== j)
        yield* sums([...rest, sum.merge!(accumulators[i]!, accumulators[j]!)])
        yield* sums([sum.merge!(accumulators[j]!, accumulators[i]!), ...rest])
      }
    }
  }

  it("of 0.1, 0.2, 0.3, 1e16 and -1e16 the sum is 0.6 in every grouping, and the mean 0.12", () => {
    assert.deepStrictEqual(new Set(sums(numbers.map((number) => fold(sum, [number])))), new Set([0.6]))
    assert.strictEqual(resultOf(Aggregate.mean((x: number) => x), numbers), 0.12)
  })

  it("a sum is the float that is nearest to the exact one, also beyond what floats can hold on the way", () =>
    fc.assert(
      fc.property(fc.array(finite, { maxLength: 12 }), (values) => {
        assert.isTrue(isNearest(resultOf(sum, values), values.reduce((total, value) => total + exact(value), 0n), 1n))
      }),
      { numRuns: 1000 }
    ))

  it("a mean is the float that is nearest to the exact one", () =>
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 12 }), (values) => {
        const total = values.reduce((sum, value) => sum + exact(value), 0n)
        assert.isTrue(isNearest(resultOf(Aggregate.mean((x: number) => x), values), total, BigInt(values.length)))
      }),
      { numRuns: 1000 }
    ))

  it("ties are rounded to even", () => {
    assert.strictEqual(resultOf(sum, [2 ** 53, 1]), 2 ** 53)
    assert.strictEqual(resultOf(sum, [2 ** 53, 3]), 2 ** 53 + 4)
    assert.strictEqual(resultOf(sum, [2 ** 53, 1, 2 ** -1074]), 2 ** 53 + 2)
    assert.strictEqual(resultOf(sum, [Number.MAX_VALUE, 2 ** 970]), Infinity)
    assert.strictEqual(resultOf(sum, [Number.MAX_VALUE, 2 ** 970, -(2 ** -1074)]), Number.MAX_VALUE)
    assert.strictEqual(resultOf(Aggregate.mean((x: number) => x), [1e308, 1e308, 1e308]), 1e308)
    assert.strictEqual(resultOf(Aggregate.mean((x: number) => x), [2 ** -1074, 2 ** -1073]), 2 ** -1073)
  })

  it("what is no number is as with +", () => {
    const values = fc.array(fc.oneof(finite, fc.constantFrom(NaN, Infinity, -Infinity)), { maxLength: 6 })
    fc.assert(fc.property(values.filter((all) => !all.every(Number.isFinite)), (all) => {
      assert.deepStrictEqual(resultOf(sum, all), all.filter((value) => !Number.isFinite(value)).reduce((a, b) => a + b))
    }))
  })

  it("a sum that was one float again after removing is one", () => {
    const accumulator = fold(sum, [1, 1e-20, Infinity, 1e308, 1e308])
    assert.strictEqual([1e-20, Infinity, 1e308, 1e308].reduce(sum.remove!, accumulator), 1)
  })
})

describe("results", () => {
  const inputs = fc.array(bids, { minLength: 1, maxLength: 20 })
  const ranked = (all: ReadonlyArray<Bid>): ReadonlyArray<Bid> => all.toSorted((a, b) => b.price - a.price)

  it("are those of plain code over all inputs", () =>
    fc.assert(fc.property(inputs, (all) => {
      const aggregate = Aggregate.struct({
        n: Aggregate.count,
        least: Aggregate.min(price),
        most: Aggregate.max(price),
        worst: Aggregate.minBy(Bid, price),
        best: Aggregate.maxBy(Bid, price),
        first: Aggregate.first(Bid),
        last: Aggregate.last(Bid),
        top: Aggregate.topN(Bid, { n: 3, by: price }),
        some: Aggregate.collect(Bid, { limit: 5 }),
        prices: Aggregate.mapInput(Aggregate.distinct(Schema.Finite, { limit: 3 }), price),
        high: Aggregate.filter(Aggregate.mean(price), (bid) => bid.price > 2)
      })
      const prices = all.map(price)
      const different = new Set(prices).size
      assert.deepStrictEqual(resultOf(aggregate, all), {
        n: all.length,
        least: Math.min(...prices),
        most: Math.max(...prices),
        worst: all.toSorted((a, b) => a.price - b.price)[0]!,
        best: ranked(all)[0]!,
        first: all[0]!,
        last: all.at(-1)!,
        top: ranked(all).slice(0, 3),
        some: { items: all.slice(0, 5), leftOut: Math.max(0, all.length - 5) },
        prices: different > 3 ? { _tag: "MoreThan", count: 3 } : { _tag: "Exactly", count: different },
        high: prices.includes(3) ? Option.some(3) : Option.none()
      })
    })))

  it("quantiles are within their accuracy", () =>
    fc.assert(
      fc.property(
        fc.array(finite.filter((x) => x === 0 || Math.abs(x) > 1e-300), { minLength: 1, maxLength: 30 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(0.5, 0.1, 0.01, 0.001, 1e-6),
        (values, fraction, accuracy) => {
          const [found] = resultOf(Aggregate.quantiles((x: number) => x, [fraction], { accuracy }), values)
          const rank = Math.max(1, Math.ceil(fraction * values.length))
          const wanted = values.toSorted((a, b) => a - b)[rank - 1]!
          assert.isAtMost(Math.abs(found / wanted - (wanted === 0 ? NaN : 1)) || 0, accuracy)
          if (wanted === 0) assert.strictEqual(found, 0)
        }
      ),
      { numRuns: 1000 }
    ))

  it("quantiles order infinities, and NaN behind them", () => {
    const quantiles = Aggregate.quantiles((x: number) => x, [0, 0.25, 0.5, 0.75, 1])
    assert.deepStrictEqual(resultOf(quantiles, [NaN, Infinity, 0, -Infinity]), [-Infinity, -Infinity, 0, Infinity, NaN])
  })

  it("characters beyond U+FFFF are behind all others", () => {
    const texts = Aggregate.maxBy(Schema.String, (text) => text)
    assert.strictEqual(resultOf(texts, ["\ue000", "\u{10000}", "\uffff", "a"]), "\u{10000}")
  })

  it("without an input there is none, but where that is said", () => {
    for (const aggregate of [Aggregate.min(price), Aggregate.mean(price), Aggregate.quantiles(price, [0.5])]) {
      assert.isFalse(aggregate.hasEmptyResult)
    }
    assert.throws(
      () => Aggregate.min(price).result(undefined),
      Aggregate.NoInput,
      "\"min\" was asked for its result, and had no input"
    )
    assert.throws(() => Aggregate.first(Bid).result(undefined), Aggregate.NoInput)
    assert.throws(() => resultOf(Aggregate.mean(price), []), Aggregate.NoInput)
    assert.deepStrictEqual(
      resultOf(Aggregate.filter(Aggregate.min(price), () => false), [{ bidder: "a", price: 1 }]),
      Option.none()
    )
    assert.strictEqual(resultOf(Aggregate.count, []), 0)
  })

  it("limits and fractions that mean nothing are refused", () => {
    for (const limit of [0, -1, 1.5, NaN, Infinity]) {
      assert.throws(() => Aggregate.collect(Bid, { limit }), RangeError)
      assert.throws(() => Aggregate.topN(Bid, { n: limit, by: price }), RangeError)
    }
    assert.throws(() => Aggregate.distinct(Bid, { limit: -1 }), RangeError)
    assert.throws(() => Aggregate.quantiles(price, [1.1]), RangeError)
    assert.throws(() => Aggregate.quantiles(price, [0.5], { accuracy: 0 }), RangeError)
  })
})

describe("S7, S20: the fingerprint and what is stored tell an aggregate from others", () => {
  it("the order of a struct's fields is of no importance, their names and kinds are", () => {
    const one = Aggregate.struct({ a: Aggregate.count, b: Aggregate.sum(price) })
    const same = Aggregate.struct({ b: Aggregate.sum((x: number) => x), a: Aggregate.count })
    assert.strictEqual(one.fingerprint, same.fingerprint)
    const others = [
      Aggregate.struct({ a: Aggregate.sum(price), b: Aggregate.count }),
      Aggregate.struct({ a: Aggregate.count }),
      Aggregate.tuple(Aggregate.count, Aggregate.sum(price)),
      Aggregate.collect(Bid, { limit: 3 }),
      Aggregate.collect(Bid, { limit: 4 }),
      Aggregate.filter(Aggregate.count, () => true)
    ]
    const fingerprints = [one, ...others].map(({ fingerprint }) => fingerprint)
    assert.strictEqual(new Set(fingerprints).size, fingerprints.length)
  })

  it("what is stored has the fields' names", () => {
    const aggregate = Aggregate.struct({ n: Aggregate.count, total: Aggregate.sum(price) })
    const encode = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(aggregate.accumulator)))
    assert.strictEqual(encode(fold(aggregate, [{ bidder: "a", price: 2 }])), `{"n":1,"total":2}`)
  })
})

describe("types", () => {
  it("what an aggregate can do is in its type", () => {
    const takesMerge = <Acc>({ merge }: Aggregate.Aggregate<Bid, Acc, unknown, "merge">): boolean => merge !== undefined
    const takesRemove = <Acc>({ remove }: Aggregate.Aggregate<Bid, Acc, unknown, "merge" | "remove">): boolean =>
      remove !== undefined
    const own = Aggregate.make({
      name: "own",
      accumulator: Schema.String,
      initial: "",
      add: (all, bid: Bid) => all + bid.bidder,
      result: (all) => all
    })
    assert.isTrue(takesMerge(Aggregate.struct({ n: Aggregate.count, best: Aggregate.maxBy(Bid, price) })))
    assert.isTrue(takesRemove(Aggregate.struct({ n: Aggregate.count, mean: Aggregate.mean(price) })))
    // @ts-expect-error: the greatest can't be taken back
    assert.isFalse(takesRemove(Aggregate.struct({ n: Aggregate.count, best: Aggregate.maxBy(Bid, price) })))
    // @ts-expect-error: it was not said how two are merged
    assert.isFalse(takesMerge(own))
    // @ts-expect-error: one of them can't merge
    assert.isFalse(takesMerge(Aggregate.tuple(Aggregate.count, own)))
  })

  it("results and inputs are inferred", () => {
    const aggregate = Aggregate.struct({
      n: Aggregate.count,
      high: pipe(Aggregate.max(price), Aggregate.filter((bid: Bid & { readonly at: Date }) => bid.at.getTime() > 0)),
      range: Aggregate.tuple(Aggregate.min(price), Aggregate.max(price))
    })
    type Input = Aggregate.In<typeof aggregate>
    type Result = Aggregate.Out<typeof aggregate>
    const input: Input = { bidder: "a", price: 1, at: new Date(1) }
    const result: Result = resultOf(aggregate, [input])
    const high: Option.Option<number> = result.high
    const [low]: readonly [number, number] = result.range
    assert.deepStrictEqual([result.n, high, low], [1, Option.some(1), 1])
  })
})
