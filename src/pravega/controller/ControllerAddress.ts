/**
 * The address of a controller as users write it: a scheme and one or more `host:port`. Pure: resolves and connects
 * nothing.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** @category models @since 0.1.0 */
export interface ControllerAddress {
  readonly secure: boolean
  /** `host:port`, at least one; an IPv6 host is in brackets. */
  readonly endpoints: ReadonlyArray<string>
}

/** The text is not the address of a controller. @category errors @since 0.1.0 */
export class InvalidControllerAddress
  extends Schema.TaggedError<InvalidControllerAddress>()("InvalidControllerAddress", {
    address: Schema.String,
    problem: Schema.String
  })
{
  override get message(): string {
    return `controller address ${JSON.stringify(this.address)}: ${this.problem}; ` +
      "expected tcp://host:port[,host:port...], or tls:// for an encrypted connection"
  }
}

/** The port that a controller listens on when the address names none. */
const defaultPort = 9090

/** Java's names for the same things. `pravega://` asks a controller for its peers there; here it connects directly. */
const schemes: Readonly<Record<string, { readonly secure: boolean }>> = {
  tcp: { secure: false },
  pravega: { secure: false },
  tls: { secure: true },
  ssl: { secure: true },
  pravegas: { secure: true }
}

/**
 * Reads `tcp://host:port[,host:port...]`. `tls://` and `ssl://` encrypt; `pravega://` and `pravegas://` are taken as
 * `tcp://` and `tls://`. A missing port is 9090; a missing scheme is `tcp`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (address: string): Result.Result<ControllerAddress, InvalidControllerAddress> => {
  const shown = withoutPassword(address)
  const fail = (problem: string) => Result.fail(new InvalidControllerAddress({ address: shown, problem }))
  if (shown !== address) {
    return fail("it holds a user or a password: give them as credentials (PRAVEGA_USER and PRAVEGA_PASSWORD)")
  }
  const match = /^(?:([a-z]+):\/\/)?([^/]+)\/?$/.exec(address.trim())
  if (match === null || match[2] === undefined) return fail("it can't be read")
  const scheme = schemes[match[1] ?? "tcp"]
  if (scheme === undefined) return fail(`the scheme ${match[1]} is not known`)
  const endpoints: Array<string> = []
  for (const part of match[2].split(",")) {
    const endpoint = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?$/.exec(part.trim())
    if (endpoint === null) return fail(`${JSON.stringify(part)} is not host:port`)
    const port = endpoint[2] === undefined ? defaultPort : Number(endpoint[2])
    if (port < 1 || port > 65_535) return fail(`${port} is not a port`)
    endpoints.push(`${endpoint[1]}:${port}`)
  }
  return Result.succeed({ secure: scheme.secure, endpoints })
}

/** Whatever stands before an `@` may be secret. */
const withoutPassword = (address: string): string => address.replace(/^([a-z]+:\/\/)?.*@/s, "$1<redacted>@")

/**
 * The parts of an endpoint as `parse` gives it; an IPv6 host without its brackets.
 *
 * @category getters
 * @since 0.2.0
 */
export const hostAndPort = (endpoint: string): { readonly host: string; readonly port: number } => {
  const colon = endpoint.lastIndexOf(":")
  return { host: endpoint.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(endpoint.slice(colon + 1)) }
}
