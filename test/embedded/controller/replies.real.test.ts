/** The replies that the embedded controller is held to are those of the real one. */
import { layer } from "@effect/vitest"
import { Layer } from "effect"
import * as ControllerLayers from "../../../src/pravega/controller/ControllerLayers.ts"
import { controller } from "../../real/pravega.ts"
import { replyCases } from "./replyCases.ts"

layer(Layer.orDie(ControllerLayers.grpc({ controller })), { excludeTestServices: true })(
  "the real controller's replies",
  replyCases
)
