/** `effect-pravega log`, as it is typed; what it does is in `Logs`. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Home from "../Home.ts"
import * as Words from "../Words.ts"

const load = Effect.promise(() => import("./Logs.ts"))

const inspect = Command.make(
  "inspect",
  { query: Words.query, home: Home.flags, json: Words.json },
  Home.located((options) => Effect.flatMap(load, ({ inspect }) => inspect(options)))
).pipe(
  Command.withShortDescription("Show what a query's log says, and what is wrong with it"),
  Command.withDescription(
    "Shows a query's checkpoint log: its records, what they add up to, and what is wrong with it.\n" +
      "  Changes nothing; the query may run meanwhile."
  ),
  Command.withExamples([
    { command: "effect-pravega log inspect totals --directory ./checkpoints" },
    { command: "effect-pravega log inspect totals --pravega shop/checkpoints --controller tcp://localhost:9090" }
  ])
)

const repair = Command.make(
  "repair",
  {
    query: Words.query,
    home: Home.flags,
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("only say what would be done"),
      Flag.withDefault(false)
    ),
    json: Words.json
  },
  Home.located((options) => Effect.flatMap(load, ({ repair }) => repair(options)))
).pipe(
  Command.withShortDescription("Repair a damaged log, where that is safe"),
  Command.withDescription(
    "Repairs a query's damaged checkpoint log, if the rest of it says for certain what the damaged record can't, and\n" +
      "  refuses otherwise. Says first what it will do. The query must not run. A torn last record is no damage: the next\n" +
      "  start of the query drops it."
  ),
  Command.withExamples([{ command: "effect-pravega log repair totals --directory ./checkpoints --dry-run" }])
)

/** @category commands @since 0.1.0 */
export const command = Command.make("log").pipe(
  Command.withShortDescription("Look into the checkpoint logs of queries, and repair them"),
  Command.withDescription("Looks into the checkpoint logs of queries, and repairs them."),
  Command.withSubcommands([inspect, repair])
)
