/**
 * Many events, small and of 1 KiB, with and without transactions, while the stream is scaled twice: what is read back by
 * the batch reader is what was written, and in order for each key.
 */
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import {
  Admin,
  BatchReader,
  EventCodec,
  EventStream,
  EventWriter,
  ScalingPolicy,
  Segment,
  Transaction
} from "effect-pravega"
import { ScopeName, StreamConfiguration } from "effect-pravega"
import type { Cases } from "../conformance/Server.ts"
import { randomScope } from "../names.ts"

const keys = 1000

/** Event `index`: its number, and zeros up to the size. The key is the number modulo `keys`. */
const makeEvent = (index: number, size: number): Uint8Array => {
  const event = new Uint8Array(size)
  new DataView(event.buffer).setUint32(0, index)
  return event
}
const indexOf = (event: Uint8Array): number => new DataView(event.buffer, event.byteOffset).getUint32(0)

const numbered = (scope: string) =>
  EventStream.make(`${scope}/numbered`, {
    codec: EventCodec.make<Uint8Array>({ name: "numbered", encode: (e) => e, decode: (lent) => lent.slice(0, 4) }),
    routingKey: (event) => `key-${indexOf(event) % keys}`
  })
type Numbered = ReturnType<typeof numbered>

const batches = (events: number, size: number, per: number) =>
  Stream.range(0, Math.ceil(events / per) - 1).pipe(
    Stream.rechunk(1),
    Stream.map((b) => Array.from({ length: Math.min(per, events - b * per) }, (_, i) => makeEvent(b * per + i, size)))
  )

const writePlainly = (
  stream: Numbered,
  events: number,
  size: number,
  onWritten: (n: number) => Effect.Effect<unknown>
) =>
  Effect.scoped(Effect.gen(function*() {
    const writer = yield* EventWriter.make(stream)
    let written = 0
    yield* batches(events, size, 1000).pipe(Stream.runForEach((batch) =>
      Effect.andThen(Effect.asVoid(writer.enqueue(batch)), Effect.suspend(() => onWritten(written += batch.length)))
    ))
    yield* writer.flush
  }))

const writeInTransactions = (
  stream: Numbered,
  events: number,
  size: number,
  onWritten: (n: number) => Effect.Effect<unknown>
) => {
  let written = 0
  return batches(events, size, 20_000).pipe(Stream.runForEach((batch) =>
    Effect.andThen(
      Transaction.run(stream, (transaction) =>
        Effect.scoped(Effect.gen(function*() {
          const writer = yield* transaction.writer()
          for (let i = 0; i < batch.length; i += 1000) yield* writer.write(batch.slice(i, i + 1000))
          yield* writer.flush
        }))),
      Effect.suspend(() => onWritten(written += batch.length))
    )
  ))
}

const readBack = Effect.fnUntraced(function*(stream: Numbered, events: number) {
  const seen = new Uint8Array(events)
  const last = new Int32Array(keys).fill(-1)
  let inversions = 0
  yield* BatchReader.stream(stream, { start: "earliest", end: "latest", concurrency: 4, ordering: "perKey" }).pipe(
    Stream.runForEachArray((reads) =>
      Effect.sync(() => {
        for (const read of reads) {
          const index = indexOf(read.event)
          seen[index]!++
          if (index <= last[index % keys]!) inversions++
          last[index % keys] = index
        }
      })
    )
  )
  let lost = 0
  let repeated = 0
  for (const times of seen) {
    if (times === 0) lost++
    else repeated += times - 1
  }
  return { lost, repeated, inversions }
})

/** `small` events of 100 B and `large` ones of 1 KiB, each plainly and in transactions. */
export const volumeCases =
  ({ large, small }: { readonly small: number; readonly large: number }) => (it: Cases): void => {
    for (
      const { events, size, how, write } of [
        { events: small, size: 100, how: "without transactions", write: writePlainly },
        { events: small, size: 100, how: "in transactions", write: writeInTransactions },
        { events: large, size: 1024, how: "without transactions", write: writePlainly },
        { events: large, size: 1024, how: "in transactions", write: writeInTransactions }
      ]
    ) {
      it.effect(`${events} events of ${size} B ${how}, scaled twice meanwhile: none lost, none repeated, keys in order`, () =>
        Effect.gen(function*() {
          const scope = ScopeName.make(randomScope())
          const stream = numbered(scope)
          yield* Admin.createScope(scope)
          yield* Admin.createStream(stream.name, StreamConfiguration.make({ scaling: ScalingPolicy.fixed(2) }))
          const marks = [yield* Deferred.make<void>(), yield* Deferred.make<void>()] as const
          const scaling = yield* Effect.forkChild(Effect.gen(function*() {
            yield* Deferred.await(marks[0])
            yield* Admin.scaleTo(stream.name, 5)
            yield* Deferred.await(marks[1])
            yield* Admin.scaleTo(stream.name, 3)
          }))
          // the writer writes on while the stream is scaled
          yield* write(stream, events, size, (written) =>
            written >= events * 0.6
              ? Effect.andThen(Deferred.succeed(marks[0], undefined), Deferred.succeed(marks[1], undefined))
              : written >= events * 0.2
              ? Deferred.succeed(marks[0], undefined)
              : Effect.void)
          yield* Fiber.join(scaling)
          assert.deepStrictEqual(yield* readBack(stream, events), { lost: 0, repeated: 0, inversions: 0 })
          const segments = yield* Admin.segments(stream.name)
          assert.isAtLeast(Math.max(...segments.map(({ id }) => Segment.epoch(id))), 2, "it was scaled twice")
          yield* Admin.deleteStream(stream.name, { seal: true })
        }))
    }
  }
