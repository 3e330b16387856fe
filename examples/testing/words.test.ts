// A pipeline of one's own, crashed at every step of its run and of its recovery: it loses and repeats nothing. A test of
// vitest, on a Pravega in this process and in simulated time; it takes some seconds.
import { it } from "@effect/vitest"
import { Stream } from "effect"
import { EventCodec, EventStream } from "effect-pravega"
import { Pipeline, Sink, Source } from "effect-pravega/batch"
import { PipelineLaws } from "effect-pravega/testing"
import fc from "fast-check"

const lines = EventStream.make("texts/lines", { codec: EventCodec.utf8, routingKey: (line) => line.slice(0, 1) })
const words = EventStream.make("texts/words", { codec: EventCodec.utf8, routingKey: (word) => word.slice(0, 1) })

const pipeline = Pipeline.make("words", {
  source: Source.microBatch(lines),
  process: (reads) => Stream.flattenIterable(Stream.map(reads, ({ event }) => event.split(" "))),
  sink: Sink.pravega(words, { guarantee: "exactly-once" })
})

it.live("loses and repeats nothing, wherever it is killed", () =>
  PipelineLaws.exactlyOnce(pipeline, { source: lines, events: fc.array(fc.string()), sinks: [words] }))
