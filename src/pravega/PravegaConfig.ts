/**
 * What `Pravega.layerConfig` reads from outside. It connects to nothing.
 *
 * @internal
 */
import * as Config from "effect/Config"

/** @category combinators @since 0.1.0 */
export const settings = Config.all({
  controller: Config.String("PRAVEGA_CONTROLLER").pipe(Config.withDefault("tcp://localhost:9090")),
  user: Config.option(Config.String("PRAVEGA_USER")),
  password: Config.option(Config.Redacted("PRAVEGA_PASSWORD")),
  ca: Config.option(Config.String("PRAVEGA_TLS_CA"))
})
