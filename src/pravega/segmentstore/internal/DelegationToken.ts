/**
 * How long a delegation token lives. Pure; the token's signature is the store's business.
 *
 * @internal
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const Claims = Schema.fromJsonString(
  Schema.Struct({ exp: Schema.optionalKey(Schema.Finite), iat: Schema.optionalKey(Schema.Finite) })
)

/** A token whose end can't be read is renewed this often. */
const unreadableLifeMillis = 60_000
/** Renewed this long before its end, but not before half of its life is over. */
const marginMillis = 30_000

/**
 * How long a token that was just received may be used. Its end and its issue are compared with each other, so that the
 * clocks of client and server need not agree; `now` only serves where the time of issue is missing. Infinite for the
 * empty token (authorisation is off) and for one without an end.
 *
 * @category getters
 * @since 0.1.0
 */
export const usableMillis = (token: string, now: number): number => {
  if (token === "") return Infinity
  const claims = Schema.decodeResult(Claims)(decodeBase64Url(token.split(".")[1] ?? ""))
  if (Result.isFailure(claims)) return unreadableLifeMillis
  const { exp, iat } = claims.success
  if (exp === undefined) return Infinity
  const life = Math.max(0, iat === undefined ? exp * 1000 - now : (exp - iat) * 1000)
  return Math.max(life - marginMillis, life / 2)
}

/** Not base64: the empty text, which is no claims either. */
const decodeBase64Url = (text: string): string => Buffer.from(text, "base64url").toString("utf8")
