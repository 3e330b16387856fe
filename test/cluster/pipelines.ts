/** Pipelines that the tests of workers run: here, and in the threads of `worker.ts`, which are told of the cluster by their environment. */
import { EventCodec, EventStream } from "effect-pravega"
import { DeadLetter, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Workers } from "effect-pravega/cluster"
import { Flow } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"

/** "key:number". */
export const keyOf = (text: string): string => text.split(":")[0] ?? ""

const streamOf = (name: string) => EventStream.make(`workers/${name}`, { codec: EventCodec.utf8, routingKey: keyOf })

export const first = streamOf("first")
export const second = streamOf("second")
export const out = streamOf("out")
export const rest = streamOf("rest")
export const letters = DeadLetter.letters("workers/letters")

const sources = Source.union({
  first: Source.microBatch(first, { limit: { events: 40 } }),
  second: Source.microBatch(second, { limit: { events: 40 }, lanes: 2 })
})
const guarantee = "exactly-once" as const
const toOut = Sink.pravega(out, { guarantee, isOwned: true })

/** One source, one sink; what is not deterministic is fine with it. */
export const plain = Pipeline.make("plain", {
  source: Source.microBatch(first, { limit: { events: 30 } }),
  process: (reads) => Stream.map(reads, ({ event }) => `${event}!`),
  sink: toOut
})

/** Two sources, one in lanes, two sinks, random numbers that follow from the batch, and events that are put aside. */
export const rich = Pipeline.make("rich", {
  source: sources,
  deterministic: true,
  processEach: ({ value: { event } }) =>
    event.endsWith("7")
      ? Effect.fail("it ends with 7")
      : Effect.map(Random.nextIntBetween(0, 1_000_000), (number) => [event, `${event}/${number}`]),
  sinks: [
    Sink.filterMapInput(toOut, (text: string) => text.includes("/") ? undefined : text),
    Sink.filterMapInput(Sink.pravega(rest, { guarantee }), (text: string) => text.includes("/") ? text : undefined)
  ],
  onPoison: DeadLetter.to("workers/letters")
})

/** A flow that remembers nothing. */
export const flowing = Pipeline.make("flowing", {
  source: Source.microBatch(first, { limit: { events: 30 } }),
  flow: Flow.events<string>().pipe(Flow.filter((event) => !event.endsWith("3")), Flow.map((event) => `${event}?`)),
  sink: toOut
})

/** It fails with the event "fail", with an error of its own. */
export const failing = Pipeline.make("failing", {
  source: Source.microBatch(first),
  processEach: ({ event }) =>
    event.startsWith("fail") ? Effect.fail({ _tag: "Mine", isRetryable: false }) : Effect.succeed([event]),
  sink: toOut
})

export const all = [Workers.serve(plain), Workers.serve(rich), Workers.serve(flowing), Workers.serve(failing)]
