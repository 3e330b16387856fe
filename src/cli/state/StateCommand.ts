/** `effect-pravega state`, as it is typed; what it does is in `States`. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Home from "../Home.ts"
import * as Words from "../Words.ts"
import * as StateHomes from "./StateHomes.ts"

const load = Effect.promise(() => import("./States.ts"))

const step = Argument.String("STEP").pipe(Argument.withDescription("the name of the step of the query's flow"))

const common = { query: Words.query, step, home: Home.flags, ...StateHomes.flags, json: Words.json }

const scan = Command.make(
  "scan",
  common,
  Home.located((options) => Effect.flatMap(load, ({ scan }) => scan(options)))
).pipe(
  Command.withShortDescription("Show all that a step of a query remembers"),
  Command.withDescription(
    "Shows all that a step of a query's flow remembers, as of its last committed batch: of each row its key, what the row is,\n" +
      "  and its value as it is stored. Changes nothing; the query may run meanwhile."
  ),
  Command.withExamples([
    { command: "effect-pravega state scan totals hourly --directory ./checkpoints --state-directory ./state" }
  ])
)

const get = Command.make(
  "get",
  {
    query: Words.query,
    step,
    key: Argument.String("KEY").pipe(
      Argument.withDescription("a text, a number, true or false, a date; else the bytes as 0x and hexadecimal digits")
    ),
    home: Home.flags,
    ...StateHomes.flags,
    json: Words.json
  },
  Home.located((options) => Effect.flatMap(load, ({ get }) => get(options)))
).pipe(
  Command.withShortDescription("Show what a step of a query remembers of a key"),
  Command.withDescription(
    "Shows what a step of a query's flow remembers of a key, as of its last committed batch. Changes nothing; the query may\n" +
      "  run meanwhile."
  ),
  Command.withExamples([{ command: "effect-pravega state get totals hourly OSL --sqlite ./totals.sqlite" }])
)

/** @category commands @since 0.2.0 */
export const command = Command.make("state").pipe(
  Command.withShortDescription("Look into what the steps of queries remember"),
  Command.withDescription("Looks into what the steps of queries remember."),
  Command.withSubcommands([get, scan])
)
