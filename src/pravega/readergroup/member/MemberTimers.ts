/**
 * When a reader of a group does what: Java's times, in milliseconds of a clock that never goes back. All members keep them,
 * so that the reader with the least to do takes segments first, and the one with the most gives some up first.
 *
 * @see `ReaderGroupStateManager` of Pravega 0.13.0
 * @internal
 */
import * as ReaderGroupBalance from "../state/ReaderGroupBalance.ts"
import type { ReaderGroupState } from "../state/ReaderGroupState.ts"

/** In units: after a decision, until what was decided is written. */
const decisionUnits = 30
const configUnits = 10
/** Until the controller is asked again what follows a segment. */
const successionUnits = 0.1

/** @category models @since 0.1.0 */
export class MemberTimers {
  /** In milliseconds. */
  readonly unit: number
  private readonly reader: string
  acquireAt: number
  releaseAt: number
  reportAt: number
  checkpointAt: number
  configAt: number
  compactAt: number
  /** Of segments that are read to their ends, by names: when to ask again what follows them. */
  readonly successionAt = new Map<string, number>()

  /** `unit` is a second in Java. */
  constructor(reader: string, unit: number, now: number) {
    this.reader = reader
    this.unit = unit
    this.acquireAt = now
    this.releaseAt = now + unit
    this.reportAt = now + unit
    this.checkpointAt = now + unit
    this.configAt = now + unit
    this.compactAt = now + unit
  }

  /** Segments were acquired, released, or refused. `wrote`: the group heard of it. */
  moved(now: number, state: ReaderGroupState, wrote: boolean): void {
    const ranking = ReaderGroupBalance.ranking(state, this.reader) ?? 0
    this.releaseAt = now + this.unit * (1 + ranking)
    this.acquireAt = now + this.unit * Math.max(1, state.assigned.size - ranking)
    // Java puts its report off in any case: a reader that leaves segments to one that has died would never report again
    if (wrote) this.reported(now, state)
  }

  /** There was nothing to acquire. */
  foundNothing(now: number, state: ReaderGroupState): void {
    const ranking = ReaderGroupBalance.ranking(state, this.reader) ?? 0
    this.acquireAt = now + this.unit * Math.max(1, state.assigned.size - ranking)
  }

  /** A segment is to be released. */
  decided(now: number): void {
    this.releaseAt = now + this.unit * decisionUnits
    this.acquireAt = now + this.unit * decisionUnits
  }

  reported(now: number, state: ReaderGroupState): void {
    this.reportAt = now + this.reportPause(state)
  }

  /** From one report to the next, in milliseconds: the more readers there are, the less each of them writes. */
  reportPause(state: ReaderGroupState): number {
    return this.unit * (state.assigned.size + 1)
  }

  isSuccessionDue(segment: string, now: number): boolean {
    return (this.successionAt.get(segment) ?? now) <= now
  }

  successionUnknown(segment: string, now: number): void {
    this.successionAt.set(segment, now + this.unit * successionUnits)
  }

  lookedAtConfig(now: number): void {
    this.configAt = now + this.unit * configUnits
  }

  /** How long until the next of those that are still to come. */
  untilNext(now: number): number {
    const coming = [
      this.acquireAt,
      this.releaseAt,
      this.reportAt,
      this.checkpointAt,
      this.configAt,
      this.compactAt,
      ...this.successionAt.values()
    ].filter((at) => at > now)
    return Math.min(...coming, now + this.unit * decisionUnits) - now
  }
}
