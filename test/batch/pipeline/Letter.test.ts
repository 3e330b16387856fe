/** Letters in parts, put together again, whatever comes between them. */
import { assert, describe, it } from "@effect/vitest"
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import fc from "fast-check"
import * as DeadLetter from "../../../src/batch/pipeline/DeadLetter.ts"
import { inParts } from "../../../src/batch/pipeline/Letter.ts"

const partBytes = 4 * 1024 * 1024

const letterOf = (pointer: string, bytes: number) =>
  new DeadLetter.Letter({
    query: "q",
    batch: 0,
    source: "in",
    pointer,
    event: new Uint8Array(bytes).fill(pointer.length + 1),
    error: `about ${pointer}`
  })

/** Sizes about where one part more begins. */
const size = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -1, max: 1 })).map(([parts, more]) =>
  Math.max(0, parts * partBytes + more)
)

const isSame = (one: DeadLetter.Letter, other: DeadLetter.Letter) =>
  Bytes.Equivalence(one.event, other.event) && one.pointer === other.pointer && one.error === other.error &&
  one.part === undefined

describe("Letter", () => {
  it("letters in parts are whole again, however those of several partitions are mixed", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(size, { maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 16 }),
        async (sizes, turns) => {
          const letters = sizes.map((bytes, i) => letterOf("p".repeat(i + 1), bytes))
          const queues = letters.map((letter) => [...inParts(letter)])
          assert.isTrue(queues.flat().every(({ event }) => event.length <= partBytes))
          const mixed: Array<DeadLetter.Letter> = []
          for (const turn of turns) mixed.push(...(queues[turn % Math.max(1, queues.length)]?.splice(0, 1) ?? []))
          for (const queue of queues) mixed.push(...queue)
          const whole = await Effect.runPromise(Stream.runCollect(DeadLetter.whole(Stream.fromIterable(mixed))))
          assert.strictEqual(whole.length, letters.length)
          assert.isTrue(letters.every((letter) => whole.some((one) => isSame(one, letter))))
        }
      ),
      { numRuns: 20 }
    ))

  it.effect("one that lacks a part is an error, and never a shorter event", () =>
    Effect.gen(function*() {
      const [first, second, third] = inParts(letterOf("p", 3 * partBytes))
      if (second === undefined || third === undefined) return assert.fail("it has three parts")
      const lacking = [[[first, third], 1], [[second, third], 0], [[first, second], 2], [[first], 1]] as const
      for (const [parts, inOrder] of lacking) {
        const error = yield* Effect.flip(Stream.runDrain(DeadLetter.whole(Stream.fromIterable(parts))))
        assert.deepInclude(error, { _tag: "LetterIncomplete", pointer: "p", parts: inOrder, count: 3 })
      }
    }))

  it.effect("a sink that repeats letters may begin one anew", () =>
    Effect.gen(function*() {
      const letter = letterOf("p", 2 * partBytes)
      const [first] = inParts(letter)
      const whole = yield* Stream.runCollect(DeadLetter.whole(Stream.fromIterable([first, ...inParts(letter)])))
      assert.deepStrictEqual(whole.map((one) => isSame(one, letter)), [true])
    }))
})
