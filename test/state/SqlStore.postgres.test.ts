/** State in PostgreSQL. */
import { describe, it } from "@effect/vitest"
import { StateStore } from "effect-pravega/state"
import { StateStoreLaws } from "effect-pravega/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { postgres } from "../batch/sql/postgresClient.ts"
import { processes } from "./stateProcesses.ts"

describe("a store in PostgreSQL", () => {
  const { layer } = postgres()
  let tables = 0
  const fresh = Effect.suspend(() =>
    processes(StateStore.layerSql({ table: `state_${tables++}` }).pipe(Layer.provide(layer({ maxConnections: 2 }))))
  )
  for (const law of StateStoreLaws.laws(fresh, { runs: 5 })) it.live(law.name, () => law.check)
})
