/** Appends as a writer sends them, without one. */
import * as Effect from "effect/Effect"
import * as Segment from "../../src/core/Segment.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import type { SegmentRef } from "../../src/pravega/segmentstore/Segments.ts"

/** A connection of its own on which a writer is set up, and what the store said to that. Lives as long as the Scope. */
export const setUpAppend = Effect.fnUntraced(function*(segment: SegmentRef, writerId: string) {
  const { segments, stores } = yield* Pravega
  const connection = yield* segments.appends(segment, yield* stores.lane)
  const delegationToken = yield* segments.token(segment.stream, "write")
  const reply = yield* connection.call((requestId) => ({
    _tag: "SetupAppend",
    requestId,
    writerId,
    segment: nameOf(segment),
    delegationToken
  }))
  /** Some whole events under one number, and what the store says to them. */
  const append = (data: Uint8Array, lastEventNumber: bigint) =>
    connection.call((requestId) => ({
      _tag: "AppendBlockEnd",
      writerId,
      sizeOfWholeEvents: data.length,
      data,
      numEvents: 1,
      lastEventNumber,
      requestId
    }))
  return { reply, append }
})

export const nameOf = ({ id, stream, transaction }: SegmentRef): string =>
  transaction === undefined ? Segment.name(stream, id) : Segment.transactionName(stream, id, transaction)
