/** The program of its threads. */
import { NodeRuntime, NodeWorkerRunner } from "@effect/platform-node"
import { Pravega } from "effect-pravega"
import { Workers } from "effect-pravega/cluster"
import * as Layer from "effect/Layer"
import { busy } from "./pipeline.ts"

NodeRuntime.runMain(
  Layer.launch(
    Workers.layerThread([Workers.serve(busy)]).pipe(
      Layer.provide(NodeWorkerRunner.layer),
      Layer.provide(Pravega.layer({ controller: process.env["PRAVEGA_CONTROLLER"] ?? "" }))
    )
  )
)
