/**
 * The names that users give to functions of this client, checked: what is not a name fails before anything is sent.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ScopedStream } from "../../../core/ScopedStream.ts"
import * as ScopeName from "../../../core/ScopeName.ts"
import * as StreamName from "../../../core/StreamName.ts"
import { ControllerError, InvalidName } from "../../controller/ControllerError.ts"

const badName = (kind: "scope" | "stream", name: string): ControllerError =>
  new ControllerError({ reason: new InvalidName({ kind, value: name }) })

const scopeNamed = (schema: typeof ScopeName.ScopeName) => (name: string) =>
  Effect.mapError(Effect.fromResult(Schema.decodeResult(schema)(name)), () => badName("scope", name))

/** @category running @since 0.1.0 */
export const existingScope = scopeNamed(ScopeName.ScopeName)
/** @category running @since 0.1.0 */
export const newScope = scopeNamed(ScopeName.UserScopeName)

/** @category running @since 0.1.0 */
export const existingStream = (name: ScopedStream | string): Effect.Effect<ScopedStream, ControllerError> => {
  if (typeof name !== "string") return Effect.succeed(name)
  const [scopeName = "", streamName = "", ...rest] = name.split("/")
  const names = Result.all([
    Schema.decodeResult(ScopeName.ScopeName)(scopeName),
    Schema.decodeResult(StreamName.StreamName)(streamName)
  ])
  return Result.isSuccess(names) && rest.length === 0
    ? Effect.succeed(new ScopedStream({ scope: names.success[0], stream: names.success[1] }))
    : Effect.fail(badName("stream", name))
}

/** A stream to be created: the name must be one that users may give. @category running @since 0.1.0 */
export const newStream = (name: ScopedStream | string): Effect.Effect<ScopedStream, ControllerError> =>
  Effect.filterOrFail(
    existingStream(name),
    (target) => Schema.is(StreamName.UserStreamName)(target.stream),
    () => badName("stream", String(name))
  )
