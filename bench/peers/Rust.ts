/** The Rust client 0.3.7 from crates.io. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { cacheDirectory, findOnPath, run } from "../../test/real/javaTools.ts"
import type { Peer } from "./Peer.ts"

export const rust: Peer = {
  title: "Rust client 0.3.7",
  commands: ["write", "transactions", "group", "latency"],
  prepare: async () => {
    const cargo = findOnPath("cargo")
    if (cargo === undefined) return { why: "no `cargo` on PATH" }
    // cargo finds by itself what has changed; the first time takes minutes
    const target = join(cacheDirectory(), "bench-rust")
    mkdirSync(target, { recursive: true })
    const manifest = join(import.meta.dirname, "rust", "Cargo.toml")
    await run(cargo, ["build", "--release", "--quiet", "--locked", "--manifest-path", manifest, "--target-dir", target])
    return { command: join(target, "release", "bench-rust"), args: [] }
  }
}
