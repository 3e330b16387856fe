/** Homes of checkpoint logs whose users share nothing but the store, as processes do. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import type * as CheckpointLogLaws from "../../../src/testing/laws/CheckpointLogLaws.ts"

/** Each `open` is another process, with a client of its own that lives as long as the Scope around. */
export const processes = (
  layer: Layer.Layer<CheckpointLog>
): Effect.Effect<CheckpointLogLaws.Home, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    const process = Effect.map(
      Layer.buildWithScope(Layer.fresh(layer), scope),
      (context) => Context.get(context, CheckpointLog)
    )
    return {
      open: (name) => Effect.flatMap(process, (logs) => logs.open(name)),
      exists: (name) => Effect.flatMap(process, (logs) => logs.exists(name)),
      list: Effect.flatMap(process, ({ list }) => list)
    }
  })
