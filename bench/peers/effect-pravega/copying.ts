/** Micro-batches from stream to stream, exactly once. */
import { EventCodec, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Query, Trigger } from "effect-pravega/stream"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as BatchRun from "../../../src/batch/engine/BatchRun.ts"
import * as Commit from "../../../src/batch/engine/Commit.ts"
import { quantile } from "../../report/Statistics.ts"
import { measure } from "./acknowledging.ts"
import type { Command } from "./Command.ts"
import { percentiles, since } from "./Figures.ts"
import { keyedStream } from "./keyed.ts"

/** In SQLite, the quickest of the durable ones, in a folder that is gone afterwards. */
const log = Layer.unwrap(Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "bench-log-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  ),
  (directory) => CheckpointLog.layerSqlite(join(directory, "log.db"))
))

const copierOf = (command: Command, target: string) =>
  Pipeline.make("bench-copy", {
    source: Source.microBatch(keyedStream(command.stream), { start: "earliest", limit: { bytes: 16 * 1024 * 1024 } }),
    process: (reads) => Stream.map(reads, ({ event }) => event),
    sink: Sink.pravega(keyedStream(target), { guarantee: "exactly-once" })
  })

/** All that is in the stream, in as many batches as it takes. */
const copyAll = (copier: ReturnType<typeof copierOf>) =>
  Effect.gen(function*() {
    let events = 0
    let batches = 0
    const start = performance.now()
    yield* Query.run(copier, {
      trigger: Trigger.availableNow,
      onBatch: ({ eventsIn }) =>
        Effect.sync(() => {
          events += eventsIn
          batches++
        })
    })
    return { events, seconds: since(start), batches }
  }).pipe(Effect.provide(log))

export const copy = (command: Command) => copyAll(copierOf(command, `${command.stream}-copy`))

/** Events with so many keys: writing them, and copying them in order per key, in several lanes. */
export const copyKeyed = (command: Command) =>
  Effect.gen(function*() {
    const count = command.number("events")
    const names = Array.from({ length: command.number("keys") }, (_, i) => i)
    const stream = EventStream.make(command.stream, {
      codec: EventCodec.bytes,
      routingKey: (event) => `k${new DataView(event.buffer, event.byteOffset).getUint32(0)}`
    })
    const events = Array.from({ length: count }, (_, i) => {
      const event = new Uint8Array(100)
      new DataView(event.buffer).setUint32(0, names[i % names.length]!)
      return event
    })
    const start = performance.now()
    const writer = yield* EventWriter.make(stream)
    yield* writer.writeAll(events)
    const writeSeconds = since(start)
    const { seconds } = yield* copyAll(Pipeline.make("bench-keys", {
      source: Source.microBatch(stream, { start: "earliest", ordering: "perKey", lanes: 4 }),
      process: (reads) => Stream.map(reads, ({ event }) => event),
      sink: Sink.pravega(EventStream.make(`${command.stream}-copy`, stream), { guarantee: "exactly-once" })
    }))
    return { writeSeconds, seconds }
  }).pipe(Effect.scoped)

/** Single events at a steady rate, through a query: how long until a reader of the query's output has each. */
const through = <E>(sink: (output: EventStream.EventStream<Uint8Array>) => Sink.Sink<Uint8Array, E, Pravega>) =>
(
  command: Command
) => {
  const output = EventStream.make(`${command.stream}-copy`, { codec: EventCodec.bytes })
  const pipeline = Pipeline.make("bench-through", {
    source: Source.microBatch(keyedStream(command.stream), { start: "earliest" }),
    process: (reads) => Stream.map(reads, ({ event }) => event),
    sink: sink(output),
    deterministic: true
  })
  return Effect.scoped(Effect.andThen(Query.start(pipeline), measure(command, output))).pipe(Effect.provide(log))
}

export const throughTransactions = through((output) => Sink.pravega(output, { guarantee: "exactly-once" }))
export const throughNumbers = through((output) => Sink.pravega(output, { guarantee: "idempotent" }))

/** One small batch after the other: what each takes from looking for input to committed, and how much of that is waiting. */
export const batches = (command: Command) =>
  Effect.scoped(Effect.gen(function*() {
    const size = command.number("size")
    const events = Array.from({ length: command.number("events") }, () => new Uint8Array(size))
    const writer = yield* EventWriter.make(keyedStream(command.stream))
    const pravega = yield* Pravega
    const calls = new BusyTime()
    const timed = { ...pravega, controller: calls.around(pravega.controller) }
    const opened = BatchRun.open(copierOf(command, `${command.stream}-copy`), { retry: Schedule.recurs(0) })
    const run = yield* Effect.provideService(opened, Pravega, timed)
    const whole: Array<number> = []
    const controller: Array<number> = []
    const steps = new Map<string, Array<number>>()
    const count = command.number("count")
    const start = performance.now()
    for (let done = 0; done < count;) {
      yield* writer.writeAll(events)
      calls.millis = 0
      const begun = performance.now()
      const step = yield* Commit.step(run, { until: undefined, more: false })
      if (step._tag !== "done") continue
      done++
      whole.push(performance.now() - begun)
      controller.push(calls.millis)
      for (const [name, millis] of Object.entries(step.report.took)) {
        steps.set(name, [...(steps.get(name) ?? []), millis])
      }
    }
    const seconds = since(start)
    // as a process does that goes on with the query: it reads the whole log
    const opening = performance.now()
    yield* Effect.scoped(Effect.provideService(opened, Pravega, timed))
    const openMs = performance.now() - opening
    const p50 = (values: ReadonlyArray<number>) => quantile(values.toSorted((a, b) => a - b), 0.5)
    return {
      events: events.length * count,
      seconds,
      openMs,
      lastMs: p50(whole.slice(-10)),
      ...percentiles("batch", whole),
      controllerP50Ms: p50(controller),
      ...Object.fromEntries(Array.from(steps, ([name, millis]) => [`${name}P50Ms`, p50(millis)]))
    }
  })).pipe(Effect.provide(log))

/** How long at least one call of a service was under way. */
class BusyTime {
  millis = 0
  private underWay = 0
  private since = 0

  /** The same service, watched. */
  around<S extends object>(service: S): S {
    return new Proxy(service, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== "function") return value
        return (...args: ReadonlyArray<unknown>) => {
          const result: unknown = Reflect.apply(value, target, args)
          return Effect.isEffect(result) ? this.watch(result) : result
        }
      }
    })
  }

  private watch<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    const enter = Effect.sync(() => {
      if (this.underWay++ === 0) this.since = performance.now()
    })
    const leave = Effect.sync(() => {
      if (--this.underWay === 0) this.millis += performance.now() - this.since
    })
    return Effect.andThen(enter, Effect.ensuring(effect, leave))
  }
}
