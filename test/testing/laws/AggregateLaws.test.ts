import { assert, describe, it } from "@effect/vitest"
import { Aggregate } from "effect-pravega/flow"
import { AggregateLaws } from "effect-pravega/testing"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import fc from "fast-check"

/** Which laws an aggregate breaks, with what is said of each. */
const broken = <In, Acc, Out>(aggregate: Aggregate.Aggregate<In, Acc, Out>, inputs: fc.Arbitrary<In>) =>
  Effect.map(
    Effect.forEach(
      AggregateLaws.laws(aggregate, inputs, { runs: 300 }),
      ({ check, name }) => Effect.map(Effect.exit(check), (exit) => ({ name, exit }))
    ),
    (all) =>
      new Map(all.flatMap(({ exit, name }) => Exit.isFailure(exit) ? [[name, Cause.pretty(exit.cause)] as const] : []))
  )

const texts = fc.string({ maxLength: 3 })
const numbers = fc.integer({ min: -3, max: 3 })
const Numbers = Schema.Array(Schema.Int)

const total = {
  accumulator: Schema.Int,
  initial: 0,
  add: (sum: number, x: number) => sum + x,
  merge: (a: number, b: number) => a + b,
  remove: (sum: number, x: number) => sum - x,
  result: (sum: number) => sum
} as const

/** Wrong on purpose, each in one way, with a law that must say so. */
const wrong = {
  "an accumulator is never changed, nor an input": () =>
    broken(
      Aggregate.make({
        name: "pushes",
        accumulator: Schema.mutable(Numbers),
        initial: [],
        add: (all: Array<number>, x: number) => {
          all.push(x)
          return all
        },
        result: (all) => all.length
      }),
      numbers
    ),
  "the same inputs give the same accumulator and the same result": () => {
    let calls = 0
    return broken(Aggregate.make({ ...total, name: "counts calls", result: () => calls++ }), numbers)
  },
  "an accumulator survives its Schema, through JSON": () =>
    broken(
      Aggregate.make({
        ...total,
        name: "loses the sign",
        accumulator: Schema.Int.pipe(
          Schema.decodeTo(Schema.Int, SchemaTransformation.transform({ decode: Math.abs, encode: (sum) => sum }))
        )
      }),
      numbers
    ),
  "there is a result without an input": () =>
    broken(
      Aggregate.make({
        ...total,
        name: "divides",
        empty: true,
        result: (sum: number) => {
          if (sum === 0) throw new RangeError("nothing to divide by")
          return 1 / sum
        }
      }),
      numbers
    ),
  "merging with the initial accumulator changes nothing": () =>
    broken(Aggregate.make({ ...total, name: "counts merges", merge: (a: number, b: number) => a + b + 1 }), numbers),
  "merging is commutative": () =>
    broken(
      Aggregate.make({
        name: "concatenates",
        accumulator: Schema.String,
        initial: "",
        add: (all: string, text: string) => all + text,
        merge: (a, b) => a + b,
        result: (all) => all
      }),
      texts
    ),
  "merging is associative": () =>
    broken(
      Aggregate.make({
        ...total,
        name: "rounds when it merges",
        accumulator: Schema.Finite,
        merge: (a: number, b: number) => a === 0 ? b : b === 0 ? a : Math.round((a + b) / 2)
      }),
      numbers
    ),
  "adding is independent of how the inputs are split": () =>
    broken(
      Aggregate.make({ ...total, name: "keeps the greater", merge: (a: number, b: number) => Math.max(a, b) }),
      numbers
    ),
  "adding is independent of the order": () =>
    broken(
      Aggregate.make({
        ...total,
        name: "last arrival",
        add: (_: number, x: number) => x
      }),
      numbers
    ),
  "removing undoes adding": () =>
    broken(Aggregate.make({ ...total, name: "forgets to remove", remove: (sum: number) => sum }), numbers)
}

describe("an aggregate that is wrong breaks the law that it is wrong by", () => {
  for (const [law, breaks] of Object.entries(wrong)) {
    it.effect(law, () =>
      Effect.map(breaks(), (laws) => {
        assert.include(Array.from(laws.keys()), law)
        const said = laws.get(law)!
        assert.include(said, `the law "${law}" does not hold`)
        assert.include(said, "Counterexample")
        assert.match(said, /seed: -?\d+/)
      }))
  }

  it.effect("a right one breaks none", () =>
    Effect.map(
      broken(Aggregate.make({ ...total, name: "total", empty: true }), numbers),
      (laws) => assert.deepStrictEqual(Array.from(laws), [])
    ))

  it.effect("one that goes by the order, and says that it can't merge, breaks none", () =>
    Effect.map(
      broken(
        Aggregate.make({
          name: "in order",
          accumulator: Schema.String,
          initial: "",
          add: (all: string, text: string) => all + text,
          result: (all) => all
        }),
        texts
      ),
      (laws) => assert.deepStrictEqual(Array.from(laws), [])
    ))
})
