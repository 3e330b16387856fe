/** Processes with state on a real disk: killed, two at once, and with a home that is taken away or is an older copy. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { join } from "node:path"
import * as SqliteClient from "../../../src/batch/sql/SqliteClient.ts"
import { StateStore } from "../../../src/state/StateStore.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import * as Program from "../../Program.ts"
import { temporaryFolder } from "../../temporary.ts"
import { expected, layersIn, outputs, pipelineTo, table } from "./killed.ts"
import { killed, program } from "./kills.ts"

describe("a process with state that is killed", () => {
  killed("a directory", Effect.succeed("directory"))
  killed("SQLite", Effect.succeed("sqlite"))
})

const sinkIn = (folder: string) => SqliteClient.layer(join(folder, "sink.sqlite"))

/** A query that was run to this number, in a folder of its own. */
const run = (folder: string, end: number) =>
  Query.run(pipelineTo(end), { trigger: Trigger.availableNow }).pipe(
    Effect.provide(layersIn(folder, StateStore.layerDirectory(join(folder, "state"))))
  )

const begun = Effect.fnUntraced(function*(end: number) {
  const folder = yield* temporaryFolder
  yield* Effect.provide(table, sinkIn(folder))
  yield* run(folder, end)
  return { folder, states: join(folder, "state") }
})

const refusal = (folder: string, end: number) =>
  Effect.map(
    Effect.flip(run(folder, end)),
    (error) =>
      typeof error === "object" && error !== null && "reason" in error
        ? Reflect.get(Object(error.reason), "_tag")
        : error
  )

describe("the state directory", () => {
  it.live("deleted between two starts is missing, nothing is written, and put back it goes on", () =>
    Effect.gen(function*() {
      const { folder, states } = yield* begun(30)
      Fs.renameSync(states, `${states}.away`)
      assert.strictEqual(yield* refusal(folder, 36), "StateMissing")
      assert.deepStrictEqual(yield* Effect.provide(outputs, sinkIn(folder)), expected(30))
      Fs.rmSync(states, { recursive: true })
      Fs.renameSync(`${states}.away`, states)
      yield* run(folder, 36)
      assert.deepStrictEqual(yield* Effect.provide(outputs, sinkIn(folder)), expected(36))
    }))

  it.live("of an older copy is told, and so is a log that is one", () =>
    Effect.gen(function*() {
      const { folder, states } = yield* begun(30)
      const [log, copy] = [join(folder, "log"), join(folder, "copy")]
      Fs.cpSync(states, join(copy, "state"), { recursive: true })
      Fs.cpSync(log, join(copy, "log"), { recursive: true })
      yield* run(folder, 60)
      const swap = (name: string, path: string) => {
        Fs.renameSync(path, `${path}.new`)
        Fs.renameSync(join(copy, name), path)
      }
      const back = (path: string) => {
        Fs.rmSync(path, { recursive: true })
        Fs.renameSync(`${path}.new`, path)
      }
      swap("state", states)
      assert.strictEqual(yield* refusal(folder, 66), "StateBehindLog")
      back(states)
      swap("log", log)
      assert.strictEqual(yield* refusal(folder, 66), "LogBehindState")
      back(log)
      yield* run(folder, 66)
      assert.deepStrictEqual(yield* Effect.provide(outputs, sinkIn(folder)), expected(66))
    }))

  it.live("copied while it is written is whole or told: it never goes on otherwise", () =>
    Effect.gen(function*() {
      const { folder, states } = yield* begun(30)
      const told: Array<unknown> = []
      for (let copies = 0; copies < 2; copies++) {
        const copy = `${folder}-${copies}`
        yield* Effect.addFinalizer(() => Effect.sync(() => Fs.rmSync(copy, { recursive: true, force: true })))
        const end = 30 + (copies + 1) * 45
        const copying = Effect.gen(function*() {
          // log, sink and state are of different moments
          Fs.mkdirSync(copy)
          for (const name of ["log", "state"]) {
            Fs.mkdirSync(join(copy, name))
            const from = name === "log" ? join(folder, name) : states
            const files = Fs.readdirSync(from, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())
            for (const file of files) {
              const path = join(file.parentPath, file.name)
              const to = join(copy, name, path.slice(from.length))
              yield* Effect.sleep(1)
              Fs.mkdirSync(join(to, ".."), { recursive: true })
              // deleted meanwhile, or not there yet under its own name
              if (Fs.existsSync(path)) Fs.copyFileSync(path, to)
            }
          }
        })
        yield* Effect.all([run(folder, end), copying], { concurrency: "unbounded" })
        Fs.copyFileSync(join(folder, "sink.sqlite"), join(copy, "sink.sqlite"))
        const outcome = yield* Effect.result(run(copy, end + 30))
        if (outcome._tag === "Failure") told.push(outcome.failure)
        else assert.deepStrictEqual(yield* Effect.provide(outputs, sinkIn(copy)), expected(end + 30))
      }
      // the sink was copied last: a log that is older than it is told by the sink
      const refusals = ["StateStoreError", "CheckpointLogError", "CommitError", "SqlSinkError"]
      for (const error of told) {
        assert.include(refusals, Reflect.get(Object(error), "_tag"))
      }
    }).pipe(Effect.scoped))

  it.live("with two owners: one is fenced, and each output is there once", () =>
    Effect.gen(function*() {
      const { folder } = yield* begun(3)
      const both = yield* Effect.all(
        [1, 2].map(() => Program.run([program, folder, "90", "directory"])),
        { concurrency: "unbounded" }
      )
      for (const { code, output } of both) if (code !== 0) assert.include(output, "Fenced")
      yield* run(folder, 90)
      assert.deepStrictEqual(yield* Effect.provide(outputs, sinkIn(folder)), expected(90))
    }))
})
