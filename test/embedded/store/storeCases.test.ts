/** The embedded segment store alone, without its controller, does what a real one does for a connection. */
import { describe, layer } from "@effect/vitest"
import { segmentConnectionCases } from "../../conformance/segmentConnectionCases.ts"
import { withClient } from "../../conformance/Server.ts"
import { layerMemory, layerSocket } from "./EmbeddedStore.ts"

describe.concurrent("through pipes in memory", () => {
  layer(withClient(layerMemory), { excludeTestServices: true })(segmentConnectionCases)
})

describe.concurrent("through sockets", () => {
  layer(withClient(layerSocket), { excludeTestServices: true })(segmentConnectionCases)
})
