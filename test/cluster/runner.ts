/** A runner of a cluster, in a process of its own: parts of the pipelines, and the driver of one of them if it falls here. */
import { NodeClusterSocket, NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Pravega } from "effect-pravega"
import { CheckpointLog } from "effect-pravega/batch"
import { Workers } from "effect-pravega/cluster"
import { Trigger } from "effect-pravega/stream"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { all, plain } from "./pipelines.ts"

const { POSTGRES = "", PRAVEGA_CONTROLLER = "", RUNNER_PORT = "" } = process.env

const sql = PgClient.layer({ path: POSTGRES, username: "test", database: "postgres", maxConnections: 6 })

const cluster = NodeClusterSocket.layer({
  storage: "sql",
  shardingConfig: {
    runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", Number(RUNNER_PORT))),
    shardsPerGroup: 12,
    shardLockExpiration: "4 seconds",
    shardLockRefreshInterval: "1 second",
    refreshAssignmentsInterval: "500 millis",
    runnerHealthCheckInterval: "2 seconds",
    entityMessagePollInterval: "1 second"
  }
})

const driver = Workers.layerDriver(plain, {
  trigger: Trigger.every("50 millis"),
  restartAfter: "500 millis",
  lockExpiration: "4 seconds"
}).pipe(Layer.provide(Workers.layerCluster({ patience: "15 seconds" })))

NodeRuntime.runMain(
  Layer.launch(
    Layer.merge(driver, Workers.layerRunner(all)).pipe(
      Layer.provide(cluster),
      Layer.provide(CheckpointLog.layerSql()),
      Layer.provide(sql),
      Layer.provide(Pravega.layer({ controller: PRAVEGA_CONTROLLER }))
    )
  )
)
