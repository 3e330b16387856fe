/**
 * Random values of a reader group's vocabulary, for the property tests in this folder.
 */
import * as Duration from "effect/Duration"
import fc from "fast-check"
import { ReaderGroupConfig } from "../../../src/core/ReaderGroupConfig.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import { makeId, name, type SegmentId } from "../../../src/core/Segment.ts"
import { StreamCut } from "../../../src/core/StreamCut.ts"
import type { CheckpointState } from "../../../src/pravega/readergroup/state/CheckpointState.ts"
import type { ReaderGroupState } from "../../../src/pravega/readergroup/state/ReaderGroupState.ts"
import type { InitialUpdate, ReaderGroupUpdate } from "../../../src/pravega/readergroup/state/ReaderGroupUpdate.ts"
import type { SynchronizerEntry } from "../../../src/pravega/readergroup/state/SynchronizerEntry.ts"

/** Plain objects, as the library makes them. */
const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(fields, { noNullPrototype: true })

const maxI64 = (1n << 63n) - 1n
const i64 = fc.bigInt({ min: -maxI64 - 1n, max: maxI64 })
/** Within what the compact signed form of stream cuts can hold, also after a bit has changed. */
const cutOffset = fc.bigInt({ min: -1n, max: 1n << 60n })
const stream = fc.constantFrom("s/t", "s/u", "other/t.x-1").map((text) => ScopedStream.fromTextUnsafe(text))
/** Ids of 62 bits at most: the compact form of stream cuts has no room for more. */
const segmentId: fc.Arbitrary<SegmentId> = fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 0x3ffffffe })).map(
  ([number, epoch]) => makeId(number, epoch)
)
const segment = fc.tuple(stream, segmentId).map(([stream, id]) => name(stream, id))
const text = fc.string({ unit: "binary", maxLength: 12 })
const range = fc.option(
  fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })).map(
    // zero has one sign on the wire only if it had before
    ([a, b]) => ({ low: Math.min(a, b) + 0, high: Math.max(a, b) + 0 })
  ),
  { nil: undefined }
)

const mapOf = <K, V>(key: fc.Arbitrary<K>, value: fc.Arbitrary<V>, minLength = 0): fc.Arbitrary<ReadonlyMap<K, V>> =>
  fc.array(fc.tuple(key, value), { minLength, maxLength: 5 }).map((entries) => new Map(entries))
const positions = mapOf(segment, i64)
const rangedPositions = mapOf(segment, record({ offset: i64, range }))
const successors = mapOf(
  segment,
  record({ range, predecessors: fc.array(segmentId, { maxLength: 3 }).map((ids) => new Set(ids)) })
)

const bound = fc.oneof(
  fc.constant("unbounded" as const),
  fc.tuple(stream, mapOf(segmentId, cutOffset, 1)).map(([stream, positions]) => new StreamCut({ stream, positions }))
)
const bounds = mapOf(stream.map((stream) => stream.toString()), bound)
const duration = fc.oneof(
  fc.nat().map((millis) => Duration.millis(millis)),
  fc.constant(Duration.infinity)
)

export const config: fc.Arbitrary<ReaderGroupConfig> = record({
  startingStreamCuts: bounds,
  endingStreamCuts: bounds,
  groupRefreshTime: duration,
  automaticCheckpointInterval: fc.option(duration, { nil: undefined }),
  maxOutstandingCheckpoints: fc.integer({ min: 1, max: 0x7fffffff }),
  retention: fc.constantFrom("none" as const, "manual" as const, "automatic" as const),
  generation: i64,
  id: fc.uuid()
}).map((fields) => new ReaderGroupConfig(fields))

export const checkpointState: fc.Arbitrary<CheckpointState> = record({
  checkpoints: fc.array(text, { maxLength: 4 }),
  pending: mapOf(text, fc.array(text, { maxLength: 3 })),
  positions: mapOf(text, positions),
  lastPositions: positions.map((last) => last.size === 0 ? undefined : last),
  lastPublished: fc.boolean()
})

/** Any state that has bytes, whether or not a group can get there; a segment has the same range in all places. */
export const state: fc.Arbitrary<ReaderGroupState> = record({
  config,
  checkpoints: checkpointState,
  distanceToTail: mapOf(text, i64),
  future: successors,
  assigned: mapOf(text, rangedPositions),
  unassigned: rangedPositions,
  lastRead: rangedPositions,
  endSegments: positions,
  updatingConfig: fc.boolean()
}).map(withRangesOfOnePlace)

function withRangesOfOnePlace(state: ReaderGroupState): ReaderGroupState {
  const strip = <A>(segments: ReadonlyMap<string, A>) =>
    new Map(
      Array.from(segments, ([segment, value]) => [segment, { ...value, range: state.lastRead.get(segment)?.range }])
    )
  return {
    ...state,
    future: strip(state.future),
    assigned: new Map(Array.from(state.assigned, ([reader, segments]) => [reader, strip(segments)])),
    unassigned: strip(state.unassigned)
  }
}

export const initialUpdate: fc.Arbitrary<InitialUpdate> = fc.oneof(
  record({
    _tag: fc.constant("ReaderGroupStateInit" as const),
    config,
    startingSegments: rangedPositions,
    endSegments: positions,
    updatingConfig: fc.boolean()
  }),
  record({ _tag: fc.constant("CompactReaderGroupState" as const), state })
)

export const update: fc.Arbitrary<ReaderGroupUpdate> = fc.oneof(
  initialUpdate,
  record({ _tag: fc.constant("AddReader" as const), reader: text }),
  record({ _tag: fc.constant("RemoveReader" as const), reader: text, positions }),
  record({ _tag: fc.constant("ReleaseSegment" as const), reader: text, segment, offset: i64 }),
  record({ _tag: fc.constant("AcquireSegment" as const), reader: text, segment }),
  record({
    _tag: fc.constant("UpdateDistanceToTail" as const),
    reader: text,
    distance: i64,
    lastRead: rangedPositions
  }),
  record({ _tag: fc.constant("SegmentCompleted" as const), reader: text, segment, range, successors }).map(
    // one range per segment here too
    (completed) => ({ ...completed, range: completed.successors.get(completed.segment)?.range ?? completed.range })
  ).filter(({ segment, successors }) => !successors.has(segment)),
  record({ _tag: fc.constant("CheckpointReader" as const), checkpoint: text, reader: text, positions }),
  record({ _tag: fc.constantFrom("CreateCheckpoint" as const, "ClearCheckpointsBefore" as const), checkpoint: text }),
  record({ _tag: fc.constant("UpdateCheckpointPublished" as const), published: fc.boolean() }),
  record({ _tag: fc.constant("UpdatingConfig" as const), updating: fc.boolean() }),
  record({ _tag: fc.constant("RemoveOutstandingCheckpoints" as const) })
)

export const initEntry: fc.Arbitrary<SynchronizerEntry> = record({
  _tag: fc.constant("Init" as const),
  init: initialUpdate
})

export const entry: fc.Arbitrary<SynchronizerEntry> = fc.oneof(
  initEntry,
  record({ _tag: fc.constant("Updates" as const), updates: fc.array(update, { minLength: 1, maxLength: 4 }) })
)

/** Bytes with a few of them changed, cut off, or added. */
export const mutated = (bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(
    bytes,
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
    fc.nat(),
    fc.uint8Array({ maxLength: 6 })
  ).map(([bytes, changes, cut, more]) => {
    const changed = Uint8Array.from(bytes)
    for (const [at, value] of changes) changed[at % Math.max(1, changed.length)] = value
    const kept = cut % 3 === 0 ? changed.subarray(0, cut % (changed.length + 1)) : changed
    return Uint8Array.from([...kept, ...more])
  })
