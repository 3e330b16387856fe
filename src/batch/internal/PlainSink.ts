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
import * as EventCodec from "../../core/EventCodec.ts"
import * as EventStream from "../../core/EventStream.ts"
import * as EventWriter from "../../pravega/EventWriter.ts"
import { headerSize } from "../../pravega/internal/EventFraming.ts"
import type { Pravega } from "../../pravega/Pravega.ts"
import { EncodeFailed, WriterError } from "../../pravega/WriterError.ts"
import type { AtLeastOnceOptions, TypedSink } from "../Sink.ts"
import * as EventChecksum from "./EventChecksum.ts"

/** An event as it goes to a segment, encoded once. */
interface Encoded {
  readonly bytes: Uint8Array
  readonly key: string
}

const passThrough: EventCodec.EventCodec<Encoded> = {
  name: "encoded",
  encode: ({ bytes }) => bytes,
  decode: (bytes) => ({ bytes, key: "" })
}

export const typed = <B>(stream: EventStream.EventStream<B>, options: AtLeastOnceOptions) => ({
  name: stream.name.toString(),
  structure: {
    kind: "pravega",
    stream: stream.name.toString(),
    codec: EventCodec.fingerprint(stream.codec),
    guarantee: options.guarantee
  },
  handle: Schema.Natural,
  evidence: Schema.Null,
  open: Effect.gen(function*() {
    const writerOf = yield* keptWriter(stream, options)
    return {
      begin: ({ batch }) =>
        Effect.sync(() => {
          const parts = new Map<number, { events: number; bytes: number; checksum: number }>()
          const encode = (partition: number, outputs: ReadonlyArray<B>) =>
            Effect.suspend(() => {
              const part = parts.get(partition) ?? { events: 0, bytes: 0, checksum: 0 }
              parts.set(partition, part)
              const encoded: Array<Encoded> = []
              try {
                for (const output of outputs) {
                  const bytes = stream.codec.encode(output)
                  part.events++
                  part.bytes += headerSize + bytes.length
                  part.checksum = EventChecksum.append(part.checksum, EventChecksum.ofEvent(bytes))
                  encoded.push({ bytes, key: stream.routingKey?.(output) ?? "" })
                }
              } catch (cause) {
                const reason = new EncodeFailed({ stream: stream.name, index: encoded.length, cause })
                return Effect.fail(new WriterError({ reason }))
              }
              return Effect.succeed(encoded)
            })
          const flush = writerOf((writer) => writer.flush)
          return {
            handle: batch,
            write: (partition: number, outputs: Arr.NonEmptyReadonlyArray<B>) =>
              Effect.flatMap(encode(partition, outputs), (encoded) => writerOf((writer) => writer.enqueue(encoded))),
            flush: () => flush,
            prepare: Effect.map(flush, () => {
              const written = [...parts].toSorted(([a], [b]) => a - b)
              return {
                evidence: null,
                digest: written.map(([id, part]) => `${id}:${part.events}:${part.checksum}`).join(" "),
                events: written.reduce((sum, [, part]) => sum + part.events, 0),
                bytes: written.reduce((sum, [, part]) => sum + part.bytes, 0)
              }
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
} satisfies TypedSink<B, WriterError, Pravega, number, null, number, null>)

/** One writer for all batches, as writers leave traces in segments; another one after a failure. */
const keptWriter = Effect.fnUntraced(function*<B>(
  stream: EventStream.EventStream<B>,
  options: AtLeastOnceOptions
) {
  const context = yield* Effect.context<Pravega>()
  const scope = yield* Effect.scope
  const one = yield* Semaphore.make(1)
  const encodedStream = EventStream.make<Encoded>(stream.name, {
    codec: passThrough,
    routingKey: stream.routingKey === undefined ? undefined : ({ key }) => key
  })
  let current: { readonly writer: EventWriter.EventWriter<Encoded>; readonly scope: Scope.Closeable } | undefined
  const open = Effect.gen(function*() {
    if (current !== undefined) return current
    const own = yield* Scope.fork(scope)
    const opening = EventWriter.make(encodedStream, options).pipe(Scope.provide(own), Effect.provideContext(context))
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
