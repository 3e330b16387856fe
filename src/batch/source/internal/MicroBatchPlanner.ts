/**
 * The next batch of a stream: when there is enough for one, what it reads, and where to wait for more. How far segments are
 * read within limits is `RangePlanner`'s, and how a plan is read is `MicroBatchSource`'s.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import type { StreamCut } from "../../../core/StreamCut.ts"
import { Pravega } from "../../../pravega/Pravega.ts"
import { ReadError } from "../../../pravega/read/ReadError.ts"
import type { Range } from "../SourceContract.ts"
import type { AtLeast, Settings } from "./MicroBatchOptions.ts"
import { MicroBatchPlan } from "./MicroBatchPlan.ts"
import * as RangePlanner from "./RangePlanner.ts"
import * as SegmentPartition from "./SegmentPartition.ts"
import * as StreamGap from "./StreamGap.ts"
import type { StreamIdentity } from "./StreamIdentity.ts"
import * as TailWatch from "./TailWatch.ts"

/** How often it is looked whether there is enough, while there is less: in nanoseconds. */
const lookPause = 100_000_000n

/** @category constructors @since 0.2.0 */
export const make = Effect.fnUntraced(function*(
  stream: ScopedStream,
  settings: Settings,
  identity: StreamIdentity
) {
  const { atLeast, lanes } = settings
  const { look, seen } = looking(yield* Pravega, settings, identity)
  const tailWatch = yield* TailWatch.make(stream)
  const readAheadOf = new WeakMap<MicroBatchPlan, ReadonlyArray<SegmentPartition.ReadAhead | undefined>>()
  let eventSize: number | undefined
  /** Something lies after this cut, since when. */
  let waiting: { readonly after: string; readonly since: bigint } | undefined
  /** Nothing lay after this cut: where the next events will be, which may be in successors of its segments. */
  let nothing: { readonly after: string; readonly frontier: StreamCut["positions"] } | undefined

  /** What lies after a cut is less than a batch should have, and has not waited long enough yet. */
  const mustWait = Effect.fnUntraced(function*(after: string, enough: AtLeast) {
    const now = yield* Clock.monotonicTimeNanos
    if (waiting?.after !== after) waiting = { after, since: now }
    return now - waiting.since < enough.delay
  })

  const plan = Effect.fnUntraced(function*(from: StreamCut, ends: ReadonlyArray<StreamCut>) {
    const planned = yield* look(from, ends, eventSize)
    const { range } = planned
    if (typeof range === "string") {
      waiting = undefined
      nothing = { after: from.toString(), frontier: planned.frontier }
      if (range === "ended") yield* warnOfLast(stream, planned.gaps)
      return { _tag: range } satisfies Range<MicroBatchPlan, StreamCut>
    }
    const isShort = atLeast !== undefined && !planned.isFull && !hasReachedAny(ends, range.plan.end) &&
      !isEnough(range, atLeast)
    if (isShort && (yield* mustWait(from.toString(), atLeast))) {
      return { _tag: "idle" } satisfies Range<MicroBatchPlan, StreamCut>
    }
    eventSize = meanSize(range) ?? eventSize
    const { end, ranges } = range.plan
    const found = MicroBatchPlan.make({ stream, start: from, end, ranges, gaps: planned.gaps, lanes })
    readAheadOf.set(
      found,
      range.chunks.map((chunks) => chunks === undefined ? undefined : new SegmentPartition.ReadAhead(chunks))
    )
    return { _tag: "range", plan: found, next: end, isFull: planned.isFull } satisfies Range<MicroBatchPlan, StreamCut>
  })

  /** Returns when there may be more after a cut. */
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
    plan,
    arrival,
    /** What was read while planning, by the places of the plan's ranges. */
    readAhead: (planned: MicroBatchPlan) => readAheadOf.get(planned),
    /** As of the last plan. */
    seen
  }
})

/** Asks what there is after a cut; keeps what was seen of the segments. */
const looking = (
  pravega: Pravega["Service"],
  { limits, onTruncated, ordering }: Settings,
  identity: StreamIdentity
) => {
  const seen: { tails: RangePlanner.Planned["tails"]; awaited: RangePlanner.Planned["awaited"] } = {
    tails: new Map(),
    awaited: new Set()
  }
  let turn = 0
  const look = Effect.fnUntraced(
    function*(from: StreamCut, ends: ReadonlyArray<StreamCut>, eventSize: number | undefined) {
      const splits = ordering === "none"
      const options = { ends, limits, turn: turn++, onTruncated, eventSize, splits }
      const planned = yield* RangePlanner.next(from, options).pipe(
        Effect.provideService(Pravega, pravega),
        Effect.catch((reason) =>
          isAboutPositions(reason) ? identity.explain(reason) : Effect.fail(new ReadError({ reason }))
        )
      )
      if (planned.isGone) yield* identity.check
      seen.tails = planned.tails
      seen.awaited = planned.awaited
      return planned
    }
  )
  return { look, seen }
}

/** There is no batch that could report what was skipped before the end. */
const warnOfLast = (stream: ScopedStream, gaps: ReadonlyArray<RangePlanner.Gap>) =>
  gaps.length === 0
    ? Effect.void
    : Effect.logWarning("truncated events were skipped, the last before the end", {
      stream,
      parts: gaps.map((gap) => StreamGap.skipped(stream, gap))
    })

/** What the positions of an earlier stream of the same name give, among others. */
const isAboutPositions = (reason: ReadError["reason"]): boolean =>
  reason._tag === "TruncatedData" || (reason._tag === "ControllerError" && reason.reason._tag === "InvalidStreamCut")

/** Whether a cut has reached one of the ends, so that waiting for more makes no sense. */
const hasReachedAny = (ends: ReadonlyArray<StreamCut>, { positions }: StreamCut): boolean =>
  ends.some((end) => [...end.positions].every(([id, offset]) => (positions.get(id) ?? -1n) >= offset))

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
