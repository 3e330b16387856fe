/**
 * Random streams for property tests: segments, how they were scaled, and the cuts that a reader passes. A model of what a
 * controller does, kept apart from the code under test.
 */
import fc from "fast-check"
import * as KeyRange from "../../src/core/KeyRange.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import * as Segment from "../../src/core/Segment.ts"
import { StreamCut } from "../../src/core/StreamCut.ts"
import type { SegmentExtent } from "../../src/core/StreamCutOrder.ts"

export const stream = ScopedStream.fromTextUnsafe("scope/stream")

/** Some neighbours sealed, and what took their place. */
export interface Scale {
  readonly sealed: ReadonlyArray<SegmentExtent>
  readonly created: ReadonlyArray<SegmentExtent>
}

export interface History {
  readonly first: ReadonlyArray<SegmentExtent>
  readonly scales: ReadonlyArray<Scale>
}

/** All segments there ever were. */
export const allSegments = (history: History): ReadonlyArray<SegmentExtent> => [
  ...history.first,
  ...history.scales.flatMap((scale) => scale.created)
]

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const length = fc.bigInt({ min: 0n, max: 1_000_000n })

interface ScalePlan {
  readonly at: number
  readonly width: number
  readonly pieces: number
  readonly lengths: ReadonlyArray<bigint>
}

const scalePlan: fc.Arbitrary<ScalePlan> = fc.record({
  at: fraction,
  width: fc.integer({ min: 1, max: 3 }),
  pieces: fc.integer({ min: 1, max: 3 }),
  lengths: fc.array(length, { minLength: 3, maxLength: 3 })
})

export const history: fc.Arbitrary<History> = fc
  .tuple(fc.array(length, { minLength: 1, maxLength: 4 }), fc.array(scalePlan, { maxLength: 5 }))
  .map(([lengths, plans]) => {
    const ranges = KeyRange.equal(lengths.length)
    const first = lengths.map((length, i) => ({ id: Segment.makeId(i, 0), range: ranges[i]!, length }))
    const scales: Array<Scale> = []
    let active: ReadonlyArray<SegmentExtent> = first
    let next = first.length
    plans.forEach(({ at, lengths, pieces, width }, i) => {
      const from = Math.floor(at * active.length)
      const sealed = active.slice(from, from + width)
      const low = sealed[0]!.range.low
      const high = sealed.at(-1)!.range.high
      const bounds = Array.from({ length: pieces + 1 }, (_, k) => k === pieces ? high : low + (high - low) * k / pieces)
      const created = Array.from({ length: pieces }, (_, k) => ({
        id: Segment.makeId(next++, i + 1),
        range: { low: bounds[k]!, high: bounds[k + 1]! },
        length: lengths[k]!
      }))
      scales.push({ sealed, created })
      active = [...active.slice(0, from), ...created, ...active.slice(from + sealed.length)]
    })
    return { first, scales }
  })

interface Step {
  readonly pick: number
  readonly to: number
  readonly finish: boolean
  readonly asFullyRead: boolean
}

const step: fc.Arbitrary<Step> = fc.record({
  pick: fraction,
  to: fraction,
  finish: fc.boolean(),
  asFullyRead: fc.boolean()
})

const take = (history: History, offsets: Map<Segment.SegmentId, bigint>, { asFullyRead, finish, pick, to }: Step) => {
  const extents = new Map(allSegments(history).map((extent) => [extent.id, extent]))
  const id = [...offsets.keys()][Math.floor(pick * offsets.size)]!
  const length = extents.get(id)!.length
  const at = offsets.get(id)!
  const isSealed = history.scales.some((scale) => scale.sealed.some((sealed) => sealed.id === id))
  if (finish || at === -1n) offsets.set(id, isSealed && asFullyRead ? -1n : length)
  else offsets.set(id, at + BigInt(Math.floor(to * Number(length - at))))
  for (const { created, sealed } of history.scales) {
    const done = sealed.every((segment) => [-1n, segment.length].includes(offsets.get(segment.id) ?? -2n))
    // a reader enters the successors of what it has read, now or later
    if (!done || pick < 0.3) continue
    for (const segment of sealed) offsets.delete(segment.id)
    for (const segment of created) offsets.set(segment.id, 0n)
  }
}

export interface Readings {
  readonly history: History
  readonly cuts: ReadonlyArray<StreamCut>
}

const legs = (stops: number) => fc.array(fc.array(step, { maxLength: 12 }), { minLength: stops, maxLength: stops })

const start = (history: History): Map<Segment.SegmentId, bigint> =>
  new Map(history.first.map((segment) => [segment.id, 0n]))

const read = (history: History, from: ReadonlyMap<Segment.SegmentId, bigint>, steps: ReadonlyArray<Step>) => {
  const offsets = new Map(from)
  for (const one of steps) take(history, offsets, one)
  return new StreamCut({ stream, positions: offsets })
}

/** A stream and the cuts at which one reader stopped, one after the other. */
export const readings = (stops: number): fc.Arbitrary<Readings> =>
  fc.tuple(history, legs(stops)).map(([history, legs]) => {
    let positions: ReadonlyMap<Segment.SegmentId, bigint> = start(history)
    const cuts = legs.map((steps) => {
      const cut = read(history, positions, steps)
      positions = cut.positions
      return cut
    })
    return { history, cuts }
  })

/** A stream and the cuts at which several readers stopped, each of which had read it from its start. */
export const readers = (count: number): fc.Arbitrary<Readings> =>
  fc.tuple(history, legs(count)).map(([history, legs]) => ({
    history,
    cuts: legs.map((steps) => read(history, start(history), steps))
  }))
