/**
 * A stream's full name: its scope and its name in the scope.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { MalformedValue } from "./MalformedValue.ts"
import { ScopeName } from "./ScopeName.ts"
import { StreamName } from "./StreamName.ts"

/**
 * Prints as `scope/stream`; neither part can hold a slash.
 *
 * @category models
 * @since 0.1.0
 */
export class ScopedStream extends Schema.Class<ScopedStream>("effect-pravega/ScopedStream")({
  scope: ScopeName,
  stream: StreamName
}) {
  /** Reads `scope/stream`. */
  static readonly fromText = (text: string): Result.Result<ScopedStream, MalformedValue> =>
    Result.mapError(
      decode(text),
      ({ message }) => new MalformedValue({ value: "ScopedStream", form: "text", problem: message })
    )

  /** Reads `scope/stream`, as it is written in a program. Throws `MalformedValue`. */
  static readonly fromTextUnsafe = (text: string): ScopedStream => Result.getOrThrow(ScopedStream.fromText(text))

  override toString(): string {
    return `${this.scope}/${this.stream}`
  }
}

/**
 * The text form, `scope/stream`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ScopedStreamFromText = Schema.String.check(Schema.isPattern(/^[^/]+\/[^/]+$/)).pipe(
  Schema.decodeTo(
    ScopedStream,
    SchemaTransformation.transform({
      decode: (text: string) => {
        const slash = text.indexOf("/")
        return { scope: text.slice(0, slash), stream: text.slice(slash + 1) }
      },
      encode: ({ scope, stream }) => `${scope}/${stream}`
    })
  )
)

const decode = Schema.decodeResult(ScopedStreamFromText)
