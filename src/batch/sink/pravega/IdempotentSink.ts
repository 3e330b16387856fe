/**
 * A Pravega stream as a query's sink without transactions (rule 19): outputs are appended as they come, each under a number
 * made of its batch and its place in its partition's output. A try after a crash begins at the segments of the first one,
 * which the log names before anything is written; what the segments have already is not written again.
 */
import type * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as EventStream from "../../../core/EventStream.ts"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import { SegmentWithRange } from "../../../core/Segment.ts"
import * as Uuid from "../../../core/Uuid.ts"
import { StreamSealed } from "../../../pravega/controller/ControllerError.ts"
import { Pravega } from "../../../pravega/Pravega.ts"
import * as ControllerFailure from "../../../pravega/write/ControllerFailure.ts"
import * as NumberedWriter from "../../../pravega/write/NumberedWriter.ts"
import { WriterError } from "../../../pravega/write/WriterError.ts"
import * as WriterLimits from "../../../pravega/write/WriterLimits.ts"
import { CheckpointLogError } from "../../protocol/CheckpointLogError.ts"
import { CommitError, SinkAhead, SinkSegmentLost } from "../../protocol/CommitError.ts"
import type { Attempt, BatchId, Past, TypedSink } from "../SinkContract.ts"
import { type Encoded, EncodedOutputs, type Keyless, streamOf } from "./EncodedOutputs.ts"
import * as PartitionWriters from "./PartitionWriters.ts"
import * as StreamStructure from "./StreamStructure.ts"

/** @category models @since 0.1.0 */
export interface IdempotentOptions {
  /**
   * Outputs are in the stream exactly once, without transactions: visible at once, each under a number that a try after a
   * crash gives it again, and that the stream's segments remember.
   */
  readonly guarantee: "idempotent"
  /** Outputs are accepted while fewer bytes than this are unacknowledged, per partition; default 8 MiB. */
  readonly maxPendingBytes?: number | undefined
}

/** Where the first try of a batch began to write. */
const Handle = Schema.Struct({ segments: Schema.Array(SegmentWithRange) })
type Handle = typeof Handle.Type

/** All was acknowledged when it was prepared: there is nothing to find out. */
const Evidence = Schema.Null

type Failure = WriterError | CommitError | CheckpointLogError

/** @category constructors @since 0.1.0 */
export const typed = <B>(stream: EventStream.EventStream<B>, options: IdempotentOptions) => ({
  name: stream.name.toString(),
  structure: StreamStructure.of(stream, options.guarantee),
  needsDeterministic: true,
  mayBeSeenEarly: true,
  isRetryable: (error: Failure) =>
    error.isRetryable || (error._tag === "WriterError" && endsWithWriter.has(error.reason._tag)),
  handle: Handle,
  evidence: Evidence,
  open: Effect.gen(function*() {
    const pravega = yield* Pravega
    const segments = yield* Effect.cachedWithTTL(
      Effect.provideService(currentSegments(stream.name), Pravega, pravega),
      (exit) => Exit.isSuccess(exit) ? segmentsAge : 0
    )
    return {
      begin: (batch: BatchId, past: Past<Handle> = { log: "", handles: [], checkOwner: Effect.void }) =>
        Effect.provideService(begin({ ...options, stream, segments, batch, past }), Pravega, pravega),
      commit: () => Effect.void,
      // What was written stays: the next try of the batch goes on from it.
      abort: () => Effect.succeed("aborted" as const),
      recover: () => Effect.succeed({ _tag: "committed" as const })
    }
  })
} satisfies TypedSink<B, Failure, Pravega, Handle, null>)

/** What is wrong with one writer only: another try has another one. */
const endsWithWriter = new Set<WriterError["reason"]["_tag"]>(["WriterClosed", "AppendRefused", "AppendOutcomeUnknown"])

/** Writer ids are made in here, so that they meet no others. */
const namespace = "6ddbd44a-9da5-4a0c-8f3c-3d7a0e8f2c11"

/** A batch has as many numbers in each segment; an output has one. */
const numbersPerBatch = BigInt(2) ** BigInt(32)

/** Outputs without routing key go to one segment in runs of so many. */
const keylessRun = 64

/**
 * So long a batch begins with the segments of the one before: a batch after the other need not ask the controller. One that
 * was sealed meanwhile leads to its successors, as it does in the middle of a batch.
 */
const segmentsAge = Duration.seconds(1)

/** The writer of a partition. */
interface Writer {
  readonly accept: (outputs: ReadonlyArray<Encoded>) => Effect.Effect<void, Failure>
  readonly flush: Effect.Effect<void, Failure>
}

interface Beginning<B> extends IdempotentOptions {
  readonly stream: EventStream.EventStream<B>
  /** The stream's, now or a moment ago. */
  readonly segments: Effect.Effect<Handle["segments"], Failure>
  readonly batch: BatchId
  readonly past: Past<Handle>
}

const begin = Effect.fnUntraced(function*<B>(beginning: Beginning<B>) {
  const { maxPendingBytes, past, segments, stream } = beginning
  const { batch, query } = beginning.batch
  const pravega = yield* Pravega
  const [first] = past.handles
  const handle = first ?? { segments: yield* segments }
  // the same each time, whatever the chunks
  const keyless: Keyless = (partition, place) => `${batch}/${partition}/${Math.floor(place / keylessRun)}`
  const encodedStream = streamOf(stream, keyless)
  const written = new EncodedOutputs(stream, keyless)
  const start = NumberedWriter.startAt(handle.segments)
  const writers = yield* PartitionWriters.make<Writer, Failure>(({ partition, turn }) => {
    const part = turn === 0 ? `${partition}` : `${partition}.${turn}`
    const opening = NumberedWriter.make<Encoded, Failure>({
      stream: encodedStream,
      limits: WriterLimits.make({ maxPendingBytes }),
      start,
      base: BigInt(batch) * numbersPerBatch,
      writerIdOf: (chain) => Uuid.named(namespace, [past.log, query, stream.name.toString(), part, chain].join("/")),
      isRepeated: first !== undefined,
      checkOwner: past.checkOwner,
      numbers: numbersPerBatch,
      // Its first try is in the log before anything is written: whoever wrote this had a log that knew more.
      onBeyond: ({ last, segment, writerId }) => {
        const found = `segment ${segment} has numbers up to ${last} of its writer ${writerId}, ` +
          `those of batch ${batch} begin after ${BigInt(batch) * numbersPerBatch}`
        const known = past.last?.batch ?? -1
        return new CommitError({
          reason: new SinkAhead({ query, sink: stream.name.toString(), batch: known, detail: found })
        })
      },
      onLost: ({ base, segment, writerId }) =>
        new CommitError({
          reason: new SinkSegmentLost({
            query,
            batch,
            sink: stream.name.toString(),
            segment,
            writerId,
            firstEvent: base + BigInt(1)
          })
        })
    })
    return Effect.map(Effect.provideService(opening, Pravega, pravega), ({ accept, flush }) => ({
      accept: (outputs) => Effect.mapError(Effect.asVoid(accept(outputs)), toFailure),
      flush: Effect.mapError(flush, toFailure)
    }))
  })

  return {
    handle,
    write: (partition: number, outputs: Arr.NonEmptyReadonlyArray<B>) =>
      Effect.flatMap(
        writers.of(partition),
        (writer) => Effect.flatMap(Effect.mapError(written.encode(partition, outputs), toFailure), writer.accept)
      ),
    flush: writers.flush,
    prepare: Effect.map(writers.flushAll, () => {
      const { bytes, digest, events } = written.written()
      return { evidence: null, digest, events, bytes }
    }),
    keep: Effect.void
  } satisfies Attempt<B, Failure, Handle, null>
})

const currentSegments = Effect.fnUntraced(function*(stream: ScopedStream) {
  const { controller } = yield* Pravega
  const segments = yield* Effect.mapError(
    controller.currentSegments(stream),
    (error) => toFailure(ControllerFailure.toReason(error))
  )
  return segments.length > 0 ? segments : yield* toFailure(new StreamSealed({ stream }))
})

const toFailure = (reason: Failure | WriterError["reason"]): Failure =>
  reason instanceof CommitError || reason instanceof CheckpointLogError || reason instanceof WriterError
    ? reason
    : new WriterError({ reason })
