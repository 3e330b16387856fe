/**
 * A sink's session that takes other outputs than the one that it is made of, in this process and in others.
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { SinkSession } from "./SinkContract.ts"

type Write<B, E> = (partition: number, outputs: Arr.NonEmptyReadonlyArray<B>) => Effect.Effect<void, E>

/** `change`: how other outputs are written, by how these are. @category combinators @since 0.2.0 */
export const throughWrites = <B, C, E>(
  session: SinkSession<B, E>,
  change: (write: Write<B, E>) => Write<C, E>
): SinkSession<C, E> => {
  const { join } = session
  const changed = <A extends { readonly write: Write<B, E> }>(writer: A) => ({ ...writer, write: change(writer.write) })
  return {
    ...session,
    begin: (batch, past) => Effect.map(session.begin(batch, past), changed),
    join: join && ((handle) => Effect.map(join(handle), changed))
  }
}
