/**
 * The events of chunks as they are pulled: an array for each chunk. The events before one that can't be decoded are handed
 * out, and that one fails the next pull, and every pull after it.
 *
 * @internal
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import type { Decoded } from "./EventChunk.ts"
import type { EventRead } from "./EventRead.ts"
import { ReadError } from "./ReadError.ts"

/** What is pulled: at least one event. @category models @since 0.2.0 */
export type Events<R extends EventRead<unknown>, E> = Pull.Pull<Arr.NonEmptyReadonlyArray<R>, E | ReadError>

/** `decode` is called once for each of `chunks`, as it is pulled. @category decoding @since 0.2.0 */
export const pull = <C, R extends EventRead<unknown>, E>(
  chunks: Pull.Pull<C, E>,
  decode: (chunk: C) => Decoded<R>
): Events<R, E> => {
  let failure: ReadError | undefined = undefined
  const take = (chunk: C): Events<R, E> => {
    const decoded = decode(chunk)
    if (decoded.failure !== undefined) failure = new ReadError({ reason: decoded.failure })
    return Arr.isReadonlyArrayNonEmpty(decoded.events) ? Effect.succeed(decoded.events) : next
  }
  const next: Events<R, E> = Effect.suspend(() =>
    failure === undefined ? Effect.flatMap(chunks, take) : Effect.fail(failure)
  )
  return next
}
