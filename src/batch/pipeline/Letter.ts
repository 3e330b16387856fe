/**
 * What a dead letter says, and how one that is larger than an event may be lies in its stream: in parts. Which events
 * become letters, and when, is the engine's.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/**
 * An event that was put aside, or a part of one (see `whole`).
 *
 * @category models
 * @since 0.1.0
 */
export class Letter extends Schema.Class<Letter>("effect-pravega/Letter")({
  query: Schema.String,
  batch: Schema.Natural,
  /** The source's name. */
  source: Schema.String,
  /** Where the event is; of a Pravega stream the text of its `EventPointer`, with which it can be fetched again. */
  pointer: Schema.String,
  /** The event as it was stored; empty if the source keeps no bytes, or it was truncated after it was read. */
  event: Schema.Uint8Array,
  /** Why it could not be decoded, or what `processEach` failed with; long ones are cut. */
  error: Schema.String,
  /**
   * In a stream, an event of more than 4 MiB lies in several letters, in order and in the same transaction: this one has
   * part `index` of `count` of its bytes, from 0. Absent: all of them.
   */
  part: Schema.optionalKey(Schema.Struct({ index: Schema.Natural, count: Schema.Natural }))
}) {}

/**
 * Parts of a dead letter are not there: a reader began, or ended, in the middle of it, or not all of its parts came to this
 * reader. Read from the letter's start, or fetch the event by its pointer.
 *
 * @category errors
 * @since 0.2.0
 */
export class LetterIncomplete extends Schema.TaggedError<LetterIncomplete>()("LetterIncomplete", {
  query: Schema.String,
  batch: Schema.Natural,
  source: Schema.String,
  pointer: Schema.String,
  /** How many came in order, from the first one. */
  parts: Schema.Natural,
  /** How many it has. */
  count: Schema.Natural
}) {
  override get message(): string {
    return `the dead letter of query "${this.query}" (batch ${this.batch}) about ${this.pointer} of source ` +
      `"${this.source}" has ${this.count} parts, and ${this.parts} of them came in order: read from before its first ` +
      "part to its end, or fetch the event by its pointer"
  }
}

/** As base64 in JSON it has 4/3 of its bytes, and an event may have 8 MiB. */
const partBytes = 4 * 1024 * 1024

/** The letters in which an event lies. @category combinators @since 0.2.0 */
export const inParts = (letter: Letter): Arr.NonEmptyReadonlyArray<Letter> => {
  const { batch, error, event, pointer, query, source } = letter
  const count = Math.ceil(event.length / partBytes)
  if (count <= 1) return [letter]
  return Arr.makeBy(count, (index) => {
    const part = event.subarray(index * partBytes, (index + 1) * partBytes)
    return new Letter({ query, batch, source, pointer, event: part, error, part: { index, count } })
  })
}

/**
 * Puts letters that lie in parts together: an event of more than 4 MiB does. All others pass as they are. A letter is given
 * when its last part came; until then its parts are held. Fails with `LetterIncomplete` where a part is missing, at the
 * stream's end at the latest.
 *
 * ```ts
 * import { BatchReader } from "effect-pravega"
 * import { DeadLetter } from "effect-pravega/batch"
 * import { Stream } from "effect"
 *
 * const rejected = BatchReader.stream(DeadLetter.letters("shop/rejected")).pipe(
 *   Stream.map(({ event }) => event),
 *   DeadLetter.whole
 * )
 * ```
 *
 * A reader group acknowledges a position: acknowledge it when all letters before it are whole.
 *
 * @category combinators
 * @since 0.2.0
 */
export const whole = <E, R>(letters: Stream.Stream<Letter, E, R>): Stream.Stream<Letter, E | LetterIncomplete, R> =>
  Stream.suspend(() => {
    const held = new Map<string, Array<Letter>>()
    const together = (letter: Letter): Effect.Effect<ReadonlyArray<Letter>, LetterIncomplete> => {
      const { part } = letter
      if (part === undefined) return Effect.succeed([letter])
      const key = JSON.stringify([letter.query, letter.batch, letter.source, letter.pointer])
      // A sink that may repeat letters begins anew with the first part.
      const parts = part.index === 0 ? [] : held.get(key) ?? []
      if (part.index !== parts.length) return Effect.fail(incomplete(letter, parts.length))
      parts.push(letter)
      held.set(key, parts)
      if (parts.length < part.count) return Effect.succeed([])
      held.delete(key)
      return Effect.succeed([joined(parts, letter)])
    }
    const ended = Stream.suspend(() => {
      for (const [, parts] of held) {
        const [first] = parts
        if (first !== undefined) return Stream.fail(incomplete(first, parts.length))
      }
      return Stream.empty
    })
    return letters.pipe(Stream.mapEffect(together), Stream.flattenIterable, Stream.concat(ended))
  })

const incomplete = ({ batch, part, pointer, query, source }: Letter, parts: number) =>
  new LetterIncomplete({ query, batch, source, pointer, parts, count: part?.count ?? 1 })

const joined = (
  parts: ReadonlyArray<Letter>,
  { batch, error, pointer, query, source }: Letter
): Letter => {
  const event = new Uint8Array(parts.reduce((bytes, part) => bytes + part.event.length, 0))
  let at = 0
  for (const part of parts) {
    event.set(part.event, at)
    at += part.event.length
  }
  return new Letter({ query, batch, source, pointer, event, error })
}
