/**
 * Where reading a stream starts.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { StreamCut } from "./StreamCut.ts"

/**
 * `earliest`: the first events that are still there. `latest`: the tail at the time the position is resolved. A stream
 * cut: the first events after it.
 *
 * There is no start at a time: Pravega 0.13's controller ignores the timestamp it is asked for. A query can start at one
 * that the stream's writers have noted (`Source.microBatch`).
 *
 * @category schemas
 * @since 0.1.0
 */
export const StartPosition = Schema.Union([Schema.Literals(["earliest", "latest"]), StreamCut])
/** @category models @since 0.1.0 */
export type StartPosition = typeof StartPosition.Type
