/** The servers that programs of other languages are held against: the real one, and the embedded one on sockets. */
import { Context, Effect, Layer } from "effect"
import * as Embedded from "../../src/embedded/Embedded.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"

/** Where a server's clients connect to, as tcp://host:port or tls://host:port, then with whom to trust. */
export class InteropServer extends Context.Service<InteropServer, {
  readonly controller: string
  /** The file of a certificate. */
  readonly authority?: string
}>()("effect-pravega/test/interop/InteropServer") {}

/** A server that somebody else runs. */
export const running = (controller: string): Layer.Layer<InteropServer> => Layer.succeed(InteropServer, { controller })

/** An embedded server in memory, in this process, as long as the layer. */
export const embedded: Layer.Layer<InteropServer> = Layer.orDie(
  Layer.effect(InteropServer, Effect.flatMap(Embedded.make(), (server) => server.listen()))
)

/** A server and a client of this package's. */
export const withClient = (server: Layer.Layer<InteropServer>): Layer.Layer<Pravega | InteropServer> =>
  Layer.unwrap(InteropServer.useSync(({ controller }) => Layer.orDie(Pravega.layer({ controller })))).pipe(
    Layer.provideMerge(server)
  )
