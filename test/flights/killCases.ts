/**
 * The main job, killed at random moments (kill -9) and interrupted at some (Ctrl-C), against an undisturbed run: the same
 * table, and nothing lost or repeated. The seed is printed; FLIGHTS_SEED=N draws the same moments again (as parts of
 * the time that the undisturbed run took, so they are moments of the job and not of the machine).
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Seeded from "../../src/testing/seeded/Seeded.ts"
import * as Program from "../Program.ts"
import { temporaryFolder } from "../temporary.ts"

const program = fileURLToPath(new URL("../../examples/flights/main.ts", import.meta.url))

type Signal = "SIGKILL" | "SIGINT"

export interface KillOptions {
  readonly flights: number
  /** What is sent, one after the other. */
  readonly signals: ReadonlyArray<Signal>
  /** Further words of the command line: which Pravega. */
  readonly words: ReadonlyArray<string>
}

/** Runs the job from a directory; sends `signal` so long after its first line, if it still runs then. */
const live = (
  { flights, words }: KillOptions,
  directory: string,
  moment?: { readonly signal: Signal; readonly millis: number }
): Effect.Effect<Program.Life> =>
  Program.run([program, `--flights=${flights}`, `--directory=${directory}`, ...words], {
    env: { PRAVEGA_CONTROLLER: undefined },
    onOutput: (_, end) => moment === undefined ? undefined : end(moment.signal, moment.millis)
  })

/** The table that the job printed. */
const tableOf = (life: Program.Life): string => {
  assert.strictEqual(life.code, 0, life.output)
  assert.include(life.output, "\n0 lost, 0 repeated", life.output)
  const [, rest = ""] = life.output.split(/^(?=airport )/m)
  const [table = ""] = rest.split("\n\n")
  assert.isAbove(table.split("\n").length, 10, life.output)
  return table
}

export const killCases = (options: KillOptions): void => {
  it.live(
    `the main job, ended ${options.signals.length} times, ends with what an undisturbed run ends with`,
    () =>
      Effect.gen(function*() {
        const seed = Number(process.env["FLIGHTS_SEED"] ?? Math.floor(Math.random() * 2 ** 32))
        yield* Effect.sync(() => console.log(`seed of the moments: FLIGHTS_SEED=${seed}`))
        const { next } = Seeded.make(seed)
        const directory = yield* temporaryFolder
        const undisturbed = yield* live(options, join(directory, "undisturbed"))
        const expected = tableOf(undisturbed)
        const { toEnd, toFirstWord } = undisturbed.millis
        let job = 0
        // a job that was ended between its last line and its end is done, and starts anew
        let resumed = 0
        for (const signal of options.signals) {
          for (;;) {
            const millis = (toEnd - toFirstWord) * 0.8 * next()
            const life = yield* live(options, join(directory, `${job}`), { signal, millis })
            if (life.output.includes("going on with")) resumed++
            if (life.code !== 0) break
            // done before its moment came: another job gets the signal
            assert.strictEqual(tableOf(life), expected)
            job++
          }
        }
        const last = yield* live(options, join(directory, `${job}`))
        assert.strictEqual(tableOf(last), expected)
        assert.isAbove(resumed, 0, "no start went on with what was there")
      }),
    // only ends what hangs
    3_600_000
  )
}
