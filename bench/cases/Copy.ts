/** Micro-batches from stream to stream, exactly once. */
import type { PeerProcess } from "../peers/PeerProcess.ts"
import { makeStream } from "../RealServer.ts"
import { onBothServers } from "./bothServers.ts"
import { type Bench, type Case, eventsPerSecond } from "./Case.ts"

const segments = 4
const onReal = "on the real standalone"
const onEmbedded = "on the embedded server, in a directory"

/** What of a small batch is shown, by the name of its figure. */
const small: ReadonlyArray<readonly [row: string, figure: string]> = [
  ["a batch of 1,000 events of 100 B, p50", "batchP50Ms"],
  ["a batch of 1,000 events of 100 B, p99", "batchP99Ms"],
  ["of it planning, p50", "planP50Ms"],
  ["of it reading and writing, p50", "processP50Ms"],
  ["of it preparing, p50", "prepareP50Ms"],
  ["of it committing, p50", "commitP50Ms"],
  ["in all of it, waiting for the controller, p50", "controllerP50Ms"]
]

let made = 0

const measure = async (bench: Bench, round: number, subject: string, client: PeerProcess, controller: string) => {
  const events = bench.isQuick ? 30_000 : 100_000
  const stream = async (): Promise<string> => {
    const name = `copy/s${++made}`
    await makeStream(controller, name, segments)
    await makeStream(controller, `${name}-copy`, segments)
    return name
  }
  const filled = await stream()
  await client.ask(`write events=${events} size=1024 stream=${filled}`, 60)
  const row = `${events.toLocaleString("en")} events of 1 KiB`
  bench.record({ row, subject, round, figures: await client.ask(`copy stream=${filled}`, 120) })
  const command = (count: number) => `batches count=${count} events=1000 size=100 stream=`
  await client.ask(command(3) + await stream(), 60)
  const figures = await client.ask(command(bench.isQuick ? 10 : 25) + await stream(), 60)
  for (const [row, name] of small) bench.record({ row, subject, round, figures: { millis: figures[name]! } })
}

export const copy: Case = {
  name: "copy",
  title: "Micro-batches from stream to stream, exactly once",
  does: "A query that copies a stream of 4 segments to another, with its checkpoint log in SQLite: first all that is " +
    "there (batches of at most 16 MiB), then one batch after the other with 1,000 new events each, from looking for input " +
    "to committed. The Spark connector for Pravega, recorded elsewhere and not in this run (Spark 3.4.0, local[2], on a " +
    "machine of the same size): 7,600 events/s (6,800..9,600) for 100,000 events of 1 KiB, exactly_once=true, and " +
    "batches of 1.17 s (0.86..1.48) at 1,000 events/s.",
  doesNotShow:
    "Spark in the same run; user code, which does nothing here; state; several sinks. Controller: at least one " +
    "request to it was under way; waits for appends and reads are in the steps, not in it.",
  metrics: [
    { ...eventsPerSecond, better: undefined },
    { title: "Milliseconds", of: (f) => f["millis"], digits: 1 }
  ],
  seconds: 50,
  run: async (bench) => {
    const program = bench.peers.at(-1)!.program
    for (const round of bench.rounds()) {
      await bench.server.withRoom(2 * 120_000 * 1024)
      await onBothServers(
        bench,
        round,
        program,
        { keepsData: true },
        (client, { controller, isReal }) => measure(bench, round, isReal ? onReal : onEmbedded, client, controller)
      )
    }
  }
}
