/** Measures our client on the real server and on the embedded one, another first in each round. */
import { type EmbeddedServerOptions, startEmbedded } from "../EmbeddedServer.ts"
import type { Program } from "../peers/Peer.ts"
import { PeerProcess } from "../peers/PeerProcess.ts"
import type { Bench } from "./Case.ts"

export interface Where {
  readonly controller: string
  readonly isReal: boolean
}

/** Each with a process of its own, which is warm on the real server if it was used there before: warm up in `measure`. */
export const onBothServers = async (
  bench: Bench,
  round: number,
  program: Program,
  embedded: EmbeddedServerOptions,
  measure: (client: PeerProcess, where: Where) => Promise<void>
): Promise<void> => {
  const onReal = () => measure(bench.server.process(program), { controller: bench.server.controller, isReal: true })
  const onEmbedded = async () => {
    const server = await startEmbedded(embedded)
    const client = new PeerProcess(program, server.controller)
    try {
      await measure(client, { controller: server.controller, isReal: false })
    } finally {
      await client.stop()
      await server.stop()
    }
  }
  for (const one of round % 2 === 0 ? [onReal, onEmbedded] : [onEmbedded, onReal]) await one()
}
