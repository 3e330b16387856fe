/**
 * A server with a directory is killed (kill -9) again and again while clients write and commit: everything acknowledged
 * is there, nothing is there twice, and of each transaction all or nothing.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schedule, Scope, Stream } from "effect"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import * as Transaction from "../../src/pravega/transaction/Transaction.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import * as Seeded from "../../src/testing/seeded/Seeded.ts"
import { freePorts } from "../real/ServerProcess.ts"
import { temporaryFolder } from "../temporary.ts"
import * as DevServer from "./DevServer.ts"

/** SERVER_KILLS=N kills so often; SERVER_KILLS_SEED=N draws the same moments again. */
const kills = Number(process.env["SERVER_KILLS"] ?? 50)
const seed = Number(process.env["SERVER_KILLS_SEED"] ?? Math.floor(Math.random() * 2 ** 32))

const texts = (name: string) => EventStream.make(name, { codec: EventCodec.utf8, routingKey: (text) => text })

/** What a client wrote: groups of events, with what it was told of each. */
interface Written {
  readonly acknowledged: Array<ReadonlyArray<string>>
  readonly unknown: Array<ReadonlyArray<string>>
}

const group = (name: string, number: number, size: number): ReadonlyArray<string> =>
  Array.from({ length: size }, (_, i) => `${name} ${number} ${i} ${"x".repeat((number * 7 + i) % 200)}`)

/** Writes groups until `isOver`. A writer that fails is replaced; its group may or may not be there. */
const writePlainly = (stream: EventStream.EventStream<string>, written: Written, isOver: () => boolean) =>
  Effect.gen(function*() {
    let number = 0
    while (!isOver()) {
      yield* Effect.scoped(Effect.gen(function*() {
        const writer = yield* EventWriter.make(stream)
        while (!isOver()) {
          const events = group("plain", number++, 20)
          written.unknown.push(events)
          yield* writer.writeAll(events)
          written.unknown.pop()
          written.acknowledged.push(events)
        }
      })).pipe(Effect.catch(() => Effect.sleep("20 millis")))
    }
  })

const writeTransactions = (stream: EventStream.EventStream<string>, written: Written, isOver: () => boolean) =>
  Effect.gen(function*() {
    let number = 0
    while (!isOver()) {
      const events = group("transaction", number++, 30)
      yield* Effect.scoped(Effect.gen(function*() {
        const transaction = yield* Transaction.begin(stream)
        yield* transaction.write(events)
        yield* transaction.flush
        written.unknown.push(events)
        yield* transaction.commit
        written.unknown.pop()
        // accepted: what is decided stays decided
        written.acknowledged.push(events)
        yield* transaction.awaitCommitted
      })).pipe(Effect.catch(() => Effect.sleep("20 millis")))
    }
  })

const countEvents = (stream: EventStream.EventStream<string>) =>
  Effect.map(Stream.runCollect(BatchReader.stream(stream)), (reads) => {
    const counts = new Map<string, number>()
    for (const { event } of reads) counts.set(event, (counts.get(event) ?? 0) + 1)
    return counts
  })

const assertKept = (counts: ReadonlyMap<string, number>, written: Written, how: "whole groups" | "single events") => {
  for (const events of written.acknowledged) {
    for (const event of events) assert.strictEqual(counts.get(event), 1, `acknowledged: ${event}`)
  }
  for (const events of written.unknown) {
    const found = events.map((event) => counts.get(event) ?? 0)
    assert.isAtMost(Math.max(...found), 1, `twice: one of ${events[0]}`)
    if (how === "whole groups") assert.isTrue(new Set(found).size === 1, `half visible: ${events[0]}`)
  }
  const known = new Set([...written.acknowledged, ...written.unknown].flat())
  for (const event of counts.keys()) assert.isTrue(known.has(event), `never to be visible: ${event}`)
}

describe("an embedded server with a directory", () => {
  it.live(
    `killed ${kills} times while clients write and commit (SERVER_KILLS_SEED=${seed})`,
    () =>
      Effect.gen(function*() {
        const { next } = Seeded.make(seed)
        const directory = yield* temporaryFolder
        const [controllerPort, storePort] = yield* Effect.promise(() => freePorts(2))
        const serve = DevServer.start(
          "--port",
          `${controllerPort}`,
          "--store-port",
          `${storePort}`,
          "--data",
          directory
        )
        const scope = yield* Effect.scope
        const plain: Written = { acknowledged: [], unknown: [] }
        const transactional: Written = { acknowledged: [], unknown: [] }
        let isOver = false
        // ended in order, so that Node keeps what it has compiled: those that are killed do not
        assert.strictEqual(yield* Effect.flatMap(serve, ({ end }) => end("SIGTERM")), 0)
        let server = yield* serve
        const clients = Effect.gen(function*() {
          const [first, second] = [texts("kill/plain"), texts("kill/transactional")]
          yield* Admin.ensureStream(first.name, { scaling: { _tag: "Fixed", segments: 2 } })
          yield* Admin.ensureStream(second.name, { scaling: { _tag: "Fixed", segments: 3 } })
          const writing = yield* Effect.forkChild(Effect.all([
            writePlainly(first, plain, () => isOver),
            writeTransactions(second, transactional, () => isOver)
          ], { concurrency: "unbounded" }))
          for (let kill = 0; kill < kills; kill++) {
            // at a random moment of a life in which something was achieved
            const progress = kill % 2 === 0 ? plain.acknowledged : transactional.acknowledged
            const before = progress.length
            yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => progress.length > before }).pipe(
              // who writes no more achieves nothing
              Effect.raceFirst(Fiber.join(writing))
            )
            yield* Effect.sleep(200 * next())
            yield* server.end("SIGKILL")
            server = yield* Scope.provide(serve, scope)
          }
          isOver = true
          yield* Fiber.join(writing)
          // what was accepted last may still be on its way
          const lastEvents = transactional.acknowledged.at(-1) ?? []
          const counts = yield* Effect.repeat(countEvents(second), {
            until: (counts) => lastEvents.every((event) => counts.has(event)),
            schedule: Schedule.spaced("50 millis")
          })
          assertKept(yield* countEvents(first), plain, "single events")
          assertKept(counts, transactional, "whole groups")
        })
        yield* Effect.provide(clients, Pravega.layer({ controller: server.controller }))
        assert.isAtLeast(plain.acknowledged.length, kills / 2)
        assert.isAtLeast(transactional.acknowledged.length, kills / 2)
        assert.strictEqual(yield* server.end("SIGTERM"), 0)
        console.log(
          `${kills} kills; acknowledged: ${plain.acknowledged.length} writes, ${transactional.acknowledged.length} commits; `
            + `of unknown outcome: ${plain.unknown.length} and ${transactional.unknown.length}`
        )
      }),
    { timeout: 900_000 }
  )
})
