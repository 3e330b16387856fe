// Why not one transaction per task? Kill the driver while it commits, and start it again: the tasks that it had
// committed are in the stream twice. The same kill, with one transaction per batch that is recorded before it is
// committed: every event is there once. An interruption stands for the kill. Runs in seconds, on a Pravega in this process.
import { Console, Effect, Fiber, Layer, Stream } from "effect"
import { Admin, BatchReader, EventCodec, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Query, Trigger } from "effect-pravega/stream"
import * as SparkAlgorithm from "./SparkAlgorithm.ts"

const lines = (name: string) => EventStream.make(`shop/${name}`, { codec: EventCodec.utf8, routingKey: (line) => line })
const [orders, asSpark, asHere] = [lines("orders"), lines("as-spark"), lines("as-here")]
const count = 40

/** Runs something, kills it as soon as `kill` is called, and runs it again. */
const killedOnce = <A, E, R>(life: (kill: Effect.Effect<void>) => Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    let isKilled = false
    const die = Effect.suspend(() => {
      if (isKilled) return Effect.void
      isKilled = true
      return Effect.andThen(Console.log("  the driver is killed"), Effect.interrupt)
    })
    yield* Effect.exit(Fiber.join(yield* Effect.forkChild(life(die))))
    yield* Console.log("  and started again")
    yield* life(die)
  })

const report = Effect.fnUntraced(function*(sink: EventStream.EventStream<string>) {
  const read = yield* Stream.runCollect(BatchReader.stream(sink))
  const different = new Set(read.map(({ event }) => event)).size
  const repeated = read.length - different
  yield* Console.log(`  ${count} orders in, ${read.length} out: ${count - different} lost, ${repeated} repeated`)
  return repeated
})

const program = Effect.gen(function*() {
  for (const stream of [orders, asSpark, asHere]) {
    yield* Admin.ensureStream(stream.name, { scaling: { _tag: "Fixed", segments: 4 } })
  }
  const writer = yield* EventWriter.make(orders)
  yield* writer.writeAll(Array.from({ length: count }, (_, n) => `order ${n}`))

  yield* Console.log("one transaction per task, four tasks, killed between their commits:")
  let commits = 0
  yield* killedOnce((die) =>
    SparkAlgorithm.run({
      query: "spark",
      source: orders,
      sink: asSpark,
      process: (order) => [order],
      onCommit: () => commits++ === 2 ? die : Effect.void
    })
  )
  const repeated = yield* report(asSpark)

  yield* Console.log("one transaction per batch, recorded before it is committed, killed when it was committed:")
  const log = yield* CheckpointLog
  yield* killedOnce((die) =>
    Query.run(
      Pipeline.make("here", {
        source: Source.microBatch(orders),
        process: (reads) => Stream.map(reads, ({ event }) => event),
        sink: Sink.pravega(asHere, { guarantee: "exactly-once" })
      }),
      { trigger: Trigger.availableNow }
    ).pipe(Effect.provideService(CheckpointLog, diesAfterCommit(log, die)))
  )
  if (repeated === 0 || (yield* report(asHere)) > 0) {
    return yield* Effect.die("this example no longer shows what it says")
  }
})

/** Dies when the batch is committed and the log does not say so yet: the worst moment. */
const diesAfterCommit = (log: CheckpointLog["Service"], die: Effect.Effect<void>): CheckpointLog["Service"] => ({
  ...log,
  open: (query) =>
    Effect.map(log.open(query), (records) => ({
      ...records,
      append: (sequence, bytes) =>
        new TextDecoder().decode(bytes).includes("\"committed\"")
          ? Effect.andThen(Effect.interruptible(die), records.append(sequence, bytes))
          : records.append(sequence, bytes)
    }))
})

await Effect.runPromise(program.pipe(
  Effect.scoped,
  Effect.provide(Layer.merge(Pravega.layerEmbedded(), CheckpointLog.layerMemory))
))
