/** `effect-pravega state`, as a process, on what a query has left. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { CheckpointLog } from "../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../src/batch/sink/Sink.ts"
import * as Flow from "../../src/flow/Flow.ts"
import { StateStore } from "../../src/state/StateStore.ts"
import * as Query from "../../src/stream/query/Query.ts"
import * as Trigger from "../../src/stream/query/Trigger.ts"
import { numbersSource } from "../batch/engine/flow/numbersSource.ts"
import { temporaryFolder } from "../temporary.ts"
import { cli } from "./cli.ts"

const flow = Flow.events<number>().pipe(
  Flow.keyBy("parity", Schema.String, (n) => n % 2 === 0 ? "even" : "odd"),
  Flow.mapState("sums", {
    order: "arrival",
    state: Schema.Number,
    initial: 0,
    onEvent: (sum, n: number) => [sum + n, [n]]
  })
)
const pipeline = Pipeline.make("sums", {
  source: numbersSource({ value: 6 }),
  flow,
  sink: Sink.memory<number>()
})

describe("effect-pravega state", () => {
  it.live(
    "shows what a step remembers, of all keys and of one, in a directory and in SQLite",
    () =>
      Effect.gen(function*() {
        const folder = yield* temporaryFolder
        const [logs, states, file] = ["logs", "states", "all.sqlite"].map((name) => Path.join(folder, name))
        const places = [
          {
            layer: Layer.merge(CheckpointLog.layerFileSystem(logs!), StateStore.layerDirectory(states!)),
            flags: ["--directory", logs!, "--state-directory", states!]
          },
          {
            layer: Layer.merge(CheckpointLog.layerSqlite(file!), StateStore.layerSqlite(file!)),
            flags: ["--sqlite", file!]
          }
        ]
        for (const { flags, layer } of places) {
          yield* Effect.provide(Query.run(pipeline, { trigger: Trigger.availableNow }), layer)
          const scanned = yield* cli("state", "scan", "sums", "sums", ...flags)
          assert.strictEqual(
            scanned.stdout,
            `step "sums" of query "sums" after batch 1: 2 rows\n` +
              `  even  "v"  {"state":6,"used":null}\n  odd  "v"  {"state":9,"used":null}\n`,
            scanned.stderr
          )
          const { stdout } = yield* cli("state", "get", "sums", "sums", "odd", "--json", ...flags)
          assert.deepStrictEqual(JSON.parse(stdout), {
            query: "sums",
            step: "sums",
            batch: 1,
            rows: [{ key: "odd", row: "v", value: `{"state":9,"used":null}` }]
          })
        }
      }),
    60_000
  )

  it.live("says what is not there, and makes nothing", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const [logs, states] = ["logs", "states"].map((name) => Path.join(folder, name))
      yield* Effect.provide(
        Query.run(pipeline, { trigger: Trigger.availableNow }),
        Layer.merge(CheckpointLog.layerFileSystem(logs!), StateStore.layerDirectory(states!))
      )
      const told = Effect.fnUntraced(function*(...words: ReadonlyArray<string>) {
        const { code, stderr } = yield* cli("state", ...words, "--directory", logs!)
        assert.notStrictEqual(code, 0)
        return stderr
      })
      assert.include(yield* told("scan", "sums", "sum", "--state-directory", states!), `it has "sums"`)
      assert.include(yield* told("scan", "sums", "sums"), "say where the state is")
      const nowhere = Path.join(folder, "nowhere")
      assert.include(yield* told("scan", "sums", "sums", "--state-directory", nowhere), "there is no state of query")
      assert.isFalse(Fs.existsSync(nowhere))
    }), 60_000)
})
