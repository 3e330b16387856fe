/**
 * A Pravega stream as a query's source: positions are stream cuts, plans are segment ranges.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { EndPosition } from "../../core/EndPosition.ts"
import type { EventStream } from "../../core/EventStream.ts"
import { SegmentId } from "../../core/Segment.ts"
import { StartPosition } from "../../core/StartPosition.ts"
import { StreamCut } from "../../core/StreamCut.ts"
import * as BatchReader from "../../pravega/BatchReader.ts"
import type { EventRead } from "../../pravega/EventRead.ts"
import * as BatchPlanning from "../../pravega/internal/BatchPlanning.ts"
import * as EventChunk from "../../pravega/internal/EventChunk.ts"
import { Pravega } from "../../pravega/Pravega.ts"
import { ReadError, type ReadErrorReason } from "../../pravega/ReadError.ts"
import type { MicroBatchOptions, Partition, TypedSource } from "../Source.ts"
import { StreamIdentityChanged } from "../StreamIdentityChanged.ts"
import * as RangePlanner from "./RangePlanner.ts"

/**
 * The segments that a stream began with: Pravega 0.13 goes on counting when a stream is deleted and created again under
 * the same name, so they tell the two apart.
 */
const Identity = Schema.Array(SegmentId)

type Failure = ReadError | StreamIdentityChanged

const defaultBytes = 8 * 1024 * 1024
/** Bytes read ahead per partition that was not read while planning. */
const readAhead = 4 * 1024 * 1024

const toJson = {
  start: Schema.encodeSync(Schema.toCodecJson(StartPosition)),
  end: Schema.encodeSync(Schema.toCodecJson(EndPosition))
}

export const typed = <A>(events: EventStream<A>, options: MicroBatchOptions) => {
  const { end = "unbounded", start = "earliest" } = options
  const limits = limitsOf(options)
  const stream = events.name
  return {
    name: stream.toString(),
    structure: { kind: "pravega", stream: stream.toString(), codec: events.codec.name },
    asked: { start: toJson.start(start), end: toJson.end(end) },
    position: StreamCut,
    plan: BatchReader.BatchPlan,
    identity: Identity,
    open: Effect.gen(function*() {
      const context = yield* Effect.context<Pravega>()
      const { controller } = yield* Pravega
      const readAheadOf = new WeakMap<BatchReader.BatchPlan, RangePlanner.PlannedRange["chunks"]>()
      let turn = 0
      const reading = <B>(effect: Effect.Effect<B, ReadErrorReason, Pravega>): Effect.Effect<B, ReadError> =>
        Effect.provideContext(Effect.mapError(effect, (reason) => new ReadError({ reason })), context)
      const identity = reading(
        Effect.map(controller.epochSegments(stream, 0), (segments) => segments.map(({ id }) => id))
      )
      const latest = reading(BatchPlanning.resolve(stream, "latest"))
      const resolve = (position: "earliest" | "latest" | StreamCut) => reading(resolveExactly(stream, position))

      return {
        start: Effect.gen(function*() {
          return {
            identity: yield* identity,
            start: yield* resolve(start),
            end: end === "unbounded" ? undefined : yield* resolve(end)
          }
        }),
        verify: (recorded: ReadonlyArray<SegmentId>) =>
          Effect.flatMap(
            identity,
            (now): Effect.Effect<void, Failure> =>
              now.join() === recorded.join() ? Effect.void : Effect.fail(new StreamIdentityChanged({ stream }))
          ),
        latest,
        plan: (from: StreamCut, ends: ReadonlyArray<StreamCut>) =>
          Effect.map(reading(RangePlanner.next(from, { ends, limits, turn: turn++ })), (range) => {
            if (typeof range === "string") return { _tag: range }
            readAheadOf.set(range.plan, range.chunks)
            return { _tag: "range" as const, plan: range.plan, next: range.plan.to }
          }),
        partitions: (plan: BatchReader.BatchPlan) => {
          const chunks = readAheadOf.get(plan)
          const ids = new Map(plan.ranges.map(({ segment }, id) => [segment, id]))
          return Effect.succeed(plan.ranges.map((range, id): Partition<EventRead<A>, Failure> => {
            const read = chunks?.get(range.segment)
            return {
              id,
              predecessors: range.predecessors.flatMap((segment) => ids.get(segment) ?? []),
              events: read === undefined
                ? Stream.provideContext(BatchReader.readRange(events, range, { readAhead }), context)
                : decoded(events, read)
            }
          }))
        }
      }
    })
  } satisfies TypedSource<
    EventRead<A>,
    Failure,
    Pravega,
    StreamCut,
    BatchReader.BatchPlan,
    ReadonlyArray<SegmentId>,
    unknown,
    unknown,
    unknown
  >
}

/** With a limit of nothing a query would wait for ever, and look as if there were nothing to read. */
const limitsOf = ({ limit }: MicroBatchOptions): RangePlanner.Limits => {
  const { bytes = defaultBytes, events = Infinity } = limit ?? {}
  if (!(bytes > 0)) throw new RangeError(`Source.microBatch: the limit in bytes must be positive, it is ${bytes}`)
  if (!(events >= 1) || (Number.isFinite(events) && !Number.isSafeInteger(events))) {
    throw new RangeError(`Source.microBatch: the limit in events must be a positive whole number, it is ${events}`)
  }
  return { bytes, events }
}

/** A cut with an offset for every segment: -1, which says that a segment is read to its end, is looked up. */
const resolveExactly = Effect.fnUntraced(function*(
  stream: EventStream<unknown>["name"],
  position: "earliest" | "latest" | StreamCut
) {
  const cut = yield* BatchPlanning.resolve(stream, position)
  const { segments } = yield* Pravega
  const positions = yield* Effect.forEach(cut.positions, ([id, offset]) =>
    offset >= BigInt(0)
      ? Effect.succeed([id, offset] as const)
      : Effect.map(segments.info({ stream, id }), (info) => [id, info.length] as const))
  return new StreamCut({ stream, positions: new Map(positions) })
})

/** Events that were read while planning, decoded a chunk at a time. */
const decoded = <A>(
  events: EventStream<A>,
  chunks: ReadonlyArray<EventChunk.EventChunk>
): Stream.Stream<EventRead<A>, ReadError> =>
  Stream.fromPull(Effect.sync(() => {
    let at = 0
    let failure: ReadError | undefined
    const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<EventRead<A>>, ReadError> = Effect.suspend(() => {
      if (failure !== undefined) return Effect.fail(failure)
      const chunk = chunks[at++]
      if (chunk === undefined) return Cause.done()
      const decoding = EventChunk.decode(chunk, events.codec)
      if (decoding.failure !== undefined) failure = new ReadError({ reason: decoding.failure })
      return Arr.isReadonlyArrayNonEmpty(decoding.events) ? Effect.succeed(decoding.events) : pull
    })
    return pull
  }))
