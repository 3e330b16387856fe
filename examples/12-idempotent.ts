// From stream to stream without transactions, exactly once: an output can be read a moment after its input was written.
import { Console, Effect, Fiber, Layer, Schedule, Schema, Stream } from "effect"
import { Admin, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Query } from "effect-pravega/stream"

class Payment extends Schema.Opaque<Payment>()(Schema.Struct({
  card: Schema.String,
  cents: Schema.Int
})) {}

const payments = EventStream.make("shop/payments", { schema: Payment, routingKey: (payment) => payment.card })
const alerts = EventStream.make("shop/alerts", { schema: Payment, routingKey: (payment) => payment.card })

const pipeline = Pipeline.make("alerts", {
  source: Source.microBatch(payments, { start: "latest" }),
  process: (reads) => reads.pipe(Stream.map(({ event }) => event), Stream.filter(({ cents }) => cents > 100_000)),
  // visible at once, whatever becomes of this process, and never twice: a batch that is processed again has the same outputs
  sink: Sink.pravega(alerts, { guarantee: "idempotent" }),
  deterministic: true
})

const paying = Stream.range(1, 20).pipe(
  Stream.schedule(Schedule.spaced("25 millis")),
  Stream.map((n) => ({ card: `card-${n % 3}`, cents: n * 10_000 })),
  Stream.run(EventWriter.sink(payments))
)

const program = Effect.gen(function*() {
  yield* Admin.ensureStream(payments.name, { scaling: { _tag: "Fixed", segments: 2 } })
  yield* Admin.ensureStream(alerts.name, { scaling: { _tag: "Fixed", segments: 2 } })

  const query = yield* Query.start(pipeline)
  const payer = yield* Effect.forkChild(paying)
  yield* query.progress.pipe(
    Stream.scan(() => 0, (count, { eventsOut }) => count + eventsOut),
    Stream.changes,
    Stream.takeUntil((count) => count === 10),
    Stream.runForEach((count) => Console.log(`${count} alerts`))
  )
  yield* query.stop
  yield* Fiber.join(payer)
}).pipe(Effect.scoped)

await Effect.runPromise(Effect.provide(program, Layer.merge(Pravega.layerConfig(), CheckpointLog.layerMemory)))
