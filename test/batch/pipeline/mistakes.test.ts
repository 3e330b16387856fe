/** What the compiler says of common mistakes: a sentence that a user can go by, whatever else it prints. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../..", import.meta.url))

/** Each is a call on a line of its own; undefined: it is right. */
const calls: ReadonlyArray<readonly [call: string, says: string | undefined]> = [
  [`{ source, process, sink }`, undefined],
  [`{ source, process, sinks: [sink, other], deterministic: true }`, undefined],
  [`{ source, processEach, sink, onPoison: letters, deterministic: true }`, undefined],
  [`{ source, process, sink: idempotent, deterministic: true }`, undefined],
  [`{ source, process, sinks: [sink, other] }`, "several sinks need deterministic: true"],
  [`{ source, process, sinks: [sink, other], deterministic: false }`, "several sinks need deterministic: true"],
  [`{ source, processEach, sink, onPoison: letters }`, "onPoison needs deterministic: true"],
  [`{ source, process, sink: idempotent }`, "an idempotent sink needs deterministic: true"],
  [`{ source, sink }`, "a pipeline needs one of process, processEach, processBatch and flow"],
  [`{ process, sink }`, "a pipeline needs a source"],
  [`{ source, process }`, "a pipeline needs a sink, or sinks"],
  [`{ source, process, sink: ofNumbers }`, "a sink takes other outputs than the process gives"],
  [`{ source, process: ofNumbersToo, sink }`, "the process takes other events than the source reads"],
  [`{ source, process, sink, parallelism: "many" }`, "an option has another type"]
]

const head = `
import { EventCodec, EventStream } from "effect-pravega"
import { DeadLetter, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Effect, Stream } from "effect"
const lines = EventStream.make("a/lines", { codec: EventCodec.utf8 })
const source = Source.microBatch(lines)
type Read = { readonly event: string }
const process = <E>(reads: Stream.Stream<Read, E>) => Stream.map(reads, ({ event }) => event)
const processEach = ({ event }: Read) => Effect.succeed([event])
const ofNumbersToo = (numbers: Stream.Stream<number, unknown>) => Stream.map(numbers, String)
const [sink, other] = [Sink.memory<string>("one"), Sink.memory<string>("two")]
const ofNumbers = Sink.memory<number>("numbers")
const idempotent = Sink.pravega(lines, { guarantee: "idempotent" })
const letters = DeadLetter.to("a/letters")
`

const compile = (text: string): Effect.Effect<string> =>
  Effect.callback((resume) => {
    // where the project's own packages are found
    const cache = join(root, "node_modules/.cache")
    mkdirSync(cache, { recursive: true })
    const folder = mkdtempSync(join(cache, "mistakes-"))
    writeFileSync(join(folder, "calls.ts"), text)
    const config = { extends: join(root, "tsconfig.json"), compilerOptions: { plugins: [] }, include: ["calls.ts"] }
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config))
    const tsc = join(root, "node_modules/.bin/tsc")
    execFile(tsc, ["-p", folder, "--pretty", "false"], { maxBuffer: 2 ** 24 }, (_, stdout) => {
      rmSync(folder, { recursive: true })
      resume(Effect.succeed(stdout))
    })
  })

describe("Pipeline.make, wrongly", () => {
  it.live("the compiler says in a sentence what is wrong", () =>
    Effect.gen(function*() {
      const lines = head.split("\n")
      const said = yield* compile([...lines, ...calls.map(([call], i) => `Pipeline.make("p${i}", ${call})`)].join("\n"))
      /** What is said of a line: up to the next one of which something is said. */
      const about = (line: number) =>
        said.split(/^(?=\S)/m).filter((error) => error.includes(`calls.ts(${line},`)).join("")
      for (const [i, [call, says]] of calls.entries()) {
        const error = about(lines.length + 1 + i)
        if (says === undefined) assert.strictEqual(error, "", call)
        else assert.include(error, says, call)
      }
    }))
})
