// Type-checks the examples in docstrings (every ```ts block of a comment in src) and holds the README to its examples:
// a block after `<!-- example: FILE -->` is FILE, word for word. Links to files must lead somewhere.
import { spawnSync } from "node:child_process"
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const failures = []

const readme = readFileSync("README.md", "utf8")
let held = 0
for (const [, file, code] of readme.matchAll(/<!-- example: (\S+) -->\n+```ts\n([\s\S]*?)```/g)) {
  held++
  if (readFileSync(file, "utf8").trim() !== code.trim()) failures.push(`README.md: the block of ${file} differs from it`)
}
const blocks = [...readme.matchAll(/```ts\n/g)].length
if (blocks !== held) failures.push(`README.md: ${blocks - held} ts block(s) that name no example file`)

// links to files of the project
let links = 0
for (const page of ["README.md", ...globSync("docs/**/*.md")]) {
  for (const [, target] of readFileSync(page, "utf8").matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^(https?:|#)/.test(target)) continue
    links++
    if (!existsSync(join(dirname(page), target))) failures.push(`${page}: there is no ${target}`)
  }
}

// inside the project, so that the package's own name resolves
const folder = ".doc-examples"
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
let count = 0
for (const file of globSync("src/**/*.ts").sort()) {
  const source = readFileSync(file, "utf8")
  let n = 0
  for (const [, comment] of source.matchAll(/\/\*\*([\s\S]*?)\*\//g)) {
    const text = comment.replaceAll(/^[ \t]*\* ?/gm, "")
    for (const [, code] of text.matchAll(/```ts\n([\s\S]*?)```/g)) {
      writeFileSync(join(folder, `${file.replaceAll("/", "-").slice(0, -3)}-${++n}.ts`), `${code}\nexport {}\n`)
      count++
    }
  }
}
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({ extends: "../tsconfig.json", compilerOptions: { noUnusedLocals: false }, include: ["*.ts"] })
)
if (count > 0 && spawnSync("node_modules/.bin/tsc", ["-p", folder], { stdio: "inherit" }).status !== 0) {
  failures.push("an example of a docstring does not type-check (the file is named after its source)")
} else {
  rmSync(folder, { recursive: true, force: true })
}

for (const failure of failures) console.error(failure)
console.log(`${count} docstring examples, ${held} README examples, ${links} links checked`)
process.exit(failures.length === 0 ? 0 : 1)
