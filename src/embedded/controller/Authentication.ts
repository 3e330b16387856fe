/**
 * Who may call: Pravega's built-in Basic authentication, by user and password. What a user may is in `Permissions`.
 *
 * @internal
 */
import { createHash, timingSafeEqual } from "node:crypto"
import type { AccessList } from "./AccessList.ts"
import type { TokenOptions } from "./DelegationTokens.ts"
import { Refusal } from "./Refusal.ts"

/** @category models @since 0.1.0 */
export interface Authorisation extends TokenOptions {
  /** By name. */
  readonly users: ReadonlyMap<string, User>
}

/** @category models @since 0.1.0 */
export interface User {
  readonly password: string
  readonly may: AccessList
}

/**
 * The user whose credentials the metadata (lower-case names) carry; throws a `Refusal` if they are nobody's.
 *
 * @category guards
 * @since 0.1.0
 */
export const authenticate = (
  { users }: Authorisation,
  metadata: Readonly<Record<string, string | undefined>>
): User => {
  // the method's name is case-sensitive
  const [, encoded] = /^Basic (.+)$/.exec(metadata["authorization"] ?? "") ?? []
  const text = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString("utf8")
  const colon = text.indexOf(":")
  const user = colon < 0 ? undefined : users.get(text.slice(0, colon))
  if (user === undefined || !isEqual(user.password, text.slice(colon + 1))) {
    throw new Refusal({ code: "UNAUTHENTICATED", details: "Authentication failed" })
  }
  return user
}

/** In a time that says nothing about either. */
const isEqual = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()
