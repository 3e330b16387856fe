/** Runs the same commands with each peer in turn on the real server, A-B-A-B: another first in each round. */
import type { CommandName } from "../peers/Peer.ts"
import type { PeerProcess } from "../peers/PeerProcess.ts"
import type { Bench, PreparedPeer } from "./Case.ts"

export interface Row {
  readonly label: string
  readonly command: CommandName
  /** Beside `stream=`. */
  readonly options: string
  readonly stream: {
    readonly name: string
    readonly segments: number
    readonly fill?: Fill | undefined
    /** A new stream for each measurement; else it is the same for all of a server's life. */
    readonly isFresh?: boolean | undefined
  }
  /** What one peer's measurement writes, in bytes. */
  readonly writes: number
  readonly withinSeconds?: number | undefined
}

export interface Fill {
  readonly events: number
  readonly size: number
}

const withinSeconds = 60

/** `warm`: run by a new process before it is measured, on a stream of its own. */
export const sideBySide = async (bench: Bench, rows: ReadonlyArray<Row>, warm: ReadonlyArray<Row>): Promise<void> => {
  for (const round of bench.rounds()) {
    for (const row of rows) {
      const able = bench.peers.filter(({ peer }) => peer.commands.includes(row.command))
      const { fill } = row.stream
      await bench.server.withRoom(row.writes * able.length + (fill === undefined ? 0 : fill.events * fill.size))
      for (let turn = 0; turn < able.length; turn++) {
        const prepared = able[(turn + round) % able.length]!
        try {
          await measure(bench, round, row, prepared, warm)
        } catch (cause) {
          bench.failed(row.label, prepared.peer.title, cause)
        }
      }
    }
  }
}

const measure = async (
  bench: Bench,
  round: number,
  row: Row,
  { peer, program }: PreparedPeer,
  warm: ReadonlyArray<Row>
): Promise<void> => {
  const running = bench.server.process(program)
  for (const first of warm) {
    const key = `${first.command} ${first.options}`
    if (running.warmed.has(key) || !peer.commands.includes(first.command)) continue
    await ask(bench, running, first)
    running.warmed.add(key)
  }
  const before = bench.server.cpuSeconds()
  const figures = await ask(bench, running, row)
  const serverCpuSeconds = bench.server.cpuSeconds() - before
  bench.record({ row: row.label, subject: peer.title, round, figures: { ...figures, serverCpuSeconds } })
}

let made = 0

const ask = async (bench: Bench, running: PeerProcess, row: Row) => {
  const { fill, isFresh, name, segments } = row.stream
  const unique = isFresh === true ? `${name}-${++made}` : name
  const stream = await bench.server.stream(unique, segments, async (empty) => {
    if (fill === undefined) return
    const filler = bench.server.process(bench.peers.at(-1)!.program)
    await filler.ask(`write stream=${empty} events=${fill.events} size=${fill.size}`, withinSeconds)
  })
  return running.ask(`${row.command} stream=${stream} ${row.options}`, row.withinSeconds ?? withinSeconds)
}
