/**
 * Nexmark's events as a source of micro-batches: a position is an event's number, a plan is a range of numbers. An event is
 * always the same, so a plan read again gives the same events: that is all that exactly-once asks of a source.
 */
import { Source } from "effect-pravega/batch"
import { EventTime } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Event } from "./Event.ts"

const Numbers = Schema.Struct({ from: Schema.Natural, to: Schema.Natural })

export interface Options {
  readonly count: number
  readonly perBatch: number
  readonly event: (n: number) => Event
}

/** Events of the auction house may be up to four seconds out of order. */
export const time = EventTime.from((event: Event) => event.dateTime, {
  disorder: "4 seconds",
  // while a query does not run nothing comes: that must not make late what comes afterwards
  idleAfter: "Infinity",
  maxDrift: "Infinity"
})

/** The first `count` events, `perBatch` at a time. Then time ends, and everything comes out. */
export const make = ({ count, event, perBatch }: Options) =>
  Source.make({
    name: "nexmark",
    structure: { count },
    asked: { count },
    time,
    position: Schema.Natural,
    plan: Numbers,
    identity: Schema.Null,
    open: Effect.succeed({
      start: Effect.succeed({ identity: null, start: 0, end: count }),
      verify: () => Effect.void,
      latest: Effect.succeed(count),
      plan: (from: number) => {
        const to = Math.min(from + perBatch, count)
        return Effect.succeed(
          from >= to ? { _tag: "ended" as const } : { _tag: "range" as const, plan: { from, to }, next: to }
        )
      },
      partitions: ({ from, to }: typeof Numbers.Type) =>
        Effect.succeed([{ id: 0, predecessors: [], events: read(event, from, to) }])
    })
  })

/** In chunks: an event costs no Effect. */
const read = (event: (n: number) => Event, from: number, to: number): Stream.Stream<Event> =>
  Stream.range(from, to - 1, 4096).pipe(Stream.map(event))
