/**
 * Peak memory (VmHWM) of processes that write and batch-read 1 GiB in events of 1 KiB, one after the other, on a server of
 * their own. They run the build in dist, as users do, or the sources.
 *
 *     npm run build && node --conditions=source bench/memory.ts [MIB] [dist|source]
 */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { startStandalone } from "../test/real/standalone.ts"

/** What one process measured. */
export interface Measured {
  readonly kind: "write" | "read"
  readonly events: number
  readonly eventsPerSecond: number
  readonly cpuMicrosPerEvent: number
  /** Everything is loaded, nothing is connected. */
  readonly idleMiB: number
  readonly peakMiB: number
}

export interface MeasureOptions {
  readonly mib: number
  readonly code: "dist" | "source"
}

/** Writes, then reads, with Node's own settings. */
export const measure = async ({ code, mib }: MeasureOptions): Promise<ReadonlyArray<Measured>> => {
  // it keeps all that it is given in its heap
  const server = await startStandalone({ heapMiB: 8192, cacheMiB: 2048 })
  try {
    const measured: Array<Measured> = []
    for (const kind of ["write", "read"]) {
      const conditions = code === "source" ? ["--conditions=source"] : []
      measured.push(await run([...conditions, program, kind, server.controller, "memory", `${mib}`]))
    }
    return measured
  } finally {
    await server.stop({ force: true })
  }
}

const program = fileURLToPath(new URL("memoryProcess.mjs", import.meta.url))

const run = (args: ReadonlyArray<string>): Promise<Measured> =>
  new Promise((resolve, reject) => {
    // without the options of who asks, a test runner perhaps
    const env = { ...process.env, NODE_OPTIONS: "" }
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] })
    let text = ""
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk
    })
    child.on("error", reject)
    child.on("close", (code) => {
      if (code === 0) resolve(JSON.parse(text))
      else reject(new Error(`the measured process ended with ${code}: node ${args.join(" ")}`))
    })
  })

if (import.meta.main) {
  const [mib = "1024", code = "dist"] = process.argv.slice(2)
  for (const measured of await measure({ mib: Number(mib), code: code === "source" ? "source" : "dist" })) {
    console.log(JSON.stringify(measured))
  }
}
