/** Who has no flows pays nothing for them. */
import { assert, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { join } from "node:path"

it("a program without flows loads nothing of flows or of their state", () => {
  const program = join(import.meta.dirname, "withoutFlows.ts")
  const loaded = execFileSync(process.execPath, ["--conditions=source", program], { encoding: "utf8" }).trim().split(
    "\n"
  )
  const root = join(import.meta.dirname, "../..")
  const own = loaded.flatMap((url) => url.includes(`${root}/src/`) ? [url.slice(url.indexOf("/src/") + 1)] : [])
  assert.include(own, "src/batch/engine/Commit.ts")
  assert.deepStrictEqual(own.filter((file) => /^src\/(flow|state|batch\/engine\/internal\/flow)\//.test(file)), [])
})
