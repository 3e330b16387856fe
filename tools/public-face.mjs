// Whether a user can name all that the public functions give and take: makes a module that exports each of them, what it
// answers, and each member of each public type, and compiles it with declarations, as a library on top of ours would be:
// with three versions of TypeScript, two ways to resolve modules each. Run in a project that has the packed tarball and
// the compilers (`typescript-5.9`, `typescript-6.0`, `typescript-7.0`) installed.
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"

const project = process.cwd()
const require = createRequire(join(project, "package.json"))
const ts = require("typescript-6.0")
const folder = join(project, "node_modules/effect-pravega")
const { exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
/** The others are the modules that these have as namespaces. */
const entries = Object.keys(exports).filter((entry) => exports[entry].source?.endsWith("/index.ts"))

const versions = ["5.9", "6.0", "7.0"]
const lines = []
const aliases = entries.map((entry) => entry === "." ? "Root" : `Entry${entry.slice(2)}`)
const specifiers = entries.map((entry) => `effect-pravega${entry.slice(1)}`)
const head = specifiers.map((specifier, i) => `import * as ${aliases[i]} from "${specifier}"`)

const probe = join(project, "probe.ts")
writeFileSync(probe, `${head.join("\n")}\n`)
const program = ts.createProgram([probe], {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2024,
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true
})
const checker = program.getTypeChecker()
const { Alias, Class, Interface, TypeAlias, Value, ValueModule } = ts.SymbolFlags

/** Of a declaration in the package's own files: what Effect has besides is Effect's. */
const isOurs = (symbol) => symbol.declarations?.some((node) => node.getSourceFile().fileName.startsWith(folder)) === true
const isPrivate = (symbol) =>
  symbol.declarations?.some((node) => (ts.getCombinedModifierFlags(node) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0) === true
const isTypeOnly = (symbol) => symbol.declarations?.some((node) => ts.isTypeOnlyExportDeclaration(node)) === true
const isWord = (name) => /^[A-Za-z_$][\w$]*$/.test(name)
const say = (path, expression) => lines.push(`export const ${path.join("_")} = ${expression}`)

const argumentsOf = (symbol) => {
  const declaration = symbol.declarations?.find((node) => node.typeParameters !== undefined)
  return declaration === undefined ? "" : `<${declaration.typeParameters.map(() => "any").join(", ")}>`
}

/** Each member of a type, one by one: its declaration is written out there. */
const members = (path, symbol) => {
  const type = `${path.join(".")}${argumentsOf(symbol)}`
  say([...path, "self"], `(self: ${type}) => self`)
  for (const property of checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))) {
    if (!isWord(property.name) || !isOurs(property) || isPrivate(property)) continue
    say([...path, "of", property.name], `(self: ${type}) => self.${property.name}`)
  }
}

const visit = (path, exported, isType = isTypeOnly(exported)) => {
  const symbol = (exported.flags & Alias) !== 0 ? checker.getAliasedSymbol(exported) : exported
  if ((symbol.flags & ValueModule) !== 0) {
    for (const member of checker.getExportsOfModule(symbol)) visit([...path, member.name], member, isType || isTypeOnly(member))
    return
  }
  const dotted = path.join(".")
  if ((symbol.flags & Value) !== 0 && !isType) {
    const type = checker.getTypeOfSymbolAtLocation(symbol, program.getSourceFile(probe))
    if ((symbol.flags & Class) !== 0) {
      for (const property of checker.getPropertiesOfType(type)) {
        if (isWord(property.name) && property.name !== "prototype" && isOurs(property) && !isPrivate(property)) {
          say([...path, "static", property.name], `${dotted}.${property.name}`)
        }
      }
    } else {
      say(path, dotted)
      if (type.getCallSignatures().length > 0) {
        say([...path, "answer"], `null! as ReturnType<typeof ${dotted}>`)
      }
    }
  }
  if ((symbol.flags & (Class | Interface | TypeAlias)) !== 0) members(path, symbol)
}

entries.forEach((_, i) => {
  const module = checker.getAliasedSymbol(
    checker.getSymbolsInScope(program.getSourceFile(probe), Alias).find(({ name }) => name === aliases[i])
  )
  for (const member of checker.getExportsOfModule(module)) visit([aliases[i], member.name], member)
})
writeFileSync(join(project, "face.ts"), `${head.join("\n")}\n\n${lines.join("\n")}\n`)

let failures = 0
for (const version of versions) {
  for (const [module, moduleResolution] of [["nodenext", "nodenext"], ["esnext", "bundler"]]) {
    const config = `tsconfig.${version}-${moduleResolution}.json`
    const compilerOptions = {
      module,
      moduleResolution,
      target: "es2024",
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      types: ["node"],
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: ".",
      outDir: `face-${version}-${moduleResolution}`
    }
    writeFileSync(join(project, config), JSON.stringify({ compilerOptions, files: process.argv.slice(2).concat("face.ts") }))
    const tsc = join(project, `node_modules/typescript-${version}/bin/tsc`)
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", config], { encoding: "utf8", cwd: project })
    console.log(`TypeScript ${version}, ${moduleResolution}: ${lines.length} exports ${status === 0 ? "named" : "FAILED"}`)
    if (status !== 0) {
      failures++
      console.error(stdout)
    }
  }
}
process.exit(failures)
