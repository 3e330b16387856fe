/** The clock that never goes back, whatever the machine's is set to: what times are measured with. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Since some instant; with fractions. @category getters @since 0.1.0 */
export const millis: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)
