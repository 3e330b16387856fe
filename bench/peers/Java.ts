/** The Java client 0.13.0 from Maven Central. */
import { createHash } from "node:crypto"
import { globSync, readFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { cached, cacheDirectory, findJava, findOnPath, run } from "../../test/real/javaTools.ts"
import type { Peer } from "./Peer.ts"

const project = join(import.meta.dirname, "java")

export const java: Peer = {
  title: "Java client 0.13.0",
  commands: ["write", "transactions", "batch", "group", "latency"],
  prepare: async () => {
    const program = findJava()
    const mvn = findOnPath("mvn")
    if (program === undefined) return { why: "no `java` on PATH" }
    if (mvn === undefined) return { why: "no `mvn` on PATH" }
    const hash = createHash("sha256")
    for (const file of globSync("**/*.{xml,java}", { cwd: project }).toSorted()) {
      hash.update(readFileSync(join(project, file)))
    }
    const name = `bench-java-${hash.digest("hex").slice(0, 12)}`
    const folder = await cached(join(cacheDirectory(), name), async (partial) => {
      const goals = ["compile", "dependency:copy-dependencies", "-DincludeScope=runtime"]
      const out = [`-Dout=${partial}`, `-DoutputDirectory=${join(partial, "lib")}`]
      await run(mvn, ["-q", "-B", "-f", join(project, "pom.xml"), ...out, ...goals])
    })
    const classPath = [join(folder, "classes"), join(folder, "lib", "*")].join(delimiter)
    return { command: program, args: ["-Xmx1g", "-cp", classPath, "bench.Main"] }
  }
}
