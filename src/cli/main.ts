#!/usr/bin/env node
/**
 * The program `effect-pravega`. Ends with 0 after SIGINT or SIGTERM and what they released, with 1 if the server could
 * not start or go on, with 2 if the command line can't be understood.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import { type Arguments, parse, usage } from "./Arguments.ts"
import * as Dev from "./Dev.ts"

const say = (text: string): Effect.Effect<void> => Effect.sync(() => void process.stdout.write(text))

const version = Effect.sync((): string =>
  String(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version)
)

const run = (words: Arguments) => {
  switch (words._tag) {
    case "help":
      return say(usage)
    case "version":
      return Effect.flatMap(version, (text) => say(`${text}\n`))
    case "dev":
      return Dev.run(words, say)
  }
}

const words = parse(process.argv.slice(2))
if (Result.isFailure(words)) {
  process.stderr.write(`effect-pravega: ${words.failure}\n\n${usage}`)
  process.exitCode = 2
} else {
  const fiber = Effect.runFork(run(words.success))
  const stop = () => fiber.interruptUnsafe()
  process.once("SIGINT", stop).once("SIGTERM", stop)
  fiber.addObserver((exit) => {
    process.off("SIGINT", stop).off("SIGTERM", stop)
    if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return
    const error = Cause.squash(exit.cause)
    process.stderr.write(`effect-pravega: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  })
}
