/**
 * The main job, killed at ten random moments (kill -9) and interrupted at two (Ctrl-C), against an undisturbed run: the
 * same table, and nothing lost or repeated. The seed is printed; FLIGHTS_SEED=N draws the same moments again (as parts of
 * the time that the undisturbed run took, so they are moments of the job and not of the machine).
 */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { controller } from "../real/pravega.ts"

const program = fileURLToPath(new URL("../../examples/flights/main.ts", import.meta.url))
const flights = 60_000

interface Life {
  readonly output: string
  readonly code: number | null
  readonly millis: number
}

/** Runs the job from a directory; sends `signal` after `millis`, if it still runs then. */
const live = (
  directory: string,
  end?: { readonly signal: "SIGKILL" | "SIGINT"; readonly millis: number }
): Promise<Life> =>
  new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn(process.execPath, [
      "--conditions=source",
      program,
      `--flights=${flights}`,
      `--directory=${directory}`,
      `--controller=${controller}`
    ], { stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    for (const pipe of [child.stdout, child.stderr]) {
      pipe.setEncoding("utf8").on("data", (text: string) => {
        output += text
      })
    }
    const timer = end === undefined ? undefined : setTimeout(() => child.kill(end.signal), end.millis)
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

describe("the main job", () => {
  it(
    "killed ten times and interrupted twice, it ends with what an undisturbed run ends with",
    { timeout: 1_200_000 },
    async () => {
      const seed = Number(process.env["FLIGHTS_SEED"] ?? Math.floor(Math.random() * 2 ** 32))
      console.log(`seed of the moments: FLIGHTS_SEED=${seed}`)
      const next = random(seed)
      const directory = mkdtempSync(join(tmpdir(), "effect-pravega-flights-"))
      try {
        const undisturbed = await live(join(directory, "undisturbed"))
        const expected = tableOf(undisturbed)
        const signals = [
          "SIGKILL",
          "SIGKILL",
          "SIGKILL",
          "SIGINT",
          "SIGKILL",
          "SIGKILL",
          "SIGKILL",
          "SIGKILL",
          "SIGINT"
        ]
          .concat(["SIGKILL", "SIGKILL", "SIGKILL"])
        let job = 0
        let starts = 0
        while (signals.length > 0) {
          const millis = undisturbed.millis * (0.15 + 0.5 * next())
          const life = await live(join(directory, `${job}`), {
            signal: signals[0] === "SIGINT" ? "SIGINT" : "SIGKILL",
            millis
          })
          if (life.code === 0) {
            // done before its moment came: another job takes the rest of them
            assert.strictEqual(tableOf(life), expected)
            job++
            starts = 0
          } else {
            signals.shift()
            starts++
          }
        }
        const last = await live(join(directory, `${job}`))
        assert.strictEqual(tableOf(last), expected)
        assert.match(last.output, new RegExp(`starts +${starts + 1}\\b`), last.output)
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    }
  )
})
