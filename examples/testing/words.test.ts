// A pipeline of your own, crashed at every point of its run, and again while it recovers: it loses and repeats nothing. A
// test of vitest, on a Pravega in this process and in simulated time. It takes a second; a busy machine gets two minutes.
import { it } from "@effect/vitest"
import { Stream } from "effect"
import { EventCodec, EventStream } from "effect-pravega"
import { Pipeline, Sink, Source } from "effect-pravega/batch"
import { PipelineLaws } from "effect-pravega/testing"
import fc from "fast-check"

const lines = EventStream.make("texts/lines", { codec: EventCodec.utf8, routingKey: (line) => line.slice(0, 1) })
// without a routing key: a word comes from lines of several keys, so it has no order that a crash could change
const words = EventStream.make("texts/words", { codec: EventCodec.utf8 })

const pipeline = Pipeline.make("words", {
  source: Source.microBatch(lines),
  process: (reads) => Stream.flattenIterable(Stream.map(reads, ({ event }) => event.split(" "))),
  sink: Sink.pravega(words, { guarantee: "exactly-once" })
})

it.live(
  "loses and repeats nothing, wherever it is killed",
  () => PipelineLaws.exactlyOnce(pipeline, { source: lines, events: fc.array(fc.string()), sinks: [words] }),
  { timeout: 120_000 }
)
