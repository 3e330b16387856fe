/** The conformance suite on the real server. */
import { Layer } from "effect"
import { Pravega } from "../../src/pravega/Pravega.ts"
import { controller } from "../real/pravega.ts"
import { Server } from "./Server.ts"
import { conformance } from "./suite.ts"

conformance("the real server", Layer.succeed(Server, { client: Layer.orDie(Pravega.layer({ controller })) }))
