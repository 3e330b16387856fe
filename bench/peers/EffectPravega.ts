/** Ours, as users have it: compiled. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import type { Peer } from "./Peer.ts"

export const ours: Peer = {
  title: "effect-pravega",
  commands: ["write", "transactions", "batch", "group", "latency"],
  prepare: () => {
    const root = join(import.meta.dirname, "../..")
    const { status } = spawnSync(process.execPath, ["tools/build.mjs"], { cwd: root, stdio: "inherit" })
    if (status !== 0) return Promise.resolve({ why: "it does not compile" })
    return Promise.resolve({ command: process.execPath, args: [join(import.meta.dirname, "effect-pravega/main.ts")] })
  }
}
