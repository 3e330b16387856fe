/** What the case `workers` runs: each event costs so many microseconds of a core. */
import { EventCodec, EventStream } from "effect-pravega"
import { Pipeline, Sink, Source } from "effect-pravega/batch"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"

export const input = EventStream.make("workers/input", { codec: EventCodec.utf8, routingKey: (text) => text })
export const output = EventStream.make("workers/output", { codec: EventCodec.utf8, routingKey: (text) => text })

/** Hashes until some 30 microseconds have passed, on a machine of today: the same work for each event. */
const work = (text: string): string => {
  let hash = text
  for (let n = 0; n < 36; n++) hash = createHash("sha256").update(hash).digest("base64")
  return hash
}

export const busy = Pipeline.make("busy", {
  source: Source.microBatch(input),
  processEach: ({ event }) => Effect.sync(() => [work(event)]),
  sink: Sink.pravega(output, { guarantee: "exactly-once" })
})
