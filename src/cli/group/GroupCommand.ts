/** `effect-pravega group`, as it is typed; what it does is in `Groups`. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Words from "../Words.ts"

const load = Effect.promise(() => import("./Groups.ts"))

const group = Argument.String("SCOPE/GROUP").pipe(Argument.withDescription("the group, with its scope"))

const controller = Flag.String("controller").pipe(
  Flag.withMetavar("URI"),
  Flag.withDescription("the controller (default: PRAVEGA_CONTROLLER, or tcp://localhost:9090)"),
  Flag.optional
)

const list = Command.make(
  "list",
  {
    scope: Argument.String("SCOPE").pipe(Argument.withDescription("the scope")),
    controller,
    json: Words.json
  },
  (options) => Effect.flatMap(load, ({ list }) => list(options))
).pipe(
  Command.withShortDescription("List the reader groups of a scope"),
  Command.withDescription("Lists the reader groups of a scope.")
)

const describe = Command.make(
  "describe",
  { group, controller, json: Words.json },
  (options) => Effect.flatMap(load, ({ describe }) => describe(options))
).pipe(
  Command.withShortDescription("Say what a group reads, who reads it, and how far behind it is"),
  Command.withDescription(
    "Says what a reader group reads, which readers it has and how many segments each of them, and how many bytes are unread.\n" +
      "  A reader that is not there any more is still listed until another one takes it out, or `group offline` does."
  ),
  Command.withExamples([{ command: "effect-pravega group describe market/dashboards" }])
)

const offline = Command.make(
  "offline",
  {
    group,
    reader: Argument.String("READER").pipe(Argument.withDescription("the reader, as `group describe` names it")),
    controller,
    json: Words.json
  },
  (options) => Effect.flatMap(load, ({ offline }) => offline(options))
).pipe(
  Command.withShortDescription("Take a reader whose process has died out of its group"),
  Command.withDescription(
    "Takes a reader out of its group, so that others read its segments. They begin where it last reported to be: events that\n" +
      "  it processed since come again. A reader that still runs ends with an error."
  ),
  Command.withExamples([{ command: "effect-pravega group offline market/dashboards 6f1d2c5e" }])
)

const delete_ = Command.make(
  "delete",
  { group, controller, json: Words.json },
  (options) => Effect.flatMap(load, ({ deleteGroup }) => deleteGroup(options))
).pipe(
  Command.withShortDescription("Delete a group and its position"),
  Command.withDescription("Deletes a reader group and its position; its readers end with an error. The streams stay.")
)

/** @category commands @since 0.2.0 */
export const command = Command.make("group").pipe(
  Command.withShortDescription("Reader groups: list, describe, free what dead readers hold, delete"),
  Command.withDescription("Reader groups: lists and describes them, frees what dead readers hold, deletes them."),
  Command.withSubcommands([list, describe, offline, delete_])
)
