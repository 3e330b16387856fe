/**
 * The main job, killed at random moments (kill -9) and interrupted at some (Ctrl-C), against an undisturbed run: the same
 * table, and nothing lost or repeated. The seed is printed; FLIGHTS_SEED=N draws the same moments again (as parts of
 * the time that the undisturbed run took, so they are moments of the job and not of the machine).
 */
import { assert, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("../../examples/flights/main.ts", import.meta.url))

type Signal = "SIGKILL" | "SIGINT"

export interface KillOptions {
  readonly flights: number
  /** What is sent, one after the other. */
  readonly signals: ReadonlyArray<Signal>
  /** Further words of the command line: which Pravega. */
  readonly words: ReadonlyArray<string>
}

interface Life {
  readonly output: string
  readonly code: number | null
  /** From its first line to its end. */
  readonly millis: number
}

/** Runs the job from a directory; sends `signal` so long after its first line, if it still runs then. */
const live = (
  { flights, words }: KillOptions,
  directory: string,
  end?: { readonly signal: Signal; readonly millis: number }
): Promise<Life> =>
  new Promise((resolve, reject) => {
    let started = 0
    let timer: NodeJS.Timeout | undefined
    const child = spawn(process.execPath, [
      "--conditions=source",
      "--no-warnings",
      program,
      `--flights=${flights}`,
      `--directory=${directory}`,
      ...words
    ], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, PRAVEGA_CONTROLLER: undefined } })
    let output = ""
    for (const pipe of [child.stdout, child.stderr]) {
      pipe.setEncoding("utf8").on("data", (text: string) => {
        if (output === "") {
          started = performance.now()
          if (end !== undefined) timer = setTimeout(() => child.kill(end.signal), end.millis)
        }
        output += text
      })
    }
    child.on("error", reject)
    child.on("close", (code) => {
      clearTimeout(timer)
      resolve({ output, code, millis: performance.now() - started })
    })
  })

/** The table that the job printed. */
const tableOf = (life: Life): string => {
  assert.strictEqual(life.code, 0, life.output)
  assert.include(life.output, "\n0 lost, 0 repeated", life.output)
  const [, rest = ""] = life.output.split(/^(?=airport )/m)
  const [table = ""] = rest.split("\n\n")
  assert.isAbove(table.split("\n").length, 10, life.output)
  return table
}

/** A small generator of numbers in [0, 1) (mulberry32), so that the moments can be drawn again. */
const random = (seed: number) => () => {
  seed = seed + 0x6d2b79f5 | 0
  let t = Math.imul(seed ^ seed >>> 15, 1 | seed)
  t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t
  return ((t ^ t >>> 14) >>> 0) / 2 ** 32
}

export const killCases = (options: KillOptions): void => {
  it(
    `the main job, ended ${options.signals.length} times, ends with what an undisturbed run ends with`,
    { timeout: 1_200_000 },
    async () => {
      const seed = Number(process.env["FLIGHTS_SEED"] ?? Math.floor(Math.random() * 2 ** 32))
      console.log(`seed of the moments: FLIGHTS_SEED=${seed}`)
      const next = random(seed)
      const directory = mkdtempSync(join(tmpdir(), "effect-pravega-flights-"))
      try {
        const undisturbed = await live(options, join(directory, "undisturbed"))
        const expected = tableOf(undisturbed)
        let job = 0
        // a job that was ended between its last line and its end is done, and starts anew
        let resumed = 0
        for (const signal of options.signals) {
          for (;;) {
            const millis = undisturbed.millis * 0.8 * next()
            const life = await live(options, join(directory, `${job}`), { signal, millis })
            if (life.output.includes("going on with")) resumed++
            if (life.code !== 0) break
            // done before its moment came: another job gets the signal
            assert.strictEqual(tableOf(life), expected)
            job++
          }
        }
        const last = await live(options, join(directory, `${job}`))
        assert.strictEqual(tableOf(last), expected)
        assert.isAbove(resumed, 0, "no start went on with what was there")
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    }
  )
}
