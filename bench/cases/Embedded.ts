/** The embedded server beside the real one: the same client, the same commands. */
import { type EmbeddedServer, startEmbedded } from "../EmbeddedServer.ts"
import type { Program } from "../peers/Peer.ts"
import { PeerProcess } from "../peers/PeerProcess.ts"
import { cpuSecondsOf } from "../ProcessUse.ts"
import { makeStream } from "../RealServer.ts"
import { type Bench, type Case, eventsPerSecond, serverCpuPerMillion, sizeText } from "./Case.ts"

const real = "real standalone"
const inMemory = "embedded, in memory"
const inDirectory = "embedded, in a directory"
const subjects = [real, inMemory, inDirectory]

interface Row {
  readonly label: string
  readonly command: string
  readonly stream: string
}

const segments = 4
const readEvents: Readonly<Record<number, number>> = { 100: 200_000, 1024: 100_000, 10240: 8000 }

const writes = (size: number, events: number): Row => ({
  label: `write ${sizeText(size)}`,
  command: `write events=${events} size=${size}`,
  stream: "written"
})
const reads = (size: number, parallel: number): Row => ({
  label: `batch read ${sizeText(size)}, ${parallel === 1 ? "serial" : "4 at a time"}`,
  command: `batch parallel=${parallel}`,
  stream: `filled-${size}`
})
const transacts = (events: number, count: number): Row => ({
  label: `transactions of ${events.toLocaleString("en")} x 1 KiB`,
  command: `transactions events=${events} size=1024 count=${count}`,
  stream: "transacted"
})
const acknowledges = (seconds: number): Row => ({
  label: "single events at 1,000/s",
  command: `acknowledge rate=1000 seconds=${seconds} warm=1 size=100`,
  stream: "acknowledged"
})

/** Its stream is filled first. */
const isRead = ({ command }: Row) => command.startsWith("batch")

const whole: ReadonlyArray<Row> = [
  writes(100, 200_000),
  writes(1024, 100_000),
  writes(10_240, 8000),
  transacts(1, 10),
  transacts(1000, 6),
  ...[100, 1024, 10_240].flatMap((size) => [reads(size, 1), reads(size, 4)]),
  acknowledges(4)
]
const quick: ReadonlyArray<Row> = [writes(1024, 50_000), transacts(1, 5), reads(1024, 4), acknowledges(1)]
const warm: ReadonlyArray<Row> = [writes(1024, 20_000), transacts(1000, 2), reads(1024, 4)]

export const embedded: Case = {
  name: "embedded",
  title: "The embedded server",
  does: "Our client with three servers, each a process of its own reached on sockets: the real standalone, and " +
    "`effect-pravega dev` in memory and with a directory. Streams of 4 segments. Events acknowledged by the embedded " +
    "server in a directory survive a kill -9 of it, those of the standalone and of the one in memory do not.",
  doesNotShow: "the embedded server inside of the client's process, without sockets; one that waits for the disk " +
    "(durability: power); many connections; streams larger than memory.",
  metrics: [
    {
      ...eventsPerSecond,
      of: ({ events = Number.NaN, latencyP50Ms, seconds = Number.NaN }) =>
        latencyP50Ms === undefined ? events / seconds : undefined
    },
    { ...serverCpuPerMillion, better: "less" },
    { title: "Transaction, begin to committed, p50, ms", of: (f) => f["transactionP50Ms"], better: "less", digits: 1 },
    { title: "Acknowledgement, p50, ms", of: (f) => f["latencyP50Ms"], better: "less", digits: 2 },
    { title: "Acknowledgement, p99, ms", of: (f) => f["latencyP99Ms"], better: "less", digits: 2 },
    { title: "Acknowledgement, p99.9, ms", of: (f) => f["latencyP999Ms"], better: "less", digits: 2 }
  ],
  ratios: [
    { title: "in memory to real", of: inMemory, to: [real] },
    { title: "in a directory to real", of: inDirectory, to: [real] }
  ],
  seconds: 85,
  run: async (bench) => {
    const program = bench.peers.at(-1)!.program
    for (const round of bench.rounds()) {
      const sites = await Promise.all(subjects.map((subject) => open(bench, subject, program)))
      try {
        for (const row of bench.isQuick ? quick : whole) {
          for (let turn = 0; turn < sites.length; turn++) {
            const site = sites[(turn + round) % sites.length]!
            const cpuSeconds = () =>
              site.server === undefined ? bench.server.cpuSeconds() : cpuSecondsOf(site.server.pid)
            const before = cpuSeconds()
            const figures = await ask(site, row)
            const serverCpuSeconds = cpuSeconds() - before
            bench.record({ row: row.label, subject: site.subject, round, figures: { ...figures, serverCpuSeconds } })
          }
        }
      } finally {
        for (const { server, client } of sites) {
          await client.stop()
          await server?.stop()
        }
        await bench.server.stop()
      }
    }
  }
}

/** A server and our client of it, both warm. */
interface Site {
  readonly subject: string
  readonly controller: string
  /** Undefined: the real one, which the benchmark stops. */
  readonly server: EmbeddedServer | undefined
  readonly client: PeerProcess
  readonly streams: Set<string>
}

const open = async (bench: Bench, subject: string, program: Program): Promise<Site> => {
  if (subject === real) await bench.server.withRoom(2 ** 30)
  const server = subject === real ? undefined : await startEmbedded({ keepsData: subject === inDirectory })
  const controller = server?.controller ?? bench.server.controller
  const client = new PeerProcess(program, controller)
  const site: Site = { subject, controller, server, client, streams: new Set() }
  for (const row of [...warm, ...(bench.isQuick ? [] : whole.filter(isRead))]) await ask(site, row)
  return site
}

const ask = async ({ client, controller, streams }: Site, { command, stream }: Row) => {
  const name = `bench/${stream}`
  if (!streams.has(stream)) {
    streams.add(stream)
    await makeStream(controller, name, segments)
    const size = Number(/^filled-(\d+)$/.exec(stream)?.[1])
    const events = readEvents[size]
    if (events !== undefined) await client.ask(`write stream=${name} events=${events} size=${size}`, 60)
  }
  return client.ask(`${command} stream=${name}`, 60)
}
