/** The volume cases in small, on the embedded server. */
import { layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Embedded from "../../src/embedded/Embedded.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import { Server, withClient } from "../conformance/Server.ts"
import { temporaryFolder } from "../temporary.ts"
import { volumeCases } from "./volumeCases.ts"

const server = Layer.effect(
  Server,
  Effect.gen(function*() {
    const directory = yield* temporaryFolder
    const { layerTransport } = yield* Embedded.make({ directory })
    return { client: Layer.provide(Pravega.layerTransport(), layerTransport) }
  })
)

layer(withClient(server), { excludeTestServices: true })(
  "volume, on an embedded server with a directory",
  volumeCases({ small: 200_000, large: 60_000 })
)
