/**
 * Pipelines on a real Pravega whose process is killed (kill -9) again and again at random moments, behind proxies that break
 * its connections: at the end each event is in the sink once, and in the order of its key, for a reader that comes then, and
 * for one that was there all the time. Several pipelines at the same time, on streams of their own.
 *
 * KILLS_SEED=N draws the same moments again (the rest is the machine's); KILLS=N kills so often, with 500 events for each
 * (CI kills 200 times, over 100,000 events).
 */
import { describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { StreamCut } from "../../../src/core/StreamCut.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as BatchReader from "../../../src/pravega/read/BatchReader.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"
import * as FaultProxy from "../../../src/testing/faults/FaultProxy.ts"
import * as Faults from "../../../src/testing/faults/Faults.ts"
import * as Seeded from "../../../src/testing/seeded/Seeded.ts"
import { randomScope } from "../../names.ts"
import { assertCopied, type Numbered, numberedEvents } from "../../numbered.ts"
import * as Program from "../../Program.ts"
import { temporaryFolder } from "../../temporary.ts"
import { controller } from "../pravega.ts"
import { streamsOf } from "./streams.ts"

const seed = Number(process.env["KILLS_SEED"] ?? Math.floor(Math.random() * 2 ** 32))
const kills = Number(process.env["KILLS"] ?? 60)
const eventsPerKill = 500

const program = fileURLToPath(new URL("program.ts", import.meta.url))

/** When a life ends: so long after the process said that it runs, or after it said of so many batches that they are done. */
type Moment = { readonly batches: number; readonly millis: number }

/** One life of the process, in milliseconds after it was started. */
interface Life {
  readonly running: number
  /** Undefined: none was committed. */
  readonly firstBatch: number | undefined
}

/** Kills the process at a moment; without one it ends by itself. */
const live = Effect.fnUntraced(function*(words: ReadonlyArray<string>, moment: Moment | undefined) {
  const started = performance.now()
  let firstBatch: number | undefined
  const { code, millis, output, signal } = yield* Program.run([program, ...words], {
    onOutput: (output, end) => {
      const batches = output.split("batch ").length - 1
      if (batches > 0) firstBatch ??= performance.now() - started
      if (moment !== undefined && batches >= moment.batches) end("SIGKILL", moment.millis)
    }
  })
  if (moment === undefined ? code !== 0 : signal !== "SIGKILL") {
    return yield* Effect.die(new Error(`it ended by itself: ${output}`))
  }
  return { running: millis.toFirstWord, firstBatch } satisfies Life
})

/** Reads the sink while it grows, from where it stopped, until it is told to stop. */
const follow = Effect.fnUntraced(function*(
  sink: ReturnType<typeof streamsOf>["sink"],
  stop: Deferred.Deferred<void>,
  seen: Array<Numbered>
) {
  let from: StreamCut = yield* Admin.earliestCut(sink.name)
  for (let isLast = false; !isLast;) {
    isLast = Deferred.isDoneUnsafe(stop)
    const plan = yield* BatchReader.plan(sink.name, { start: from })
    const read = BatchReader.readRanges(sink, plan.ranges, { ordering: "perKey" })
    yield* Stream.runForEachArray(read, (reads) => Effect.sync(() => seen.push(...reads.map(({ event }) => event))))
    from = plan.end
    yield* Effect.sleep("200 millis")
  }
})

interface Pipeline {
  readonly guarantee: "exactly-once" | "idempotent"
  readonly kills: number
  readonly seed: number
  /** Whether the sink is scaled between lives. */
  readonly isScaled: boolean
}

/** Runs a pipeline to its end; gives how long it took from each start to the first batch, where there was one. */
const run = (options: Pipeline) =>
  Effect.scoped(Effect.gen(function*() {
    const directory = yield* temporaryFolder
    const { next } = Seeded.make(options.seed)
    const scope = randomScope()
    const { sink, source } = streamsOf(scope)
    for (const { name } of [source, sink]) yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments: 1 } })
    yield* Admin.scaleTo(source.name, 2)
    yield* Admin.scaleTo(sink.name, 2)

    const { endpoint } = (yield* Pravega).controller
    const [segment] = yield* Admin.segments(sink.name)
    const store = yield* endpoint(sink.name, segment!.id)
    const rates = { cutFrame: 0.001, dropConnection: 0.001 }
    const [storeFaults, controllerFaults] = [
      yield* Faults.make({ seed: options.seed, rates }),
      yield* Faults.make({ seed: options.seed + 1, rates })
    ]
    const storeProxy = yield* FaultProxy.make({ target: store, faults: storeFaults })
    const { hostname, port } = new URL(controller.replace("tcp:", "http:"))
    const controllerProxy = yield* FaultProxy.make({
      target: { host: hostname, port: Number(port) },
      faults: controllerFaults
    })
    const words = [
      `tcp://127.0.0.1:${controllerProxy.port}`,
      `${storeProxy.port}`,
      scope,
      options.guarantee,
      join(directory, "log")
    ]
    const seen: Array<Numbered> = []
    const stop = yield* Deferred.make<void>()
    const reader = yield* Effect.forkChild(follow(sink, stop, seen))
    const writer = yield* EventWriter.make(source)
    const firsts: Array<number> = []
    let written = 0
    /** From a process's first word to its first batch, as it was the last time. */
    let opening = 300
    for (let life = 0; life <= options.kills; life++) {
      const isLast = life === options.kills
      if (!isLast) yield* writer.writeAll(numberedEvents(eventsPerKill, 23, written))
      written += isLast ? 0 : eventsPerKill
      if (options.isScaled && life % 4 === 3) yield* Admin.scaleTo(sink.name, 1 + Math.floor(next() * 3))
      // a third of them before there is a batch, the others some way into one; there are events for three and more
      const moment = next() < 1 / 3
        ? { batches: 0, millis: opening * next() }
        : { batches: 1 + Math.floor(next() * 3), millis: 80 * next() }
      const { firstBatch, running } = yield* live(isLast ? [...words, "finish"] : words, isLast ? undefined : moment)
      if (firstBatch === undefined) continue
      firsts.push(firstBatch)
      opening = firstBatch - running
    }
    yield* Deferred.succeed(stop, undefined)
    yield* Fiber.join(reader)
    const read = yield* Stream.runCollect(BatchReader.stream(sink, { ordering: "perKey" }))
    assertCopied(read.map(({ event }) => event), written)
    assertCopied(seen, written)
    return { firsts, written, broken: storeFaults.injected().length + controllerFaults.injected().length }
  }))

const each = Math.ceil(kills / 3)

const pipelines: ReadonlyArray<Pipeline> = [
  { guarantee: "exactly-once", kills: each, seed, isScaled: false },
  { guarantee: "exactly-once", kills: each, seed: seed + 1, isScaled: false },
  { guarantee: "exactly-once", kills: each, seed: seed + 2, isScaled: true },
  { guarantee: "idempotent", kills: Math.ceil(each / 2), seed: seed + 3, isScaled: true }
]

describe("a pipeline that is killed, on a real Pravega", () => {
  it.live(
    `${kills} kills of transactional pipelines, more of an idempotent one: nothing lost, nothing repeated`,
    () =>
      Effect.gen(function*() {
        yield* Effect.sync(() => console.log(`seed of the moments: KILLS_SEED=${seed}`))
        const done = yield* Effect.forEach(
          pipelines,
          (pipeline) => Effect.map(run(pipeline), (result) => ({ ...pipeline, ...result })),
          { concurrency: "unbounded" }
        )
        for (const guarantee of ["exactly-once", "idempotent"] as const) {
          const these = done.filter((pipeline) => pipeline.guarantee === guarantee)
          const sum = (of: (pipeline: typeof these[number]) => number) =>
            these.reduce((total, one) => total + of(one), 0)
          const firsts = these.flatMap((pipeline) => pipeline.firsts).toSorted((a, b) => a - b)
          const at = (part: number) => Math.round(firsts[Math.floor(part * (firsts.length - 1))] ?? Number.NaN)
          console.log(
            `${guarantee}: ${sum((one) => one.kills)} kills over ${sum((one) => one.written)} events, ${
              sum((one) => one.broken)
            } connections broken, ` +
              `0 lost, 0 repeated; ` +
              `from kill to the first new batch (${firsts.length} lives that came so far, the start of Node included): ` +
              `median ${at(0.5)} ms, longest ${at(1)} ms`
          )
        }
      }).pipe(Effect.provide(Layer.orDie(Pravega.layer({ controller })))),
    // only ends what hangs
    7_200_000
  )
})
