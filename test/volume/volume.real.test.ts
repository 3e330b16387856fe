/** A million small events and a hundred thousand of 1 KiB, on the real server. */
import { layer } from "@effect/vitest"
import { Layer } from "effect"
import { Pravega } from "effect-pravega"
import { Server, withClient } from "../conformance/Server.ts"
import { controller } from "../real/pravega.ts"
import { volumeCases } from "./volumeCases.ts"

const server = Layer.succeed(Server, { client: Layer.orDie(Pravega.layer({ controller })) })

layer(withClient(server), { excludeTestServices: true })(
  "volume, on the real server",
  volumeCases({ small: 1_000_000, large: 100_000 })
)
