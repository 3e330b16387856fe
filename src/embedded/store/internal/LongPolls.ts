/**
 * Reads that wait for data, of all segments of a container. They are answered when what they wait for is durable, with
 * all that is there by then: a reader at the tail gets a turn's appends at once, not one by one.
 *
 * @internal
 */
import type { Poll, ReadResult } from "../SegmentContainer.ts"

/** How long a read may wait, in milliseconds; a real store's time-out. */
const waitMillis = 60_000

/** @category models @since 0.1.0 */
export interface PollRequest {
  readonly offset: number
  readonly length: number
  readonly later: (result: ReadResult) => void
  readonly hasRoom?: (() => boolean) | undefined
}

interface Waiting extends PollRequest {
  readonly queue: PollQueue
  readonly deadline: number
}

/** The reads that wait on one segment. @category models @since 0.1.0 */
export class PollQueue {
  readonly waiting = new Set<Waiting>()
}

/** @category models @since 0.1.0 */
export class LongPolls {
  private readonly now: () => number
  /** In the order of their deadlines, since all wait equally long. */
  private readonly byDeadline = new Set<Waiting>()

  constructor(now: () => number) {
    this.now = now
  }

  get size(): number {
    return this.byDeadline.size
  }

  add(queue: PollQueue, request: PollRequest): Poll {
    const poll: Waiting = { ...request, queue, deadline: this.now() + waitMillis }
    queue.waiting.add(poll)
    this.byDeadline.add(poll)
    return { _tag: "Poll", cancel: () => this.remove(poll) }
  }

  /** Answers the reads that `answer` has an answer for. */
  settle(queue: PollQueue, answer: (request: PollRequest) => ReadResult | undefined): void {
    for (const poll of Array.from(queue.waiting)) {
      // the handler of one may have cancelled another
      if (!queue.waiting.has(poll)) continue
      const result = answer(poll)
      if (result === undefined) continue
      this.remove(poll)
      poll.later(result)
    }
  }

  expire(): void {
    const now = this.now()
    for (const poll of this.byDeadline) {
      if (poll.deadline > now) return
      if (!poll.queue.waiting.has(poll)) continue
      this.remove(poll)
      poll.later(emptyRead(poll.offset))
    }
  }

  private remove(poll: Waiting): void {
    poll.queue.waiting.delete(poll)
    this.byDeadline.delete(poll)
  }
}

/** The answer to a read that waited in vain: no data, ask again. @category constructors @since 0.1.0 */
export const emptyRead = (offset: number): ReadResult => ({
  _tag: "ReadData",
  offset,
  atTail: true,
  endOfSegment: false,
  data: noBytes
})

const noBytes = new Uint8Array(0)
