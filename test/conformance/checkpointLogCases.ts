import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { CheckpointLog } from "../../src/batch/log/CheckpointLog.ts"
import { QueryName } from "../../src/batch/protocol/QueryName.ts"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import * as CheckpointLogLaws from "../../src/testing/laws/CheckpointLogLaws.ts"
import { processes } from "../batch/log/logProcesses.ts"
import { randomScope } from "../names.ts"
import { type Cases, Server } from "./Server.ts"

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** Each process a client of its own. */
const home = (prefix: string) =>
  Effect.flatMap(Server, ({ client }) => processes(CheckpointLog.layerPravega(prefix).pipe(Layer.provide(client))))

const open = (prefix: string, query: string) => Effect.flatMap(home(prefix), (logs) => logs.open(QueryName.make(query)))

export const checkpointLogCases = (it: Cases): void => {
  const fresh = Effect.suspend(() => home(`${randomScope()}/checkpoints`))
  for (const law of CheckpointLogLaws.laws(fresh, { runs: 4 })) it.effect(`a log: ${law.name}`, () => law.check)

  it.effect("rule 1: a number stays taken for an owner that knew the log as it was before it was compacted", () =>
    Effect.gen(function*() {
      const logs = yield* home(`${randomScope()}/checkpoints`)
      const query = QueryName.make("zombie")
      const zombie = yield* logs.open(query)
      const owner = yield* logs.open(query)
      for (let n = 0; n < 3; n++) yield* zombie.append(n, text("zombie"))
      yield* owner.append(3, text("owner"))
      yield* owner.compact(4)
      const refused = yield* Effect.flip(zombie.append(3, text("zombie")))
      assert.strictEqual(refused.reason._tag, "SequenceTaken")
      yield* owner.append(4, text("owner"))
      assert.deepStrictEqual((yield* zombie.read(0)).map(({ sequence }) => sequence), [4])
      // what it knows is gone, and what has come since too
      for (let n = 5; n < 8; n++) yield* owner.append(n, text("owner"))
      yield* owner.compact(8)
      assert.strictEqual((yield* Effect.flip(zombie.append(5, text("zombie")))).reason._tag, "SequenceTaken")
      assert.deepStrictEqual(yield* zombie.read(0), [])
      yield* zombie.append(8, text("next"))
    }))

  it.effect("queries whose names look alike have logs of their own, and names that Pravega has not", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      for (const name of ["a_b", "a.b", "a-b", "a.-b", "a..b"]) {
        const log = yield* open(`${scope}/checkpoints`, name)
        assert.deepStrictEqual(yield* log.read(0), [], name)
        yield* log.append(0, text(name))
      }
      const long = yield* Effect.flip(open(`${scope}/${"c".repeat(200)}`, "q".repeat(100)))
      assert.strictEqual(long.reason._tag, "LogUnavailable")
    }))

  it.effect("a stream that others write to, or of several segments, is no log", () =>
    Effect.gen(function*() {
      const scope = randomScope()
      const log = yield* open(`${scope}/checkpoints`, "q")
      yield* log.append(0, text("x"))
      const stream = EventStream.make(`${scope}/checkpoints-q`, { codec: EventCodec.utf8 })
      yield* Effect.scoped(Effect.flatMap(EventWriter.make(stream), (writer) => writer.write("not a record")))
      assert.strictEqual((yield* Effect.flip(log.append(1, text("x")))).reason._tag, "CheckpointCorrupt")
      assert.strictEqual((yield* Effect.flip(log.read(0))).reason._tag, "CheckpointCorrupt")
      yield* Admin.ensureStream(`${scope}/checkpoints-wide`, { scaling: { _tag: "Fixed", segments: 2 } })
      assert.strictEqual((yield* Effect.flip(open(`${scope}/checkpoints`, "wide"))).reason._tag, "LogUnavailable")
    }))

  it.effect("of two owners that run at the same time, each number has one", () =>
    Effect.gen(function*() {
      const logs = yield* home(`${randomScope()}/checkpoints`)
      const query = QueryName.make("both")
      const run = Effect.fnUntraced(function*(name: string) {
        const log = yield* logs.open(query)
        const won: Array<number> = []
        for (let n = 0; n < 20; n++) {
          const isMine = yield* Effect.match(log.append(n, text(name)), {
            onSuccess: () => true,
            onFailure: (error) => error.reason._tag !== "SequenceTaken"
          })
          if (isMine) won.push(n)
        }
        return won
      })
      const fibers = [yield* Effect.forkChild(run("one")), yield* Effect.forkChild(run("two"))]
      const won = (yield* Fiber.joinAll(fibers)).flat().toSorted((a, b) => a - b)
      assert.deepStrictEqual(won, Array.from({ length: 20 }, (_, n) => n))
    }))
}
