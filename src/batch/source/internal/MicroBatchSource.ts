/**
 * A Pravega stream as a query's source: positions are stream cuts, plans are segment ranges. What a batch reads is planned by
 * `MicroBatchPlanner`; how a range is read is `SegmentPartition`'s.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { EndPosition } from "../../../core/EndPosition.ts"
import * as EventCodec from "../../../core/EventCodec.ts"
import type { EventStream } from "../../../core/EventStream.ts"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import type { SegmentId } from "../../../core/Segment.ts"
import { StartPosition } from "../../../core/StartPosition.ts"
import { StreamCut } from "../../../core/StreamCut.ts"
import type { EventTime } from "../../../flow/time/EventTime.ts"
import { Pravega } from "../../../pravega/Pravega.ts"
import * as BatchPlanning from "../../../pravega/read/BatchPlanning.ts"
import type { EventRead } from "../../../pravega/read/EventRead.ts"
import { ReadBudget } from "../../../pravega/read/ReadBudget.ts"
import { ReadError, type TruncatedData } from "../../../pravega/read/ReadError.ts"
import type { Skipped, TypedSource } from "../SourceContract.ts"
import type { SourceError } from "../SourceError.ts"
import { checked, type MicroBatchOptions, type Settings } from "./MicroBatchOptions.ts"
import { type MicroBatchPlan, Recorded } from "./MicroBatchPlan.ts"
import * as MicroBatchPlanner from "./MicroBatchPlanner.ts"
import * as ReadPositions from "./ReadPositions.ts"
import * as RetentionSubscriber from "./RetentionSubscriber.ts"
import * as SegmentPartition from "./SegmentPartition.ts"
import * as StreamGap from "./StreamGap.ts"
import * as StreamIdentity from "./StreamIdentity.ts"
import * as StreamLag from "./StreamLag.ts"

type Failure = ReadError | SourceError

const toJson = {
  start: Schema.encodeSync(Schema.toCodecJson(StartPosition)),
  end: Schema.encodeSync(Schema.toCodecJson(EndPosition))
}

/** @category constructors @since 0.1.0 */
export const typed = <A>(events: EventStream<A>, options: MicroBatchOptions<A>) => {
  const settings = checked(events, options)
  const { end, onTruncated, start } = settings
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
    identity: StreamIdentity.Identity,
    open: open(events, settings)
  } satisfies TypedSource<EventRead<A>, Failure, Pravega, StreamCut, MicroBatchPlan, StreamIdentity.Identity>
}

const open = Effect.fnUntraced(function*<A>(events: EventStream<A>, settings: Settings) {
  const stream = events.name
  const pravega = yield* Pravega
  const subscriber = settings.retentionSubscriber === undefined
    ? undefined
    : yield* RetentionSubscriber.make(stream, settings.retentionSubscriber)
  const identity = yield* StreamIdentity.make(stream)
  const { arrival, plan, readAhead, seen } = yield* MicroBatchPlanner.make(stream, settings, identity)
  const { partitions, skipped } = reading(events, settings, { pravega, identity, readAhead })
  const subscribe = subscriber?.ensure ?? Effect.void
  return {
    start: Effect.gen(function*() {
      const known = yield* identity.learn
      const positions = yield* Effect.provideService(startAndEnd(stream, settings), Pravega, pravega)
      yield* subscribe
      return { identity: known, ...positions }
    }),
    verify: (recorded: StreamIdentity.Identity) => Effect.andThen(identity.verify(recorded), subscribe),
    latest: BatchPlanning.resolve(stream, "latest", "end").pipe(
      Effect.mapError((reason) => new ReadError({ reason })),
      Effect.provideService(Pravega, pravega)
    ),
    plan,
    partitions,
    arrival,
    lag: ({ positions }: StreamCut) => StreamLag.lagOf(stream, positions, seen.tails),
    parts: ({ positions }: StreamCut) => StreamLag.partsOf(positions, seen),
    skipped,
    consumed: subscriber?.report
  }
})

const startAndEnd = Effect.fnUntraced(function*(stream: ScopedStream, { end, start }: Settings) {
  return {
    start: typeof start === "object" && "time" in start
      ? yield* ReadPositions.atTime(stream, start.time)
      : yield* ReadPositions.exactly(stream, start, "start"),
    end: end === "unbounded" ? undefined : yield* ReadPositions.exactly(stream, end, "end")
  }
})

/** Plans as partitions, and what reading them left out. */
const reading = <A>(
  events: EventStream<A>,
  { onTruncated, ordering, readAheadBytes }: Settings,
  { identity, pravega, readAhead }: {
    readonly pravega: Pravega["Service"]
    readonly identity: StreamIdentity.StreamIdentity
    readonly readAhead: (planned: MicroBatchPlan) => ReadonlyArray<SegmentPartition.ReadAhead | undefined> | undefined
  }
) => {
  const budget = new ReadBudget(readAheadBytes)
  const skippedIn = new WeakMap<MicroBatchPlan, Array<Skipped>>()
  const gapsOf = ({ gaps, stream }: MicroBatchPlan) => gaps.map((gap) => StreamGap.skipped(stream, gap))
  return {
    partitions: (planned: MicroBatchPlan) =>
      Effect.sync(() => {
        const { lanes } = planned
        const ahead = readAhead(planned)
        const skipped = gapsOf(planned)
        skippedIn.set(planned, skipped)
        const onLost = onTruncated === "fail" ? "fail" : (lost: TruncatedData) =>
          Effect.sync(() => {
            skipped.push(StreamGap.skipped(events.name, lost))
          })
        return planned.ranges.map((range, index) =>
          SegmentPartition.make(events, range, {
            id: index * lanes,
            budget,
            lanes,
            predecessors: ordering === "perKey"
              ? range.predecessors.flatMap((segment) => placesOf(planned, segment))
              : [],
            ahead: ahead?.[index],
            onTruncated: onLost,
            explain: identity.explain,
            checkIdentity: identity.check,
            pravega
          })
        )
      }),
    skipped: (planned: MicroBatchPlan) => skippedIn.get(planned) ?? gapsOf(planned)
  }
}

/** The partitions of a plan that read a segment. */
const placesOf = ({ lanes, ranges }: MicroBatchPlan, segment: SegmentId): ReadonlyArray<number> =>
  ranges.flatMap((range, index) => range.segment === segment ? [index * lanes] : [])

/** Of an event as it is read. */
const timeOf = <A>(time: EventTime<A> | undefined): EventTime<EventRead<A>> | undefined =>
  time === undefined ? undefined : { ...time, of: ({ event }) => time.of(event) }
