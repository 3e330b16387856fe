/**
 * How the client names itself to a Pravega with authorisation on. The controller checks it with every call; segment stores see
 * only the delegation tokens that the controller gives out.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

/**
 * `basic`: user and password for Pravega's own password handler. `token`: any other handler's method name (it is
 * case-sensitive) and its ready-made token.
 *
 * @category models
 * @since 0.1.0
 */
export type Credentials =
  | { readonly _tag: "basic"; readonly user: string; readonly password: Redacted.Redacted<string> }
  | { readonly _tag: "token"; readonly method: string; readonly token: Redacted.Redacted<string> }
  | Refreshed

/**
 * A token for another handler than Pravega's own, such as Keycloak's, that runs out and is fetched again.
 *
 * @category models
 * @since 0.2.0
 */
export interface Refreshed {
  readonly _tag: "refreshed"
  readonly method: string
  readonly fetch: Effect.Effect<FreshToken, unknown>
}

/** A token, and how long it is good for from now on. @category models @since 0.2.0 */
export interface FreshToken {
  readonly token: string | Redacted.Redacted<string>
  readonly life: Duration.Input
}

/**
 * Tokens that are fetched: before the first call, when nine tenths of the last one's life are over, and once more when the
 * controller refuses one. Calls wait for it; a fetch that fails is tried again like a controller that can't be reached.
 *
 * **Example**
 *
 * ```ts
 * import { Credentials, Pravega } from "effect-pravega"
 * import { Effect, Redacted } from "effect"
 *
 * declare const askKeycloak: Effect.Effect<{ readonly access_token: string; readonly expires_in: number }, Error>
 *
 * const Live = Pravega.layer({
 *   controller: "tls://pravega.example:9090",
 *   credentials: Credentials.refreshed(
 *     "Bearer",
 *     Effect.map(askKeycloak, ({ access_token, expires_in }) => ({
 *       token: Redacted.make(access_token),
 *       life: `${expires_in} seconds`
 *     }))
 *   )
 * })
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const refreshed = (method: string, fetch: Effect.Effect<FreshToken, unknown>): Credentials => ({
  _tag: "refreshed",
  method,
  fetch
})

/** @category constructors @since 0.1.0 */
export const basic = (user: string, password: string | Redacted.Redacted<string>): Credentials => ({
  _tag: "basic",
  user,
  password: typeof password === "string" ? Redacted.make(password) : password
})

/** The value of the `authorization` metadata. @internal @category combinators @since 0.1.0 */
export const authorization = (credentials: Exclude<Credentials, Refreshed>): string => {
  if (credentials._tag === "token") return `${credentials.method} ${Redacted.value(credentials.token)}`
  const bytes = new TextEncoder().encode(`${credentials.user}:${Redacted.value(credentials.password)}`)
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`
}
