/** Homes of state in a SQLite file, which is made by the first query that opens its own. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { SqlClient } from "effect/sql/SqlClient"
import * as SqliteClient from "../../batch/sql/SqliteClient.ts"
import type { StateHome } from "../StateContract.ts"
import { StateStoreError, StateUnavailable } from "../StateError.ts"
import * as SqlHome from "./SqlHome.ts"

/** How a query's home is opened; the Scope around closes the file. @category constructors @since 0.2.0 */
export const make = (
  file: string
): Effect.Effect<(query: string) => Effect.Effect<StateHome, StateStoreError>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const one = yield* Semaphore.make(1)
    let opened: SqlClient | undefined
    const client = one.withPermit(Effect.suspend(() =>
      opened === undefined
        ? Layer.buildWithScope(SqliteClient.layer(file), scope).pipe(
          Effect.flatMap((context) => Effect.provideContext(SqlClient, context)),
          Effect.tap((made) =>
            Effect.sync(() => {
              opened = made
            })
          )
        )
        : Effect.succeed(opened)
    ))
    return (query: string) =>
      client.pipe(
        Effect.mapError((cause) =>
          new StateStoreError({ reason: new StateUnavailable({ query, operation: "open", cause }) })
        ),
        Effect.flatMap((made) => SqlHome.open(made, query))
      )
  })
