// Holds the documentation to the code:
//
// - every ```ts block of a docstring in src, and of a page, type-checks; one after `<!-- example: FILE -->` is FILE, word for
//   word, and the README has no others;
// - links lead somewhere, to headings too, and paths between backticks are there;
// - the rules, invariants, crash points and faults that code, tests and pages cite stand in docs/architecture.md.
import { spawnSync } from "node:child_process"
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const pages = globSync(["*.md", "docs/**/*.md", "examples/**/*.md"]).sort()
const textOf = new Map(pages.map((page) => [page, readFileSync(page, "utf8")]))
const sources = globSync("src/**/*.ts").filter((file) => !file.split("/").includes("gen")).sort()
const failures = []

// -----------------------------------------------------------------------------
// examples
// -----------------------------------------------------------------------------

/** @type {Map<string, string>} by the file that each is compiled as */
const examples = new Map()
let held = 0

const addExample = (origin, n, code) => examples.set(`${origin.replaceAll("/", "-").replace(/\.\w+$/, "")}-${n}.ts`, code)

for (const file of sources) {
  let n = 0
  for (const [, comment] of readFileSync(file, "utf8").matchAll(/\/\*\*([\s\S]*?)\*\//g)) {
    const text = comment.replaceAll(/^[ \t]*\* ?/gm, "")
    for (const [, code] of text.matchAll(/```ts\n([\s\S]*?)```/g)) addExample(file, ++n, code)
  }
}
for (const [page, text] of textOf) {
  let n = 0
  for (const [, , file, code] of text.matchAll(/(<!-- example: (\S+) -->\n+)?```ts\n([\s\S]*?)```/g)) {
    if (file === undefined && page === "README.md") failures.push("README.md: a ts block that names no example file")
    if (file === undefined) addExample(page, ++n, code)
    else if (readFileSync(file, "utf8").trim() === code.trim()) held++
    else failures.push(`${page}: the block of ${file} differs from it`)
  }
}

// inside the project, so that the package's own name resolves
const folder = ".doc-examples"
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
for (const [file, code] of examples) writeFileSync(join(folder, file), `${code}\nexport {}\n`)
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({ extends: "../tsconfig.json", compilerOptions: { noUnusedLocals: false }, include: ["*.ts"] })
)
if (spawnSync("node_modules/.bin/tsc", ["-p", folder], { stdio: "inherit" }).status === 0) {
  rmSync(folder, { recursive: true, force: true })
} else {
  failures.push("an example does not type-check (the file is named after the docstring's file or the page)")
}

// -----------------------------------------------------------------------------
// links and paths
// -----------------------------------------------------------------------------

/** As GitHub makes them. */
const anchorsOf = (text) =>
  Array.from(text.matchAll(/^#+ (.+)$/gm), ([, title]) =>
    title.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"))

let links = 0
for (const [page, text] of textOf) {
  const prose = text.replaceAll(/```[\s\S]*?```/g, "")
  for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(target)) continue
    links++
    const [path, anchor] = target.split("#")
    const file = path === "" ? page : join(dirname(page), path)
    if (!existsSync(file)) failures.push(`${page}: there is no ${target}`)
    else if (anchor !== undefined && textOf.has(file) && !anchorsOf(textOf.get(file)).includes(anchor)) {
      failures.push(`${page}: ${file} has no heading #${anchor}`)
    }
  }
  if (page === "CHANGELOG.md") continue // it names what was, too
  for (const [, path] of prose.matchAll(/`((?:src|test|docs|tools|examples|bench)\/[\w./-]+)`/g)) {
    links++
    if (!existsSync(path)) failures.push(`${page}: there is no ${path}`)
  }
}

// -----------------------------------------------------------------------------
// citations
// -----------------------------------------------------------------------------

const house = "docs/architecture.md"
const entries = new Set(
  Array.from(textOf.get(house).matchAll(/^- \*\*(?:(Rule|Crash point|Fault) )?([A-Z]?\d+)\b/gm), ([, kind, id]) =>
    kind === undefined ? id : `${kind.toLowerCase()} ${id}`)
)

/** What a text cites: "rule 7", "rules 1 to 3", "crash point 12", "faults 1 and 2", "F2", "I5". */
function* citationsOf(text) {
  for (const [, kind, numbers] of text.matchAll(/\b(rule|invariant|crash point|fault)s? (\d+(?:(?:, | and | or | to )\d+)*)\b/gi)) {
    for (const [number] of numbers.matchAll(/\d+/g)) yield `${kind.toLowerCase()} ${number}`
  }
  for (const [id] of text.matchAll(/(?<![\w"'$])[FTSCI]\d{1,2}\b(?!["'])/g)) yield id
}

let citations = 0
const cites = [
  ...sources,
  ...globSync("{test,examples,bench}/**/*.ts").filter((file) => !/^test\/vectors\/|node_modules|\.mutants/.test(file)),
  ...pages
]
for (const file of cites) {
  for (const id of citationsOf(readFileSync(file, "utf8"))) {
    citations++
    if (id.startsWith("invariant ")) failures.push(`${file}: cites ${id}; invariants are I1, I2, ... of ${house}`)
    else if (!entries.has(id)) failures.push(`${file}: cites ${id}, which ${house} does not have`)
  }
}

for (const failure of failures) console.error(failure)
console.log(
  `${examples.size} examples compiled, ${held} are files, ${links} links and paths, ${citations} citations of ${entries.size} rules`
)
process.exit(failures.length === 0 ? 0 : 1)
