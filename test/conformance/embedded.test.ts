/** The conformance suite on the embedded server: in the process and in memory; on sockets and in a directory. */
import { Effect, Layer } from "effect"
import * as Embedded from "../../src/embedded/Embedded.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import { temporaryFolder } from "../temporary.ts"
import { Server } from "./Server.ts"
import { conformance } from "./suite.ts"

conformance(
  "the embedded server, in the process and in memory",
  Layer.effect(
    Server,
    Effect.map(Embedded.make(), ({ layerTransport }) => ({
      client: Layer.provide(Pravega.layerTransport(), layerTransport)
    }))
  )
)

conformance(
  "the embedded server, on sockets and in a directory",
  Layer.effect(
    Server,
    Effect.gen(function*() {
      const server = yield* Embedded.make({ directory: yield* temporaryFolder })
      const { controller } = yield* server.listen()
      return { client: Layer.orDie(Pravega.layer({ controller })) }
    })
  )
)
