/**
 * A cluster of processes: three runners, their locks and the checkpoint log in PostgreSQL. Whoever it is, driver or worker, is
 * killed or stopped for longer than its locks last, again and again.
 */
import { assert, describe, it } from "@effect/vitest"
import { Admin, EventWriter, Pravega } from "effect-pravega"
import { Embedded } from "effect-pravega/embedded"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll } from "vitest"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import * as Seeded from "../../src/testing/seeded/Seeded.ts"
import * as Postgres from "../real/postgres.ts"
import { first, keyOf, out } from "./pipelines.ts"

const program = fileURLToPath(new URL("runner.ts", import.meta.url))
const blows = Number(process.env["CLUSTER_BLOWS"] ?? 4)
/** About as many as are read while the blows fall. */
const perBlow = Number(process.env["CLUSTER_EVENTS"] ?? 400)
/** A real Pravega's, if the test is to run on one. */
const realController = process.env["CLUSTER_CONTROLLER"]

describe("A cluster of processes", () => {
  let postgres: Postgres.Server | undefined
  beforeAll(async () => {
    postgres = await Postgres.start()
  })
  afterAll(() => postgres?.stop())

  const runners = (controller: string) => {
    const running = new Map<number, ChildProcess>()
    let port = 21_000 + (process.pid % 2000) * 20
    const said: Array<string> = []
    const start = () => {
      const own = port++
      const child = spawn(process.execPath, ["--conditions=source", "--no-warnings", program], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, POSTGRES: postgres?.socket, PRAVEGA_CONTROLLER: controller, RUNNER_PORT: `${own}` }
      })
      for (const pipe of [child.stdout, child.stderr]) {
        pipe.setEncoding("utf8").on("data", (text: string) => said.push(`${own}: ${text}`))
      }
      running.set(own, child)
      child.once("exit", () => running.delete(own))
    }
    const end = Effect.sync(() => {
      for (const child of running.values()) child.kill("SIGKILL")
    })
    return { end, running, said, start }
  }

  it.live(`${blows} runners are killed, ended, or stopped: nothing is lost, repeated or out of order`, () =>
    Effect.gen(function*() {
      const seeded = Seeded.make(1)
      const controller = realController ?? (yield* Effect.flatMap(Embedded.make(), ({ listen }) => listen())).controller
      const client = Pravega.layer({ controller })
      const { end, running, said, start } = runners(controller)
      yield* Effect.addFinalizer(() => end)
      yield* Effect.gen(function*() {
        for (const { name } of [first, out]) {
          yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments: 3 } })
        }
        const written = Effect.map(
          Stream.runCollect(BatchReader.stream(out)),
          (reads) => reads.map(({ event }) => event)
        )
        const writer = yield* EventWriter.make(first)
        const texts: Array<string> = []
        for (let n = 0; n < 3; n++) start()
        const blow = Effect.gen(function*() {
          const child = seeded.pick([...running.values()])
          start()
          switch (seeded.pick(["SIGKILL", "SIGKILL", "SIGTERM", "SIGSTOP"] as const)) {
            case "SIGKILL":
              return void child.kill("SIGKILL")
            case "SIGTERM":
              return void child.kill("SIGTERM")
            case "SIGSTOP":
              child.kill("SIGSTOP")
              // longer than its locks last: then it wakes up, and goes on with what others have done since
              return yield* Effect.forkScoped(
                Effect.andThen(
                  Effect.sleep("7 seconds"),
                  Effect.sync(() => {
                    child.kill("SIGCONT")
                    setTimeout(() => child.kill("SIGKILL"), 1500)
                  })
                ),
                { startImmediately: true }
              )
          }
        })
        const progress = (count: number) =>
          Effect.gen(function*() {
            while ((yield* written).length < count) {
              if (running.size === 0) return yield* Effect.die(new Error(said.join("")))
              yield* Effect.sleep("200 millis")
            }
          })
        for (let n = 0; n <= blows; n++) {
          const more = Array.from({ length: perBlow }, (_, i) => `k${i % 7}:${texts.length + i}`)
          texts.push(...more)
          yield* writer.writeAll(more)
          // some of it is done, and some under way
          yield* progress(texts.length - Math.ceil(perBlow / 2))
          if (n < blows) yield* blow
        }
        yield* progress(texts.length)
        // whoever still does something has the time to do harm
        yield* Effect.sleep("3 seconds")
        const found = yield* written
        const perKey = (all: ReadonlyArray<string>) => Map.groupBy(all, keyOf)
        assert.strictEqual(found.length, texts.length)
        assert.deepStrictEqual(perKey(found), perKey(texts.map((text) => `${text}!`)))
      }).pipe(Effect.scoped, Effect.provide(client))
    }).pipe(Effect.scoped))
})
