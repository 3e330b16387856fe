/** Reads whole streams. */
import { BatchReader, ReaderGroup } from "effect-pravega"
import { EventReader } from "effect-pravega/stream"
import * as Deferred from "effect/Deferred"
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
      start: "earliest",
      end: "latest",
      concurrency: command.number("parallel")
    }).pipe(Stream.runCount)
    return { events, seconds: since(start) }
  })

let groups = 0

/** With the readers of a new reader group, until the last event has come. */
export const readGroup = (command: Command) =>
  Effect.gen(function*() {
    const events = command.number("events")
    const stream = keyedStream(command.stream)
    const readerGroup = `ours-${process.pid}-${++groups}`
    const group = `${stream.name.scope}/${readerGroup}`
    // not counted, as with the other clients
    yield* ReaderGroup.create(group, { streams: [stream.name], automaticCheckpoints: "off" })
    const complete = yield* Deferred.make<number>()
    let seen = 0
    const start = performance.now()
    const reader = EventReader.stream(stream, { readerGroup, acknowledge: "pulled" }).pipe(
      Stream.runForEachArray((reads) => {
        seen += reads.length
        return seen < events ? Effect.void : Deferred.succeed(complete, since(start))
      })
    )
    const readers = Effect.all(Array.from({ length: command.number("readers") }, () => reader), {
      concurrency: "unbounded"
    })
    const seconds = yield* Effect.raceFirst(Deferred.await(complete), Effect.andThen(readers, Effect.never))
    return { events: seen, seconds }
  })
