/**
 * A Pravega stream as a sink without transactions: at least once. Outputs are written as they come, and are all durable
 * before `prepared` (rule 13), so that a batch that is prepared has nothing left to commit.
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as EventStream from "../../../core/EventStream.ts"
import { Pravega } from "../../../pravega/Pravega.ts"
import * as EventWriter from "../../../pravega/write/EventWriter.ts"
import { WriterError } from "../../../pravega/write/WriterError.ts"
import type { TypedSink } from "../SinkContract.ts"
import { type Encoded, EncodedOutputs, streamOf } from "./EncodedOutputs.ts"
import * as StreamStructure from "./StreamStructure.ts"

/** @category models @since 0.1.0 */
export interface AtLeastOnceOptions {
  /**
   * Outputs are visible at once, without transactions, and durable before their batch counts as done: none is lost, but
   * those of a batch that was not done when its process died, or failed, are written again.
   */
  readonly guarantee: "at-least-once"
  /** Outputs are accepted while fewer bytes than this are unacknowledged; default 8 MiB. */
  readonly maxPendingBytes?: number | undefined
}

/** @category constructors @since 0.1.0 */
export const typed = <B>(stream: EventStream.EventStream<B>, options: AtLeastOnceOptions) => ({
  name: stream.name.toString(),
  structure: StreamStructure.of(stream, options.guarantee),
  mayBeSeenEarly: true,
  isRetryable: (error: WriterError) => error.isRetryable || endsWithWriter.has(error.reason._tag),
  handle: Schema.Natural,
  evidence: Schema.Null,
  open: Effect.gen(function*() {
    const writerOf = yield* keptWriter(stream, options)
    return {
      begin: ({ batch }) =>
        Effect.sync(() => {
          const written = new EncodedOutputs(stream)
          const flush = writerOf((writer) => writer.flush)
          return {
            handle: batch,
            write: (partition: number, outputs: Arr.NonEmptyReadonlyArray<B>) =>
              written.encode(partition, outputs).pipe(
                Effect.mapError((reason) => new WriterError({ reason })),
                Effect.flatMap((encoded) => writerOf((writer) => writer.enqueue(encoded)))
              ),
            flush: () => flush,
            prepare: Effect.map(flush, () => {
              const { bytes, digest, events } = written.written()
              return { evidence: null, digest, events, bytes }
            }),
            keep: Effect.void
          }
        }),
      commit: () => Effect.void,
      // What a try has written stays: that is what "at least once" means.
      abort: () => Effect.succeed("aborted"),
      recover: () => Effect.succeed({ _tag: "committed" })
    }
  })
} satisfies TypedSink<B, WriterError, Pravega, number, null>)

/** What is wrong with one writer only: another try has another one. */
const endsWithWriter = new Set<WriterError["reason"]["_tag"]>(["WriterClosed", "AppendRefused", "AppendOutcomeUnknown"])

/** One writer for all batches, as writers leave traces in segments; another one after a failure. */
const keptWriter = Effect.fnUntraced(function*<B>(
  stream: EventStream.EventStream<B>,
  options: AtLeastOnceOptions
) {
  const pravega = yield* Pravega
  const scope = yield* Effect.scope
  const one = yield* Semaphore.make(1)
  let current: { readonly writer: EventWriter.EventWriter<Encoded>; readonly scope: Scope.Closeable } | undefined
  const open = Effect.gen(function*() {
    if (current !== undefined) return current
    const own = yield* Scope.fork(scope)
    const opening = EventWriter.make(streamOf(stream), options).pipe(
      Scope.provide(own),
      Effect.provideService(Pravega, pravega)
    )
    const writer = yield* Effect.onError(opening, (cause) => Scope.close(own, Exit.failCause(cause)))
    return current = { writer, scope: own }
  }).pipe(one.withPermits(1))
  return <A>(use: (writer: EventWriter.EventWriter<Encoded>) => Effect.Effect<A, WriterError>) =>
    Effect.flatMap(open, (opened) =>
      Effect.onError(use(opened.writer), (cause) => {
        if (current === opened) current = undefined
        return Scope.close(opened.scope, Exit.failCause(cause))
      }))
})
