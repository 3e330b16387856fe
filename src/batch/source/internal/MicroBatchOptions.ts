/**
 * What a query may say of a stream that it reads, and what follows where it says nothing. What the settings do is not here.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import type { EndPosition } from "../../../core/EndPosition.ts"
import type { EventStream } from "../../../core/EventStream.ts"
import { ReaderGroupName } from "../../../core/ReaderGroupName.ts"
import type { StartPosition } from "../../../core/StartPosition.ts"
import type { EventTime } from "../../../flow/time/EventTime.ts"
import * as ReadSizes from "../../../pravega/read/ReadSizes.ts"
import * as ReadPositions from "./ReadPositions.ts"

const defaultBytes = 8 * 1024 * 1024

/** What a query reads of a stream, and how much of it at a time. @category models @since 0.1.0 */
export interface MicroBatchOptions<in A = unknown> {
  /**
   * Where the query's first batch starts, when its log is empty. Default: `earliest`. A later change has no effect.
   *
   * A text is what Java's `StreamCut.asText` gives. A time is in the unit in which the stream's writers note theirs. No event of
   * this time or later is left out, and some earlier ones may come with them. Reading fails with `TimeNotNoted` if no writer has
   * noted a time.
   */
  readonly start?: StartPosition | { readonly text: string } | { readonly time: bigint } | undefined
  /**
   * Where the query's last batch ends, whatever its trigger. `latest` is resolved when the query starts for the first time.
   * Default: `unbounded`.
   */
  readonly end?: EndPosition | { readonly text: string } | undefined
  /** What one batch reads at most. One event is read at least, even if it is larger. */
  readonly limit?: {
    /**
     * How many bytes, 8 for the header of each event included. Default: 8 MiB. About so much is kept in memory, and twice as
     * much with read-ahead.
     */
    readonly bytes?: number | undefined
    /** How many events. Default: no limit. */
    readonly events?: number | undefined
  } | undefined
  /**
   * How many bytes are requested or kept before they are wanted, over all segments, which share them, where a batch is read after
   * it was planned: up to the tails, or once more. Each segment may have 8 KiB in any case, and the part of one event that has not
   * come yet. It matters where the limit is larger. Default: 8 MiB.
   */
  readonly readAheadBytes?: number | undefined
  /**
   * What there must be for a batch to be due: so many bytes, so many events, or anything that was there for so long. What lies
   * before an end is due at once. Default: anything is due at once.
   */
  readonly atLeast?: {
    readonly bytes?: number | undefined
    readonly events?: number | undefined
    readonly delay: Duration.Input
  } | undefined
  /**
   * What happens when events that were to be read were truncated. With `fail`, the default, the query fails with
   * `TruncatedData`. With `skip` it goes on after them.
   *
   * What is known to be gone when the batch is planned is fixed by its plan. So a replay skips the same. What goes later is
   * skipped unless some sink has the batch's outputs already. Both are reported in the progress, counted
   * (`pravega_query_gaps`) and logged as warnings. Where nothing follows before the end, they are only logged.
   */
  readonly onTruncated?: "fail" | "skip" | undefined
  /**
   * Which events are processed in the order in which they were written. With `perKey`, the default, those of one routing key.
   * With `perSegment` those of one segment; a segment does not wait for those that it replaced. With `none` there is no order,
   * and the range of a segment is cut into pieces that are processed at the same time.
   */
  readonly ordering?: "none" | "perSegment" | "perKey" | undefined
  /**
   * How many fibers process the range of one segment. Each has the events of its share of the routing keys, so that the order
   * of a key is kept. The stream needs a `routingKey`, which must be pure. It can't be used with `ordering: "none"`. Default: 1.
   */
  readonly lanes?: number | undefined
  /**
   * A name for the query as a subscriber of the stream's retention. Pravega then deletes nothing that the query has not read
   * and committed, as far as the stream's retention policy lets it. It becomes a reader group of this name in the stream's
   * scope, with manual retention. Default: the query is no subscriber.
   */
  readonly retentionSubscriber?: string | undefined
  /** When events happened, for the flow of a pipeline. Default: when their batch was planned. */
  readonly time?: EventTime<A> | undefined
}

/** What there must be for a batch to be due. @category models @since 0.2.0 */
export interface AtLeast {
  readonly bytes: number
  readonly events: number
  /** In nanoseconds. */
  readonly delay: bigint
}

/** Options with their defaults. @category models @since 0.2.0 */
export type Settings = ReturnType<typeof checked>

/**
 * Options with their defaults. Throws `RangeError` for those that make no sense: with a limit of nothing a query would wait
 * for ever, and look as if there were nothing to read.
 *
 * @category constructors
 * @since 0.2.0
 */
export const checked = <A>(events: EventStream<A>, options: MicroBatchOptions<A>) => {
  const refuse = (detail: string): never => {
    throw new RangeError(`Source.microBatch: ${detail}`)
  }
  const { lanes = 1, limit, onTruncated = "fail", ordering = "perKey", retentionSubscriber } = options
  const { bytes = defaultBytes, events: count = Infinity } = limit ?? {}
  const isCount = (n: number) => n >= 1 && (n === Infinity || Number.isSafeInteger(n))
  if (!(bytes > 0)) refuse(`the limit in bytes must be positive, it is ${bytes}`)
  if (!isCount(count)) refuse(`the limit in events must be a positive whole number, it is ${count}`)
  if (!Number.isSafeInteger(lanes) || lanes < 1) refuse(`lanes must be a positive whole number, it is ${lanes}`)
  if (lanes > 1 && events.routingKey === undefined) refuse("lanes need a stream with routing keys")
  if (lanes > 1 && ordering === "none") refuse(`lanes keep an order, which ordering "none" says is not needed`)
  if (retentionSubscriber !== undefined && !Schema.is(ReaderGroupName)(retentionSubscriber)) {
    refuse(`retentionSubscriber must be a reader group's name, it is "${retentionSubscriber}"`)
  }
  const atLeast = options.atLeast === undefined ? undefined : {
    bytes: options.atLeast.bytes ?? Infinity,
    events: options.atLeast.events ?? Infinity,
    delay: Duration.toNanosUnsafe(Duration.fromInputUnsafe(options.atLeast.delay))
  }
  if (atLeast !== undefined && !(atLeast.bytes > 0 && isCount(atLeast.events))) {
    refuse("atLeast must be positive, and whole in events")
  }
  const { end = "unbounded", start = "earliest" } = options
  const startCut = typeof start === "object" && "text" in start ? ReadPositions.fromText(start.text) : start
  // Where an order of events, or their number, matters before they are processed, they are read while planning.
  const readsAhead = ordering === "none" || (atLeast !== undefined && atLeast.events < Infinity)
  return {
    atLeast,
    end: typeof end === "object" && "text" in end ? ReadPositions.fromText(end.text) : end,
    lanes,
    // bytes are counted exactly: neither in fractions, nor from infinity
    limits: {
      bytes: Math.min(Math.ceil(bytes), Number.MAX_SAFE_INTEGER),
      events: readsAhead ? Math.min(count, Number.MAX_SAFE_INTEGER) : count
    },
    onTruncated,
    ordering,
    readAheadBytes: ReadSizes.readAhead(options.readAheadBytes, defaultBytes),
    retentionSubscriber: retentionSubscriber === undefined ? undefined : ReaderGroupName.make(retentionSubscriber),
    start: startCut === "unbounded" ? "earliest" as const : startCut
  }
}
