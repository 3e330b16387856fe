/** Homes of state whose users share nothing but the store, as processes do. */
import { StateStore } from "effect-pravega/state"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/** Each `open` is another process, with a client of its own that lives as long as the Scope around. */
export const processes = (
  layer: Layer.Layer<StateStore>
): Effect.Effect<StateStore["Service"], never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    const process = Effect.map(
      Layer.buildWithScope(Layer.fresh(layer), scope),
      (context) => Context.get(context, StateStore)
    )
    return { heapBytes: 1 << 20, open: (query) => Effect.flatMap(process, (store) => store.open(query)) }
  })
