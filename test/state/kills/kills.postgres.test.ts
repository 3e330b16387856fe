/** A process with state in PostgreSQL that is killed. */
import { describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { postgres } from "../../batch/sql/postgresClient.ts"
import { killed } from "./kills.ts"

describe("a process with state that is killed", () => {
  const { server } = postgres()
  killed("PostgreSQL", Effect.map(server, ({ socket }) => socket))
})
