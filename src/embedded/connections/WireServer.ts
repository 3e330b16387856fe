/**
 * The segment store's side of the wire protocol, for any number of connections on pipes: it knows no socket. What a
 * connection says is `WireConnection`'s business; here is what they share: the container, who may do what, limits.
 *
 * @internal
 */
import type { BytePipe } from "../../pravega/segmentstore/BytePipe.ts"
import { WireConnection } from "./internal/WireConnection.ts"
import type { WireLimits, WireServerOptions, WireShared } from "./WireServerOptions.ts"

/** @category models @since 0.1.0 */
export interface WireServer {
  /** Serves a client at the other end of the pipe until either side closes it. */
  readonly accept: (pipe: BytePipe) => void
  readonly connections: () => number
  /** Closes all connections, as a store that dies does. It goes on accepting. */
  readonly closeAll: () => void
}

const defaultLimits: WireLimits = {
  connections: 10_000,
  unacknowledged: 32 * 1024 * 1024,
  unsent: 4 * 1024 * 1024,
  listItems: 10_000,
  incomplete: 512 * 1024 * 1024,
  allUnsent: 512 * 1024 * 1024,
  underWay: 20_000,
  allUnderWay: 500_000
}

/** @category constructors @since 0.1.0 */
export const make = (options: WireServerOptions): WireServer => {
  const limits = { ...defaultLimits, ...options.limits }
  const connections = new Set<WireConnection>()
  const shared: WireShared = {
    options,
    limits,
    incomplete: 0,
    unsent: 0,
    underWay: 0,
    heard: 0,
    closeLargest: (kind) => {
      if (kind === "underWay") {
        for (const each of connections) each.dropGone()
        if (shared.underWay <= limits.allUnderWay) return
      }
      let largest: WireConnection | undefined
      for (const each of connections) if (largest === undefined || each[kind] >= largest[kind]) largest = each
      largest?.close()
    }
  }
  const closeSilent = () => {
    let silent: WireConnection | undefined
    for (const each of connections) {
      if (each.isIdle() && (silent === undefined || each.heard < silent.heard)) silent = each
    }
    silent?.close()
  }
  return {
    accept: (pipe) => {
      if (connections.size >= limits.connections) closeSilent()
      if (connections.size >= limits.connections) return pipe.close()
      const connection = new WireConnection(shared, pipe, () => connections.delete(connection))
      connections.add(connection)
    },
    connections: () => connections.size,
    closeAll: () => {
      for (const connection of Array.from(connections)) connection.close()
    }
  }
}
