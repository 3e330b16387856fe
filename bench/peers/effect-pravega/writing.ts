/** Writes events, alone and in transactions. */
import { EventWriter, Transaction } from "effect-pravega"
import * as Effect from "effect/Effect"
import type { Command } from "./Command.ts"
import { percentiles, since } from "./Figures.ts"
import { keyedStream } from "./keyed.ts"

/** How many events are made and handed over at a time, unless they are large. */
const handedOver = 500
const handedOverBytes = 1024 * 1024

/** Arrays of new events: each is an array of its own, as in a program that makes them. */
function* arrays(events: number, size: number): Iterable<ReadonlyArray<Uint8Array>> {
  const body = new Uint8Array(size).fill(7)
  const most = Math.max(1, Math.min(handedOver, Math.floor(handedOverBytes / Math.max(1, size))))
  for (let made = 0; made < events; made += most) {
    yield Array.from({ length: Math.min(most, events - made) }, () => body.slice())
  }
}

/** As many events in flight as the client allows, all acknowledgements awaited. */
export const write = (command: Command) =>
  Effect.scoped(Effect.gen(function*() {
    const events = command.number("events")
    const start = performance.now()
    const writer = yield* EventWriter.make(keyedStream(command.stream))
    for (const array of arrays(events, command.number("size"))) yield* Effect.asVoid(writer.enqueue(array))
    yield* writer.flush
    return { events, seconds: since(start) }
  }))

/** One after the other: begun, filled, committed, and waited for until committed. */
export const writeTransactions = (command: Command) =>
  Effect.gen(function*() {
    const events = command.number("events")
    const count = command.number("count")
    const stream = keyedStream(command.stream)
    const wholes: Array<number> = []
    const commits: Array<number> = []
    const start = performance.now()
    for (let i = 0; i < count; i++) {
      const begun = performance.now()
      yield* Effect.scoped(Effect.gen(function*() {
        const transaction = yield* Transaction.begin(stream)
        for (const array of arrays(events, command.number("size"))) yield* transaction.write(array)
        const filled = performance.now()
        yield* transaction.commit
        yield* transaction.awaitCommitted
        commits.push(performance.now() - filled)
        wholes.push(performance.now() - begun)
      }))
    }
    const rate = { events: events * count, seconds: since(start) }
    return { ...rate, ...percentiles("transaction", wholes), ...percentiles("commit", commits) }
  })
