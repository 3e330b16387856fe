/** The checkpoint log in Pravega, while connections break, replies are lost, and the server and its users are killed. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import fc from "fast-check"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as Faults from "../../../src/testing/faults/Faults.ts"
import * as FaultyServer from "../../../src/testing/faults/FaultyServer.ts"
import * as Simulation from "../../../src/testing/simulation/Simulation.ts"

const query = QueryName.make("q")
const rates: Faults.Rates = {
  loseRequest: 0.02,
  loseReply: 0.02,
  refuseConnection: 0.05,
  dropConnection: 0.04,
  cutFrame: 0.04,
  halfClose: 0.01,
  delayFrame: 0.1
}

/** What was said of the appends of a history. */
interface Told {
  readonly made: Map<number, string>
  readonly notMade: Set<string>
  unknown: number
  floor: number
}

/** Appends, reads and compacts until it has done so many things, or dies; keeps what it was told. */
const owner = (name: string, server: FaultyServer.FaultyServer, faults: Faults.Faults, told: Told) =>
  Effect.scoped(Effect.gen(function*() {
    const layer = CheckpointLog.layerPravega("shop/checkpoints").pipe(Layer.provide(server.client(faults)))
    const logs = Context.get(yield* Layer.build(layer), CheckpointLog)
    const log = yield* Effect.retry(logs.open(query), { times: 20 })
    let next = 0
    for (let n = 0; n < 12; n++) {
      const value = `${name}.${n}`
      yield* log.append(next, new TextEncoder().encode(value)).pipe(Effect.match({
        onSuccess: () => {
          assert.isFalse(told.made.has(next), `number ${next} was won twice`)
          told.made.set(next, value)
        },
        onFailure: ({ reason }) => {
          if (reason._tag === "OutcomeUnknown") told.unknown++
          else {
            assert.include(["SequenceTaken", "LogUnavailable"], reason._tag)
            told.notMade.add(value)
          }
        }
      }))
      const records = yield* Effect.retry(log.read(0), { times: 20 })
      next = (records.at(-1)?.sequence ?? next - 1) + 1
      if (n % 5 === 4) {
        // Noted first: it may come true without being acknowledged.
        told.floor = Math.max(told.floor, next - 1)
        yield* Effect.ignore(log.compact(next - 1))
      }
    }
  }))

const history = (seed: number, crashes: ReadonlyArray<number>, restarts: number) =>
  Simulation.run((simulation) =>
    Effect.scoped(Effect.gen(function*() {
      const server = yield* FaultyServer.make({ seed })
      const told: Told = { made: new Map(), notMade: new Set(), unknown: 0, floor: 0 }
      const users = Effect.forEach([...crashes, undefined], (crash, index) =>
        Effect.gen(function*() {
          const process = simulation.process(`p${index}`)
          const faults = yield* Faults.make({ seed: seed + index, rates })
          process.onDeath(faults.cutOff)
          if (crash !== undefined) process.crashAt(crash)
          const exit = yield* process.run(owner(`p${index}`, server, faults, told))
          if (exit !== undefined) yield* exit
        }), { concurrency: "unbounded", discard: true })
      const killer = Effect.gen(function*() {
        for (let n = 0; n < restarts; n++) {
          yield* Effect.sleep("500 millis")
          yield* server.kill
          // Every second time for longer than a client tries.
          yield* Effect.sleep(n % 2 === 0 ? "1 minute" : "100 millis")
          yield* server.start
        }
      })
      yield* Effect.all([users, killer], { concurrency: 2, discard: true })

      const records = yield* Effect.scoped(Effect.gen(function*() {
        const layer = CheckpointLog.layerPravega("shop/checkpoints").pipe(Layer.provide(server.client()))
        const log = yield* Context.get(yield* Layer.build(layer), CheckpointLog).open(query)
        const records = yield* log.read(0)
        const next = (records.at(-1)?.sequence ?? -1) + 1
        for (const [number] of told.made) {
          const again = yield* Effect.flip(log.append(number, new Uint8Array(0)))
          assert.strictEqual(again.reason._tag, "SequenceTaken")
        }
        yield* log.append(next, new TextEncoder().encode("last"))
        return records
      }))
      const stored = new Map(records.map(({ bytes, sequence }) => [sequence, new TextDecoder().decode(bytes)]))
      for (const [sequence, value] of told.made) {
        if (sequence >= told.floor) assert.strictEqual(stored.get(sequence), value, `record ${sequence}`)
      }
      for (const value of stored.values()) assert.isFalse(told.notMade.has(value), `${value} was said not to be made`)
      return told
    })), { seed })

describe("a log in Pravega", () => {
  it("keeps what it acknowledged, and nothing that it refused, whatever breaks and whoever dies", async () => {
    let made = 0
    let unknown = 0
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1_000_000),
        fc.array(fc.nat(3000), { maxLength: 2 }),
        fc.nat(3),
        async (seed, crashes, restarts) => {
          const told = await Effect.runPromise(history(seed, crashes, restarts))
          made += told.made.size
          unknown += told.unknown
        }
      ),
      { numRuns: 60 }
    )
    assert.isAbove(made, 100)
    assert.isAbove(unknown, 0)
  })

  it.effect("is one, whoever opens it, with one writer", () =>
    Effect.gen(function*() {
      const logs = yield* CheckpointLog
      const opened = yield* Effect.all([logs.open(query), logs.open(query)], { concurrency: 2 })
      opened.push(yield* logs.open(query))
      assert.strictEqual(new Set(opened).size, 1)
      assert.notStrictEqual(yield* logs.open(QueryName.make("another")), opened[0])
    }).pipe(Effect.provide(
      CheckpointLog.layerPravega("shop/checkpoints").pipe(Layer.provide(Pravega.layerEmbedded()))
    )))
})
