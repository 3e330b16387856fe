/**
 * A stream for each thing that has a name, such as a query: the prefix, a dash, and the name. Streams' names have no underscore,
 * so a dot and a dash stand for it, and two dots for a dot.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ScopedStream } from "./ScopedStream.ts"
import { StreamName } from "./StreamName.ts"

/** The stream of a name; it fails for what can't be in a stream's name. @category constructors @since 0.2.0 */
export const of = (prefix: ScopedStream, name: string): Effect.Effect<ScopedStream, Schema.SchemaError> =>
  Effect.map(
    Schema.decodeEffect(StreamName)(`${prefix.stream}-${name.replaceAll(".", "..").replaceAll("_", ".-")}`),
    (stream) => new ScopedStream({ scope: prefix.scope, stream })
  )

/** The name whose stream it would be. @category getters @since 0.2.0 */
export const nameOf = (prefix: ScopedStream, { stream }: ScopedStream): string | undefined =>
  stream.startsWith(`${prefix.stream}-`)
    ? stream.slice(prefix.stream.length + 1).replaceAll(/\.([.-])/g, (_, second) => second === "." ? "." : "_")
    : undefined
