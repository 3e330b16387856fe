/**
 * The events of a partition that a batch goes on without: which they are, whether there may be more, and the letters that
 * they become. When that is decided, and for how long, is `Commit`'s.
 */
import * as Stream from "effect/Stream"
import { Letter } from "../../pipeline/Letter.ts"
import { PutAside } from "../../protocol/CheckpointRecord.ts"
import { CommitError, NonDeterministicReplay, TooManyDeadLetters } from "../../protocol/CommitError.ts"
import type { Partition } from "../../source/SourceContract.ts"
import type { Pass } from "./Pass.ts"

/** @category models @since 0.1.0 */
export interface PutAsideEvents {
  /** Put aside before this try: it is not processed. */
  readonly has: (place: number) => boolean
  /** Puts an event aside; where that may not be, the try is refused in the end. */
  readonly put: (place: number, error: string) => void
  /** Whether one may be put aside: not where an earlier try decided. */
  readonly isOpen: boolean
  /** The letters of those that were put aside, in the order of the events. */
  readonly letters: <A, ES>(
    partition: Partition<A, ES>
  ) => Stream.Stream<Letter, ES>
}

/** The pipeline, as far as it is asked here. */
interface Asking {
  readonly name: string
  readonly deadLetters: { readonly name: string; readonly limit: number } | undefined
}

/** @category constructors @since 0.1.0 */
export const make = (
  { deadLetters, name: query }: Asking,
  batch: number,
  options: { readonly partition: number; readonly source: string; readonly pass: Pass }
): PutAsideEvents | undefined => {
  if (deadLetters === undefined) return undefined
  const { partition: id, pass, source } = options
  const aside = new Map<number, PutAside>()
  for (const event of pass.decided ?? []) {
    if (event.partition !== id) continue
    aside.set(event.place, event)
    pass.aside.push(event)
  }
  const letter = (pointer: string, event: Uint8Array, error: string) =>
    new Letter({ query, batch, source, pointer, event, error })
  return {
    has: (place) => aside.has(place),
    isOpen: pass.decided === undefined,
    put: (place, error) => {
      if (pass.decided !== undefined) {
        const reason = new NonDeterministicReplay({ query, batch, sink: deadLetters.name })
        pass.refused ??= new CommitError({ reason })
      } else if (pass.aside.length >= deadLetters.limit) {
        const reason = new TooManyDeadLetters({ query, batch, limit: deadLetters.limit, error })
        pass.refused ??= new CommitError({ reason })
      } else {
        const event = new PutAside({ partition: id, place, error: shortened(error) })
        aside.set(place, event)
        pass.aside.push(event)
      }
    },
    letters: ({ raw }) =>
      Stream.suspend(() => {
        const places = [...aside.keys()].toSorted((a, b) => a - b)
        const last = places.at(-1)
        if (last === undefined) return Stream.empty
        if (raw === undefined) {
          const nothing = new Uint8Array(0)
          return Stream.fromArray(
            places.map((place) => letter(`${source}/${id}:${place}`, nothing, aside.get(place)?.error ?? ""))
          )
        }
        return raw.pipe(
          Stream.take(last + 1),
          Stream.map(({ bytes, pointer }, place) => ({ bytes, error: aside.get(place)?.error, pointer })),
          Stream.filter(({ error }) => error !== undefined),
          Stream.map(({ bytes, error, pointer }) => letter(pointer, bytes, error ?? ""))
        )
      })
  }
}

/** What is put aside is told in a record of the log: as many errors as it may have, and each may quote its event. */
const longestError = 2000

const shortened = (error: string): string =>
  error.length <= longestError
    ? error
    : `${error.slice(0, longestError).toWellFormed()}... (${error.length} characters, cut)`
