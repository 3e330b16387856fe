/**
 * Delegation tokens: what the controller signs, and segment stores check. JSON web tokens with HS512. Who may have one is
 * not decided here.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { createHmac, timingSafeEqual } from "node:crypto"

/** @category models @since 0.1.0 */
export type Permission = "READ" | "READ_UPDATE" | "NONE"

/** @category models @since 0.1.0 */
export interface TokenOptions {
  readonly signingKey: string
  /** Milliseconds; undefined: a token never expires. */
  readonly life: number | undefined
}

/** For one stream and all its segments. `now` in milliseconds. @category constructors @since 0.1.0 */
export const issue = (
  { life, signingKey }: TokenOptions,
  stream: { readonly scope: string; readonly stream: string },
  permission: Permission,
  now: number
): string => {
  const issued = Math.floor(now / 1_000)
  const claims = {
    sub: "segmentstoreresource",
    aud: "segmentstore",
    iat: issued,
    ...(life === undefined ? {} : { exp: issued + Math.floor(life / 1_000) }),
    [`prn::/scope:${stream.scope}/stream:${stream.stream}`]: permission
  }
  const body = `${base64(JSON.stringify({ alg: "HS512" }))}.${base64(JSON.stringify(claims))}`
  return `${body}.${sign(signingKey, body)}`
}

/** @category models @since 0.1.0 */
export type Verdict = "allowed" | "refused" | "expired"

/**
 * Whether a token allows to read all of some segments ("READ") or to change them ("READ_UPDATE"). A claim covers what its path names
 * and all below it; `*` covers everything.
 *
 * @category guards
 * @since 0.1.0
 */
export const check = (
  { signingKey }: Pick<TokenOptions, "signingKey">,
  token: string,
  segments: ReadonlyArray<string>,
  wanted: "READ" | "READ_UPDATE",
  now: number
): Verdict => {
  const claims = claimsOf(signingKey, token)
  if (claims === undefined) return "refused"
  const expires = claims["exp"]
  if (typeof expires === "number" && expires * 1_000 <= now) return "expired"
  const claimed = Object.entries(claims).flatMap(([claim, permission]) =>
    permission === "READ_UPDATE" || permission === wanted ? [claim] : []
  )
  return segments.every((segment) => claimed.some((claim) => covers(claim, segment))) ? "allowed" : "refused"
}

/** When a token that is allowed ends to be, in milliseconds; Infinity: never. @category getters @since 0.1.0 */
export const expiresAt = ({ signingKey }: Pick<TokenOptions, "signingKey">, token: string): number => {
  const expires = claimsOf(signingKey, token)?.["exp"]
  return typeof expires === "number" ? expires * 1_000 : Number.POSITIVE_INFINITY
}

const resourcePrefix = "prn::"

const covers = (claim: string, segment: string): boolean => {
  if (claim === "*") return true
  if (!claim.startsWith(resourcePrefix)) return false
  const path = claim.replace(resourcePrefix, "").replace("/scope:", "").replace("stream:", "")
  return path === "*" || segment === path || segment.startsWith(`${path}/`)
}

const Claims = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))
const decodeClaims = Schema.decodeOption(Claims)

/** Undefined: not a token, or not signed with this key. */
const claimsOf = (signingKey: string, token: string): Readonly<Record<string, unknown>> | undefined => {
  const [header, body, signature, ...rest] = token.split(".")
  if (header === undefined || body === undefined || signature === undefined || rest.length > 0) return undefined
  const expected = Buffer.from(sign(signingKey, `${header}.${body}`))
  const given = Buffer.from(signature)
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined
  return Option.getOrUndefined(decodeClaims(Buffer.from(body, "base64url").toString("utf8")))
}

const sign = (key: string, body: string): string => createHmac("sha512", key).update(body).digest("base64url")

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64url")
