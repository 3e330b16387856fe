/**
 * What `Pravega.layerConfig` reads from outside. It connects to nothing.
 *
 * @internal
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Credentials from "./controller/Credentials.ts"

/** @internal @category options @since 0.1.0 */
export const settings = Config.all({
  controller: Config.String("PRAVEGA_CONTROLLER").pipe(Config.withDefault("tcp://localhost:9090")),
  user: Config.option(Config.String("PRAVEGA_USER")),
  password: Config.option(Config.Redacted("PRAVEGA_PASSWORD")),
  ca: Config.option(Config.String("PRAVEGA_TLS_CA"))
}).pipe(Config.mapEffect(({ ca, controller, password, user }) => {
  if (Option.isSome(user) !== Option.isSome(password)) return Effect.fail(half(Option.isSome(user)))
  return Effect.succeed({
    controller,
    ca: Option.getOrUndefined(ca),
    credentials: Option.isSome(user) && Option.isSome(password)
      ? Credentials.basic(user.value, password.value)
      : undefined
  })
}))

/** One of the two would be nobody at all to the server, without a word. */
const half = (isUser: boolean) => {
  const message = isUser
    ? "PRAVEGA_USER is set, and PRAVEGA_PASSWORD is not: set both, or neither"
    : "PRAVEGA_PASSWORD is set, and PRAVEGA_USER is not: set both, or neither"
  return new Config.ConfigError(new ConfigProvider.SourceError({ message }))
}
