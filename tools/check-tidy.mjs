// Holds what a reader of src relies on and no other tool looks at:
//
// - each file begins with a comment that says what it is;
// - what is exported says since when it is there (`@since`) and of which one category it is (`@category`);
// - time, timers and random numbers come from Effect's Clock and Random, so that a simulated run is its seed's alone. The
//   files that may ask the machine are listed below, each with its reason.
//
// - services are taken by name, not the whole context around: with it goes the Scope, and what is opened in that one later
//   stays open as long as it does.
//
// Functions of at most 70 lines are oxlint's affair (.oxlintrc.json).
import { globSync, readFileSync } from "node:fs"
import { parseSync, Visitor } from "rolldown/utils"

/** The categories there are: Effect's own, and then those of what Pravega and a query have. */
const categories = new Set([
  ..."models|schemas|constructors|errors|services|layers|references|constants|getters|guards|combinators".split("|"),
  ..."encoding|decoding|converting|formatting|ordering|folding|hashing|measuring|metrics|options|running".split("|"),
  ..."resource management|destructors|utility types|commands|laws|naming".split("|"),
  ..."scopes|streams|segments|scaling|truncation|cuts|positions|framing|reading|acknowledging|flows".split("|"),
  ..."transitions|planning|savepoints|inspection|repair|aggregates".split("|")
])

const onSockets = "real sockets and their servers: nothing of it runs in a simulation"

const ownScope = "what runs with it has a Scope of its own"

/** Who may ask the machine for what, and why. */
const machine = {
  "src/testing/seeded/Turns.ts": { "Effect.context": "a process of its own" },
  "src/testing/laws/PipelineLaws.ts": { "Effect.context": "of a property, around all its runs" },
  "src/testing/laws/internal/Property.ts": { "Effect.context": "of a property, around all its runs" },
  "src/batch/sink/internal/ForeachBatchSink.ts": { "Effect.context": ownScope },
  "src/batch/sink/sql/SqlSink.ts": { "Effect.context": ownScope },
  "src/embedded/connections/SocketServer.ts": { setTimeout: onSockets },
  "src/core/Uuid.ts": { randomUUID: "the default of a reference that simulations give" },
  "src/embedded/controller/ControllerServer.ts": { randomUUID: "the default of an option that simulations give" },
  "src/embedded/controller/GrpcServer.ts": { setTimeout: onSockets },
  "src/embedded/Embedded.ts": { randomBytes: "ids and signing keys of a server, which simulations give" },
  "src/embedded/store/SqliteStorage.ts": {
    setImmediate: "one transaction of the database per turn of the event loop",
    setTimeout: "deleted segments are swept when there is nothing to do"
  },
  "src/embedded/store/Storage.ts": { setImmediate: "completions come in a turn of their own, as a database's do" },
  "src/pravega/controller/internal/GrpcTransport.ts": { "Date.now": "grpc-js takes its deadlines as times of the machine" },
  "src/testing/laws/CheckpointLogLaws.ts": { setImmediate: "lets a file system finish what it was told" },
  "src/testing/simulation/Simulation.ts": { setImmediate: "what runs simulated time has none" }
}

const asked = new Set(["Effect.context", "Date.now", "performance.now", "Math.random", "process.hrtime"])
const called = new Set([
  "setTimeout",
  "setInterval",
  "setImmediate",
  "randomUUID",
  "randomBytes",
  "randomInt",
  "getRandomValues"
])

const failures = []
const used = new Set()
let count = 0

const sources = globSync("src/**/*.ts").filter((file) => !file.split("/").includes("gen")).sort()
for (const file of sources) {
  const source = readFileSync(file, "utf8")
  const { comments, program } = parseSync(file, source)
  const lineOf = (offset) => source.slice(0, offset).split("\n").length
  const fail = (offset, message) => failures.push(`${file}:${lineOf(offset)}: ${message}`)

  /** The docstring right above an offset. */
  const docOf = (offset) => {
    const above = comments.findLast(({ end }) => end <= offset)
    return above?.type === "Block" && above.value.startsWith("*") && source.slice(above.end, offset).trim() === ""
      ? above.value
      : ""
  }

  const [first] = comments
  const start = source.startsWith("#!") ? source.indexOf("\n") + 1 : 0
  if (first === undefined || source.slice(start, first.start).trim() !== "") {
    fail(start, "a comment at the top says what the file is, and what it is not")
  } else if (/@category/.test(first.value)) {
    fail(start, "the comment at the top is that of an export; the file needs one of its own")
  }

  let before
  for (const node of program.body) {
    if (node.type !== "ExportNamedDeclaration" || node.declaration === null) continue
    const { declaration } = node
    const name = declaration.id?.name ?? declaration.declarations?.[0]?.id?.name
    // an overload, or a type beside its value, is documented by the first
    if (name === before) continue
    before = name
    count++
    const doc = docOf(node.start)
    const [category, ...more] = Array.from(doc.matchAll(/@category ([a-z -]+[a-z])/g), ([, found]) => found)
    if (!/@since \d+\.\d+\.\d+/.test(doc)) fail(node.start, `${name} has no @since`)
    if (category === undefined) fail(node.start, `${name} has no @category`)
    else if (more.length > 0) fail(node.start, `${name} has more than one @category`)
    else if (!categories.has(category)) fail(node.start, `@category ${category} is none of those in tools/check-tidy.mjs`)
  }

  const note = (offset, what) => {
    if (machine[file]?.[what] !== undefined) used.add(`${file} ${what}`)
    else if (what === "Effect.context") {
      fail(offset, `${what}: take the services by name, or list the file in tools/check-tidy.mjs`)
    } else fail(offset, `${what}: take it from Effect's Clock, Random or Crypto, or list the file in tools/check-tidy.mjs`)
  }
  new Visitor({
    MemberExpression(node) {
      const what = `${node.object.name}.${node.property.name}`
      if (asked.has(what)) note(node.start, what)
    },
    CallExpression({ callee, start }) {
      const name = callee.type === "MemberExpression" ? callee.property.name : callee.name
      if (called.has(name)) note(start, name)
    },
    NewExpression(node) {
      if (node.callee.name === "Date" && node.arguments.length === 0) note(node.start, "new Date()")
    }
  }).visit(program)
}

for (const [file, reasons] of Object.entries(machine)) {
  for (const what of Object.keys(reasons)) {
    if (!used.has(`${file} ${what}`)) failures.push(`tools/check-tidy.mjs: ${file} does not use ${what}; take it off the list`)
  }
}

for (const failure of failures) console.error(failure)
console.log(`${sources.length} files, ${count} exports checked`)
process.exit(failures.length === 0 ? 0 : 1)
