/** The numbers from 0, three a batch; the time of one is itself. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Source from "../../../../src/batch/source/Source.ts"
import * as EventTime from "../../../../src/flow/time/EventTime.ts"

/** Up to a number that may grow. */
export const numbersSource = (until: { readonly value: number }) =>
  Source.make<number, never, never, number, { from: number; to: number }, string>({
    name: "numbers",
    structure: "numbers",
    asked: "earliest",
    time: EventTime.from((n: number) => n, { idleAfter: "Infinity" }),
    position: Schema.Natural,
    plan: Schema.Struct({ from: Schema.Natural, to: Schema.Natural }),
    identity: Schema.String,
    open: Effect.succeed({
      start: Effect.succeed({ identity: "one", start: 0, end: undefined }),
      verify: () => Effect.void,
      latest: Effect.sync(() => until.value),
      plan: (from) =>
        Effect.sync(() => {
          const to = Math.min(from + 3, until.value)
          return from >= to ? { _tag: "idle" as const } : { _tag: "range" as const, plan: { from, to }, next: to }
        }),
      partitions: ({ from, to }) =>
        Effect.succeed([{
          id: 0,
          predecessors: [],
          events: Stream.fromArray(Array.from({ length: to - from }, (_, i) => from + i))
        }])
    })
  })
