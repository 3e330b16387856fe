import { NodeWorker } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Admin, type EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, CommitError, type Pipeline } from "effect-pravega/batch"
import { Workers } from "effect-pravega/cluster"
import { Embedded } from "effect-pravega/embedded"
import { Query, Trigger } from "effect-pravega/stream"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Worker } from "node:worker_threads"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import { failing, first, flowing, keyOf, letters, out, plain, rest, rich, second } from "./pipelines.ts"

/** Of each stream what it has, per key in order. */
type Outputs = Readonly<Record<string, Readonly<Record<string, ReadonlyArray<string>>>>>

const read = <A>(stream: EventStream.EventStream<A>, text: (event: A) => string) =>
  Effect.map(Stream.runCollect(BatchReader.stream(stream)), (reads) => {
    const keys: Record<string, Array<string>> = {}
    for (const { event } of reads) (keys[keyOf(text(event))] ??= []).push(text(event))
    return keys
  })

/** A server of its own with events in two sources, on sockets, and what is done with it. */
const world = <A, E, R>(
  use: (controller: string) => Effect.Effect<A, E, R>
): Effect.Effect<A, unknown, Exclude<R, Pravega | CheckpointLog | Scope.Scope>> =>
  Effect.gen(function*() {
    const server = yield* Embedded.make()
    const { controller } = yield* server.listen()
    const used = Effect.gen(function*() {
      for (const { name } of [first, second, out, rest, letters]) {
        yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments: 3 } })
      }
      // each source has keys of its own: between sources there is no order
      for (const [stream, count, key] of [[first, 100, "k"], [second, 60, "m"]] as const) {
        const writer = yield* EventWriter.make(stream)
        yield* writer.writeAll(Array.from({ length: count }, (_, i) => `${key}${i % 7}:${i}`))
      }
      return yield* use(controller)
    })
    return yield* Effect.provide(
      Effect.scoped(used),
      Layer.merge(Pravega.layerTransport().pipe(Layer.provide(server.layerTransport)), CheckpointLog.layerMemory)
    )
  }).pipe(Effect.scoped) as Effect.Effect<A, unknown, never>

const outputs: Effect.Effect<Outputs, unknown, Pravega> = Effect.all({
  out: read(out, (text) => text),
  // without the random number, which follows from the batch: what a batch has depends on when it was planned
  rest: read(rest, (text) => text.split("/")[0] ?? ""),
  letters: read(letters, ({ error, event, pointer }) => `${pointer}: ${error}, ${event.length}`)
})

const threads = (controller: string, count: number) =>
  Workers.layerThreads({ threads: count }).pipe(
    Layer.provide(NodeWorker.layer(() =>
      new Worker(new URL("./worker.ts", import.meta.url), {
        execArgv: ["--conditions=source"],
        env: { ...process.env, PRAVEGA_CONTROLLER: controller }
      })
    ))
  )

const options = { trigger: Trigger.availableNow, retry: Schedule.recurs(2) }

describe("Workers", () => {
  const same = <A, B, ES, E, R>(name: string, pipeline: Pipeline.Pipeline<A, B, ES, E, R>) =>
    it.live(`C9: threads have the outputs, the order and the letters of fibers: ${name}`, () =>
      Effect.gen(function*() {
        const run = Effect.andThen(Query.run(pipeline, options), outputs) as Effect.Effect<
          Outputs,
          unknown,
          Pravega | CheckpointLog
        >
        const local = yield* world(() => run)
        const remote = yield* world((controller) => Effect.provide(run, threads(controller, 2)))
        assert.isAbove(Object.keys(local["out"] ?? {}).length, 0)
        assert.deepStrictEqual(remote, local)
      }))
  same("one source, one sink", plain)
  same("two sources, lanes, two sinks, random numbers, events put aside", rich)
  same("a flow that remembers nothing", flowing)

  it.live("an error of a part comes back as text, and is not tried again where it says so", () =>
    Effect.gen(function*() {
      const error = yield* world((controller) =>
        Effect.gen(function*() {
          const writer = yield* EventWriter.make(first)
          yield* writer.write("fail:1")
          return yield* Effect.flip(Effect.provide(Query.run(failing, options), threads(controller, 1)))
        })
      )
      assert.instanceOf(error, CommitError.CommitError)
      assert.include(error.message, "a worker failed with part")
      assert.include(error.message, "Mine")
    }))
})
