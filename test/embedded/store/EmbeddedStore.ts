/** An embedded segment store for tests, in memory: through pipes in memory, and on a socket. */
import { create, toBinary } from "@bufbuild/protobuf"
import { type Clock, Effect, Layer, Schedule } from "effect"
import { randomBytes } from "node:crypto"
import { listen } from "../../../src/embedded/connections/SocketServer.ts"
import * as WireServer from "../../../src/embedded/connections/WireServer.ts"
import type { WireServerOptions } from "../../../src/embedded/connections/WireServerOptions.ts"
import { open } from "../../../src/embedded/store/ContainerState.ts"
import type { SegmentContainer } from "../../../src/embedded/store/SegmentContainer.ts"
import * as Storage from "../../../src/embedded/store/Storage.ts"
import { ControllerTransport } from "../../../src/pravega/controller/ControllerTransport.ts"
import { ControllerService } from "../../../src/pravega/controller/gen/Controller_pb.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as BytePipe from "../../../src/pravega/segmentstore/BytePipe.ts"
import { SegmentStoreTransport } from "../../../src/pravega/segmentstore/SegmentStoreTransport.ts"
import { Server } from "../../conformance/Server.ts"

export interface EmbeddedStore {
  readonly container: SegmentContainer
  readonly server: WireServer.WireServer
  /** The client's end of a new connection. */
  readonly connect: () => BytePipe.BytePipe
}

/** A store in memory whose time is the test's. */
export const makeStore = (
  options: Partial<WireServerOptions> & { readonly storage?: Storage.Storage } = {}
): Effect.Effect<EmbeddedStore> =>
  Effect.map(Effect.clockWith(Effect.succeed), (clock: Clock.Clock) => {
    const now = () => clock.currentTimeMillisUnsafe()
    const container = options.container ?? open({ storage: options.storage ?? Storage.makeMemory(), now })
    const server = WireServer.make({
      now,
      randomDigits: () => randomBytes(16).toString("hex"),
      ...options,
      container
    })
    return {
      container,
      server,
      connect: () => {
        const [client, store] = BytePipe.makePair()
        server.accept(store)
        return client
      }
    }
  })

/** Answers reads that have waited too long, until it is interrupted. */
export const expirePolls = (container: SegmentContainer): Effect.Effect<unknown> =>
  Effect.sync(() => container.expirePolls()).pipe(Effect.repeat(Schedule.spaced("5 seconds")))

/** A controller that knows one thing: where the store is. */
const controller = (port: number): Layer.Layer<ControllerTransport> =>
  Layer.succeed(ControllerTransport, {
    unary: (method) => {
      if (method !== "getURI") return Effect.die(new Error(`the segment store's cases do not call ${method}`))
      const { output } = ControllerService.method.getURI
      return Effect.succeed(toBinary(output, create(output, { endpoint: "127.0.0.1", port })))
    }
  })

const serverOf = (stores: Layer.Layer<SegmentStoreTransport>, port: number): Layer.Layer<Server> =>
  Layer.succeed(Server, { client: Pravega.layerTransport().pipe(Layer.provide(Layer.merge(stores, controller(port)))) })

/** Clients of one store, through pipes in memory. */
export const layerMemory: Layer.Layer<Server> = Layer.unwrap(
  Effect.map(makeStore(), ({ connect }) => serverOf(SegmentStoreTransport.layerMemory(() => Effect.sync(connect)), 1))
)

/** Clients of one store, through sockets. */
export const layerSocket: Layer.Layer<Server> = Layer.unwrap(
  Effect.gen(function*() {
    const { server } = yield* makeStore()
    const port = yield* Effect.orDie(listen({ host: "127.0.0.1", port: 0, accept: server.accept }))
    return serverOf(SegmentStoreTransport.layerSocket(), port)
  })
)
