/**
 * What users see of types: what the compiler says of a line, and what an editor shows of a value. Not whether the project
 * itself compiles.
 */
import * as Effect from "effect/Effect"
import { execFile, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const tsc = join(root, "node_modules/.bin/tsc")

/** What the compiler says of each of these lines, in a module that begins with `head`. Nothing is said of the head. */
export const said = (head: string, lines: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(compile([head, ...lines].join("\n")), (output) => {
    // An error begins a line, and what explains it is indented.
    const errors = output.split(/^(?=\S)/m)
    const first = head.split("\n").length + 1
    const about = (line: number) => errors.filter((error) => error.includes(`module.ts(${line},`)).join("")
    const ofHead = errors.filter((error) => Number(/module\.ts\((\d+),/.exec(error)?.[1]) < first)
    if (ofHead.length > 0) throw new Error(ofHead.join(""))
    return lines.map((_, i) => about(first + i))
  })

const compile = (text: string): Effect.Effect<string> =>
  Effect.callback((resume) => {
    // where the project's own packages are found
    const cache = join(root, "node_modules/.cache")
    mkdirSync(cache, { recursive: true })
    const folder = mkdtempSync(join(cache, "compiled-"))
    writeFileSync(join(folder, "module.ts"), text)
    const compilerOptions = { plugins: [], noUnusedLocals: false }
    const config = { extends: join(root, "tsconfig.json"), compilerOptions, include: ["module.ts"] }
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config))
    execFile(tsc, ["-p", folder, "--pretty", "false"], { maxBuffer: 2 ** 24 }, (_, stdout) => {
      rmSync(folder, { recursive: true })
      resume(Effect.succeed(stdout))
    })
  })

/** A value as an editor shows it when the pointer rests on its name, on one line. */
export interface Hover {
  readonly file: string
  readonly name: string
  readonly text: string
}

/** The constants of these files, as the language server shows them. */
export const hovers = (files: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Hover>> =>
  Effect.acquireUseRelease(
    Effect.sync(server),
    ({ notify, request }) =>
      Effect.gen(function*() {
        const hover = { contentFormat: ["plaintext"] }
        yield* request("initialize", {
          processId: process.pid,
          rootUri: pathToFileURL(root).href,
          capabilities: { textDocument: { hover } }
        })
        notify("initialized", {})
        const shown: Array<Hover> = []
        for (const file of files) {
          const text = readFileSync(join(root, file), "utf8")
          const uri = pathToFileURL(join(root, file)).href
          notify("textDocument/didOpen", { textDocument: { uri, languageId: "typescript", version: 1, text } })
          for (const [line, code] of text.split("\n").entries()) {
            const [, before, name] = /^(\s*(?:export )?const )(\w+)(?: =|:)/.exec(code) ?? []
            if (before === undefined || name === undefined) continue
            const position = { line, character: before.length }
            const { contents } = yield* request("textDocument/hover", { textDocument: { uri }, position })
            shown.push({ file, name, text: contents.value.replaceAll(/\s+/g, " ") })
          }
        }
        return shown
      }),
    ({ kill }) => Effect.sync(kill)
  )

/** What a server answers, as far as it is asked for here. */
interface Answer {
  readonly contents: { readonly value: string }
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly result?: Answer
  readonly error?: unknown
}

/** The language server that comes with the compiler, over its standard input and output. */
const server = () => {
  const child = spawn(tsc, ["--lsp", "--stdio"], { stdio: ["pipe", "pipe", "ignore"] })
  const waiting = new Map<number, (message: Message) => void>()
  let left = Buffer.alloc(0)
  const send = (message: object) => {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message })
    child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
  }
  const take = (message: Message) => {
    if (message.id === undefined) return
    // It asks for settings too: there are none.
    if (message.method !== undefined) send({ id: message.id, result: null })
    else waiting.get(message.id)?.(message)
  }
  child.on("exit", (code) => {
    for (const answer of waiting.values()) answer({ error: `the language server has ended: ${code}` })
  })
  child.stdout.on("data", (bytes: Buffer) => {
    left = Buffer.concat([left, bytes])
    for (;;) {
      const end = left.indexOf("\r\n\r\n")
      const length = Number(/Content-Length: (\d+)/.exec(left.toString("latin1", 0, Math.max(end, 0)))?.[1])
      if (end < 0 || left.length < end + 4 + length) return
      take(JSON.parse(left.toString("utf8", end + 4, end + 4 + length)))
      left = left.subarray(end + 4 + length)
    }
  })
  return {
    notify: (method: string, params: object) => send({ method, params }),
    request: (method: string, params: object) =>
      Effect.callback<Answer>((resume) => {
        const id = waiting.size + 1
        waiting.set(id, ({ error, result }) =>
          resume(result === undefined ? Effect.die(new Error(JSON.stringify(error))) : Effect.succeed(result)))
        send({ id, method, params })
      }),
    kill: () => void child.kill()
  }
}
