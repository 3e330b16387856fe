/**
 * A listening socket in front of another one: clients in any process and any language connect to it and reach the other
 * end, through faults of a network. For a real Pravega's segment store or controller, and for programs one can't change.
 *
 * A client of this package needs no proxy: `Faults.layer` does the same to its own sockets.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as NumberOption from "../../core/NumberOption.ts"
import * as SocketServer from "../../embedded/connections/SocketServer.ts"
import { SegmentStoreTransport } from "../../pravega/segmentstore/SegmentStoreTransport.ts"
import * as Turns from "../seeded/Turns.ts"
import * as Faults from "./Faults.ts"
import { bridge } from "./internal/FaultyLink.ts"

/** The proxy's address is taken, or not this machine's. @category errors @since 0.1.0 */
export class ProxyUnavailable extends Schema.TaggedError<ProxyUnavailable>()("ProxyUnavailable", {
  host: Schema.String,
  port: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `the proxy can't listen on ${this.host}:${this.port}`
  }
}

/** @category models @since 0.1.0 */
export interface Options {
  /** Where connections lead. */
  readonly target: { readonly host: string; readonly port: number }
  /** What happens to them. Only faults of connections apply, not those of calls. */
  readonly faults: Faults.Faults
  /** The address to listen on. Default: "127.0.0.1". */
  readonly host?: string | undefined
  /** The port to listen on. Default: 0, which is any free port. */
  readonly port?: number | undefined
}

/**
 * Listens until the Scope closes, and then closes its connections too. A connection that a fault or the target refuses is
 * closed as soon as it is open.
 *
 * **Example**
 *
 * ```ts
 * import { FaultProxy, Faults } from "effect-pravega/testing"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const faults = yield* Faults.make({ seed: 1, rates: { cutFrame: 0.01 } })
 *   const { port } = yield* FaultProxy.make({ target: { host: "localhost", port: 12345 }, faults })
 *   yield* Effect.log(`connect to 127.0.0.1:${port}`)
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { faults, host = "127.0.0.1", port: asked, target }: Options
): Effect.Effect<{ readonly host: string; readonly port: number }, ProxyUnavailable, Scope.Scope> =>
  Effect.gen(function*() {
    const port = NumberOption.check("port", asked, { least: 0, most: 65_535, otherwise: 0 })
    const turns = yield* Turns.make
    const network = faults[Faults.network]
    const run = yield* FiberSet.makeRuntime<Scope.Scope>()
    const { open } = yield* Effect.provide(SegmentStoreTransport, SegmentStoreTransport.layerSocket())
    const listening = yield* SocketServer.listen({
      host,
      port,
      accept: (client) => {
        run(
          network.refusal(`${target.host}:${target.port}`).pipe(
            Effect.andThen(open(target)),
            Effect.match({
              onFailure: () => client.close(),
              onSuccess: (server) => {
                const link = network.link(turns)
                bridge(link.client, client)
                bridge(link.server, server)
              }
            })
          )
        )
      }
    }).pipe(Effect.mapError(({ cause }) => new ProxyUnavailable({ host, port, cause })))
    return { host, port: listening }
  })
