/** The query whose process is killed, and what its sink must have in the end. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import { join } from "node:path"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as SqliteClient from "../../../src/batch/sql/SqliteClient.ts"
import * as Flow from "../../../src/flow/Flow.ts"
import * as QueryState from "../../../src/state/QueryState.ts"
import type { StateStore } from "../../../src/state/StateStore.ts"
import { numbersSource } from "../../batch/engine/flow/numbersSource.ts"

/** Of each key its sum, told with each number. */
const sums = Flow.events<number>().pipe(
  Flow.keyBy("seventh", Schema.Int, (n) => n % 7),
  Flow.mapState("sums", {
    order: "arrival",
    state: Schema.Number,
    initial: 0,
    onEvent: (sum, n: number) => [sum + n, [`${n} ${sum + n}`]]
  })
)

/** Of the numbers below this. */
export const expected = (end: number): ReadonlyArray<string> => {
  const all = Array.from({ length: 7 }, () => 0)
  return Array.from({ length: end }, (_, n) => `${n} ${all[n % 7]! += n}`)
}

/** What its sink has, in the order of the numbers. */
export const outputs = Effect.flatMap(SqlClient, (sql) => sql<{ text: string }>`SELECT text FROM told`).pipe(
  Effect.map((rows) => rows.map(({ text }) => text).toSorted((a, b) => Number.parseInt(a) - Number.parseInt(b)))
)

export const pipelineTo = (end: number) =>
  Pipeline.make("sums", {
    source: numbersSource({ value: end }),
    flow: sums,
    sink: Sink.sql("told", {
      schema: Schema.String,
      write: (texts) =>
        Effect.flatMap(SqlClient, (sql) =>
          Effect.forEach(texts, (text) => sql`INSERT INTO told VALUES (${text})`, { discard: true }))
    })
  })

/** The log and the sink are in SQLite, wherever the state is. */
export const layersIn = (folder: string, states: Layer.Layer<StateStore, unknown>) =>
  Layer.mergeAll(
    CheckpointLog.layerFileSystem(join(folder, "log")),
    SqliteClient.layer(join(folder, "sink.sqlite")),
    states,
    // snapshots and cleaning all the time
    Layer.succeed(QueryState.SnapshotPolicy, { deltas: 3, most: 3, bytesPerBatch: 1 })
  )

/** Where outputs go: made once, before the first start. */
export const table = Effect.flatMap(SqlClient, (sql) => sql`CREATE TABLE IF NOT EXISTS told (text TEXT NOT NULL)`)
