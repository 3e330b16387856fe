// Compiles src to dist from scratch, so that no file of an earlier build is published: a file of types for each source,
// and a few files of code. Node needs 0.3 ms of CPU to find and load a file: with one for each source the import took 30 ms
// more, and the first event of a reader 90 ms and 10 MiB. What we use of @bufbuild/protobuf, a third of it, is in them: its
// 62 files were 30 ms and 6 MiB.
import { spawnSync } from "node:child_process"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { build } from "rolldown"

rmSync("dist", { recursive: true, force: true })
const { status } = spawnSync("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" })
if (status !== 0) process.exit(status ?? 1)

const { bin, engines, exports } = JSON.parse(readFileSync("package.json", "utf8"))
const entries = Object.values(exports).flatMap(({ source = "" }) => source.endsWith("/index.ts") ? [source] : [])
  .concat(Object.values(bin).map((file) => file.replace("dist", "src").replace(/js$/, "ts")))
/** Loaded first of all by each entry: an older Node fails wherever it happens to lack something. */
const guard = `// What is older than this package asks for (\`engines\`) is told so, in a line.
const needed = "${engines.node.replace(">=", "")}"
const [major, minor] = globalThis.process?.versions?.node?.split(".").map(Number) ?? []
const [neededMajor, neededMinor] = needed.split(".").map(Number)
if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
  throw new Error(\`effect-pravega needs Node \${needed} or later, and this is Node \${process.versions.node}\`)
}
`
await build({
  input: Object.fromEntries(entries.map((entry) => [entry.replace("./src/", "").replace(/\.ts$/, ""), entry])),
  platform: "node",
  external: /^(?!@bufbuild\/)[^./]/,
  output: {
    dir: "dist",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    comments: { jsdoc: false },
    banner: ({ isEntry, name }) =>
      isEntry ? `import "${"../".repeat(name.split("/").length - 1) || "./"}nodeVersion.js"` : "",
    sourcemap: true
  }
})
writeFileSync("dist/nodeVersion.js", guard)
// the sources are published beside them
for (const file of globSync("dist/**/*.js.map")) {
  const { sourcesContent: _, ...map } = JSON.parse(readFileSync(file, "utf8"))
  writeFileSync(file, JSON.stringify(map))
}

// Each module of functions that an entry exports has a path of its own, `effect-pravega/EventWriter`, as Effect's have: a
// declaration of a user's can name its types only so. There is no second copy of it: it is made of the entry's.
mkdirSync("dist/modules")
const missing = []
for (const source of entries.filter((entry) => entry.endsWith("/index.ts"))) {
  const built = source.replace("./src/", "").replace(/ts$/, "js")
  const entry = await import(`../dist/${built}`)
  for (const [, name] of readFileSync(source, "utf8").matchAll(/^export (?:type )?\* as (\w+) from/gm)) {
    if (exports[`./${name}`] === undefined) missing.push(name)
    const members = Object.keys(entry[name] ?? {})
    writeFileSync(
      `dist/modules/${name}.js`,
      (members.length === 0 ? "" : `import { ${name} as module } from "../${built}"\n`) +
        members.map((member, i) => `const m${i} = module.${member}\n`).join("") +
        `export { ${members.map((member, i) => `m${i} as ${member}`).join(", ")} }\n`
    )
  }
}
if (missing.length > 0) {
  console.error(`package.json exports no path for ${missing.join(", ")}`)
  process.exit(1)
}
