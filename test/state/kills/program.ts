/**
 * The process that is killed. Words: the folder of log and sink, up to which number, and where the state is: `directory`, `sqlite`,
 * or the socket of a PostgreSQL.
 */
import { PgClient } from "@effect/sql-pg"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { join } from "node:path"
import { StateStore } from "../../../src/state/StateStore.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { layersIn, pipelineTo } from "./killed.ts"

const [folder = "", end = "", home = ""] = process.argv.slice(2)

const states = home === "directory"
  ? StateStore.layerDirectory(join(folder, "state"))
  : home === "sqlite"
  ? StateStore.layerSqlite(join(folder, "state.sqlite"))
  : StateStore.layerSql().pipe(Layer.provide(PgClient.layer({ path: home, username: "test", database: "postgres" })))

process.stdout.write("started\n")
await Effect.runPromise(
  Query.run(pipelineTo(Number(end)), {
    trigger: Trigger.availableNow,
    onBatch: ({ batch }) => Effect.sync(() => process.stdout.write(`batch ${batch}\n`))
  }).pipe(Effect.provide(layersIn(folder, states)))
)
