/**
 * What a process that is declared deterministic is given instead of time and chance: a clock that stands still at the
 * time when the batch was planned, and random numbers that follow from query, batch and partition (and from the event,
 * where some are put aside). So its outputs are the
 * same each time the batch is processed (rule 10). Sleeping and time-outs go by the real clock.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"

/** `at`: milliseconds since 1970. @category constructors @since 0.1.0 */
export const make = (seed: string, at: number) =>
  Effect.map(Clock.Clock, (clock) => {
    const nanos = BigInt(at) * 1_000_000n
    const still: Clock.Clock = {
      currentTimeMillisUnsafe: () => at,
      currentTimeMillis: Effect.succeed(at),
      currentTimeNanosUnsafe: () => nanos,
      currentTimeNanos: Effect.succeed(nanos),
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
      monotonicTimeNanos: clock.monotonicTimeNanos,
      sleep: (duration) => clock.sleep(duration)
    }
    return {
      /** The services of one partition, lane or event: what is drawn depends on what was drawn before. */
      slice: (id: number | string) => {
        const random = seeded(`${seed}/${id}`)
        return {
          effect: <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
            effect.pipe(Effect.provideService(Clock.Clock, still), Effect.provideService(Random.Random, random)),
          /** What reads the source does not see time stand still. */
          stream: <A, ES, B, E, R>(
            events: Stream.Stream<A, ES>,
            process: (events: Stream.Stream<A, ES>) => Stream.Stream<B, E, R>
          ): Stream.Stream<B, E, R> =>
            process(Stream.provideService(events, Clock.Clock, clock)).pipe(
              Stream.provideService(Clock.Clock, still),
              Stream.provideService(Random.Random, random)
            )
        }
      }
    }
  })

/** Random numbers that follow from a text. Begun at the first draw: that takes long, and most processes draw none. */
const seeded = (seed: string): Random.Random => {
  let begun: Random.Random | undefined
  const random = () => begun ??= Effect.runSync(Random.withSeed(Effect.map(Random.Random, (random) => random), seed))
  return {
    nextIntUnsafe: () => random().nextIntUnsafe(),
    nextDoubleUnsafe: () => random().nextDoubleUnsafe()
  }
}
