/**
 * How many bytes a reader may have asked for, or may keep before they are wanted, over all segments that it reads: one number,
 * which they share as they need it. A segment with much to read has what those leave over that wait for more. It counts; how a
 * segment is read is `SegmentRangeReader`'s.
 *
 * Nobody waits for a share: who has nothing at all may always ask for a little (`readMinimum`), so that no segment can keep
 * another one from being read, whatever its user does with its events. All together is at most the budget, and `readMinimum`
 * for each segment that is read.
 *
 * @internal
 */

/** Per request, and about the bytes in an array of events: large enough to make its overhead small. In bytes. */
const requestMaximum = 512 * 1024
/** Smaller requests are made only where a larger one would be more than a share. In bytes. */
const requestMinimum = 64 * 1024

/** What a segment may ask for in any case. In bytes. @category constants @since 0.2.0 */
export const readMinimum = 8 * 1024

/** What one who reads may ask for. @category models @since 0.2.0 */
export interface Share {
  /** Of who has asked for so many bytes that were not taken: how many more it may ask for at once; 0: none now. */
  readonly next: (asked: number) => number
  /** It waits at the tail of its segment: how many bytes it may ask for. */
  readonly wait: () => number
  /** The wait is over. */
  readonly stopWaiting: () => void
  /** So many more bytes are asked for or kept; less, if negative. */
  readonly hold: (bytes: number) => void
  /** Nothing more is read. */
  readonly leave: () => void
}

/** Of who shares with nobody. @category constructors @since 0.2.0 */
export const alone = (sizes: { readonly readAhead: number; readonly readSize: number }): Share => {
  const size = Math.max(1, Math.min(sizes.readSize, sizes.readAhead))
  return {
    next: (asked) => asked === 0 || asked + size <= sizes.readAhead ? size : 0,
    wait: () => size,
    stopWaiting: nothing,
    hold: nothing,
    leave: nothing
  }
}

const nothing = () => {}

/** @category models @since 0.2.0 */
export class ReadBudget {
  readonly bytes: number
  /** How many have something to read, as far as they know. */
  private readers = 0
  /** How many wait at a tail. */
  private waiting = 0
  /** Asked for, and not answered and taken yet, or kept. */
  private held = 0

  constructor(bytes: number) {
    this.bytes = bytes
  }

  /** Asked for or kept, as of now; what is asked for at tails is not counted before it comes. */
  get used(): number {
    return this.held
  }

  /** One more reads. */
  join(): Share {
    return new Member(this)
  }

  /** @internal */
  enter(): void {
    this.readers++
  }

  /** @internal */
  exit(): void {
    this.readers--
  }

  /** @internal */
  enterWait(): number {
    this.readers--
    this.waiting++
    return this.atTail()
  }

  /** @internal */
  exitWait(): void {
    this.waiting--
    this.readers++
  }

  /** @internal */
  hold(bytes: number): void {
    this.held += bytes
  }

  /** @internal */
  next(asked: number): number {
    const share = Math.floor(this.bytes / Math.max(1, this.readers))
    const size = Math.min(requestMaximum, Math.max(Math.floor(share / 2), Math.min(share, requestMinimum)))
    const left = this.bytes - this.held - this.kept()
    if (asked === 0) return Math.max(readMinimum, Math.min(size, left))
    return size >= readMinimum && asked + size <= share && size <= left ? size : 0
  }

  /** An even part of half of the budget: all may be answered at once. */
  private atTail(): number {
    const even = Math.floor(this.bytes / 2 / Math.max(1, this.readers + this.waiting))
    return Math.min(requestMaximum, Math.max(even, readMinimum))
  }

  /** What those at their tails may have at once. The other half is for those that know of something to read. */
  private kept(): number {
    return this.waiting === 0 ? 0 : Math.min(Math.floor(this.bytes / 2), this.waiting * this.atTail())
  }
}

class Member implements Share {
  private readonly budget: ReadBudget
  private state: "reading" | "waiting" | "gone" = "reading"
  private held = 0

  constructor(budget: ReadBudget) {
    this.budget = budget
    budget.enter()
  }

  readonly next = (asked: number): number => this.budget.next(asked)

  readonly wait = (): number => {
    this.state = "waiting"
    return this.budget.enterWait()
  }

  readonly stopWaiting = (): void => {
    if (this.state !== "waiting") return
    this.state = "reading"
    this.budget.exitWait()
  }

  readonly hold = (bytes: number): void => {
    if (this.state === "gone") return
    this.held += bytes
    this.budget.hold(bytes)
  }

  readonly leave = (): void => {
    if (this.state === "gone") return
    this.stopWaiting()
    this.hold(-this.held)
    this.state = "gone"
    this.budget.exit()
  }
}
