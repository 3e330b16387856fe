/**
 * Automatic scaling on load: measures the rate of every segment of the streams whose policy says so, splits those that
 * are too hot and joins neighbours that are cold. The rates are averages that fade, over 2, 5, 10 and 20 minutes, as a
 * real segment store measures them.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import type { KeyRange } from "../../../core/KeyRange.ts"
import { name as segmentName, type SegmentWithRange } from "../../../core/Segment.ts"
import * as pb from "../../../pravega/controller/gen/Controller_pb.ts"
import * as SegmentAttribute from "../../../pravega/wire/SegmentAttribute.ts"
import type { World } from "../World.ts"
import type { StreamState } from "./ControllerState.ts"
import * as Epochs from "./Epochs.ts"
import * as Streams from "./Streams.ts"

const minute = 60_000
/** Two segments are joined, or one is split, this long after it was made at the soonest, in milliseconds. */
const settling = { split: 2 * minute, join: 20 * minute }

interface Meter {
  readonly started: number
  measured: number
  count: number
  /** Per second, over 2, 5, 10 and 20 minutes. */
  readonly rates: [number, number, number, number]
}

const windows = [2 * minute, 5 * minute, 10 * minute, 20 * minute] as const

/** One per server: its measurements do not outlive it. @category models @since 0.1.0 */
export class AutoScaling {
  private readonly meters = new Map<string, Meter>()

  /** Measures all streams and scales those that need it. To be called every few seconds. */
  run(world: World): void {
    const seen = new Set<string>()
    for (const { streams } of world.state.scopes.values()) {
      for (const state of streams.values()) {
        if (isAutomatic(state)) this.observe(world, state, seen)
      }
    }
    for (const segment of this.meters.keys()) if (!seen.has(segment)) this.meters.delete(segment)
  }

  private observe(world: World, state: StreamState, seen: Set<string>): void {
    const { record, name } = state
    const meters = Epochs.active(record.epochs).segments.map((segment) => {
      const full = segmentName(name, segment.id)
      seen.add(full)
      return { segment, meter: this.measure(world, state, full) }
    })
    const now = world.now()
    const target = record.settings.scaling.targetRate
    if (target <= 0) return
    /** So many may take the place of one. */
    const room = world.limits.segments - meters.length + 1
    for (const { meter, segment } of meters) {
      const parts = partsOf(meter, target, now)
      if (parts > 1 && room > 1) {
        const most = Math.min(room, Math.max(2, record.settings.scaling.scaleFactor))
        Streams.scale(world, name.scope, name.stream, [segment.id], split(segment.range, Math.min(parts, most)))
        return
      }
    }
    const pair = coldPair(meters.filter(({ meter }) => isCold(meter, target, now)).map(({ segment }) => segment))
    if (pair !== undefined && meters.length > record.settings.scaling.minNumSegments) {
      const [low, high] = pair
      const range = { low: low.range.low, high: high.range.high }
      Streams.scale(world, name.scope, name.stream, [low.id, high.id], [range])
    }
  }

  private measure(world: World, state: StreamState, segment: string): Meter {
    const now = world.now()
    const count = countOf(world, state, segment)
    let meter = this.meters.get(segment)
    if (meter === undefined) {
      meter = { started: now, measured: now, count, rates: [0, 0, 0, 0] }
      this.meters.set(segment, meter)
      return meter
    }
    const elapsed = now - meter.measured
    if (elapsed <= 0) return meter
    const rate = (count - meter.count) / (elapsed / 1_000)
    for (const [i, window] of windows.entries()) {
      // the first measurement counts in full: there is nothing before it
      const weight = meter.measured === meter.started ? 1 : 1 - Math.exp(-elapsed / window)
      meter.rates[i] = meter.rates[i]! + weight * (rate - meter.rates[i]!)
    }
    meter.measured = now
    meter.count = count
    return meter
  }
}

const isAutomatic = ({ record }: StreamState): boolean =>
  !record.isSealed &&
  record.settings.scaling.scaleType !== pb.ScalingPolicy_ScalingPolicyType.FIXED_NUM_SEGMENTS

/** Events, or kilobytes. */
const countOf = ({ container }: World, { record }: StreamState, segment: string): number =>
  record.settings.scaling.scaleType === pb.ScalingPolicy_ScalingPolicyType.BY_RATE_IN_EVENTS_PER_SEC
    ? Number(container.attributes(segment)?.get(SegmentAttribute.eventCount) ?? 0n)
    : (container.info(segment)?.length ?? 0) / 1_024

/** How many segments the load needs: 1 as long as it fits. */
const partsOf = ({ rates: [two, five, ten], started }: Meter, target: number, now: number): number => {
  const age = now - started
  const parts = (rate: number): number => Math.max(2, Math.floor(rate / target))
  if (age >= settling.split && two > 5 * target) return parts(two)
  if (age >= 5 * minute && five > 2 * target) return parts(five)
  return age >= 10 * minute && ten > target ? parts(ten) : 1
}

const isCold = ({ rates: [two, five, ten, twenty], started }: Meter, target: number, now: number): boolean =>
  now - started >= settling.join && two < target && five < target && ten < target && twenty < target / 2

const coldPair = (
  cold: ReadonlyArray<SegmentWithRange>
): readonly [low: SegmentWithRange, high: SegmentWithRange] | undefined => {
  const sorted = cold.toSorted((a, b) => a.range.low - b.range.low)
  const at = sorted.findIndex(({ range }, i) => sorted[i + 1]?.range.low === range.high)
  return at < 0 ? undefined : [sorted[at]!, sorted[at + 1]!]
}

/** Bounds are computed once, so that neighbours share them exactly. */
const split = ({ high, low }: KeyRange, parts: number): ReadonlyArray<KeyRange> => {
  const bound = (i: number): number => i === parts ? high : low + (i * (high - low)) / parts
  return Array.from({ length: parts }, (_, i) => ({ low: bound(i), high: bound(i + 1) }))
}
