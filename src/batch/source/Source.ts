/**
 * Where a batch's input comes from: the sources that there are. `Source.make` is for sources of one's own: what they have to
 * do is said by `SourceContract`.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { EventStream } from "../../core/EventStream.ts"
import { StreamCut } from "../../core/StreamCut.ts"
import type { Pravega } from "../../pravega/Pravega.ts"
import type { EventRead } from "../../pravega/read/EventRead.ts"
import type { ReadError } from "../../pravega/read/ReadError.ts"
import type { CommitError } from "../protocol/CommitError.ts"
import { jsonState } from "../protocol/JsonState.ts"
import type { MicroBatchOptions } from "./internal/MicroBatchOptions.ts"
import * as MicroBatchSource from "./internal/MicroBatchSource.ts"
import { make, type Source } from "./SourceContract.ts"
import type { SourceError } from "./SourceError.ts"

export type { MicroBatchOptions } from "./internal/MicroBatchOptions.ts"
export * from "./SourceContract.ts"
export * from "./SourceUnion.ts"

/**
 * Reads a stream in micro-batches.
 *
 * **Details**
 *
 * A batch is an exact range between two stream cuts, within limits from the first batch on. It follows segments that are scaled
 * or sealed, and keeps the order of each routing key.
 *
 * Events that retention deleted before they were read fail the query with `TruncatedData`, or are skipped, as chosen. A
 * stream that was deleted and created again fails it with `StreamIdentityChanged`.
 *
 * **Gotchas**
 *
 * Throws `RangeError` for an option that can't be meant: a limit of nothing, lanes without routing keys, a text that is no
 * stream cut. A cut's text that comes from outside of the program is read with `StreamCut.fromText` first.
 *
 * **Example**
 *
 * ```ts
 * import { EventCodec, EventStream } from "effect-pravega"
 * import { Source } from "effect-pravega/batch"
 *
 * const lines = EventStream.make("logs/lines", { codec: EventCodec.utf8 })
 *
 * const source = Source.microBatch(lines, { start: "latest", limit: { events: 10_000 }, onTruncated: "skip" })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const microBatch = <A>(
  events: EventStream<A>,
  options: MicroBatchOptions<A> = {}
): Source<EventRead<A>, ReadError | SourceError, Pravega> => make(MicroBatchSource.typed(events, options))

/**
 * The position of a Pravega stream, as reports and checkpoint logs have it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const streamCut: (position: Schema.Json) => Effect.Effect<StreamCut, CommitError> =
  jsonState("position", StreamCut).decode
