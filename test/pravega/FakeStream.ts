/**
 * A stream with a history, in memory: written, scaled, truncated and sealed, behind the `Controller` and `Segments`
 * services. Events are `key:number` in UTF-8, numbered per key.
 */
import { Effect, Layer } from "effect"
import type { KeyRange } from "../../src/core/KeyRange.ts"
import * as RoutingKey from "../../src/core/RoutingKey.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import * as Segment from "../../src/core/Segment.ts"
import { StreamCut } from "../../src/core/StreamCut.ts"
import { Controller, type Successor } from "../../src/pravega/controller/Controller.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import { SegmentStores } from "../../src/pravega/segmentstore/SegmentStores.ts"
import { FakeStore, framed } from "./FakeStore.ts"

export class FakeStream {
  readonly name = ScopedStream.fromTextUnsafe("scope/history")
  readonly store: FakeStore
  /** The active segments of each epoch. */
  readonly epochs: Array<ReadonlyArray<Segment.SegmentWithRange>> = []
  /** All events in the order in which they were written. */
  readonly written: Array<string> = []
  private readonly counts = new Map<string, number>()
  private nextNumber = 0
  private headCut: StreamCut
  isSealed = false

  constructor(seed: number, segments: number) {
    this.store = new FakeStore(seed)
    this.epochs.push(this.create(
      0,
      Array.from({ length: segments }, (_, i) => ({
        low: i / segments,
        high: (i + 1) / segments
      }))
    ))
    this.headCut = this.cut()
  }

  private create(epoch: number, ranges: ReadonlyArray<{ readonly low: number; readonly high: number }>) {
    return ranges.map((range) => {
      const id = Segment.makeId(this.nextNumber++, epoch)
      this.store.segment(this.name, id)
      return { id, range }
    })
  }

  get active(): ReadonlyArray<Segment.SegmentWithRange> {
    return this.epochs.at(-1)!
  }

  write(key: string): void {
    const number = this.counts.get(key) ?? 0
    this.counts.set(key, number + 1)
    const event = `${key}:${number}`
    const position = RoutingKey.position(key)
    const { id } = this.active.find(({ range }) => position < range.high) ?? this.active.at(-1)!
    this.store.segment(this.name, id).append(framed([new TextEncoder().encode(event)]))
    this.written.push(event)
  }

  /** Replaces the active segments `first` to `last` (in the order of their ranges) by `count` equal ones. */
  scale(first: number, last: number, count: number): void {
    const sorted = this.active.toSorted((a, b) => a.range.low - b.range.low)
    const replaced = sorted.slice(first, last + 1)
    const low = replaced[0]!.range.low
    const high = replaced.at(-1)!.range.high
    const bound = (i: number) => i === 0 ? low : i === count ? high : low + (high - low) * i / count
    const created = this.create(
      this.epochs.length,
      Array.from({ length: count }, (_, i) => ({ low: bound(i), high: bound(i + 1) }))
    )
    this.epochs.push([...sorted.slice(0, first), ...created, ...sorted.slice(last + 1)])
    for (const { id } of replaced) this.store.segment(this.name, id).seal()
  }

  seal(): void {
    this.isSealed = true
    for (const { id } of this.active) this.store.segment(this.name, id).seal()
  }

  /** The cut after all that was written until now. */
  cut(): StreamCut {
    return this.cutOf(this.active)
  }

  private cutOf(segments: ReadonlyArray<Segment.SegmentWithRange>): StreamCut {
    return StreamCut.make({
      stream: this.name,
      positions: new Map(segments.map(({ id }) => [id, BigInt(this.store.segment(this.name, id).bytes.length)]))
    })
  }

  truncate(cut: StreamCut): void {
    this.headCut = cut
    for (const { id } of this.epochs.flat()) {
      const at = cut.positions.get(id)
      const segment = this.store.segment(this.name, id)
      if (at !== undefined) segment.startOffset = Number(at)
      else if (this.isBefore(id, cut)) segment.deleted = true
    }
  }

  rangeOf(id: Segment.SegmentId): KeyRange {
    return this.epochs.flat().find((segment) => segment.id === id)!.range
  }
  private related(id: Segment.SegmentId, cut: StreamCut): ReadonlyArray<Segment.SegmentId> {
    const { high, low } = this.rangeOf(id)
    return [...cut.positions.keys()].filter((other) => {
      const range = this.rangeOf(other)
      return range.low < high && low < range.high
    })
  }
  private isBefore(id: Segment.SegmentId, cut: StreamCut): boolean {
    return !cut.positions.has(id) && this.related(id, cut).some((other) => Segment.epoch(other) > Segment.epoch(id))
  }
  private isAfter(id: Segment.SegmentId, cut: StreamCut): boolean {
    return !cut.positions.has(id) && this.related(id, cut).some((other) => Segment.epoch(other) < Segment.epoch(id))
  }

  /** The segments made when `id` was sealed in its range, with all that they follow; none while it is active, or at the end. */
  private successors(id: Segment.SegmentId): ReadonlyArray<Successor> {
    const epoch = this.epochs.findLastIndex((active) => active.some((segment) => segment.id === id))
    const after = this.epochs[epoch + 1]
    if (after === undefined) return []
    const before = this.epochs[epoch]!.filter((segment) => !after.includes(segment))
    const overlap = (a: KeyRange, b: KeyRange) => a.low < b.high && b.low < a.high
    return after
      .filter((segment) => Segment.epoch(segment.id) === epoch + 1 && overlap(segment.range, this.rangeOf(id)))
      .map((segment) => ({
        id: segment.id,
        range: segment.range,
        predecessors: before.filter(({ range }) => overlap(range, segment.range)).map((segment) => segment.id)
      }))
  }

  /** The services of a client of this stream. */
  get layer(): Layer.Layer<Pravega> {
    const controller = Layer.mock(Controller)({
      head: () => Effect.sync(() => this.headCut),
      currentSegments: () => Effect.sync(() => this.isSealed ? [] : this.active),
      successors: (_, id) => Effect.sync(() => this.successors(id)),
      epochSegments: (_, epoch) => Effect.sync(() => this.epochs[epoch] ?? []),
      segmentsBetween: (_, from, to) =>
        Effect.sync(() =>
          [...new Set(this.epochs.flat().map(({ id }) => id))].filter((id) =>
            !(from !== undefined && this.isBefore(id, from)) && !(to !== undefined && this.isAfter(id, to))
          )
        )
    })
    return Layer.effect(
      Pravega,
      Effect.gen({ self: this }, function*() {
        const stores = yield* SegmentStores
        return Pravega.of({ controller: yield* Controller, segments: this.store.service, stores })
      })
    ).pipe(Layer.provide([controller, Layer.mock(SegmentStores)({})]))
  }
}
