/**
 * Which operator runs which step.
 *
 * @since 0.2.0
 */
import type * as Node from "../graph/Node.ts"
import type { KeyCodec } from "./Keys.ts"
import type { Operator } from "./Operator.ts"
import * as SlicedWindows from "./SlicedWindows.ts"

/** @category constructors @since 0.2.0 */
export const make = ({ name, operation }: Node.Step, key: KeyCodec): Operator => {
  switch (operation._tag) {
    case "Window": {
      const { window } = operation
      if (window._tag === "Sliced") return SlicedWindows.make(name, operation, window, key)
    }
  }
  throw new Error("todo")
}
