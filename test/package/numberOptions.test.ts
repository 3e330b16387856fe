/** Every number that a user can give is refused where it can't be meant, and taken at its limits. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Stream } from "effect"
import fc from "fast-check"
import { CheckpointLog } from "../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../src/batch/sink/Sink.ts"
import * as Source from "../../src/batch/source/Source.ts"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as NumberOption from "../../src/core/NumberOption.ts"
import * as Embedded from "../../src/embedded/Embedded.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import * as EventReader from "../../src/pravega/readergroup/EventReader.ts"
import * as Transaction from "../../src/pravega/transaction/Transaction.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import * as Query from "../../src/stream/query/Query.ts"
import * as Trigger from "../../src/stream/query/Trigger.ts"

const lines = EventStream.make("options/lines", { codec: EventCodec.utf8, routingKey: (line: string) => line })
const texts = Array.from({ length: 40 }, (_, i) => `line ${i}`)

/** What is read to its end with such an option. */
const uses: Record<string, (value: number) => Effect.Effect<unknown, unknown, Pravega>> = {
  "EventWriter maxPendingBytes": (maxPendingBytes) => written({ maxPendingBytes }),
  "EventWriter blockBytes": (blockBytes) => written({ blockBytes }),
  "TransactionWriter blockBytes": (blockBytes) =>
    Transaction.run(
      lines,
      (transaction) =>
        Effect.flatMap(transaction.writer({ blockBytes }), (writer) => writer.write(texts)).pipe(Effect.scoped)
    ),
  "BatchReader readAheadBytes": (readAheadBytes) => read({ readAheadBytes }),
  "BatchReader maxEventBytes": (maxEventBytes) => read({ maxEventBytes }),
  "BatchReader concurrency": (concurrency) => read({ concurrency }),
  "Source.microBatch readAheadBytes": (readAheadBytes) =>
    Effect.suspend(() => copied(Source.microBatch(lines, { readAheadBytes }))),
  "EventReader readAheadBytes": (readAheadBytes) => joined({ readAheadBytes }),
  "EventReader maxEventBytes": (maxEventBytes) => joined({ maxEventBytes }),
  "EventReader concurrency": (concurrency) => joined({ concurrency })
}

const copied = (source: ReturnType<typeof Source.microBatch<string>>) =>
  Query.run(
    Pipeline.make("copied", {
      source,
      process: (reads) => Stream.map(reads, ({ event }) => event),
      sink: Sink.memory<string>()
    }),
    { trigger: Trigger.availableNow }
  ).pipe(Effect.provide(CheckpointLog.layerMemory))
const written = (options: EventWriter.EventWriterOptions) =>
  Effect.scoped(Effect.flatMap(EventWriter.make(lines, options), (writer) => writer.writeAll(texts)))
const read = (options: BatchReader.ParallelReadOptions) =>
  Effect.tap(
    Stream.runCollect(BatchReader.stream(lines, options)),
    (reads) => Effect.sync(() => assert.isAtLeast(reads.length, texts.length))
  )
const joined = (options: Omit<EventReader.RunOptions, "readerGroup">) =>
  Effect.timeoutOption(EventReader.run(lines, () => Effect.void, { readerGroup: "group", ...options }), "50 millis")

const world = Layer.effectDiscard(
  Effect.andThen(Admin.ensureStream(lines.name, { scaling: { _tag: "Fixed", segments: 3 } }), written({}))
).pipe(Layer.provideMerge(Pravega.layerEmbedded()))

const refusal = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined

describe("numbers of options", () => {
  for (const [name, use] of Object.entries(uses)) {
    it.live(`${name} are refused where they can't be meant`, () =>
      Effect.gen(function*() {
        for (const value of [Number.NaN, -1, 1.5, -Infinity]) {
          const error = refusal(yield* Effect.exit(use(value)))
          assert.instanceOf(error, RangeError, `${value}`)
          assert.include(error.message, `${name.split(" ")[1]}: a whole number from`)
        }
      }).pipe(Effect.provide(world)))
  }

  for (const name of Object.keys(uses).filter((name) => !name.endsWith("maxEventBytes"))) {
    it.live(`${name} work at the least`, () => Effect.provide(uses[name]!(1), world))
  }

  for (const port of [Number.NaN, -1, 65_536, 0.5]) {
    it.live(`an embedded server does not listen on port ${port}`, () =>
      Effect.gen(function*() {
        const server = yield* Embedded.make()
        const error = refusal(yield* Effect.exit(server.listen({ ports: { controller: port } })))
        assert.instanceOf(error, RangeError)
      }).pipe(Effect.scoped))
  }

  it.live("a query takes any positive limit in bytes, also none at all", () =>
    Effect.gen(function*() {
      for (const bytes of [Infinity, Number.MAX_SAFE_INTEGER, 1000 / 3, 0.5, 64.1]) {
        const sink = Sink.memory<string>()
        const pipeline = Pipeline.make("limited", {
          source: Source.microBatch(lines, { limit: { bytes } }),
          process: (reads) => Stream.map(reads, ({ event }) => event),
          sink
        })
        yield* Query.run(pipeline, { trigger: Trigger.availableNow }).pipe(Effect.provide(CheckpointLog.layerMemory))
        assert.sameMembers([...yield* sink.committed], texts, `${bytes}`)
      }
    }).pipe(Effect.provide(world)))
})

describe("NumberOption", () => {
  it("takes whole numbers within the limits, and nothing else", () => {
    fc.assert(fc.property(
      fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Infinity, -Infinity, Number.NaN)),
      fc.integer(),
      fc.oneof(fc.integer(), fc.constant(Infinity)),
      (value, least, most) => {
        const check = () => NumberOption.check("it", value, { least, most, otherwise: 0 })
        const isMeant = value >= least && value <= most && (Number.isInteger(value) || value === Infinity)
        if (isMeant) assert.strictEqual(check(), value)
        else {assert.throws(
            check,
            RangeError,
            `it: a whole number from ${least} to ${most} is needed here, not ${value}`
          )}
      }
    ))
  })
})
