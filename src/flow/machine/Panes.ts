/**
 * Sums of windows that slide over slices, each window behind the one before. The slices of a window are added up once from
 * its end to its start, and these sums are kept: a window after it is one of them, and what came since. So a slice takes part in
 * three sums, however many windows it is in.
 *
 * It lives for one key and one batch, in which slices do not change any more.
 *
 * @since 0.2.0
 */

/** @category models @since 0.2.0 */
export interface Pane {
  readonly start: number
  readonly accumulator: unknown
}

/** @category models @since 0.2.0 */
export class Panes {
  private readonly merge: (a: unknown, b: unknown) => unknown
  private readonly slices: (from: number, to: number) => ReadonlyArray<Pane>
  /** From each slice on to the last one of a window, the last slice first. */
  private readonly front: Array<Pane> = []
  /** Of those after it; undefined: there is none. */
  private back: Pane | undefined
  /** To where slices are in one of the two. */
  private end = -Infinity

  /** `slices` gives those that begin from `from` on to before `to`, in order. */
  constructor(
    merge: (a: unknown, b: unknown) => unknown,
    slices: (from: number, to: number) => ReadonlyArray<Pane>
  ) {
    this.merge = merge
    this.slices = slices
  }

  /** What is in a window; undefined if nothing is. Neither bound may be before that of the window asked for last. */
  sum(start: number, end: number): Pane | undefined {
    while (this.front.length > 0 && this.front.at(-1)!.start < start) this.front.pop()
    if (this.front.length === 0) this.turn(start, end)
    else this.extend(end)
    const first = this.front.at(-1)
    if (first === undefined || this.back === undefined) return first
    return { start: first.start, accumulator: this.merge(first.accumulator, this.back.accumulator) }
  }

  private turn(start: number, end: number): void {
    this.back = undefined
    this.end = end
    for (const slice of this.slices(start, end).toReversed()) {
      const after = this.front.at(-1)
      this.front.push(
        after === undefined
          ? slice
          : { start: slice.start, accumulator: this.merge(slice.accumulator, after.accumulator) }
      )
    }
  }

  private extend(end: number): void {
    for (const slice of this.slices(this.end, end)) {
      this.back = this.back === undefined
        ? slice
        : { start: this.back.start, accumulator: this.merge(this.back.accumulator, slice.accumulator) }
    }
    this.end = Math.max(this.end, end)
  }
}
