/**
 * For how long the other readers of a group have been silent, as this one has noticed: measured by its own clock, and only
 * while it reads the group's log itself. Pure: what is done about them is not decided here.
 *
 * @internal
 */
import type { SignsOfLife } from "../state/SignsOfLife.ts"

interface Silence {
  /** What was heard of the reader when it was heard of last. */
  readonly signs: number
  millis: number
}

/** @category models @since 0.2.0 */
export class SilentReaders {
  private readonly silences = new Map<string, Silence>()
  private lookedAt: number | undefined = undefined

  /**
   * Looks at the others. From one look to the next not more than `longest` milliseconds count: if this process was stopped in
   * between, it does not know what the others did.
   */
  look(now: number, longest: number, others: Iterable<string>, signs: SignsOfLife): void {
    const passed = Math.min(longest, now - (this.lookedAt ?? now))
    this.lookedAt = now
    const seen = new Set(others)
    for (const reader of this.silences.keys()) if (!seen.has(reader)) this.silences.delete(reader)
    for (const reader of seen) {
      const count = signs.of(reader)
      const known = this.silences.get(reader)
      if (known?.signs === count) known.millis += passed
      else this.silences.set(reader, { signs: count, millis: 0 })
    }
  }

  /** The others, for how long each was silent, and what was heard of it before. */
  all(): ReadonlyArray<{ readonly reader: string; readonly signs: number; readonly millis: number }> {
    return Array.from(this.silences, ([reader, silence]) => ({ reader, ...silence }))
  }
}
