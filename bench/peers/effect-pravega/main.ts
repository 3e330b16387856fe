/**
 * Our side of the benchmark: `main.ts CONTROLLER`, then a command a line on standard input, answered by a line of JSON
 * each. See ../Peer.ts for the commands.
 */
import { Pravega } from "effect-pravega"
import type * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { createInterface } from "node:readline"
import { parseCommand } from "./Command.ts"
import type { Command } from "./Command.ts"
import type { Figures } from "./Figures.ts"

type Run = (command: Command) => Effect.Effect<Figures, unknown, Pravega>

/** Each loads what a program of its kind would load, no more: a writer no queries. */
const commands: Readonly<Record<string, () => Promise<Run>>> = {
  write: async () => (await import("./writing.ts")).write,
  transactions: async () => (await import("./writing.ts")).writeTransactions,
  batch: async () => (await import("./reading.ts")).readBatch,
  group: async () => (await import("./reading.ts")).readGroup,
  acknowledge: async () => (await import("./acknowledging.ts")).acknowledge,
  latency: async () => (await import("./acknowledging.ts")).latency,
  copy: async () => (await import("./copying.ts")).copy,
  copyKeyed: async () => (await import("./copying.ts")).copyKeyed,
  batches: async () => (await import("./copying.ts")).batches,
  throughTransactions: async () => (await import("./copying.ts")).throughTransactions,
  throughNumbers: async () => (await import("./copying.ts")).throughNumbers
}

const runtime = ManagedRuntime.make(Pravega.layer({ controller: process.argv[2] ?? "" }))

for await (const line of createInterface({ input: process.stdin })) {
  const command = parseCommand(line)
  const load = commands[command.name]
  if (load === undefined) throw new Error(`unknown command ${command.name}`)
  const run = await load()
  const before = process.cpuUsage()
  const figures = await runtime.runPromise(run(command))
  const { system, user } = process.cpuUsage(before)
  process.stdout.write(`${JSON.stringify({ ...figures, cpuSeconds: (user + system) / 1e6 })}\n`)
}
await runtime.dispose()
