// What a library on top of this one exports: values whose types are inferred, from functions whose answers are computed of
// their parts' types. `tools/public-face.mjs` compiles it with declarations; it is not run.
import { Effect, Stream } from "effect"
import { BatchReader, EventCodec, EventStream, EventWriter, Pravega, Transaction } from "effect-pravega"
import { CheckpointLog, DeadLetter, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Embedded } from "effect-pravega/embedded"
import { EventReader, Query, Trigger } from "effect-pravega/stream"

export const lines = EventStream.make("texts/lines", { codec: EventCodec.utf8 })
export const client = Pravega.layer({ controller: "tcp://localhost:9090" })
export const embedded = Embedded.make()
export const logs = CheckpointLog.layerPravega("texts/logs")
export const writer = EventWriter.make(lines)
export const written = Stream.make("one").pipe(EventWriter.through(lines))
export const committed = Stream.make("one").pipe(Transaction.through(lines, { per: "chunk" }))
export const transaction = Transaction.begin(lines)
export const events = BatchReader.stream(lines, { start: "earliest" })
export const grouped = EventReader.stream(lines, { readerGroup: "watchers" })
export const source = Source.microBatch(lines)
export const union = Source.union({ first: source, second: Source.microBatch(lines) })
export const sink = Sink.pravega(lines, { guarantee: "exactly-once" })
export const idempotent = Sink.pravega(lines, { guarantee: "idempotent" })
export const pipeline = Pipeline.make("lines", {
  source: union,
  process: (tagged) => Stream.map(tagged, ({ value }) => value.event),
  sinks: [sink, Sink.console<string>()],
  onPoison: DeadLetter.to("texts/letters"),
  deterministic: true
})
export const early = Pipeline.make("early", {
  source,
  process: (reads) => Stream.map(reads, ({ event }) => event),
  sinks: [idempotent, Sink.console<string>()],
  deterministic: true
})
export const query = Query.start(pipeline)
export const run = Query.run(pipeline, { trigger: Trigger.availableNow }).pipe(Effect.provide(logs))
