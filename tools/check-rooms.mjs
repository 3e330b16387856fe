// Holds the code map of docs/architecture.md: which folder may import which. The map is the rule, so it can't drift.
//
// - A file belongs to the longest row that names it or a folder above it; what it imports must be listed in that row's
//   last column ("`core`" stands for all rows below src/core). "later `X`" allows types and `import()` only.
// - A folder inside a room (src/batch/sink/sql, src/core/internal) is private to that room.
// - Neither the rows nor the files have a circle (types count, too: who reads a file need not hold two in the head), and
//   no row lists what it does not use.
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"

const page = "docs/architecture.md"
const failures = []

/** @type {Map<string, { allowed: Set<string>, later: Set<string>, used: Set<string> }>} */
const rows = new Map()
for (const [, name, last] of readFileSync(page, "utf8").matchAll(/^\| `src\/([^`]+)`\s*\|.*\|([^|\n]*)\|$/gm)) {
  const allowed = new Set(), later = new Set()
  for (const [, when, target] of last.matchAll(/(later )?`([^`]+)`/g)) (when ? later : allowed).add(target)
  rows.set(name, { allowed, later, used: new Set() })
  if (!existsSync(join("src", name))) failures.push(`${page}: there is no src/${name}`)
}
if (rows.size === 0) failures.push(`${page}: no code map found`)

const isWithin = (path, folder) => path === folder || path.startsWith(`${folder}/`)
const longest = (path, names) => names.filter((name) => isWithin(path, name)).sort((a, b) => b.length - a.length)[0]
const rowOf = (file) => longest(file, [...rows.keys()])

/** The folder to which a file is private: the one above a folder inside a room. */
const ownerOf = (file) => {
  const folders = dirname(file).split("/")
  if (folders.at(-1) === "gen") return undefined // generated messages, which both sides of a protocol speak
  const inRoom = folders[1] === "internal" ? 1 : 2
  return folders.length > inRoom && folders[0] !== "." ? folders.slice(0, inRoom).join("/") : undefined
}

const importsOf = (source) => {
  const found = [...source.matchAll(/^(?:import|export)\s+(type\s)?[^"'`;]*?from "(\.[^"]+)"/gm)]
    .map(([, type, path]) => ({ path, isLater: type !== undefined }))
  for (const [, path] of source.matchAll(/^import "(\.[^"]+)"/gm)) found.push({ path, isLater: false })
  for (const [, path] of source.matchAll(/\bimport\("(\.[^"]+)"\)/g)) found.push({ path, isLater: true })
  return found
}

const arrows = new Map([...rows.keys()].map((name) => [name, new Set()]))
/** @type {Map<string, Set<string>>} */
const files = new Map()
let count = 0
for (const path of globSync("src/**/*.ts").sort()) {
  const file = path.slice("src/".length)
  const row = rowOf(file)
  // the faces of the package: they list what is public, and may name every room
  const isFace = /^index\.ts$/.test(file)
  if (row === undefined && !isFace) {
    failures.push(`${path}: no row of the code map in ${page} has it; add its folder there, and what it may import`)
    continue
  }
  files.set(file, new Set())
  for (const { isLater, path: relative } of importsOf(readFileSync(path, "utf8"))) {
    const target = join(dirname(file), relative)
    files.get(file).add(target)
    const owner = ownerOf(target)
    count++
    if (owner !== undefined && !isWithin(file, owner)) {
      failures.push(`${path}: ${target} is private to src/${owner}`)
      continue
    }
    const other = rowOf(target)
    if (isFace || other === undefined || other === row) continue
    const { allowed, later, used } = rows.get(row)
    const listed = longest(other, [...allowed]) ?? (isLater ? longest(other, [...later]) : undefined)
    if (listed === undefined) failures.push(`${path}: src/${row} may not import src/${other} (${target}); see the map in ${page}`)
    else used.add(listed)
    if (allowed.has(listed)) arrows.get(row).add(other)
  }
}

for (const [name, { allowed, later, used }] of rows) {
  for (const target of [...allowed, ...later]) {
    if (!used.has(target)) failures.push(`${page}: src/${name} does not import ${target}; take it out of its row`)
  }
}

/** @param {string} what @param {Map<string, Set<string>>} graph */
const refuseCircles = (what, graph) => {
  const state = new Map()
  const visit = (name, trail) => {
    if (state.get(name) === "done") return
    if (state.get(name) === "open") {
      failures.push(`a circle of ${what}: ${[...trail.slice(trail.indexOf(name)), name].join(" -> ")}`)
      return
    }
    state.set(name, "open")
    for (const next of graph.get(name) ?? []) visit(next, [...trail, name])
    state.set(name, "done")
  }
  for (const name of graph.keys()) visit(name, [])
}
refuseCircles("rooms", arrows)
refuseCircles("files", files)

for (const failure of failures) console.error(failure)
console.log(`${rows.size} rooms, ${count} imports checked`)
process.exit(failures.length === 0 ? 0 : 1)
