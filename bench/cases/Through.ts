/** From an event that is due to be written, through a query, to a reader of the query's output. */
import type { PeerProcess } from "../peers/PeerProcess.ts"
import { makeStream } from "../RealServer.ts"
import { onBothServers } from "./bothServers.ts"
import type { Bench, Case } from "./Case.ts"

const guarantees = [["exactly-once", "throughTransactions"], ["idempotent", "throughNumbers"]] as const

let made = 0

const measure = async (bench: Bench, round: number, subject: string, client: PeerProcess, controller: string) => {
  for (const rate of bench.isQuick ? [100] : [100, 1000]) {
    for (const [guarantee, command] of guarantees) {
      const row = `${rate.toLocaleString("en")} events/s, ${guarantee}`
      const stream = `through/s${++made}`
      try {
        await makeStream(controller, stream, 1)
        await makeStream(controller, `${stream}-copy`, 1)
        const seconds = bench.isQuick ? 2 : 4
        const line = `${command} rate=${rate} seconds=${seconds} warm=2 size=1024 stream=${stream}`
        bench.record({ row, subject, round, figures: await client.ask(line, 60) })
      } catch (cause) {
        bench.failed(row, subject, cause)
      }
    }
  }
}

const percentile = (title: string, name: string) => ({
  title: `${title}, ms`,
  of: (figures: Readonly<Record<string, number>>) => figures[`latency${name}Ms`],
  digits: 1
})

export const through: Case = {
  name: "through",
  title: "Through a query",
  does:
    "Events of 1 KiB at a steady rate into a stream of one segment, a query that copies them to another one as fast as " +
    "possible, with its checkpoint log in SQLite, and a tail reader of that one; all in one process. Measured as end-" +
    "to-end latency is, until the reader of the output has the event. Outputs of `exactly-once` are seen when their batch " +
    "is committed, those of `idempotent` when they are written.",
  doesNotShow: "a network; a process that does something; the first two seconds, which are left out.",
  metrics: [percentile("p50", "P50"), percentile("p99", "P99"), percentile("p99.9", "P999")],
  seconds: 60,
  run: async (bench) => {
    const program = bench.peers.at(-1)!.program
    for (const round of bench.rounds()) {
      await bench.server.withRoom(64 * 1024 * 1024)
      await onBothServers(bench, round, program, { keepsData: false }, (client, { controller, isReal }) => {
        const subject = isReal ? "on the real standalone" : "on the embedded server, in memory"
        return measure(bench, round, subject, client, controller)
      })
    }
  }
}
