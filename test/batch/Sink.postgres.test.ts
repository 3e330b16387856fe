/** The SQL sink in PostgreSQL. */
import { PgClient } from "@effect/sql-pg"
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as SinkLaws from "../../src/testing/SinkLaws.ts"
import * as Postgres from "../real/postgres.ts"
import { sqlSubject } from "./sqlSinkSubject.ts"

describe("Sink.sql on PostgreSQL", () => {
  let server: Postgres.Server | undefined
  beforeAll(async () => {
    server = await Postgres.start()
  })
  afterAll(() => server?.stop())

  const fresh = Effect.flatMap(
    Effect.suspend(() => Layer.build(PgClient.layer({ path: server?.socket, username: "test", database: "postgres" }))),
    (context) => sqlSubject(Context.get(context, SqlClient))
  )
  for (const law of SinkLaws.laws(fresh, { runs: 15 })) it.live(law.name, () => law.check)
})
