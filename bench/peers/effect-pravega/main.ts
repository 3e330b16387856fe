/**
 * Our side of the benchmark: `main.ts CONTROLLER`, then a command a line on standard input, answered by a line of JSON
 * each. See ../Peer.ts for the commands.
 */
import { Pravega } from "effect-pravega"
import type * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { createInterface } from "node:readline"
import { acknowledge, latency } from "./acknowledging.ts"
import { parseCommand } from "./Command.ts"
import type { Command } from "./Command.ts"
import { batches, copy, copyKeyed, throughNumbers, throughTransactions } from "./copying.ts"
import type { Figures } from "./Figures.ts"
import { readBatch, readGroup } from "./reading.ts"
import { write, writeTransactions } from "./writing.ts"

const commands: Readonly<Record<string, (command: Command) => Effect.Effect<Figures, unknown, Pravega>>> = {
  write,
  transactions: writeTransactions,
  batch: readBatch,
  group: readGroup,
  acknowledge,
  latency,
  copy,
  copyKeyed,
  batches,
  throughTransactions,
  throughNumbers
}

const runtime = ManagedRuntime.make(Pravega.layer({ controller: process.argv[2] ?? "" }))

for await (const line of createInterface({ input: process.stdin })) {
  const command = parseCommand(line)
  const run = commands[command.name]
  if (run === undefined) throw new Error(`unknown command ${command.name}`)
  const before = process.cpuUsage()
  const figures = await runtime.runPromise(run(command))
  const { system, user } = process.cpuUsage(before)
  process.stdout.write(`${JSON.stringify({ ...figures, cpuSeconds: (user + system) / 1e6 })}\n`)
}
await runtime.dispose()
