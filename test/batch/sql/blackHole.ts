/**
 * A network between clients and a PostgreSQL that can become a black hole: connections stay open, and nothing comes through
 * any more, in neither direction. Not a server that refuses or closes, which is an answer.
 */
import { once } from "node:events"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"

export interface BlackHole {
  /** The file of the socket that clients connect to. */
  readonly socket: string
  /** Nothing comes through from here on. */
  readonly close: () => void
  /** Closes when a client next sends this text: before it comes through, or when it has and before its answer does. */
  readonly closeAt: (text: string, when: "before" | "after") => void
  /** Whether it is closed. */
  readonly isClosed: () => boolean
  /** All comes through again, and what was held back, too; or the connections that were held back are lost instead. */
  readonly open: (held: "arrives" | "isLost") => void
  readonly end: () => Promise<void>
}

interface Link {
  readonly client: Net.Socket
  readonly server: Net.Socket
  /** Bytes that have not come through. */
  readonly held: Array<() => void>
}

export const make = async (server: string): Promise<BlackHole> => {
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "hole-"))
  const socket = Path.join(folder, ".s.PGSQL.5432")
  const links = new Set<Link>()
  let isClosed = false
  let trap: { readonly text: string; readonly when: "before" | "after" } | undefined
  const pass = (link: Link, send: () => void) => {
    if (isClosed) link.held.push(send)
    else send()
  }
  const listener = Net.createServer((client) => {
    const link: Link = { client, server: Net.connect(server), held: [] }
    links.add(link)
    client.on("data", (chunk) => {
      const isTrapped = trap !== undefined && chunk.includes(trap.text)
      if (isTrapped && trap?.when === "before") isClosed = true
      pass(link, () => link.server.write(chunk))
      if (!isTrapped) return
      isClosed = true
      trap = undefined
    })
    link.server.on("data", (chunk) => pass(link, () => client.write(chunk)))
    for (const [from, to] of [[client, link.server], [link.server, client]] as const) {
      from.on("error", () => from.destroy())
      from.on("close", () => pass(link, () => to.destroy()))
    }
  })
  listener.listen(socket)
  await once(listener, "listening")
  return {
    socket,
    close: () => {
      isClosed = true
    },
    closeAt: (text, when) => {
      trap = { text, when }
    },
    isClosed: () => isClosed,
    open: (fate) => {
      isClosed = false
      for (const link of links) {
        const { client, held } = link
        if (held.length > 0 && fate === "isLost") client.destroy()
        else for (const send of held) send()
        held.length = 0
      }
    },
    end: async () => {
      for (const link of links) {
        link.client.destroy()
        link.server.destroy()
      }
      listener.close()
      await once(listener, "close")
      Fs.rmSync(folder, { recursive: true, force: true })
    }
  }
}
