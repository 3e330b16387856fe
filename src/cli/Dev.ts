/** `effect-pravega dev`: an embedded server on sockets, until the fiber is interrupted or the server fails. */
import * as Effect from "effect/Effect"
import * as Embedded from "../pravega/embedded/Embedded.ts"
import type { EmbeddedError } from "../pravega/embedded/EmbeddedError.ts"
import type { Dev } from "./Arguments.ts"

/** Says READY and the controller's address, in a line of its own, once clients can connect. */
export const run = (
  { directory, durability, host, port, storePort }: Dev,
  say: (text: string) => Effect.Effect<void>
): Effect.Effect<never, EmbeddedError> =>
  Effect.scoped(Effect.gen(function*() {
    const server = yield* Embedded.make({ directory, durability })
    const { controller } = yield* server.listen({ host, ports: { controller: port, segmentStore: storePort } })
    yield* say(`READY ${controller}\n`)
    return yield* server.failure
  }))
