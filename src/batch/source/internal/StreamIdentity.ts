/**
 * Which stream it is that a query reads: one that was deleted and created again under the same name is another one, and a
 * query does not go on with it.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import * as Segment from "../../../core/Segment.ts"
import { Pravega } from "../../../pravega/Pravega.ts"
import { ReadError } from "../../../pravega/read/ReadError.ts"
import { SourceError, StreamIdentityChanged } from "../SourceError.ts"

/**
 * The segments that a stream began with: Pravega 0.13 goes on counting when a stream is deleted and created again under
 * the same name, so they tell the two apart.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Identity = Schema.Array(Segment.SegmentId)
/** @category models @since 0.2.0 */
export type Identity = typeof Identity.Type

type Failure = ReadError | SourceError

/** @category models @since 0.2.0 */
export interface StreamIdentity {
  /** Learns which stream it is now: for a query that starts for the first time. */
  readonly learn: Effect.Effect<Identity, Failure>
  /** Fails if the stream is not the one that was recorded. */
  readonly verify: (recorded: Identity) => Effect.Effect<void, Failure>
  /** Fails if the stream is another one by now. */
  readonly check: Effect.Effect<void, Failure>
  /** Segments of a stream that was deleted and created again are gone too: that is another error. */
  readonly explain: (reason: ReadError["reason"]) => Effect.Effect<never, Failure>
}

/** @category constructors @since 0.2.0 */
export const make = Effect.fnUntraced(function*(stream: ScopedStream) {
  const { controller } = yield* Pravega
  /** What was read at first is what is read now: known once the query has started. */
  let known: Identity | undefined
  const now = Effect.mapError(
    Effect.map(controller.epochSegments(stream, 0), (segments) => segments.map(({ id }) => id)),
    (reason) => new ReadError({ reason })
  )
  const verify = (recorded: Identity) =>
    Effect.flatMap(now, (found): Effect.Effect<void, Failure> => {
      known = recorded
      if (found.join() === recorded.join()) return Effect.void
      return Effect.fail(new SourceError({ reason: new StreamIdentityChanged({ stream }) }))
    })
  const check = Effect.suspend(() => known === undefined ? Effect.void : verify(known))
  return {
    learn: Effect.tap(now, (found) =>
      Effect.sync(() => {
        known = found
      })),
    verify,
    check,
    explain: (reason) => Effect.andThen(check, Effect.fail(new ReadError({ reason })))
  } satisfies StreamIdentity
})
