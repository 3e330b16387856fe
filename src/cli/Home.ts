/** Where checkpoint logs are, as it is typed; what is there is found out by `OpenHome`. */
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type ScopedStream, ScopedStreamFromText } from "../core/ScopedStream.ts"

/** @category models @since 0.1.0 */
export type Home =
  | { readonly _tag: "directory"; readonly directory: string }
  | { readonly _tag: "sqlite"; readonly file: string }
  /** Without a controller: the one of the environment. */
  | { readonly _tag: "pravega"; readonly prefix: ScopedStream; readonly controller: string | undefined }

const decodePrefix = Schema.decodeEffect(ScopedStreamFromText)

/** @category constants @since 0.1.0 */
export const flags = {
  directory: Flag.String("directory").pipe(
    Flag.withMetavar("DIR"),
    Flag.withDescription("the logs are in this directory (CheckpointLog.layerFileSystem)"),
    Flag.optional
  ),
  sqlite: Flag.String("sqlite").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("the logs are in this SQLite file (CheckpointLog.layerSqlite)"),
    Flag.optional
  ),
  pravega: Flag.String("pravega").pipe(
    Flag.withMetavar("SCOPE/PREFIX"),
    Flag.withDescription("the logs are in Pravega, in streams of this prefix (CheckpointLog.layerPravega)"),
    Flag.mapEffect((text) =>
      Effect.mapError(
        decodePrefix(text),
        () =>
          new CliError.ValidationError({
            message: `--pravega is a scope and a prefix, as in shop/checkpoints, not ${text}`
          })
      )
    ),
    Flag.optional
  ),
  controller: Flag.String("controller").pipe(
    Flag.withMetavar("URI"),
    Flag.withDescription("with --pravega: the controller (default: PRAVEGA_CONTROLLER, or tcp://localhost:9090)"),
    Flag.optional
  )
}

interface Flags {
  readonly directory: Option.Option<string>
  readonly sqlite: Option.Option<string>
  readonly pravega: Option.Option<ScopedStream>
  readonly controller: Option.Option<string>
}

/** The one that was named. */
const fromFlags = (
  { controller, directory, pravega, sqlite }: Flags
): Effect.Effect<Home, CliError.ValidationError> => {
  const named: ReadonlyArray<Home> = [
    ...Option.toArray(directory).map((directory) => ({ _tag: "directory", directory }) as const),
    ...Option.toArray(sqlite).map((file) => ({ _tag: "sqlite", file }) as const),
    ...Option.toArray(pravega).map((prefix) =>
      ({ _tag: "pravega", prefix, controller: Option.getOrUndefined(controller) }) as const
    )
  ]
  const [home, ...others] = named
  if (home === undefined || others.length > 0) {
    return refused("say where the logs are: one of --directory, --sqlite and --pravega (--help says more)")
  }
  if (Option.isSome(controller) && home._tag !== "pravega") return refused("--controller goes with --pravega")
  return Effect.succeed(home)
}

/**
 * What a command does with the flags that it was given, once it is known where the logs are.
 *
 * @category running
 * @since 0.1.0
 */
export const located = <O extends object, A, E, R>(
  run: (options: Omit<O, "home"> & { readonly home: Home }) => Effect.Effect<A, E, R>
) =>
({ home, ...options }: O & { readonly home: Flags }) =>
  Effect.flatMap(fromFlags(home), (home) => run({ ...options, home }))

const refused = (message: string) => Effect.fail(new CliError.ValidationError({ message }))
