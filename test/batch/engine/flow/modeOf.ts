/** How a flow's results are told: as they are, as updates, or as changes. */
import type { Flow } from "effect-pravega/flow"
import type { AnyFlow } from "../../../flow/randomFlows.ts"

export const modeOf = ({ node }: AnyFlow): Flow.Mode => {
  if (node._tag !== "Step") return "events"
  const { operation } = node
  if (operation._tag === "Window") {
    return operation.emit === "final" || operation.emit === "parts"
      ? "events"
      : operation.emit
  }
  if (operation._tag === "Aggregate" || operation._tag === "TopN") return operation.emit
  return operation._tag === "State" && operation.makesChanges ? "changes" : "events"
}
