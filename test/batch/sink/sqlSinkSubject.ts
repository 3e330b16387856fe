/** A SQL sink for its laws: rows with a number, into a table that counts by itself. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import * as Sink from "../../../src/batch/sink/Sink.ts"

const Row = Schema.Struct({ number: Schema.Int, text: Schema.String })

let tables = 0

export const sqlSubject = Effect.fnUntraced(function*(sql: SqlClient) {
  const name = `outputs_${tables++}`
  const table = sql(name)
  const place = sql.onDialectOrElse({ pg: () => "SERIAL PRIMARY KEY", orElse: () => "INTEGER PRIMARY KEY" })
  yield* sql`CREATE TABLE ${table} (place ${sql.literal(place)}, number INTEGER NOT NULL, text TEXT NOT NULL)`
  const sink = Sink.sql("rows", {
    schema: Row,
    table: `${name}_sinks`,
    write: (rows) => sql`INSERT INTO ${table} ${sql.insert(rows)}`
  })
  return {
    sink: { ...sink, open: Effect.provideService(sink.open, SqlClient, sql) },
    visible: sql<typeof Row.Type>`SELECT number, text FROM ${table} ORDER BY place`,
    output: (number: number) => ({ number, text: `it's ${number}` })
  }
})
