/** What a batch's records cost: as much as it does, however many sources the query has. */
import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Savepoint from "../../../src/batch/engine/Savepoint.ts"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as LogState from "../../../src/batch/log/LogState.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import {
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
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { numbersSource } from "../source/numbersSource.ts"

const query = QueryName.make("q")

/** So many have one number, the last one has more. */
const idle = 200
const busy = "busy"

const sourceOf = (name: string, available: () => number) =>
  numbersSource<never>({
    available: () => name === busy ? available() : 1,
    end: undefined,
    perBatch: 10,
    partitions: (from, to) => [
      { id: 0, predecessors: [], events: Stream.range(from, to - 1) } satisfies Source.Partition<number, never>
    ]
  })

describe("the records of a query over many sources", () => {
  it.effect("name those that moved, and all of them now and then; a query goes on from them", () =>
    Effect.gen(function*() {
      let available = 1
      const names = [...Arr.makeBy(idle, (i) => `source-${i}`), busy]
      const sink = Sink.memory<string>()
      const pipeline = Pipeline.make(query, {
        source: Source.union(Object.fromEntries(names.map((name) => [name, sourceOf(name, () => available)]))),
        processEach: ({ _tag, value }) => Effect.succeed([`${_tag} ${value}`]),
        sink
      })
      for (const now of [1, 95, 195, 200]) {
        available = now
        yield* Query.run(pipeline, { trigger: Trigger.availableNow })
      }
      const expected = names.flatMap((name) => Arr.makeBy(name === busy ? 200 : 1, (n) => `${name} ${n}`))
      assert.deepStrictEqual((yield* sink.committed).toSorted(), expected.toSorted())

      const records = yield* Effect.flatMap(
        CheckpointLog,
        ({ open }) => Effect.flatMap(open(query), (log) => log.read(0))
      )
      const { contradiction, read } = LogState.fold(records)
      assert.isUndefined(contradiction)
      assert.deepStrictEqual(
        read.state?.positions,
        Object.fromEntries(names.map((name) => [name, name === busy ? 200 : 1]))
      )
      const sizes = records.flatMap((record) => {
        const content = LogState.contentOf(record)
        const planned = content._tag === "Success" && content.success.entries.find((entry) => entry._tag === "planned")
        return planned ? [{ batch: planned.batch, bytes: record.bytes.length }] : []
      })
      assert.isAbove(sizes.length, 20)
      for (const { batch, bytes } of sizes) {
        if (batch % 16 === 0) assert.isAbove(bytes, idle * 10, `batch ${batch}`)
        else assert.isBelow(bytes, 1000, `batch ${batch}`)
      }
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))

  it.effect("a savepoint before a planned batch has the positions of all", () =>
    Effect.gen(function*() {
      const log = yield* Effect.flatMap(CheckpointLog, ({ open }) => open(query))
      let sequence = 0
      const write = (...entries: ReadonlyArray<Entry>) =>
        log.append(sequence++, encode(new CheckpointRecord({ epoch: 1, owner: "o", entries })))
      const structure = { sources: [], sinks: [] }
      const positions = { a: 0, b: 0, c: 0 }
      yield* write(
        new Claimed({}),
        new Started({ query, version: "1", structure, sources: {}, batch: 0, positions })
      )
      yield* write(new Planned({ batch: 0, plans: { a: 0 }, positions: { a: 1 }, isPartial: true }))
      yield* write(new Prepared({ batch: 0, sinks: {} }))
      yield* write(
        new Committed({ batch: 0 }),
        new Planned({ batch: 1, plans: { b: 0 }, positions: { b: 1 }, isPartial: true })
      )
      const savepoint = yield* Savepoint.create(query, "before")
      assert.deepStrictEqual([savepoint.batch, savepoint.positions], [1, { a: 1, b: 0, c: 0 }])
    }).pipe(Effect.provide(CheckpointLog.layerMemory)))
})
