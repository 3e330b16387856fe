/** Single events at a steady rate: how long each waits for its acknowledgement, and how long until a reader has it. */
import { type EventStream, EventWriter } from "effect-pravega"
import { EventReader } from "effect-pravega/stream"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Command } from "./Command.ts"
import { percentiles, since } from "./Figures.ts"
import { keyedStream } from "./keyed.ts"
import { handedOver, paced } from "./pacing.ts"

/** So long after the command the first event is due: everything is connected by then. */
const headStartMillis = 500

const planOf = (command: Command) => {
  const rate = command.number("rate")
  const warm = rate * command.number("warm")
  const events = warm + rate * command.number("seconds")
  const start = performance.now() + headStartMillis
  return { warm, events, start, dueAt: (index: number) => start + index * 1000 / rate }
}

/** Until the server has acknowledged it. */
export const acknowledge = (command: Command) =>
  Effect.scoped(Effect.gen(function*() {
    const body = new Uint8Array(command.number("size"))
    const writer = yield* EventWriter.make(keyedStream(command.stream))
    const { dueAt, events, start, warm } = planOf(command)
    const latencies = new Float64Array(events)
    const acknowledgements: Array<Fiber.Fiber<void, unknown>> = []
    yield* paced(events, dueAt, (index) =>
      Effect.gen(function*() {
        const from = handedOver(dueAt(index))
        const acknowledged = yield* writer.enqueue([body])
        const noted = Effect.map(acknowledged, () => {
          latencies[index] = performance.now() - from
        })
        acknowledgements.push(yield* Effect.forkChild(noted))
      }))
    yield* Fiber.joinAll(acknowledgements)
    return { events, seconds: since(start), ...percentiles("latency", latencies.subarray(warm)) }
  }))

let groups = 0

/** Until a tail reader of a reader group has it. */
export const latency = (command: Command) => Effect.scoped(measure(command, keyedStream(command.stream)))

/** Writes at a steady rate, and reads where the events come out. */
export const measure = (command: Command, output: EventStream.EventStream<Uint8Array>) =>
  Effect.gen(function*() {
    const size = command.number("size")
    const writer = yield* EventWriter.make(keyedStream(command.stream))
    const { dueAt, events, start, warm } = planOf(command)
    const latencies = new Float64Array(events)
    const from = new Float64Array(events)
    let seen = 0
    const reader = EventReader.stream(output, {
      readerGroup: `latency-${process.pid}-${++groups}`,
      acknowledge: "pulled"
    }).pipe(
      Stream.takeUntil(({ event }) => {
        const index = new DataView(event.buffer, event.byteOffset).getUint32(0)
        latencies[index] = performance.now() - from[index]!
        return ++seen === events
      }),
      Stream.runDrain
    )
    const reading = yield* Effect.forkChild(reader)
    yield* paced(events, dueAt, (index) => {
      const body = new Uint8Array(size)
      new DataView(body.buffer).setUint32(0, index)
      from[index] = handedOver(dueAt(index))
      return writer.enqueue([body])
    })
    yield* Fiber.join(reading)
    return { events, seconds: since(start), ...percentiles("latency", latencies.subarray(warm)) }
  })
