/**
 * Who the client is to a Pravega with authorisation on. The controller checks it with every call; segment stores see
 * only the delegation tokens that the controller gives out.
 *
 * @since 0.1.0
 */
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

/** @category constructors @since 0.1.0 */
export const basic = (user: string, password: string | Redacted.Redacted<string>): Credentials => ({
  _tag: "basic",
  user,
  password: typeof password === "string" ? Redacted.make(password) : password
})

/** The value of the `authorization` metadata. @internal @category combinators @since 0.1.0 */
export const authorization = (credentials: Credentials): string => {
  if (credentials._tag === "token") return `${credentials.method} ${Redacted.value(credentials.token)}`
  const bytes = new TextEncoder().encode(`${credentials.user}:${Redacted.value(credentials.password)}`)
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`
}
