/** What a case of the conformance suite knows of the server it runs against: how clients of it are made. */
import type { Vitest } from "@effect/vitest"
import { Context, Layer } from "effect"
import type { Pravega } from "../../src/pravega/Pravega.ts"

export class Server extends Context.Service<Server, {
  /** A client of the server. Each fresh build of it is another client, as another process has. */
  readonly client: Layer.Layer<Pravega>
}>()("effect-pravega/test/conformance/Server") {}

/** Where cases are put: each runs with a client of the server, and with the server itself for those that need more. */
export type Cases = Vitest.MethodsNonLive<Pravega | Server>

/** A server and one client of it. */
export const withClient = <E>(server: Layer.Layer<Server, E>): Layer.Layer<Pravega | Server, E> =>
  Layer.unwrap(Server.useSync(({ client }) => client)).pipe(Layer.provideMerge(server))
