import { assert, describe, it } from "@effect/vitest"
import { Admin, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog } from "effect-pravega/batch"
import { Workers } from "effect-pravega/cluster"
import { Embedded } from "effect-pravega/embedded"
import { Trigger } from "effect-pravega/stream"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import * as Seeded from "../../src/testing/seeded/Seeded.ts"
import * as MemoryCluster from "./MemoryCluster.ts"
import { all, first, letters, out, plain, rest, second } from "./pipelines.ts"

/** Short ones: a runner that is gone is noticed soon. A busy machine loses locks that it still wants, which must do no harm. */
const locks = {
  shardsPerGroup: 12,
  shardLockExpiration: 1500,
  shardLockRefreshInterval: 400,
  refreshAssignmentsInterval: 200,
  runnerHealthCheckInterval: 500,
  entityMessagePollInterval: 300
}

const events = 600

const world = Effect.gen(function*() {
  const server = yield* Embedded.make()
  const pravega = Pravega.layerTransport().pipe(Layer.provide(server.layerTransport))
  const client = yield* Layer.build(pravega)
  const log = yield* Layer.build(CheckpointLog.layerMemory)
  const cluster = yield* MemoryCluster.make(locks)
  const prepare = Effect.gen(function*() {
    for (const { name } of [first, second, out, rest, letters]) {
      yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments: 3 } })
    }
    const writer = yield* EventWriter.make(first)
    yield* writer.writeAll(Array.from({ length: events }, (_, i) => `k${i % 7}:${i}`))
  })
  yield* Effect.provideContext(Effect.scoped(prepare), client)
  let port = 0
  const app = Workers.layerDriver(plain, {
    trigger: Trigger.every("50 millis"),
    restartAfter: "200 millis",
    lockExpiration: 1500
  }).pipe(
    Layer.provide(Workers.layerCluster({ patience: "5 seconds" })),
    Layer.merge(Workers.layerRunner(all)),
    // of each runner its own, as of each process
    Layer.provide(Layer.fresh(pravega)),
    Layer.provide(Layer.succeedContext(log))
  )
  return {
    start: Effect.suspend(() => cluster.start(++port, app)),
    written: Effect.provideContext(
      Effect.map(Stream.runCollect(BatchReader.stream(out)), (reads) => reads.map(({ event }) => event)),
      client
    )
  }
})

/** Per key, the numbers in order. */
const perKey = (texts: ReadonlyArray<string>): ReadonlyMap<string, ReadonlyArray<string>> => {
  const keys = new Map<string, Array<string>>()
  for (const text of texts) {
    const key = text.slice(0, text.indexOf(":"))
    keys.set(key, [...keys.get(key) ?? [], text])
  }
  return keys
}

const wanted = perKey(Array.from({ length: events }, (_, i) => `k${i % 7}:${i}!`))

/** From 1 on; more are for somebody who waits for them. */
const seeds = Array.from({ length: Number(process.env["CLUSTER_SEEDS"] ?? 1) }, (_, n) => n + 1)

describe("C1, C2, C7, C9: runners come, go, and sleep through their locks, the driver's too", () => {
  it.live.each(seeds)("seed %i: nothing is lost, repeated or out of order", (seed) =>
    Effect.gen(function*() {
      const seeded = Seeded.make(seed)
      const { start, written } = yield* world
      const runners = [yield* start, yield* start, yield* start]
      const paused: Array<(typeof runners)[number]> = []
      for (let blow = 0; blow < 9; blow++) {
        yield* Effect.sleep(seeded.between(100, 700))
        const at = seeded.between(0, runners.length - 1)
        const runner = runners[at]
        if (runner === undefined) continue
        switch (seeded.pick(["killed", "asleep", "stopped", "joins"] as const)) {
          case "killed":
          case "asleep":
            // it can't be reached and gets no lock, and what it was at goes on: a zombie
            yield* Effect.andThen(runner.pause, runner.leave)
            paused.push(runner)
            runners.splice(at, 1, yield* start)
            break
          case "stopped":
            runners.splice(at, 1, yield* start)
            yield* Effect.forkScoped(runner.stop)
            break
          case "joins":
            runners.push(yield* start)
        }
        if (seeded.chance(0.5)) yield* paused.pop()?.resume ?? Effect.void
      }
      // whoever is asleep can't end either
      for (const { resume } of paused) yield* Effect.addFinalizer(() => resume)
      let texts = yield* written
      for (; texts.length < events; texts = yield* written) yield* Effect.sleep("100 millis")
      // whoever still does something has the time to do harm
      yield* Effect.sleep("2 seconds")
      texts = yield* written
      assert.strictEqual(texts.length, events)
      assert.deepStrictEqual(perKey(texts), wanted)
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))))
})
