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
        // not slice: a Buffer's is a view
        objects.set(name, new Uint8Array(bytes))
        return "created"
      }),
    read: (name) => Effect.sync(() => copied(objects.get(name))),
    list: Effect.sync(() => Array.from(objects.keys())),
    delete: (name) => Effect.sync(() => void objects.delete(name))
  }
}

const copied = (bytes: Uint8Array | undefined): Uint8Array | undefined => bytes && new Uint8Array(bytes)
