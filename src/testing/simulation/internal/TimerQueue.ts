/** What is due when: a binary heap, the earliest first, and of equal times the one that was added first. */

/** @category models @since 0.1.0 */
export interface Entry<out A> {
  readonly at: number
  readonly order: number
  readonly value: A
  isCancelled: boolean
}

/** @category models @since 0.1.0 */
export class TimerQueue<A> {
  private readonly heap: Array<Entry<A>> = []
  private added = 0

  add(at: number, value: A): Entry<A> {
    const entry = { at, order: this.added++, value, isCancelled: false }
    const { heap } = this
    let index = heap.push(entry) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(entry, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
    return entry
  }

  /** It stays in the heap until its time comes. */
  cancel(entry: Entry<A>): void {
    entry.isCancelled = true
  }

  /** When the next one is due. */
  peek(): number | undefined {
    while (this.heap[0]?.isCancelled === true) this.pop()
    return this.heap[0]?.at
  }

  take(): A | undefined {
    return this.peek() === undefined ? undefined : this.pop().value
  }

  clear(): void {
    this.heap.length = 0
  }

  private pop(): Entry<A> {
    const { heap } = this
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return first
  }
}

const isBefore = (a: Entry<unknown>, b: Entry<unknown>): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
