/**
 * What sources and sinks keep in the checkpoint log, as JSON by way of their Schemas.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { CommitError, StateUnreadable } from "./CommitError.ts"

/**
 * State in the log, by a Schema: encoding is total, what can't be decoded stops the query.
 *
 * @category schemas
 * @since 0.1.0
 */
export const jsonState = <A>(name: string, schema: Schema.Codec<A, unknown>) => {
  const codec = Schema.toCodecJson(schema)
  const decode = Schema.decodeUnknownResult(codec)
  return {
    encode: Schema.encodeSync(codec),
    decode: (json: Schema.Json): Effect.Effect<A, CommitError> =>
      Effect.fromResult(
        Result.mapError(decode(json), (error) =>
          new CommitError({ reason: new StateUnreadable({ name, detail: error.message }) }))
      )
  }
}
