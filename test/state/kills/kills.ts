/**
 * A query with state in a home, killed (kill -9) again and again at random moments: at the end its sink has each output once.
 * STATE_KILLS=N kills so often, STATE_KILLS_SEED=N draws the same moments again (the rest is the machine's).
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as SqliteClient from "../../../src/batch/sql/SqliteClient.ts"
import * as Seeded from "../../../src/testing/seeded/Seeded.ts"
import * as Program from "../../Program.ts"
import { temporaryFolder } from "../../temporary.ts"
import { expected, outputs, table } from "./killed.ts"

const kills = Number(process.env["STATE_KILLS"] ?? 2)
const seed = Number(process.env["STATE_KILLS_SEED"] ?? Math.floor(Math.random() * 2 ** 32))
export const program = fileURLToPath(new URL("program.ts", import.meta.url))
const batchesPerLife = 8
/** More than a life is let to do. */
const spare = 60

export const killed = (name: string, home: Effect.Effect<string>): void =>
  it.live(`${kills} kills with state in ${name}: the sink has each output once`, () =>
    Effect.gen(function*() {
      yield* Effect.sync(() => console.log(`seed of the moments: STATE_KILLS_SEED=${seed}`))
      const { between, next } = Seeded.make(seed)
      const folder = yield* temporaryFolder
      const sink = SqliteClient.layer(join(folder, "sink.sqlite"))
      yield* Effect.provide(table, sink)
      const place = yield* home
      let end = 0
      let killedLives = 0
      for (let life = 0; life < kills; life++) {
        end += batchesPerLife * 3
        const at = next() < 1 / 4
          ? { batches: 0, millis: 400 * next() }
          : { batches: between(1, batchesPerLife - 2), millis: 8 * next() }
        const { code, output, signal } = yield* Program.run([program, folder, String(end + spare), place], {
          onOutput: (said, kill) => {
            if (said.split("batch ").length - 1 >= at.batches) kill("SIGKILL", at.millis)
          }
        })
        if (signal === "SIGKILL") killedLives++
        // it had done all that there was
        else if (code !== 0) assert.fail(`it ended by itself (${code}): ${output}`)
      }
      assert.isAbove(killedLives, 0)
      const last = yield* Program.run([program, folder, String(end + spare), place])
      assert.strictEqual(last.code, 0, last.output)
      assert.deepStrictEqual(yield* Effect.provide(outputs, sink), expected(end + spare))
      yield* Effect.sync(() => console.log(`${killedLives} kills, ${end + spare} outputs, 0 lost, 0 repeated`))
    }), 7_200_000)
