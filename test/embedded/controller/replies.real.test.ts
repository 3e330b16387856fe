/** The replies that the embedded controller is held to are those of the real one. */
import { layer } from "@effect/vitest"
import { Layer } from "effect"
import { ControllerTransport } from "../../../src/pravega/controller/ControllerTransport.ts"
import { controller } from "../../real/pravega.ts"
import { replyCases } from "./replyCases.ts"

layer(Layer.orDie(ControllerTransport.layerGrpc({ controller })), { excludeTestServices: true })(
  "the real controller's replies",
  replyCases
)
