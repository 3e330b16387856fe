/** Pravega's Java client 0.13.0, as a program that writes and reads (java/); compiled once, into the cache. */
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { cached, cacheDirectory, findJava, findOnPath, run } from "../real/javaTools.ts"
import { InteropServer } from "./InteropServer.ts"

const project = Path.join(import.meta.dirname, "java")

const compiled = (): Promise<string> => {
  const programs = Path.join("src", "main", "java", "interop")
  const classes = Fs.readdirSync(Path.join(project, programs)).toSorted().map((name) => Path.join(programs, name))
  const sources = ["pom.xml", "src/main/resources/logback.xml", ...classes]
  const hash = createHash("sha256")
  for (const file of sources) hash.update(Fs.readFileSync(Path.join(project, file)))
  return cached(Path.join(cacheDirectory(), `interop-java-${hash.digest("hex").slice(0, 12)}`), async (folder) => {
    const mvn = findOnPath("mvn")
    if (mvn === undefined) throw new Error("the interop tests need `mvn` on PATH")
    await run(mvn, [
      "-q",
      "-B",
      "-f",
      Path.join(project, "pom.xml"),
      `-Dout=${folder}`,
      "compile",
      "dependency:copy-dependencies",
      "-DincludeScope=runtime",
      `-DoutputDirectory=${Path.join(folder, "lib")}`
    ])
  })
}

/** A program of ours with the Java client, and its arguments; it wants PRAVEGA_CONTROLLER. */
export const javaCommand = (
  program: "Interop" | "Cases" | "Security" | "GroupMember",
  args: ReadonlyArray<string>
): Effect.Effect<readonly [string, ReadonlyArray<string>]> =>
  Effect.map(Effect.promise(compiled), (folder) => [
    findJava() ?? "java",
    [
      "-Xmx768m",
      "--add-opens",
      "java.base/java.nio=ALL-UNNAMED",
      "--add-opens",
      "java.base/sun.nio.ch=ALL-UNNAMED",
      "-cp",
      [Path.join(folder, "classes"), Path.join(folder, "lib", "*")].join(Path.delimiter),
      `interop.${program}`,
      ...args
    ]
  ])

/** Runs a program of ours with the Java client: the fields of the lines that it prints. */
export const java = Effect.fnUntraced(function*(
  program: "Interop" | "Cases" | "Security",
  args: ReadonlyArray<string>,
  events: ReadonlyArray<KeyedText> = []
) {
  const { authority = "", controller } = yield* InteropServer
  const [command, commandArgs] = yield* javaCommand(program, args)
  const out = yield* Effect.promise(() =>
    run(command, commandArgs, {
      env: { PRAVEGA_CONTROLLER: controller, PRAVEGA_TRUST: authority },
      input: asLines(events),
      // only ends what hangs, after the program itself has had its say
      timeoutMs: 720_000
    })
  )
  return fields(out)
})

/** An event of the interop tests: its routing key, and its text, in which it says its key and number. */
export interface KeyedText {
  readonly key: string
  readonly text: string
}

/** What the programs of other languages read on their standard input. */
export const asLines = (events: ReadonlyArray<KeyedText>): string =>
  events.map(({ key, text }) => `${key}\t${text}\n`).join("")

/** What they print, line by line. */
export const fields = (out: string): Array<Array<string>> =>
  out.split("\n").filter((line) => line !== "").map((line) => line.split("\t"))

/** By case, the lines that a program printed for it, in their order. */
export const outcomes = (lines: ReadonlyArray<ReadonlyArray<string>>): Record<string, Array<string>> => {
  const byCase: Record<string, Array<string>> = {}
  for (const [name = "", ...line] of lines) (byCase[name] ??= []).push(line.join(" "))
  return byCase
}

/** What a program printed when it ran against a real server. */
export const readOutcomes = (file: string): Record<string, Array<string>> =>
  outcomes(fields(Fs.readFileSync(Path.join(import.meta.dirname, file), "utf8")))
