/** The Python client 0.3.8 from PyPI, which wraps the Rust client. */
import { join } from "node:path"
import { cached, cacheDirectory, findOnPath, run } from "../../test/real/javaTools.ts"
import type { Peer } from "./Peer.ts"

const version = "0.3.8"

export const python: Peer = {
  title: `Python client ${version}`,
  commands: ["write", "transactions", "group", "latency"],
  prepare: async () => {
    const program = findOnPath("python3")
    if (program === undefined) return { why: "no `python3` on PATH" }
    // the same folder as the interop tests'
    const folder = await cached(join(cacheDirectory(), `interop-python-${version}`), async (partial) => {
      const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--target", partial, `pravega==${version}`]
      await run(program, pip)
    })
    return { command: program, args: [join(import.meta.dirname, "python", "bench.py")], env: { PYTHONPATH: folder } }
  }
}
