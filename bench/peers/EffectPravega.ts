/** Ours, as users have it: compiled. */
import { spawnSync } from "node:child_process"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { dirname, join } from "node:path"
import type { Peer } from "./Peer.ts"

const root = join(import.meta.dirname, "../..")
/** Inside of the package, so that its name resolves; nothing of it is published. */
const compiled = join(root, ".effect-pravega/bench")

export const ours: Peer = {
  title: "effect-pravega",
  commands: ["write", "transactions", "batch", "group", "latency"],
  prepare: () => {
    const { status } = spawnSync(process.execPath, ["tools/build.mjs"], { cwd: root, stdio: "inherit" })
    if (status !== 0) return Promise.resolve({ why: "it does not compile" })
    rmSync(compiled, { recursive: true, force: true })
    // plain JavaScript: Node's compiler of types would be 30 MiB and 50 ms of every process
    for (
      const file of ["report/Statistics.ts", ...globSync("peers/effect-pravega/*.ts", { cwd: join(root, "bench") })]
    ) {
      const source = stripTypeScriptTypes(readFileSync(join(root, "bench", file), "utf8"))
      const target = join(compiled, file.replace(/ts$/, "js"))
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, source.replaceAll(/((?:from |import\()"\.[^"]+)\.ts"/g, "$1.js\""))
    }
    return Promise.resolve({ command: process.execPath, args: [join(compiled, "peers/effect-pravega/main.js")] })
  }
}
