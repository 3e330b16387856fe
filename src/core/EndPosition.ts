/**
 * Where reading a stream ends.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { StreamCut } from "./StreamCut.ts"

/**
 * - `"unbounded"`: reading never ends, unless the stream is sealed and everything has been read.
 * - `"latest"`: reading ends at the tail that the stream has when the position is resolved.
 * - a stream cut: reading ends with the last events before it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const EndPosition = Schema.Union([Schema.Literals(["unbounded", "latest"]), StreamCut])
/** @category models @since 0.1.0 */
export type EndPosition = typeof EndPosition.Type
