/**
 * A source of segments that follow each other, as a scaled stream's do: how much of each a batch takes is given, so that a
 * test cuts the input into batches as it likes.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Source from "../../../../src/batch/source/Source.ts"
import type * as EventTime from "../../../../src/flow/time/EventTime.ts"
import type { SourceEvent } from "../../../flow/Interpreter.ts"

export interface Segment {
  readonly events: ReadonlyArray<SourceEvent>
  /** The segments that it replaced, by their numbers. */
  readonly after: ReadonlyArray<number>
}

export interface Options {
  readonly name: string
  readonly segments: ReadonlyArray<Segment>
  /** How much a batch takes of a segment: the next one each time. */
  readonly takes: ReadonlyArray<number>
  readonly time: EventTime.EventTime<SourceEvent>
  /** How much of a segment is there; all, if not given. */
  readonly available?: ((segment: number) => number) | undefined
  /** Whether nothing is to come any more; default true. */
  readonly isSealed?: (() => boolean) | undefined
  readonly chunk?: number | undefined
}

const Position = Schema.Struct({ turn: Schema.Natural, read: Schema.Array(Schema.Natural) })
const Plan = Schema.Array(Schema.Struct({ segment: Schema.Natural, from: Schema.Natural, to: Schema.Natural }))
type Plan = typeof Plan.Type

/** What a plan of such a source reads. */
export const eventsOf = ({ segments }: Pick<Options, "segments">, plan: unknown): ReadonlyArray<SourceEvent> =>
  Schema.decodeUnknownSync(Plan)(plan).flatMap(({ from, segment, to }) => segments[segment]!.events.slice(from, to))

export const segmentsSource = (
  { available = () => Infinity, chunk = 2, isSealed = () => true, name, segments, takes, time }: Options
): Source.Source<SourceEvent, never, never> => {
  const endOf = (segment: number): number => Math.min(segments[segment]!.events.length, available(segment))
  const isDone = (segment: number, read: ReadonlyArray<number>): boolean =>
    read[segment]! >= segments[segment]!.events.length
  const isOpen = (segment: number, read: ReadonlyArray<number>): boolean =>
    segments[segment]!.after.every((before) => isDone(before, read))

  const planOf = (read: ReadonlyArray<number>, take: (segment: number) => number): Plan => {
    const next = [...read]
    return segments.flatMap((_, segment) => {
      if (!isOpen(segment, next)) return []
      const from = read[segment]!
      const to = Math.min(endOf(segment), from + take(segment))
      next[segment] = to
      return to > from ? [{ segment, from, to }] : []
    })
  }

  return Source.make<SourceEvent, never, never, typeof Position.Type, Plan, null>({
    name,
    structure: null,
    asked: null,
    time,
    inFlow: { value: ({ value }) => value, segment: ({ at }) => at.segment, offset: ({ at }) => at.offset },
    position: Position,
    plan: Plan,
    identity: Schema.Null,
    open: Effect.succeed({
      start: Effect.succeed({ identity: null, start: { turn: 0, read: segments.map(() => 0) }, end: undefined }),
      verify: () => Effect.void,
      latest: Effect.sync(() => ({ turn: 0, read: segments.map((_, segment) => endOf(segment)) })),
      plan: ({ read, turn }, ends) =>
        Effect.sync(() => {
          const taken = planOf(read, (segment) => {
            const most = Math.max(0, ...ends.map((end) => end.read[segment]! - read[segment]!))
            const wanted = takes[(turn * segments.length + segment) % takes.length] ?? Infinity
            return ends.length === 0 ? wanted : Math.min(wanted, most)
          })
          // Each batch has something, as long as there is something.
          const plan = taken.length > 0 ? taken : planOf(read, () => 1).slice(0, 1)
          const next = {
            turn: turn + 1,
            read: read.map((at, i) => plan.find(({ segment }) => segment === i)?.to ?? at)
          }
          const isPast = ends.some((end) => read.every((at, i) => at >= end.read[i]!))
          if (plan.length === 0 || isPast) {
            const isEnded = isPast || (isSealed() && segments.every((_, segment) => isDone(segment, read)))
            return isEnded ? { _tag: "ended" as const } : { _tag: "idle" as const }
          }
          return {
            _tag: "range" as const,
            plan,
            next,
            isFull: segments.some((_, i) => isOpen(i, next.read) && endOf(i) > next.read[i]!)
          }
        }),
      parts: ({ read }) =>
        Object.fromEntries(segments.flatMap((_, i) => {
          const isReplaced = isDone(i, read) &&
            segments.some(({ after }, next) => after.includes(i) && isOpen(next, read))
          return isReplaced || !isOpen(i, read)
            ? []
            : [[String(i), { readTo: BigInt(read[i]!), tail: BigInt(endOf(i)) }]]
        })),
      partitions: (plan) =>
        Effect.succeed(plan.map(({ from, segment, to }) => ({
          id: segment,
          part: String(segment),
          predecessors: segments[segment]!.after.filter((before) => plan.some((range) => range.segment === before)),
          events: Stream.rechunk(Stream.fromArray(segments[segment]!.events.slice(from, to)), chunk)
        })))
    })
  })
}
