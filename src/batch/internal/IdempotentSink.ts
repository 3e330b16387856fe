/**
 * A Pravega stream as a query's sink without transactions (rule 19): outputs are appended as they come, each under a number
 * made of its batch and its place in its partition's output. A try after a crash begins at the segments of the first one,
 * which the log names before anything is written; what the segments have already is not written again.
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type * as EventCodec from "../../core/EventCodec.ts"
import * as EventStream from "../../core/EventStream.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import { SegmentWithRange } from "../../core/Segment.ts"
import { StreamSealed } from "../../pravega/controller/ControllerError.ts"
import type { AppendFailure } from "../../pravega/internal/AppendSession.ts"
import * as ControllerFailure from "../../pravega/internal/ControllerFailure.ts"
import { headerSize } from "../../pravega/internal/EventFraming.ts"
import * as NumberedWriter from "../../pravega/internal/NumberedWriter.ts"
import type { RoutedWriter } from "../../pravega/internal/RoutedWriter.ts"
import * as WriterLimits from "../../pravega/internal/WriterLimits.ts"
import { Pravega } from "../../pravega/Pravega.ts"
import { EncodeFailed, WriterError } from "../../pravega/WriterError.ts"
import { CheckpointLogError } from "../CheckpointLogError.ts"
import { CommitError, SinkSegmentLost } from "../CommitError.ts"
import type { Attempt, BatchId, IdempotentOptions, Past, TypedSink } from "../Sink.ts"
import * as EventChecksum from "./EventChecksum.ts"
import { uuid5 } from "./Uuid5.ts"

/** Where the first try of a batch began to write. */
const Handle = Schema.Struct({ segments: Schema.Array(SegmentWithRange) })
type Handle = typeof Handle.Type

/** All was acknowledged when it was prepared: there is nothing to find out. */
const Evidence = Schema.Null

type Failure = WriterError | CommitError | CheckpointLogError

/** An event as it goes to a segment, encoded once. */
interface Encoded {
  readonly bytes: Uint8Array
  readonly key: string
}

export const typed = <B>(stream: EventStream.EventStream<B>, options: IdempotentOptions) => ({
  name: stream.name.toString(),
  structure: {
    kind: "pravega",
    stream: stream.name.toString(),
    codec: stream.codec.name,
    guarantee: options.guarantee
  },
  needsDeterministic: true,
  handle: Handle,
  evidence: Evidence,
  open: Effect.map(Effect.context<Pravega>(), (context) => ({
    begin: (batch: BatchId, past: Past<Handle> = { log: "", handles: [], checkOwner: Effect.void }) =>
      Effect.provideContext(begin(stream, options, batch, past), context),
    commit: () => Effect.void,
    // What was written stays: the next try of the batch goes on from it.
    abort: () => Effect.succeed("aborted" as const),
    recover: () => Effect.succeed({ _tag: "committed" as const })
  }))
} satisfies TypedSink<B, Failure, Pravega, Handle, null, unknown, null>)

/** Writer ids are made in here, so that they meet no others. */
const namespace = "6ddbd44a-9da5-4a0c-8f3c-3d7a0e8f2c11"

/** A batch has as many numbers in each segment; an output has one. */
const numbersPerBatch = BigInt(2) ** BigInt(32)

/** Outputs without routing key go to one segment in runs of so many. */
const keylessRun = 64

/** What a partition has written. */
interface Part {
  readonly writer: RoutedWriter<Encoded, Failure | AppendFailure>
  events: number
  bytes: number
  checksum: number
}

const begin = Effect.fnUntraced(function*<B>(
  stream: EventStream.EventStream<B>,
  options: IdempotentOptions,
  { batch, query }: BatchId,
  past: Past<Handle>
) {
  const scope = yield* Effect.scope
  const context = yield* Effect.context<Pravega>()
  const [first] = past.handles
  const handle = first ?? { segments: yield* currentSegments(stream.name) }
  const encodedStream = EventStream.make<Encoded>(stream.name, { codec: passThrough, routingKey: ({ key }) => key })
  const parts = new Map<number, Part>()

  const partOf = (partition: number): Effect.Effect<Part> =>
    Effect.suspend(() => {
      const known = parts.get(partition)
      if (known !== undefined) return Effect.succeed(known)
      return NumberedWriter.make<Encoded, Failure>({
        stream: encodedStream,
        limits: WriterLimits.make(options),
        segments: handle.segments,
        base: BigInt(batch) * numbersPerBatch,
        writerIdOf: (chain) => uuid5(namespace, [past.log, query, stream.name.toString(), partition, chain].join("/")),
        isRepeated: first !== undefined,
        checkOwner: past.checkOwner,
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
      }).pipe(
        Scope.provide(scope),
        Effect.provideContext(context),
        Effect.map((writer) => {
          const part: Part = { writer, events: 0, bytes: 0, checksum: 0 }
          parts.set(partition, part)
          return part
        })
      )
    })

  const encode = (partition: number, part: Part, outputs: ReadonlyArray<B>) =>
    Effect.suspend(() => {
      const encoded: Array<Encoded> = []
      try {
        for (const output of outputs) {
          const bytes = stream.codec.encode(output)
          // the same each time, whatever the chunks
          const key = stream.routingKey?.(output) ?? `${batch}/${partition}/${Math.floor(part.events / keylessRun)}`
          part.events++
          part.bytes += headerSize + bytes.length
          part.checksum = EventChecksum.append(part.checksum, EventChecksum.ofEvent(bytes))
          encoded.push({ bytes, key })
        }
      } catch (cause) {
        return Effect.fail(toFailure(new EncodeFailed({ stream: stream.name, index: encoded.length, cause })))
      }
      return Effect.succeed(encoded)
    })

  return {
    handle,
    write: (partition: number, outputs: Arr.NonEmptyReadonlyArray<B>) =>
      Effect.flatMap(
        partOf(partition),
        (part) =>
          Effect.flatMap(encode(partition, part, outputs), (encoded) =>
            Effect.asVoid(Effect.mapError(part.writer.accept(encoded), toFailure)))
      ),
    flush: (partition: number) =>
      Effect.suspend(() => {
        const part = parts.get(partition)
        return part === undefined ? Effect.void : Effect.mapError(part.writer.flush, toFailure)
      }),
    prepare: Effect.gen(function*() {
      const written = [...parts].toSorted(([a], [b]) => a - b)
      for (const [, { writer }] of written) yield* Effect.mapError(writer.flush, toFailure)
      return {
        evidence: null,
        digest: written.map(([id, part]) => `${id}:${part.events}:${part.checksum}`).join(" "),
        events: written.reduce((sum, [, part]) => sum + part.events, 0),
        bytes: written.reduce((sum, [, part]) => sum + part.bytes, 0)
      }
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
  return segments.length > 0 ? segments : yield* Effect.fail(toFailure(new StreamSealed({ stream })))
})

const toFailure = (reason: Failure | WriterError["reason"]): Failure =>
  reason instanceof CommitError || reason instanceof CheckpointLogError || reason instanceof WriterError
    ? reason
    : new WriterError({ reason })

const passThrough: EventCodec.EventCodec<Encoded> = {
  name: "encoded",
  encode: ({ bytes }) => bytes,
  decode: (bytes) => ({ bytes, key: "" })
}
