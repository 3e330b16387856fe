/** The program of a worker thread. */
import { NodeRuntime, NodeWorkerRunner } from "@effect/platform-node"
import { Pravega } from "effect-pravega"
import { Workers } from "effect-pravega/cluster"
import * as Layer from "effect/Layer"
import { all } from "./pipelines.ts"

NodeRuntime.runMain(
  Layer.launch(
    Workers.layerThread(all).pipe(
      Layer.provide(Pravega.layer({ controller: process.env["PRAVEGA_CONTROLLER"] ?? "" })),
      Layer.provide(NodeWorkerRunner.layer)
    )
  )
)
