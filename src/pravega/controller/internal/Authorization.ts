/**
 * The metadata by which a client names itself in each call; of tokens that run out, the one that is valid now.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Semaphore from "effect/Semaphore"
import * as CauseText from "../../../core/CauseText.ts"
import * as MonotonicClock from "../../../core/MonotonicClock.ts"
import { TransportError } from "../ControllerTransport.ts"
import * as Credentials from "../Credentials.ts"

type Metadata = Readonly<Record<string, string>>

/** @category models @since 0.2.0 */
export interface Authorization {
  readonly metadata: Effect.Effect<Metadata, TransportError>
  /** The controller refused it. True: the next one is another. */
  readonly refused: () => boolean
}

/** A token is renewed when this part of its life is over. */
const usablePart = 0.9

/** @category constructors @since 0.2.0 */
export const make = (credentials: Credentials.Credentials | undefined): Authorization => {
  if (credentials?._tag === "refreshed") return refreshing(credentials)
  const metadata = credentials === undefined ? {} : { authorization: Credentials.authorization(credentials) }
  return { metadata: Effect.succeed(metadata), refused: () => false }
}

const refreshing = ({ fetch, method }: Credentials.Refreshed): Authorization => {
  const turn = Semaphore.makeUnsafe(1)
  let held: { readonly metadata: Metadata; readonly until: number } | undefined
  const renewed = Effect.gen(function*() {
    const now = yield* MonotonicClock.millis
    if (held !== undefined && now < held.until) return held.metadata
    const { life, token } = yield* fetch
    const value = typeof token === "string" ? token : Redacted.value(token)
    const usable = Duration.toMillis(Duration.fromInputUnsafe(life)) * usablePart
    held = { metadata: { authorization: `${method} ${value}` }, until: now + usable }
    return held.metadata
  })
  return {
    // of several calls one asks, and the others get what it was told
    metadata: turn.withPermits(1)(renewed).pipe(
      Effect.mapError((error) =>
        new TransportError({
          code: "UNAVAILABLE",
          details: `no token to show to the controller: ${CauseText.of(error)}`,
          sent: false,
          cause: error
        })
      )
    ),
    refused: () => {
      const had = held !== undefined
      held = undefined
      return had
    }
  }
}
