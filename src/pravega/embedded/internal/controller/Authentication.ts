/**
 * Who may call: Pravega's built-in Basic authentication, by user and password. Whoever is a user may do everything.
 *
 * @internal
 */
import { createHash, timingSafeEqual } from "node:crypto"
import type { TokenOptions } from "./DelegationTokens.ts"
import { Refusal } from "./World.ts"

export interface Authorisation extends TokenOptions {
  /** Passwords by user. */
  readonly users: ReadonlyMap<string, string>
}

/** Throws a `Refusal` unless the metadata (lower-case names) carry the credentials of a user. */
export const authenticate = (
  { users }: Authorisation,
  metadata: Readonly<Record<string, string | undefined>>
): void => {
  // the method's name is case-sensitive
  const [, encoded] = /^Basic (.+)$/.exec(metadata["authorization"] ?? "") ?? []
  const text = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString("utf8")
  const colon = text.indexOf(":")
  const password = colon < 0 ? undefined : users.get(text.slice(0, colon))
  if (password === undefined || !isEqual(password, text.slice(colon + 1))) {
    throw new Refusal({ code: "UNAUTHENTICATED", details: "Authentication failed" })
  }
}

/** In a time that says nothing about either. */
const isEqual = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()
