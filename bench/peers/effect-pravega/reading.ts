/** Reads whole streams. */
import { BatchReader } from "effect-pravega"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Command } from "./Command.ts"
import { since } from "./Figures.ts"
import { keyedStream } from "./keyed.ts"

/** With the batch reader, so many segment ranges at a time. */
export const readBatch = (command: Command) =>
  Effect.gen(function*() {
    const start = performance.now()
    const events = yield* BatchReader.stream(keyedStream(command.stream), {
      from: "earliest",
      to: "latest",
      concurrency: command.number("parallel")
    }).pipe(Stream.runCount)
    return { events, seconds: since(start) }
  })
