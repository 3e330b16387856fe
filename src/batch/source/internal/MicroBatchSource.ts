/**
 * A Pravega stream as a query's source: positions are stream cuts, plans are segment ranges.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { EndPosition } from "../../../core/EndPosition.ts"
import * as EventCodec from "../../../core/EventCodec.ts"
import type { EventStream } from "../../../core/EventStream.ts"
import { ReaderGroupName } from "../../../core/ReaderGroupName.ts"
import * as Segment from "../../../core/Segment.ts"
import { StartPosition } from "../../../core/StartPosition.ts"
import { StreamCut } from "../../../core/StreamCut.ts"
import type { EventTime } from "../../../flow/time/EventTime.ts"
import { Pravega } from "../../../pravega/Pravega.ts"
import * as BatchPlanning from "../../../pravega/read/BatchPlanning.ts"
import type { BatchPlan } from "../../../pravega/read/BatchReader.ts"
import type { EventRead } from "../../../pravega/read/EventRead.ts"
import { ReadError, type TruncatedData } from "../../../pravega/read/ReadError.ts"
import type { Lag, Part, Range, Skipped, TypedSource } from "../SourceContract.ts"
import { SourceError, StreamIdentityChanged } from "../SourceError.ts"
import { MicroBatchPlan, Recorded } from "./MicroBatchPlan.ts"
import * as RangePlanner from "./RangePlanner.ts"
import * as ReadPositions from "./ReadPositions.ts"
import * as RetentionSubscriber from "./RetentionSubscriber.ts"
import * as SegmentPartition from "./SegmentPartition.ts"
import * as TailWatch from "./TailWatch.ts"

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

/**
 * The segments that a stream began with: Pravega 0.13 goes on counting when a stream is deleted and created again under
 * the same name, so they tell the two apart.
 */
const Identity = Schema.Array(Segment.SegmentId)

type Failure = ReadError | SourceError

/** How often it is looked whether there is enough, while there is less: in nanoseconds. */
const lookPause = 100_000_000n

const defaultBytes = 8 * 1024 * 1024

const toJson = {
  start: Schema.encodeSync(Schema.toCodecJson(StartPosition)),
  end: Schema.encodeSync(Schema.toCodecJson(EndPosition))
}

/** @category constructors @since 0.1.0 */
export const typed = <A>(events: EventStream<A>, options: MicroBatchOptions<A>) => {
  const { atLeast, end, limits, onTruncated, ordering, lanes, retentionSubscriber, start } = checked(events, options)
  const stream = events.name
  return {
    name: stream.toString(),
    structure: { kind: "pravega", stream: stream.toString(), codec: EventCodec.fingerprint(events.codec) },
    asked: {
      start: typeof start === "object" && "time" in start ? { time: String(start.time) } : toJson.start(start),
      end: toJson.end(end)
    },
    mayShrink: onTruncated !== "fail",
    time: timeOf(options.time),
    inFlow: { value: ({ event }) => event, segment: ({ segmentId }) => segmentId, offset: ({ offset }) => offset },
    position: StreamCut,
    plan: Recorded,
    identity: Identity,
    open: Effect.gen(function*() {
      const pravega = yield* Pravega
      const { controller } = pravega
      const subscriber = retentionSubscriber === undefined
        ? undefined
        : yield* RetentionSubscriber.make(stream, retentionSubscriber)
      const tailWatch = yield* TailWatch.make(stream)
      const readAheadOf = new WeakMap<BatchPlan, ReadonlyArray<SegmentPartition.ReadAhead | undefined>>()
      const skippedIn = new WeakMap<BatchPlan, Array<Skipped>>()
      const tails = new Map<Segment.SegmentId, bigint>()
      let awaited: ReadonlySet<Segment.SegmentId> = new Set()
      let turn = 0
      let eventSize: number | undefined
      /** Something lies after this cut, since when. */
      let waiting: { readonly after: string; readonly since: bigint } | undefined
      /** Nothing lay after this cut: where the next events will be, which may be in successors of its segments. */
      let nothing: { readonly after: string; readonly frontier: StreamCut["positions"] } | undefined

      const here = <B, E>(effect: Effect.Effect<B, E, Pravega>): Effect.Effect<B, E> =>
        Effect.provideService(effect, Pravega, pravega)
      const identity = Effect.mapError(
        Effect.map(controller.epochSegments(stream, 0), (segments) => segments.map(({ id }) => id)),
        (reason) => new ReadError({ reason })
      )
      /** What was read at first is what is read now: known once the query has started. */
      let known: ReadonlyArray<Segment.SegmentId> | undefined
      const verify = (recorded: ReadonlyArray<Segment.SegmentId>) =>
        Effect.flatMap(identity, (now): Effect.Effect<void, Failure> => {
          known = recorded
          if (now.join() === recorded.join()) return Effect.void
          return Effect.fail(new SourceError({ reason: new StreamIdentityChanged({ stream }) }))
        })
      const checkIdentity = Effect.suspend(() => known === undefined ? Effect.void : verify(known))
      /** Segments of a stream that was deleted and created again are gone too: that is another error. */
      const explain = (reason: ReadError["reason"]): Effect.Effect<never, Failure> =>
        Effect.andThen(checkIdentity, Effect.fail(new ReadError({ reason })))
      const subscribe = subscriber?.ensure ?? Effect.void

      const plan = Effect.fnUntraced(function*(from: StreamCut, ends: ReadonlyArray<StreamCut>) {
        const splits = ordering === "none"
        const reading = RangePlanner.next(from, { ends, limits, turn: turn++, onTruncated, eventSize, splits }).pipe(
          Effect.catch((reason) => isAboutPositions(reason) ? explain(reason) : Effect.fail(new ReadError({ reason })))
        )
        const planned = yield* here(reading)
        if (planned.isGone) yield* checkIdentity
        tails.clear()
        for (const [id, tail] of planned.tails) tails.set(id, tail)
        awaited = planned.awaited
        const { range } = planned
        if (typeof range === "string") {
          waiting = undefined
          nothing = { after: from.toString(), frontier: planned.frontier }
          // There is no batch that could report them.
          if (range === "ended" && planned.gaps.length > 0) {
            const parts = planned.gaps.map((gap) => skippedOf(stream, gap))
            yield* Effect.logWarning("truncated events were skipped, the last before the end", { stream, parts })
          }
          return { _tag: range } satisfies Range<MicroBatchPlan, StreamCut>
        }
        if (
          atLeast !== undefined && !planned.isFull && !hasReachedAny(ends, range.plan.end) && !isEnough(range, atLeast)
        ) {
          const now = yield* Clock.monotonicTimeNanos
          const after = from.toString()
          if (waiting?.after !== after) waiting = { after, since: now }
          if (now - waiting.since < atLeast.delay) return { _tag: "idle" } satisfies Range<MicroBatchPlan, StreamCut>
        }
        eventSize = meanSize(range) ?? eventSize
        const found = MicroBatchPlan.make({
          stream,
          start: from,
          end: range.plan.end,
          ranges: range.plan.ranges,
          gaps: planned.gaps,
          lanes
        })
        readAheadOf.set(
          found,
          range.chunks.map((chunks) => chunks === undefined ? undefined : new SegmentPartition.ReadAhead(chunks))
        )
        return { _tag: "range", plan: found, next: found.end, isFull: planned.isFull } satisfies Range<
          MicroBatchPlan,
          StreamCut
        >
      })

      const arrival = Effect.fnUntraced(function*(cut: StreamCut) {
        const after = cut.toString()
        if (atLeast === undefined || waiting?.after !== after) {
          return yield* tailWatch(nothing?.after === after ? nothing.frontier : cut.positions)
        }
        // There is something already: how much it has become is found out by looking.
        const left = waiting.since + atLeast.delay - (yield* Clock.monotonicTimeNanos)
        yield* Effect.sleep(Duration.nanos(left < 0n ? 0n : left < lookPause ? left : lookPause))
      })

      return {
        start: Effect.gen(function*() {
          known = yield* identity
          const from = typeof start === "object" && "time" in start
            ? ReadPositions.atTime(stream, start.time)
            : ReadPositions.exactly(stream, start, "start")
          const resolved = {
            identity: known,
            start: yield* here(from),
            end: end === "unbounded" ? undefined : yield* here(ReadPositions.exactly(stream, end, "end"))
          }
          yield* subscribe
          return resolved
        }),
        verify: (recorded: ReadonlyArray<Segment.SegmentId>) => Effect.andThen(verify(recorded), subscribe),
        latest: here(
          Effect.mapError(BatchPlanning.resolve(stream, "latest", "end"), (reason) => new ReadError({ reason }))
        ),
        plan,
        partitions: (planned: MicroBatchPlan) =>
          Effect.sync(() => {
            const ahead = readAheadOf.get(planned)
            const skipped = planned.gaps.map((gap): Skipped => skippedOf(stream, gap))
            skippedIn.set(planned, skipped)
            const onLost = onTruncated === "fail" ? "fail" : (lost: TruncatedData) =>
              Effect.sync(() => {
                skipped.push(skippedOf(stream, lost))
              })
            return planned.ranges.map((range, index) =>
              SegmentPartition.make(events, range, {
                id: index * planned.lanes,
                lanes: planned.lanes,
                predecessors: ordering === "perKey"
                  ? range.predecessors.flatMap((segment) => placesOf(planned, segment))
                  : [],
                ahead: ahead?.[index],
                onTruncated: onLost,
                explain,
                checkIdentity,
                pravega
              })
            )
          }),
        arrival,
        lag: ({ positions }: StreamCut) => lagOf(stream, positions, tails),
        parts: ({ positions }: StreamCut) => partsOf(positions, { tails, awaited }),
        skipped: (planned: MicroBatchPlan) =>
          skippedIn.get(planned) ?? planned.gaps.map((gap) => skippedOf(stream, gap)),
        consumed: subscriber?.report
      }
    })
  } satisfies TypedSource<
    EventRead<A>,
    Failure,
    Pravega,
    StreamCut,
    MicroBatchPlan,
    ReadonlyArray<Segment.SegmentId>
  >
}

/** What the positions of an earlier stream of the same name give, among others. */
const isAboutPositions = (reason: ReadError["reason"]): boolean =>
  reason._tag === "TruncatedData" || (reason._tag === "ControllerError" && reason.reason._tag === "InvalidStreamCut")

/** The partitions of a plan that read a segment. */
const placesOf = ({ lanes, ranges }: MicroBatchPlan, segment: Segment.SegmentId): ReadonlyArray<number> =>
  ranges.flatMap((range, index) => range.segment === segment ? [index * lanes] : [])

const skippedOf = (
  stream: EventStream<unknown>["name"],
  { end, segment, start }: {
    readonly segment: Segment.SegmentId
    readonly start: bigint
    readonly end: bigint | undefined
  }
): Skipped => ({ part: Segment.name(stream, segment), start, end })

/**
 * By the numbers of their segments. One whose successors are still to come is not read to its end: what they have is
 * unread, and begins at its time. Nor is one that was not looked at, as far as anybody knows.
 */
const partsOf = (
  positions: StreamCut["positions"],
  { awaited, tails }: Pick<RangePlanner.Planned, "tails" | "awaited">
): Readonly<Record<string, Part>> =>
  Object.fromEntries(
    Array.from(positions, ([id, readTo]) => [
      String(id),
      { readTo: awaited.has(id) || !tails.has(id) ? -1n : readTo, tail: tails.get(id) ?? readTo }
    ])
  )

/** Of an event as it is read. */
const timeOf = <A>(time: EventTime<A> | undefined): EventTime<EventRead<A>> | undefined =>
  time === undefined ? undefined : { ...time, of: ({ event }) => time.of(event) }

const lagOf = (
  stream: EventStream<unknown>["name"],
  positions: StreamCut["positions"],
  tails: ReadonlyMap<Segment.SegmentId, bigint>
): Lag => {
  const parts: Record<string, number> = {}
  let bytes = 0
  for (const [id, position] of positions) {
    const left = Number((tails.get(id) ?? position) - position)
    if (left <= 0) continue
    parts[Segment.name(stream, id)] = left
    bytes += left
  }
  return { bytes, parts }
}

/** Whether a cut has reached one of the ends, so that waiting for more makes no sense. */
const hasReachedAny = (ends: ReadonlyArray<StreamCut>, { positions }: StreamCut): boolean =>
  ends.some((end) => [...end.positions].every(([id, offset]) => (positions.get(id) ?? -1n) >= offset))

interface AtLeast {
  readonly bytes: number
  readonly events: number
  /** In nanoseconds. */
  readonly delay: bigint
}

/** Of the events that were read ahead. */
const meanSize = ({ chunks }: RangePlanner.PlannedRange): number | undefined => {
  let bytes = 0
  let count = 0
  for (const read of chunks) {
    for (const chunk of read ?? []) {
      bytes += chunk.bytes.length
      count += chunk.count
    }
  }
  return count === 0 ? undefined : bytes / count
}

const isEnough = ({ chunks, plan }: RangePlanner.PlannedRange, { bytes, events }: AtLeast): boolean => {
  if (plan.bytes >= BigInt(Math.min(bytes, Number.MAX_SAFE_INTEGER))) return true
  const counted = chunks.reduce((sum, read) => sum + (read ?? []).reduce((count, chunk) => count + chunk.count, 0), 0)
  return counted >= events
}

/** With a limit of nothing a query would wait for ever, and look as if there were nothing to read. */
const checked = <A>(events: EventStream<A>, options: MicroBatchOptions<A>) => {
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
    retentionSubscriber: retentionSubscriber === undefined ? undefined : ReaderGroupName.make(retentionSubscriber),
    start: startCut === "unbounded" ? "earliest" as const : startCut
  }
}
