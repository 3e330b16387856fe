/**
 * Where reading a stream starts.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { StreamCut } from "./StreamCut.ts"

/**
 * - `"earliest"`: the first events that have not been truncated.
 * - `"latest"`: the tail that the stream has when the position is resolved.
 * - a stream cut: the first events after it.
 *
 * **Gotchas**
 *
 * A time is no start position: the controller of Pravega 0.13 ignores the timestamp that it is given. A query can start at a
 * time that the stream's writers have noted (`Source.microBatch`).
 *
 * @category schemas
 * @since 0.1.0
 */
export const StartPosition = Schema.Union([Schema.Literals(["earliest", "latest"]), StreamCut])
/** @category models @since 0.1.0 */
export type StartPosition = typeof StartPosition.Type
