/** The commands, and how what became of one is told: on stdout what was asked for, on stderr why it is not there. */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import * as CauseText from "../core/CauseText.ts"
import * as DevCommand from "./dev/DevCommand.ts"
import * as Environment from "./Environment.ts"
import * as GroupCommand from "./group/GroupCommand.ts"
import * as LogCommand from "./log/LogCommand.ts"
import * as SavepointCommand from "./savepoint/SavepointCommand.ts"
import * as StateCommand from "./state/StateCommand.ts"

const commands = Command.make("effect-pravega").pipe(
  Command.withDescription(
    "Exactly-once stream processing on Pravega: a server to develop with, checkpoint logs, reader groups."
  ),
  Command.withExamples([
    { command: "effect-pravega dev --port 9090 --data ./data" },
    { command: "effect-pravega log inspect totals --directory ./checkpoints" }
  ]),
  Command.withSubcommands([
    DevCommand.command,
    LogCommand.command,
    SavepointCommand.command,
    StateCommand.command,
    GroupCommand.command
  ])
)

const version = Effect.sync((): string =>
  String(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version)
)

/** Runs what was typed after `effect-pravega`, and sets the exit code of the process. @category running @since 0.1.0 */
export const run = (words: ReadonlyArray<string>): void => {
  const ending = version.pipe(
    Effect.flatMap((version) => Command.runWith(commands, { version })(words)),
    Effect.as(0),
    Effect.catchCause(explain),
    Effect.provide(Environment.layer)
  )
  Effect.runFork(ending).addObserver((exit) => {
    process.exitCode = exit._tag === "Success" ? exit.value : 1
  })
}

/** Says what went wrong, and answers with the exit code. */
const explain = (cause: Cause.Cause<unknown>): Effect.Effect<number> => {
  const error = Cause.squash(cause)
  // The presenter has said what is wrong with the command line.
  if (CliError.isCliError(error) && error._tag === "ShowHelp") return Effect.succeed(error.errors.length === 0 ? 0 : 2)
  // What is no failure is a mistake of the program: its stack helps to find it.
  const text = Cause.hasFails(cause) ? CauseText.of(error) : Cause.pretty(cause)
  return Effect.as(Console.error(`effect-pravega: ${text}`), CliError.isCliError(error) ? 2 : 1)
}
