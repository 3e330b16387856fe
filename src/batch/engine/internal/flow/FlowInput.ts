/**
 * The input of a flow's steps: a partition's events with their places and times, through the stateless steps before. What
 * can't be used is put aside, where the pipeline does so.
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Program } from "../../../../flow/machine/Machine.ts"
import type { Place } from "../../../../flow/Place.ts"
import * as Watermarks from "../../../../flow/time/Watermarks.ts"
import { CommitError, EventFromFuture, FlowFailed, InvalidEventTime } from "../../../protocol/CommitError.ts"
import type { Source } from "../../../source/SourceContract.ts"
import { Undecodable } from "../../../source/Undecodable.ts"
import type { Placed } from "../PartitionInput.ts"
import { Collected } from "./Collected.ts"
import type { Counts } from "./FlowSteps.ts"

/** @category options @since 0.2.0 */
export interface Options {
  readonly query: string
  readonly batch: number
  /** The time in the batch's plan. */
  readonly clock: number
  readonly program: Program
  readonly slotOf: (key: string) => number
  readonly counts: Counts
  /** Told the greatest time of a run of events of a part of a source. */
  readonly seen: (source: string, part: string, time: number) => void
}

/** An event's place is not that of another one of its source, in any batch. */
const placesPerBatch = 2n ** 32n

/** Reads a partition. The outputs that go past all steps are written as they come. @category running @since 0.2.0 */
export const read = Effect.fnUntraced(function*<A, ES, E, R>(
  options: Options,
  source: Source<A, ES, unknown>,
  partition: Placed<A, ES>,
  write: (outputs: ReadonlyArray<unknown>) => Effect.Effect<void, E, R>
) {
  const { aside, count } = partition
  const collected = new Collected(options.program.stages.length, options.slotOf)
  const part = options.program.source(source.name)
  const placing = new Placing(options, source, partition)
  // With the chunks of the source, an event costs no Effect.
  const events: Stream.Stream<A | Undecodable, ES> = aside === undefined
    ? partition.events
    : partition.tolerant ?? partition.events
  yield* Stream.runForEachArray(events, (some) => {
    count(some.length)
    const taken = Effect.try({
      try: () => {
        if (aside === undefined) placing.all(some)
        else placing.usable(some, aside)
        if (aside === undefined) part.run(placing.values, placing.places, collected)
        else oneByOne(options, source.name, placing, aside, collected)
      },
      catch: (cause) => cause instanceof CommitError ? cause : failed(options, source.name, cause)
    })
    return Effect.flatMap(taken, () => {
      const outputs = collected.takeOutputs()
      return outputs.length === 0 ? Effect.void : write(outputs)
    })
  })
  return collected
})

const failed = ({ batch, query }: Options, step: string, cause: unknown): CommitError =>
  new CommitError({ reason: new FlowFailed({ query, batch, step, cause }) })

/** Each event apart, so that it is known which one a function throws for. */
const oneByOne = (
  options: Options,
  source: string,
  placing: Pick<Placing<never>, "values" | "places" | "numbers">,
  aside: NonNullable<Placed<unknown, unknown>["aside"]>,
  collected: Collected
): void => {
  const part = options.program.source(source)
  for (let i = 0; i < placing.values.length; i++) {
    const own = new Collected(options.program.stages.length, options.slotOf)
    try {
      part.run([placing.values[i]], [placing.places[i]!], own)
    } catch (cause) {
      if (!aside.isOpen) throw cause
      aside.put(placing.numbers[i]!, cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause))
      continue
    }
    collected.add(own)
  }
}

/** Values and places of the events of a chunk. */
class Placing<A> {
  values: Array<unknown> = []
  places: Array<Place> = []
  /** Each event's number among the partition's. */
  numbers: Array<number> = []
  private readonly options: Options
  private readonly source: Source<A, unknown, unknown>
  private readonly partition: Placed<A, unknown>
  /** Where events are whose source does not say so. */
  private readonly ownSegment: bigint
  private readonly firstOffset: bigint
  private number = 0

  constructor(options: Options, source: Source<A, unknown, unknown>, partition: Placed<A, unknown>) {
    this.options = options
    this.source = source
    this.partition = partition
    this.ownSegment = BigInt(partition.id)
    this.firstOffset = BigInt(options.batch) * placesPerBatch
  }

  all(events: Arr.NonEmptyReadonlyArray<A | Undecodable>): void {
    this.begin()
    let greatest = -Infinity
    for (const event of events) {
      const number = this.number++
      // Undecodable ones come only where they are put aside.
      if (!(event instanceof Undecodable)) greatest = Math.max(greatest, this.place(event, number))
    }
    this.told(greatest)
  }

  usable(
    events: Arr.NonEmptyReadonlyArray<A | Undecodable>,
    aside: NonNullable<Placed<unknown, unknown>["aside"]>
  ): void {
    this.begin()
    let greatest = -Infinity
    for (const event of events) {
      const number = this.number++
      if (event instanceof Undecodable) {
        if (!aside.has(number)) aside.put(number, event.detail)
        continue
      }
      const before = this.values.length
      try {
        greatest = Math.max(greatest, this.place(event, number))
      } catch (cause) {
        if (!(cause instanceof CommitError) || cause.reason._tag !== "InvalidEventTime" || !aside.isOpen) throw cause
        aside.put(number, cause.message)
        continue
      }
      // It counts for the time, so that the time is the same when it is put aside.
      if (aside.has(number) && this.values.length > before) this.drop()
    }
    this.told(greatest)
  }

  private begin(): void {
    this.values = []
    this.places = []
    this.numbers = []
  }

  private drop(): void {
    this.values.pop()
    this.places.pop()
    this.numbers.pop()
  }

  private told(greatest: number): void {
    if (greatest > -Infinity) this.options.seen(this.source.name, this.partition.part ?? "", greatest)
  }

  /** The time that it is taken for; `-Infinity` if it is left out. */
  private place(event: A, number: number): number {
    const { batch, clock, counts, query } = this.options
    const { inFlow, name, time: settings } = this.source
    const segment = inFlow?.segment?.(event) ?? this.ownSegment
    const offset = inFlow?.offset?.(event) ?? this.firstOffset + BigInt(number)
    const given = inFlow?.time?.(event) ?? clock
    const at = () => `${name}/${segment}:${offset}`
    if (!Number.isSafeInteger(given)) {
      throw new CommitError({ reason: new InvalidEventTime({ query, batch, place: at(), time: given }) })
    }
    let time = given
    if (settings !== undefined) {
      const believed = Watermarks.believed(given, clock, settings)
      if (believed === "refused") {
        throw new CommitError({
          reason: new EventFromFuture({ query, batch, place: at(), time: given, planned: clock })
        })
      }
      if (believed === "late") {
        counts.future++
        return -Infinity
      }
      if (believed.time !== given) counts.future++
      time = believed.time
    }
    this.values.push(inFlow === undefined ? event : inFlow.value(event))
    this.places.push({ time, source: name, segment, offset, ordinal: 0 })
    this.numbers.push(number)
    return time
  }
}
