/** `effect-pravega savepoint`, as it is typed; what it does is in `Savepoints`. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Home from "../Home.ts"
import * as Words from "../Words.ts"

const load = Effect.promise(() => import("./Savepoints.ts"))

const create = Command.make(
  "create",
  { query: Words.query, name: Words.savepoint, home: Home.flags, json: Words.json },
  Home.located((options) => Effect.flatMap(load, ({ create }) => create(options)))
).pipe(
  Command.withShortDescription("Keep the position that a query has reached, under a name"),
  Command.withDescription(
    "Keeps the position that a query has reached, behind its last committed batch, under a name. The query may run, and\n" +
      "  goes on. Another query starts from it by Savepoint.restore."
  ),
  Command.withExamples([{ command: "effect-pravega savepoint create totals before-upgrade --directory ./checkpoints" }])
)

const list = Command.make(
  "list",
  { home: Home.flags, json: Words.json },
  Home.located((options) => Effect.flatMap(load, ({ list }) => list(options)))
).pipe(
  Command.withShortDescription("List the savepoints that are kept beside the logs"),
  Command.withDescription("Lists the savepoints that are kept beside the logs, the oldest first.")
)

const delete_ = Command.make(
  "delete",
  { name: Words.savepoint, home: Home.flags, json: Words.json },
  Home.located((options) => Effect.flatMap(load, ({ deleteNamed }) => deleteNamed(options)))
).pipe(
  Command.withShortDescription("Delete a savepoint"),
  Command.withDescription("Deletes a savepoint. Queries that were started from it stay as they are.")
)

/** @category commands @since 0.1.0 */
export const command = Command.make("savepoint").pipe(
  Command.withShortDescription("Keep positions of queries, to start others from"),
  Command.withDescription("Keeps positions of queries under names of their own, to start other queries from."),
  Command.withSubcommands([create, list, delete_])
)
