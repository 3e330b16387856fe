/** `effect-pravega dev`, as it is typed; what it does is in `Dev`. */
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const port = (name: string, whose: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(`${whose} port (0, the default: a free one)`),
    Flag.mapEffect((text) =>
      /^\d{1,5}$/.test(text) && Number(text) <= 65_535
        ? Effect.succeed(Number(text))
        : Effect.fail(
          new CliError.ValidationError({ message: `--${name} is a number from 0 to 65535, not ${text}` })
        )
    ),
    Flag.withDefault(0)
  )

/** @category commands @since 0.1.0 */
export const command = Command.make(
  "dev",
  {
    port: port("port", "the controller's"),
    storePort: port("store-port", "the segment store's"),
    host: Flag.String("host").pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription("where to listen, and what clients are told to connect to (127.0.0.1)"),
      Flag.withDefault("127.0.0.1")
    ),
    data: Flag.String("data").pipe(
      Flag.withMetavar("DIR"),
      Flag.withDescription("keep the data in this directory; without it they are gone when the server ends"),
      Flag.optional
    ),
    durability: Flag.Literals("durability", ["process", "power"]).pipe(
      Flag.withMetavar("WHAT"),
      Flag.withDescription(
        "what acknowledged data survive: process (the default: kill -9) or power (also the loss of power)"
      ),
      Flag.withDefault("process")
    )
  },
  Effect.fnUntraced(function*({ data, durability, host, port, storePort }) {
    const Dev = yield* Effect.promise(() => import("./Dev.ts"))
    return yield* Dev.run({ host, port, storePort, durability, directory: Option.getOrUndefined(data) })
  })
).pipe(
  Command.withShortDescription("Run a Pravega-compatible server"),
  Command.withDescription(
    "Runs a Pravega-compatible server in this process until it is stopped (Ctrl-C, SIGTERM).\n" +
      "  Once clients can connect it prints one line: READY and the controller's address."
  )
)
