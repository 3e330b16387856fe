/** The volume cases in small, on the embedded server. */
import { layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Embedded from "../../src/pravega/embedded/Embedded.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import { Server, withClient } from "../conformance/Server.ts"
import { volumeCases } from "./volumeCases.ts"

const server = Layer.effect(
  Server,
  Effect.gen(function*() {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-pravega-volume-"))),
      (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
    )
    const { layerTransport } = yield* Embedded.make({ directory })
    return { client: Layer.provide(Pravega.layerTransport(), layerTransport) }
  })
)

layer(withClient(server), { excludeTestServices: true })(
  "volume, on an embedded server with a directory",
  volumeCases({ small: 200_000, large: 60_000 })
)
