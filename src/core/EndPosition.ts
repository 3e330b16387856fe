/**
 * Where reading a stream ends.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { StreamCut } from "./StreamCut.ts"

/**
 * `unbounded`: never, or when the stream is sealed and read. `latest`: the tail at the time the position is resolved. A
 * stream cut: the last events before it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const EndPosition = Schema.Union([Schema.Literals(["unbounded", "latest"]), StreamCut])
/** @category models @since 0.1.0 */
export type EndPosition = typeof EndPosition.Type
