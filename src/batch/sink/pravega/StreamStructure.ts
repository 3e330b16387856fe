/**
 * What a log remembers of a sink that is a Pravega stream, and compares when its query starts again.
 */
import * as EventCodec from "../../../core/EventCodec.ts"
import type { EventStream } from "../../../core/EventStream.ts"

/** @category getters @since 0.2.0 */
export const of = <A, G extends string>({ codec, name }: EventStream<A>, guarantee: G) => ({
  kind: "pravega",
  stream: name.toString(),
  codec: EventCodec.fingerprint(codec),
  guarantee
})
