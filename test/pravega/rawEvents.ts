/** Reads what is in a stream with plain segment reads, without any reader of this package: the evidence of writers' tests. */
import * as Effect from "effect/Effect"
import type { ScopedStream } from "../../src/core/ScopedStream.ts"
import type { SegmentId } from "../../src/core/Segment.ts"
import type { ControllerError } from "../../src/pravega/controller/ControllerError.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import type { SegmentError } from "../../src/pravega/segmentstore/SegmentError.ts"

export interface SegmentEvents {
  readonly segment: SegmentId
  readonly events: ReadonlyArray<Uint8Array>
}

/** The events of every segment, in an order in which each key's events are in order: by the epoch of the segments. */
export const rawEvents = (
  stream: ScopedStream
): Effect.Effect<ReadonlyArray<SegmentEvents>, ControllerError | SegmentError, Pravega> =>
  Effect.gen(function*() {
    const { controller } = yield* Pravega
    const head = yield* controller.head(stream)
    const ids = yield* controller.segmentsBetween(stream, head, undefined)
    const ordered = ids.toSorted((a, b) => (a < b ? -1 : 1))
    return yield* Effect.forEach(
      ordered,
      (id) => Effect.map(eventsOf(stream, id), (events) => ({ segment: id, events }))
    )
  })

/** The same as texts, of all segments. */
export const rawTexts = (
  stream: ScopedStream
): Effect.Effect<ReadonlyArray<string>, ControllerError | SegmentError, Pravega> =>
  Effect.map(
    rawEvents(stream),
    (segments) => segments.flatMap(({ events }) => events.map((event) => new TextDecoder().decode(event)))
  )

const eventsOf = Effect.fnUntraced(function*(stream: ScopedStream, id: SegmentId) {
  const { segments } = yield* Pravega
  const { length } = yield* segments.info({ stream, id })
  const bytes = new Uint8Array(Number(length))
  for (let at = 0; at < bytes.length;) {
    const { data } = yield* segments.read({ stream, id }, { offset: BigInt(at), length: 1024 * 1024 })
    bytes.set(data.subarray(0, bytes.length - at), at)
    at += data.length
  }
  const view = new DataView(bytes.buffer)
  const events: Array<Uint8Array> = []
  for (let at = 0; at < bytes.length;) {
    const size = view.getInt32(at + 4)
    events.push(bytes.subarray(at + 8, at + 8 + size))
    at += 8 + size
  }
  return events
})
