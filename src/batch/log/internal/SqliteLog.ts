/** Queries' logs in a SQLite file, which is made by the first log that is opened; who only looks makes none. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { CheckpointLogError, LogUnavailable } from "../../protocol/CheckpointLogError.ts"
import * as SqliteClient from "../../sql/SqliteClient.ts"
import type { LogHome } from "../LogContract.ts"
import * as SqlLog from "./SqlLog.ts"

/** In the Scope around, which closes the file. @category constructors @since 0.2.0 */
export const make = (file: string): Effect.Effect<LogHome, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const one = yield* Semaphore.make(1)
    let opened: LogHome | undefined
    const home = one.withPermit(Effect.suspend(() =>
      opened === undefined
        ? Layer.buildWithScope(SqliteClient.layer(file), scope).pipe(
          Effect.flatMap((context) => Effect.provideContext(SqlLog.make({}), context)),
          Effect.tap((made) =>
            Effect.sync(() => {
              opened = made
            })
          )
        )
        : Effect.succeed(opened)
    ))
    const unavailable = (query: string, operation: string) => (cause: unknown) =>
      new CheckpointLogError({ reason: new LogUnavailable({ query, operation, cause }) })
    const list = Effect.scoped(Effect.gen(function*() {
      const looking = yield* SqliteClient.layerReadOnly(file)
      if (looking === undefined) return []
      const context = yield* Effect.mapError(Layer.build(looking), unavailable("", "list"))
      return yield* Effect.flatMap(Effect.provideContext(SqlLog.make({}), context), ({ list }) => list)
    }))
    return {
      open: (query) => Effect.flatMap(Effect.mapError(home, unavailable(query, "open")), (logs) => logs.open(query)),
      exists: (query) => Effect.map(list, (names) => names.includes(query)),
      list
    }
  })
