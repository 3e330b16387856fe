// Compiles src to dist from scratch, so that no file of an earlier build is published.
import { spawnSync } from "node:child_process"
import { rmSync } from "node:fs"
rmSync("dist", { recursive: true, force: true })
const tsc = "node_modules/.bin/tsc"
process.exit(spawnSync(tsc, ["-p", "tsconfig.build.json"], { stdio: "inherit" }).status ?? 1)
