/**
 * Which operator runs which step.
 *
 * @since 0.2.0
 */
import type * as Node from "../graph/Node.ts"
import * as Calendar from "../time/Calendar.ts"
import * as Grid from "../time/Grid.ts"
import * as CountWindows from "./CountWindows.ts"
import * as Deduplication from "./Deduplication.ts"
import * as IntervalJoin from "./IntervalJoin.ts"
import * as KeyedState from "./KeyedState.ts"
import type { KeyCodec } from "./Keys.ts"
import type { Operator } from "./Operator.ts"
import * as Running from "./Running.ts"
import * as Sessions from "./Sessions.ts"
import * as SlicedWindows from "./SlicedWindows.ts"
import * as TableJoin from "./TableJoin.ts"
import * as ToldWindows from "./ToldWindows.ts"
import * as TopN from "./TopN.ts"
import * as WindowJoin from "./WindowJoin.ts"

/** @category constructors @since 0.2.0 */
export const make = ({ inputs, name, operation }: Node.Step, key: KeyCodec): Operator => {
  switch (operation._tag) {
    case "Window":
      return windowed(name, operation, key)
    case "Aggregate":
      return Running.make(name, operation, inputs[0]!.isOfChanges, key)
    case "State":
      return KeyedState.make(name, operation, key)
    case "Deduplicate":
      return Deduplication.make(operation)
    case "TopN":
      return TopN.make(name, operation, inputs[0]!.isOfChanges, key)
    case "JoinWithin":
      return IntervalJoin.make(name, operation, key)
    case "WindowJoin":
      return WindowJoin.make(name, operation, key)
    case "TableJoin":
      return TableJoin.make(name, operation, key)
  }
}

const windowed = (name: string, operation: Node.Windowed, key: KeyCodec): Operator => {
  const { window } = operation
  switch (window._tag) {
    case "Sliced":
      return operation.early._tag === "Batch" && operation.emit !== "parts"
        ? SlicedWindows.make(name, operation, window, key)
        : ToldWindows.make(name, operation, Grid.ofSliced(window), key)
    case "Calendar":
      return ToldWindows.make(name, operation, Calendar.grid(window), key)
    case "Global":
      return ToldWindows.make(name, operation, Grid.ofAllTime, key)
    case "Session":
      return Sessions.make(name, operation, window, key)
    case "Count":
      return CountWindows.make(name, operation, window, key)
  }
}
