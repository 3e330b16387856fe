import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Savepoint from "../../../src/batch/engine/Savepoint.ts"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import { CheckpointLogError, OutcomeUnknown } from "../../../src/batch/protocol/CheckpointLogError.ts"
import {
  Begun,
  CheckpointRecord,
  Claimed,
  Committed,
  encode,
  type Entry,
  Planned,
  Prepared,
  Started
} from "../../../src/batch/protocol/CheckpointRecord.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import { LogFiles } from "../../../src/files/LogFiles.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { rawTexts } from "../../pravega/rawEvents.ts"
import * as SimulatedFiles from "../log/SimulatedFiles.ts"

const counted = (until: { value: number }) =>
  Source.make<number, never, never, number, { from: number; to: number }, string>({
    name: "numbers",
    structure: "numbers",
    asked: "earliest",
    position: Schema.Natural,
    plan: Schema.Struct({ from: Schema.Natural, to: Schema.Natural }),
    identity: Schema.String,
    open: Effect.succeed({
      start: Effect.succeed({ identity: "one", start: 0, end: undefined }),
      verify: () => Effect.void,
      latest: Effect.sync(() => until.value),
      plan: (from) =>
        Effect.sync(() =>
          from >= until.value
            ? { _tag: "idle" as const }
            : {
              _tag: "range" as const,
              plan: { from, to: Math.min(from + 3, until.value) },
              next: Math.min(from + 3, until.value)
            }
        ),
      partitions: ({ from, to }) =>
        Effect.succeed([{
          id: 0,
          predecessors: [],
          events: Stream.fromArray(Array.from({ length: to - from }, (_, i) => from + i))
        }])
    })
  })

const name = QueryName.make("old")

const reasonOf = (error: Savepoint.RestoreError): string => error.reason._tag

describe("Savepoint", () => {
  it.live("another query begins where the first one stood, and neither disturbs the other", () =>
    Effect.gen(function*() {
      const until = { value: 7 }
      const source = counted(until)
      const process = (events: Stream.Stream<number>) => events
      const first = Sink.memory<number>("first")
      const old = Pipeline.make("old", { source, process, sink: first })
      yield* Query.run(old, { trigger: Trigger.availableNow })
      const made = yield* Savepoint.create(name, "seven")
      assert.deepStrictEqual([made.batch, made.positions], [3, { numbers: 7 }])
      until.value = 11
      yield* Query.run(old, { trigger: Trigger.availableNow })
      assert.deepStrictEqual(yield* first.committed, Array.from({ length: 11 }, (_, n) => n))

      const second = Sink.memory<number>("second")
      const upgraded = Pipeline.make("new", {
        version: "2",
        source,
        process: (events) => Stream.map(events, (n) => n * 10),
        sink: second
      })
      // the old one has gone on: from here on, outputs are written twice, which has to be asked for
      const passed = yield* Effect.flip(Savepoint.restore(upgraded, "seven"))
      assert.include(passed.message, "the query has committed batches 3 to 4 since")
      assert.strictEqual(reasonOf(passed), "SavepointPassed")
      yield* Savepoint.restore(upgraded, "seven", { onPassed: "repeat" })
      yield* Query.run(upgraded, { trigger: Trigger.availableNow })
      assert.deepStrictEqual(yield* second.committed, [70, 80, 90, 100])

      const again = yield* Effect.flip(upgraded.pipe(Savepoint.restore("seven", { onPassed: "repeat" })))
      assert.strictEqual(again._tag === "SavepointError" ? again.reason._tag : again._tag, "RestoreRefused")
      assert.deepStrictEqual((yield* Savepoint.list).map(({ name, query }) => [name, query]), [["seven", "old"]])
      const taken = yield* Effect.flip(Savepoint.create(name, "seven"))
      assert.strictEqual(taken._tag === "SavepointError" ? taken.reason._tag : taken._tag, "SavepointExists")
      yield* Savepoint.delete("seven")
      assert.deepStrictEqual(yield* Savepoint.list, [])
      const gone = yield* Effect.flip(
        Savepoint.restore(Pipeline.make("other", { source, process, sink: first }), "seven")
      )
      assert.strictEqual(gone._tag === "SavepointError" ? gone.reason._tag : gone._tag, "NoSuchSavepoint")
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.live("restoring is refused when the old query went on, or nobody can tell, whatever its log says", () =>
    Effect.gen(function*() {
      const logs = yield* CheckpointLog
      const log = yield* logs.open(name)
      const structure = { sinks: [{ name: "early", needsDeterministic: true }] }
      const start = (log: string, batch: number) =>
        new Started({
          query: name,
          log,
          version: "1",
          structure,
          sources: { numbers: { asked: null, identity: "one", start: 0, end: null } },
          batch,
          positions: { numbers: 0 }
        })
      const started = start("first", 4)
      let next = 0
      const write = (...entries: ReadonlyArray<Entry>) =>
        log.append(next++, encode(new CheckpointRecord({ epoch: 1, owner: "o", entries })))
      const pipeline = Pipeline.make("new", {
        source: counted({ value: 0 }),
        process: (events) => events,
        sink: Sink.memory<number>()
      })
      const restored = Effect.match(Savepoint.restore(pipeline, "four"), {
        onSuccess: () => "restored",
        onFailure: (error) => `${reasonOf(error)}: ${error.message}`
      })
      yield* write(new Claimed({}), started)
      yield* Savepoint.create(name, "four")
      yield* write(new Planned({ batch: 4, plans: {}, positions: {} }))
      yield* write(new Begun({ batch: 4, sinks: { early: "handle" } }))
      assert.match(yield* restored, /^BatchVisibleInPart/)
      yield* write(new Prepared({ batch: 4, sinks: {} }))
      assert.match(yield* restored, /^SavepointPassed: .* the query will commit batch 4, which is prepared/)
      yield* write(new Committed({ batch: 4 }))
      assert.match(yield* restored, /^SavepointPassed: .* the query has committed batch 4 since/)
      const elsewhere = (entries: ReadonlyArray<Entry>) =>
        Effect.gen(function*() {
          const other = yield* Effect.flatMap(CheckpointLog, ({ open }) => open(name))
          if (entries.length > 0) {
            yield* other.append(0, encode(new CheckpointRecord({ epoch: 1, owner: "o", entries })))
          }
          const both: CheckpointLog["Service"] = {
            ...logs,
            open: (query) => query === name ? Effect.succeed(other) : logs.open(query)
          }
          return yield* Effect.provideService(restored, CheckpointLog, both)
        }).pipe(Effect.provide(Layer.fresh(CheckpointLog.layerMemory)))
      assert.match(yield* elsewhere([]), /^SavepointPassed: .*log is gone/)
      assert.match(yield* elsewhere([new Claimed({}), start("second", 0)]), /^SavepointPassed: .*begun anew/)
      assert.strictEqual(yield* elsewhere([new Claimed({}), started]), "restored")
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.live("is behind the last committed batch, and refused while a batch is prepared", () =>
    Effect.gen(function*() {
      const none = yield* Effect.flip(Savepoint.create(name, "none"))
      assert.strictEqual(none._tag === "SavepointError" ? none.reason._tag : none._tag, "NoSuchQuery")
      const log = yield* Effect.flatMap(CheckpointLog, (logs) => logs.open(name))
      const started = new Started({
        query: name,
        version: "1",
        structure: null,
        sources: {},
        batch: 4,
        positions: { in: 40 }
      })
      const records = [
        [new Claimed({}), started],
        [new Planned({ batch: 4, plans: {}, positions: { in: 50 } })],
        [new Prepared({ batch: 4, sinks: {} })],
        [new Committed({ batch: 4 }), new Planned({ batch: 5, plans: {}, positions: { in: 60 } })]
      ]
      const seen: Array<unknown> = []
      for (const [sequence, entries] of records.entries()) {
        yield* log.append(sequence, encode(new CheckpointRecord({ epoch: 1, owner: "o", entries })))
        seen.push(
          yield* Effect.match(Savepoint.create(name, `after ${sequence}`), {
            onSuccess: ({ batch, positions }) => [batch, positions["in"]],
            onFailure: (error) => error._tag === "SavepointError" ? error.reason._tag : error._tag
          })
        )
      }
      assert.deepStrictEqual(seen, [[4, 40], [4, 40], "BatchPrepared", [5, 50]])
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.live("is refused while a batch may be visible in part, which another query would repeat", () =>
    Effect.gen(function*() {
      const output = EventStream.make("savepoints/output", { codec: EventCodec.utf8, routingKey: () => "k" })
      yield* Admin.ensureStream(output.name, { scaling: { _tag: "Fixed", segments: 1 } })
      const pipeline = (query: string, bad: number) =>
        Pipeline.make(query, {
          source: counted({ value: 6 }),
          process: (events) =>
            events.pipe(
              Stream.rechunk(1),
              Stream.mapEffect((n) => n === bad ? Effect.fail("a bug") : Effect.succeed(`${n}`))
            ),
          sink: Sink.pravega(output, { guarantee: "idempotent" }),
          deterministic: true
        })
      const run = (pipeline: Pipeline.Pipeline<number, string, never, unknown, Pravega | Scope.Scope>) =>
        Query.run(pipeline, { trigger: Trigger.availableNow, retry: Schedule.recurs(0) })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(run(pipeline("old", 5)))))
      const error = yield* Effect.flip(Savepoint.create(name, "upgrade"))
      assert.deepInclude(error.reason, { _tag: "BatchVisibleInPart", batch: 1, sink: "savepoints/output" })
      // the old query finishes the batch
      yield* run(pipeline("old", -1))
      yield* Savepoint.create(name, "upgrade")
      yield* pipeline("new", -1).pipe(Savepoint.restore("upgrade"))
      yield* run(pipeline("new", -1))
      assert.deepStrictEqual(yield* rawTexts(output.name), ["0", "1", "2", "3", "4", "5"])
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(CheckpointLog.layerMemory, Pravega.layerEmbedded()))))

  it.live("an append whose outcome is not known is settled: what was written is not refused as another's", () =>
    Effect.gen(function*() {
      const logs = yield* CheckpointLog
      const lost = new Set<string>()
      /** The first append to each log is done, and nobody hears of it. */
      const losesReplies: CheckpointLog["Service"] = {
        ...logs,
        open: (query) =>
          Effect.map(logs.open(query), (log) => ({
            ...log,
            append: (sequence, bytes) =>
              Effect.tap(log.append(sequence, bytes), () => {
                if (lost.has(query)) return Effect.void
                lost.add(query)
                const reason = new OutcomeUnknown({ query, sequence, cause: "the reply was lost" })
                return Effect.fail(new CheckpointLogError({ reason }))
              })
          }))
      }
      const source = counted({ value: 4 })
      const pipeline = (query: string, sink: Sink.Memory<number>) =>
        Pipeline.make(query, { source, process: (events) => events, sink })
      yield* Query.run(pipeline("old", Sink.memory()), { trigger: Trigger.availableNow })
      const sink = Sink.memory<number>()
      yield* Effect.gen(function*() {
        yield* Savepoint.create(name, "four")
        yield* Savepoint.restore(pipeline("new", sink), "four")
      }).pipe(Effect.provideService(CheckpointLog, losesReplies))
      assert.deepStrictEqual([...lost], ["effect-pravega.savepoints", "new"])
      assert.deepStrictEqual((yield* Savepoint.list).map(({ name }) => name), ["four"])
      yield* Query.run(pipeline("new", sink), { trigger: Trigger.availableNow })
      assert.deepStrictEqual(yield* sink.committed, [])
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.live("a torn savepoint is none, for ever; a damaged one is said", () =>
    Effect.gen(function*() {
      const disk = SimulatedFiles.make()
      const provided = Effect.provide(
        CheckpointLog.layerFiles("/logs").pipe(Layer.provide(Layer.succeed(LogFiles, disk.files)))
      )
      const sink = Sink.memory<number>()
      const old = Pipeline.make("old", { source: counted({ value: 3 }), process: (events) => events, sink })
      yield* provided(Query.run(old, { trigger: Trigger.availableNow }))
      const record = (sequence: number) =>
        `/logs/effect-pravega.savepoints/${String(sequence).padStart(16, "0")}.record`
      yield* provided(Savepoint.create(name, "torn"))
      disk.corrupt(record(0), (bytes) => bytes.slice(0, 30))
      assert.deepStrictEqual(yield* provided(Savepoint.list), [])
      for (const other of ["one", "two"]) yield* provided(Savepoint.create(name, other))
      assert.deepStrictEqual((yield* provided(Savepoint.list)).map(({ name }) => name), ["one", "two"])
      disk.corrupt(record(1), (bytes) => bytes.map((byte, i) => i === 20 ? byte ^ 1 : byte))
      assert.strictEqual((yield* Effect.flip(provided(Savepoint.list))).reason._tag, "CheckpointCorrupt")
    }))

  it.live("two that make savepoints at the same time both have theirs", () =>
    Effect.gen(function*() {
      const sink = Sink.memory<number>()
      yield* Query.run(
        Pipeline.make("old", { source: counted({ value: 3 }), process: (events) => events, sink }),
        { trigger: Trigger.availableNow }
      )
      const names = ["a", "b", "c", "d"]
      yield* Effect.forEach(names, (other) => Savepoint.create(name, other), { concurrency: "unbounded" })
      assert.deepStrictEqual((yield* Savepoint.list).map(({ name }) => name).toSorted(), names)
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))
})
