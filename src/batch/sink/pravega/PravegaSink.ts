/**
 * A Pravega stream as a query's sink: one transaction per batch, into which all partitions write. Outcomes that the
 * controller has forgotten are decided by what the stream got since (rule 12), as far as that proves anything.
 */
import type * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { headerSize } from "../../../core/bytes/EventFrame.ts"
import * as EventCodec from "../../../core/EventCodec.ts"
import * as EventStream from "../../../core/EventStream.ts"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import { StreamCut } from "../../../core/StreamCut.ts"
import { TransactionId } from "../../../core/TransactionId.ts"
import * as Uuid from "../../../core/Uuid.ts"
import type { TransactionState } from "../../../pravega/controller/Controller.ts"
import { Pravega } from "../../../pravega/Pravega.ts"
import * as BatchReader from "../../../pravega/read/BatchReader.ts"
import { ReadError } from "../../../pravega/read/ReadError.ts"
import * as StreamCuts from "../../../pravega/read/StreamCuts.ts"
import * as Transaction from "../../../pravega/transaction/Transaction.ts"
import { TransactionError } from "../../../pravega/transaction/TransactionError.ts"
import * as TransactionFate from "../../../pravega/transaction/TransactionFate.ts"
import { AppendRefused } from "../../../pravega/write/WriterError.ts"
import type { Attempt, Joined, Outcome, Prepared, Share, Standing, TypedSink } from "../SinkContract.ts"
import { BatchFinder, type Read } from "./BatchFinder.ts"
import { type Encoded, EncodedOutputs, streamOf } from "./EncodedOutputs.ts"
import * as EventChecksum from "./EventChecksum.ts"
import * as PartitionWriters from "./PartitionWriters.ts"
import * as SpareTransaction from "./SpareTransaction.ts"
import * as StreamStructure from "./StreamStructure.ts"

/** How outputs are written exactly once. @category models @since 0.1.0 */
export interface PravegaOptions {
  /** Outputs become visible exactly once, by one transaction per batch. Pings keep it open while the batch runs. */
  readonly guarantee: "exactly-once"
  /**
   * How long after the death of its process the controller gives up a batch that is not prepared. Default: 60 seconds. No batch
   * may take longer than 1000 times this, or a day, which are the server's defaults.
   */
  readonly lease?: Duration.Input | undefined
  /**
   * Whether nobody but this query writes to the stream. Default: false.
   *
   * The controller forgets an outcome, after 24 hours by default. If the stream is owned, such an outcome is decided by what the
   * stream got since. Else only that the batch is not there can be told: if it may be, the query stops with `AmbiguousCommit`.
   *
   * A query that goes on compares what an owned stream got since its last batch was begun with that batch. It stops with
   * `SinkAhead` if its checkpoint log was put back to an older copy, and with `SinkBehind` if the stream lacks what was
   * committed.
   */
  readonly isOwned?: boolean | undefined
}

/**
 * What the batch put into the stream, whatever segments it went to in the end (a scale moves them): how much, and a
 * checksum that does not depend on the order, as partitions write at the same time.
 */
class Evidence extends Schema.Class<Evidence>("effect-pravega/PravegaSink/Evidence")({
  /** Where the stream ended before the batch, when all batches before it were committed. */
  tail: StreamCut,
  /** Headers included. */
  bytes: Schema.Natural,
  events: Schema.Natural,
  checksum: Schema.Natural,
  /** That of the checksum. Absent: an earlier version did not name it, and some made it otherwise. */
  form: Schema.optionalKey(Schema.Natural)
}) {}

type Failure = TransactionError | ReadError

/** @category constructors @since 0.1.0 */
export const typed = <B>(stream: EventStream.EventStream<B>, options: PravegaOptions) => ({
  name: stream.name.toString(),
  structure: StreamStructure.of(stream, options.guarantee),
  isRetryable: (error: Failure) =>
    error.isRetryable || (error._tag === "TransactionError" && endsWithTransaction.has(error.reason._tag)),
  handle: TransactionId,
  evidence: Evidence,
  open: Effect.gen(function*() {
    const pravega = yield* Pravega
    const { controller } = pravega
    const spare = yield* SpareTransaction.make(
      Effect.provideService(
        Transaction.begin(streamOf(stream), options.lease === undefined ? {} : { lease: options.lease }),
        Pravega,
        pravega
      )
    )
    const ref = (id: TransactionId): TransactionFate.TransactionRef => ({ controller, stream: stream.name, id })
    return {
      begin: () => Effect.provideService(begin(stream, spare.take), Pravega, pravega),
      join: (id: TransactionId) => Effect.provideService(join(stream, id), Pravega, pravega),
      getReady: spare.getReady,
      commit: ({ handle }: Prepared<TransactionId, Evidence>) =>
        TransactionFate.commit(ref(handle)).pipe(
          Effect.flatMap((acceptedAt) => TransactionFate.awaitCommitted(ref(handle), acceptedAt)),
          Effect.mapError(toTransactionError)
        ),
      abort: (id: TransactionId) =>
        controller.abortTransaction(stream.name, id).pipe(
          Effect.as("aborted" as const),
          // Refused when it is committed, or forgotten: only the one says that somebody committed it.
          Effect.catchReason("ControllerError", "TransactionNotOpen", () =>
            Effect.map(controller.transactionState(stream.name, id), (state) =>
              state === "committed" || state === "committing" ? "committed" as const : "aborted" as const)),
          Effect.mapError((error) =>
            toTransactionError(TransactionFate.toReason(error))
          )
        ),
      recover: ({ evidence, handle }: Prepared<TransactionId, Evidence>) =>
        controller.transactionState(stream.name, handle).pipe(
          Effect.mapError((error) => toTransactionError(TransactionFate.toReason(error))),
          Effect.flatMap((state) =>
            outcomeOf(state) ??
              Effect.provideService(decideByTail(stream.name, evidence, options.isOwned === true), Pravega, pravega)
          )
        ),
      compare: options.isOwned !== true
        ? undefined
        : (_: string, last: Prepared<TransactionId, Evidence> | null): Effect.Effect<Standing, Failure> =>
          last === null
            ? Effect.succeed({ _tag: "asKnown" })
            : Effect.provideService(standing(stream.name, last.evidence), Pravega, pravega)
    }
  })
} satisfies TypedSink<B, Failure, Pravega, TransactionId, Evidence>)

/** As the controller knows it; undefined: it has forgotten it. */
const outcomeOf = (state: TransactionState): Effect.Effect<Outcome> | undefined => {
  switch (state) {
    case "open":
    case "committing":
      return Effect.succeed({ _tag: "committable" })
    case "committed":
      return Effect.succeed({ _tag: "committed" })
    case "aborting":
    case "aborted":
      return Effect.succeed({ _tag: "lost" })
    case "unknown":
      return undefined
  }
}

/** What is wrong with one transaction only: another try has another one. */
const endsWithTransaction = new Set<TransactionError["reason"]["_tag"]>([
  "TransactionNotOpen",
  "PingRefused",
  "OutcomeUnknown",
  "WriterClosed",
  "AppendRefused"
])

const toTransactionError = (reason: TransactionError["reason"]): TransactionError => new TransactionError({ reason })

const begin = Effect.fnUntraced(function*<B>(
  stream: EventStream.EventStream<B>,
  take: Effect.Effect<Transaction.Transaction<Encoded>, TransactionError, Scope.Scope>
) {
  // The batch before is committed everywhere: what the stream gets from here on is this batch, if it is the query's own.
  // Nothing of it is there before it is prepared: nobody has to wait for this until then.
  const asking = yield* StreamCuts.tail(stream.name).pipe(
    Effect.mapError((reason) => new ReadError({ reason })),
    Effect.forkScoped({ startImmediately: true })
  )
  const transaction = yield* take
  const written = new EncodedOutputs(stream)
  const { flush, write } = yield* writing(transaction, { written, takesOver: true })
  return {
    handle: transaction.id,
    write,
    flush,
    absorb: (share: Share) =>
      written.absorb(share) ? Effect.void : Effect.fail(toTransactionError(writtenTwice(stream.name))),
    prepare: Effect.map(Effect.andThen(transaction.flush, Fiber.join(asking)), ({ cut }) => {
      const { bytes, digest, events, unordered } = written.written()
      const evidence = new Evidence({ tail: cut, bytes, events, checksum: unordered, form: EventChecksum.form })
      return { evidence, digest, events, bytes }
    }),
    keep: transaction.keep
  } satisfies Attempt<B, Failure, TransactionId, Evidence>
})

/** Outputs of this process on their way into the transaction; a partition has a writer of its own. */
const writing = <B>(
  transaction: Transaction.Transaction<Encoded>,
  { takesOver, written }: { readonly written: EncodedOutputs<B>; readonly takesOver: boolean }
) =>
  Effect.map(
    PartitionWriters.make(({ partition, turn }) => {
      const part = turn === 0 ? `${partition}` : `${partition}.${turn}`
      return transaction.writer({
        writerId: (segment) => Uuid.named(transaction.id, `${part}/${segment}`),
        notesWritten: false,
        takesOver
      })
    }),
    (writers) => ({
      write: (partition: number, outputs: Arr.NonEmptyReadonlyArray<B>) =>
        Effect.flatMap(
          writers.of(partition),
          (writer) =>
            Effect.flatMap(Effect.mapError(written.encode(partition, outputs), toTransactionError), writer.write)
        ),
      flush: writers.flush
    })
  )

const writtenTwice = (stream: ScopedStream) =>
  new AppendRefused({ segment: stream.toString(), problem: "two processes have written the same partition" })

/** A try that another process began: it pings, prepares and commits. */
const join = Effect.fnUntraced(function*<B>(stream: EventStream.EventStream<B>, id: TransactionId) {
  const { controller } = yield* Pravega
  const state = yield* Effect.mapError(
    controller.transactionState(stream.name, id),
    (error) => toTransactionError(TransactionFate.toReason(error))
  )
  if (state !== "open") {
    return yield* toTransactionError(TransactionFate.notOpen({ controller, stream: stream.name, id }, state))
  }
  const transaction = yield* Transaction.join(streamOf(stream), id)
  const written = new EncodedOutputs(stream)
  return {
    ...yield* writing(transaction, { written, takesOver: false }),
    written: Effect.map(transaction.flush, () => written.share())
  } satisfies Joined<B, Failure>
})

/**
 * Of a stream that only this query writes to, whose last committed batch this is: it got that batch since, and nothing else.
 * What was truncated of it can't be counted any more: then only that there is more can be told.
 */
const standing = Effect.fnUntraced(function*(stream: ScopedStream, { bytes, tail }: Evidence) {
  let isWhole = true
  const onTruncated = () =>
    Effect.sync(() => {
      isWhole = false
    })
  const plan = yield* BatchReader.plan(stream, { start: tail, onTruncated })
  const detail = `the stream got ${plan.bytes} bytes since that batch was begun, the batch has ${bytes}`
  if (plan.bytes > BigInt(bytes)) return { _tag: "ahead", detail } satisfies Standing
  if (isWhole && plan.bytes < BigInt(bytes)) return { _tag: "behind", detail } satisfies Standing
  return { _tag: "asKnown" } satisfies Standing
}, (effect) =>
  Effect.catchIf(
    effect,
    ({ reason }) => reason._tag === "InvalidPosition" || reason._tag === "EarlierStream",
    ({ message }) => Effect.succeed<Standing>({ _tag: "behind", detail: message })
  ))

/**
 * By what the stream got since the batch was begun. That it is not there can be proved whoever else writes: all of it would be
 * there, in each segment in one piece, with its checksum, if that is of a form that is made here. That it is there is proved
 * only if nobody else writes and there is nothing else: others may have written the same events. Anything else, and a stream
 * that was truncated beyond the place, is for people to look at.
 */
const decideByTail = Effect.fnUntraced(
  function*(stream: ScopedStream, evidence: Evidence, isOwned: boolean) {
    const unknown = (detail: string): Outcome => ({ _tag: "unknown", detail })
    const lost: Outcome = { _tag: "lost" }
    const plan = yield* BatchReader.plan(stream, { start: evidence.tail })
    if (plan.bytes === BigInt(0) || plan.bytes < BigInt(evidence.bytes)) return lost
    const got = `the stream got ${plan.bytes} bytes since, the batch has ${evidence.bytes}`
    const isWhole = plan.bytes === BigInt(evidence.bytes)
    if (isOwned && !isWhole) return unknown(got)
    const segments = plan.ranges.filter(({ bytes }) => bytes > BigInt(0)).length
    if (!isWhole && segments > 1) return unknown(`${got}, in ${segments} segments: it may be in pieces among them`)
    if (!isOwned && plan.bytes > BigInt(mostSearched)) return unknown(`${got}: too many to look through`)
    const found = yield* Stream.runFold(
      // in the order of one segment, or all there is, in whatever order
      BatchReader.readRanges(EventStream.make<Read>(stream, { codec: reads }), plan.ranges),
      () => new BatchFinder(evidence),
      (finder, { event }) => finder.add(event)
    )
    if (!found.isFound && evidence.form !== EventChecksum.form) {
      const its = evidence.form === undefined ? "of a form that is not named" : `of form ${evidence.form}`
      return unknown(
        `${got}; its checksum is ${its}, this version makes form ${EventChecksum.form}: it can't be compared`
      )
    }
    if (isOwned) {
      return found.isFound
        ? { _tag: "committed" } satisfies Outcome
        : unknown("the stream got as many bytes since as the batch has, but other events")
    }
    return found.isFound ? unknown(`${got}, and the same events are among them: others may have written them`) : lost
  },
  (effect) =>
    Effect.catchIf(
      effect,
      (error) => isElsewhere(error.reason),
      ({ message }) => Effect.succeed<Outcome>({ _tag: "unknown", detail: message })
    )
)

/** So much is read, in bytes, of what others wrote during an outage: 1 GiB. */
const mostSearched = 2 ** 30

/** The place is gone, or is none of this stream: it was truncated, or created anew. Trying again finds nothing else. */
const isElsewhere = ({ _tag }: ReadError["reason"]): boolean =>
  _tag === "TruncatedData" || _tag === "InvalidPosition" || _tag === "EarlierStream" || _tag === "RangeBeyondEnd" ||
  _tag === "RangeSplitsEvent" ||
  _tag === "CorruptSegment" || _tag === "EventTooLarge"

const reads: EventCodec.EventCodec<Read> = EventCodec.make({
  name: "checksum",
  encode: () => new Uint8Array(0),
  decode: (bytes) => ({ bytes: headerSize + bytes.length, checksum: EventChecksum.ofEvent(bytes) })
})
