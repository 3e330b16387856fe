/** `effect-pravega log`: what a query's log says, and its repair. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as LogInspection from "../../batch/log/LogInspection.ts"
import * as LogRepair from "../../batch/log/LogRepair.ts"
import type { QueryName } from "../../batch/protocol/QueryName.ts"
import type { Home } from "../Home.ts"
import * as Json from "../Json.ts"
import * as OpenHome from "../OpenHome.ts"

interface Options {
  readonly home: Home
  readonly query: QueryName
  readonly json: boolean
}

/** @category running @since 0.1.0 */
export const inspect = ({ home, json, query }: Options) =>
  OpenHome.useQuery(
    home,
    query,
    Effect.fnUntraced(function*(nothing) {
      if (nothing !== undefined) return yield* nothing
      const inspection = yield* LogInspection.inspect(query)
      yield* Console.log(json ? Json.inspection(inspection) : LogInspection.format(inspection))
    })
  )

/** @category running @since 0.1.0 */
export const repair = ({ dryRun, home, json, query }: Options & { readonly dryRun: boolean }) =>
  OpenHome.useQuery(
    home,
    query,
    Effect.fnUntraced(function*(nothing) {
      if (nothing !== undefined) return yield* nothing
      const plan = yield* LogRepair.propose(query)
      if (!json) yield* Console.log(LogRepair.format(plan))
      const isToDo = plan._tag !== "nothing" && !dryRun
      // The log as it is now: what is done is what it says, should it have changed since.
      const done = isToDo ? yield* LogRepair.repair(query) : plan
      if (json) yield* Console.log(Json.repair({ query, plan: done, repaired: isToDo }))
      else if (isToDo) yield* Console.log("repaired: the query can start again")
      else if (dryRun && plan._tag !== "nothing") yield* Console.log("nothing was changed (--dry-run)")
    })
  )
