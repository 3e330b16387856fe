/** A listening socket in front of another one, whose connections break at random: both ends see them closed, at any byte. */
import { Effect } from "effect"
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

export interface Options {
  readonly host: string
  readonly port: number
  /** How often, from 0 to 1, a piece of bytes is the last one of its connection, or only a part of it. */
  readonly rate: number
  /** Numbers in [0, 1). */
  readonly next: () => number
}

/** Listens until the Scope closes. */
export const make = ({ host, next, port, rate }: Options) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const open = new Set<Socket>()
      let broken = 0
      const join = (from: Socket, to: Socket) => {
        open.add(from)
        from.on("data", (piece) => {
          const isLast = next() < rate
          const isTaken = to.write(isLast ? piece.subarray(0, Math.floor(next() * piece.length)) : piece)
          if (isLast) {
            broken++
            from.destroy()
            to.destroySoon()
          } else if (!isTaken) from.pause()
        })
        to.on("drain", () => from.resume())
        from.on("error", () => {})
        from.on("close", () => {
          open.delete(from)
          to.destroySoon()
        })
      }
      const server = createServer({ noDelay: true }, (client) => {
        const target = connect({ host, port, noDelay: true })
        join(client, target)
        join(target, client)
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const { port: listening } = server.address() as AddressInfo
      return { server, open, port: listening, broken: () => broken }
    }),
    ({ open, server }) =>
      Effect.sync(() => {
        server.close()
        for (const socket of open) socket.destroy()
      })
  )
