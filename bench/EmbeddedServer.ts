/** `effect-pravega dev` in a process of its own. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"

export interface EmbeddedServer {
  readonly controller: string
  readonly pid: number
  readonly stop: () => Promise<void>
}

export interface EmbeddedServerOptions {
  /** In a new directory, which goes with the server; else in memory. */
  readonly keepsData: boolean
  /** For Node, `--cpu-prof` say. */
  readonly nodeOptions?: ReadonlyArray<string> | undefined
  /** Default: `dist`, the build. */
  readonly code?: "dist" | "source" | undefined
}

const programs = { dist: "../dist/cli/main.js", source: "../src/cli/main.ts" }

export const startEmbedded = (
  { code = "dist", keepsData, nodeOptions = [] }: EmbeddedServerOptions
): Promise<EmbeddedServer> => {
  const program = join(import.meta.dirname, programs[code])
  const directory = keepsData ? mkdtempSync(join(tmpdir(), "bench-embedded-")) : undefined
  const data = directory === undefined ? [] : ["--data", directory]
  const child = spawn(process.execPath, [...nodeOptions, program, "dev", ...data], {
    env: { ...process.env, NODE_OPTIONS: "" },
    stdio: ["ignore", "pipe", "inherit"]
  })
  const stop = () =>
    new Promise<void>((resolve) => {
      const gone = () => {
        if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
        resolve()
      }
      if (child.exitCode !== null) return gone()
      child.once("close", gone)
      child.kill("SIGTERM")
    })
  return new Promise((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code) => reject(new Error(`the embedded server ended with ${code}`)))
    createInterface({ input: child.stdout }).on("line", (line) => {
      const controller = /^READY (\S+)/.exec(line)?.[1]
      if (controller !== undefined) resolve({ controller, pid: child.pid ?? 0, stop })
    })
  })
}
