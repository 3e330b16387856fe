/**
 * The watermarks of a stream, as a stream of events.
 *
 * @internal
 */
import * as Result from "effect/Result"
import * as EventCodec from "../../core/EventCodec.ts"
import * as EventStream from "../../core/EventStream.ts"
import { ScopedStream } from "../../core/ScopedStream.ts"
import { markStream } from "../../core/StreamName.ts"
import { Watermark } from "../../core/Watermark.ts"

const codec = EventCodec.make<Watermark>({
  name: "watermark",
  encode: Watermark.toBytes,
  decode: (bytes) => Result.getOrThrow(Watermark.fromBytes(bytes)),
  copies: true
})

/** There is none of a stream that is Pravega's own. @category constructors @since 0.1.0 */
export const of = ({ scope, stream }: ScopedStream): EventStream.EventStream<Watermark> =>
  EventStream.make(new ScopedStream({ scope, stream: markStream(stream) }), { codec })
