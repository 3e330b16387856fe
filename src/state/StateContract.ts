/**
 * What a home of state gives: objects with a name, per query, that are made once and never changed. That is all that lasts;
 * which objects there are, what is in them, and which of them count, is decided above it (`QueryState`), so that a home is
 * four functions. `StateStoreLaws` says what they must hold. Which homes there are is listed by `StateStore`.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import type { StateStoreError } from "./StateError.ts"

/**
 * The objects of one query. Names are of letters, digits, `.`, `-` and `_`, and of 200 characters at most. Several processes
 * may have the same home, and one that was paused may write long after another took over: therefore nothing is replaced.
 *
 * @category models
 * @since 0.2.0
 */
export interface StateHome {
  /**
   * Makes an object, whole or not at all. "created": it is durable. "exists": there is one of that name, durable, and it is
   * as it was. When it fails, there may be one or not; it is never there in part.
   */
  readonly create: (name: string, bytes: Uint8Array) => Effect.Effect<"created" | "exists", StateStoreError>
  /** Undefined when there is none. What is returned is durable. */
  readonly read: (name: string) => Effect.Effect<Uint8Array | undefined, StateStoreError>
  /** The names of all objects, in no order. One that was there before and after is among them. */
  readonly list: Effect.Effect<ReadonlyArray<string>, StateStoreError>
  /** Nothing happens when there is none. */
  readonly delete: (name: string) => Effect.Effect<void, StateStoreError>
}
