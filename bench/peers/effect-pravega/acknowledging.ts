/** Single events at a steady rate: how long each waits for its acknowledgement. */
import { EventWriter } from "effect-pravega"
import * as Effect from "effect/Effect"
import type { Command } from "./Command.ts"
import { percentiles, since } from "./Figures.ts"
import { keyedStream } from "./keyed.ts"

export const acknowledge = (command: Command) =>
  Effect.scoped(Effect.gen(function*() {
    const rate = command.number("rate")
    const warm = rate * command.number("warm")
    const events = warm + rate * command.number("seconds")
    const body = new Uint8Array(command.number("size"))
    const writer = yield* EventWriter.make(keyedStream(command.stream))
    const latencies = new Float64Array(events)
    const start = performance.now()
    const dueAt = (index: number) => start + index * 1000 / rate
    for (let index = 0; index < events;) {
      const wait = dueAt(index) - performance.now()
      if (wait > 0) yield* Effect.sleep(Math.max(1, Math.floor(wait)))
      // all that are due: a timer is no finer than a millisecond
      for (; index < events && dueAt(index) <= performance.now(); index++) {
        const mine = index
        const acknowledged = yield* writer.enqueue([body])
        yield* Effect.forkChild(
          Effect.andThen(
            acknowledged,
            Effect.sync(() => {
              latencies[mine] = performance.now() - dueAt(mine)
            })
          )
        )
      }
    }
    yield* writer.flush
    yield* Effect.yieldNow
    return { events, seconds: since(start), ...percentiles("latency", latencies.subarray(warm)) }
  }))
