/**
 * A home of state in memory.
 */
import * as Effect from "effect/Effect"
import type { StateHome } from "../StateContract.ts"

/** @category constructors @since 0.2.0 */
export const make = (): StateHome => {
  const objects = new Map<string, Uint8Array>()
  return {
    create: (name, bytes) =>
      Effect.sync(() => {
        if (objects.has(name)) return "exists"
        objects.set(name, bytes.slice())
        return "created"
      }),
    read: (name) => Effect.sync(() => objects.get(name)?.slice()),
    list: Effect.sync(() => Array.from(objects.keys())),
    remove: (name) => Effect.sync(() => void objects.delete(name))
  }
}
