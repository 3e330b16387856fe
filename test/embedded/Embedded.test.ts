import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Net from "node:net"
import * as Path from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as RetentionPolicy from "../../src/core/RetentionPolicy.ts"
import * as Embedded from "../../src/embedded/Embedded.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import * as Transaction from "../../src/pravega/transaction/Transaction.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import { temporaryFolder } from "../temporary.ts"

const texts = EventStream.make("scope/texts", { codec: EventCodec.utf8 })

const write = (events: ReadonlyArray<string>) =>
  Effect.scoped(Effect.gen(function*() {
    yield* Admin.ensureStream(texts.name, { scaling: { _tag: "Fixed", segments: 1 } })
    yield* Effect.flatMap(EventWriter.make(texts), (writer) => writer.writeAll(events))
  }))

const read = Effect.map(
  Effect.suspend(() => Stream.runCollect(BatchReader.stream(texts))),
  (reads) => reads.map(({ event }) => event)
)

describe("Embedded", () => {
  it.live("is there at once: started, written to and read in less work than people call immediate", () =>
    Effect.gen(function*() {
      // the modules are loaded once, by whoever comes first
      yield* Effect.provide(write(["warm"]), Pravega.layerEmbedded())
      // not by the clock, on which whatever else the machine does is seen
      const before = process.cpuUsage()
      const seen = yield* Effect.provide(Effect.andThen(write(["a", "b"]), read), Pravega.layerEmbedded())
      const { system, user } = process.cpuUsage(before)
      const millis = (system + user) / 1000
      assert.deepStrictEqual(seen, ["a", "b"])
      assert.isBelow(millis, 1000)
      console.log(`started, written to, read and stopped in ${millis.toFixed(1)} ms of CPU`)
    }))

  it.live("forgets everything without a directory, and keeps it with one", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryFolder
      yield* Effect.provide(write(["a"]), Pravega.layerEmbedded({ directory }))
      yield* Effect.provide(write(["b"]), Pravega.layerEmbedded({ directory }))
      const transaction = Transaction.run(texts, (txn) => txn.write(["c"]))
      yield* Effect.provide(transaction, Pravega.layerEmbedded({ directory }))
      assert.deepStrictEqual(yield* Effect.provide(read, Pravega.layerEmbedded({ directory })), ["a", "b", "c"])
      yield* Effect.provide(write(["a"]), Pravega.layerEmbedded())
      yield* Effect.provide(write(["b"]), Pravega.layerEmbedded())
      assert.deepStrictEqual(yield* Effect.provide(Effect.andThen(write(["c"]), read), Pravega.layerEmbedded()), ["c"])
    }))

  it.effect("looks after retention as often as it is asked to, and says what it can't be asked", () =>
    Effect.gen(function*() {
      const scaling = { _tag: "Fixed", segments: 1 } as const
      const program = Effect.gen(function*() {
        yield* Admin.createScope("scope")
        yield* Admin.createStream(texts.name, { scaling, retention: RetentionPolicy.bySize(10n) })
        yield* write(["a".repeat(22), "b".repeat(22)])
        yield* TestClock.adjust("5 seconds")
        yield* write(["c".repeat(22)])
        yield* TestClock.adjust("5 seconds")
        return [...(yield* Admin.earliestCut(texts.name)).positions.values()]
      })
      const retentionPeriod = "5 seconds"
      assert.deepStrictEqual(yield* Effect.provide(program, Pravega.layerEmbedded({ retentionPeriod })), [60n])
      assert.deepStrictEqual(yield* Effect.provide(program, Pravega.layerEmbedded()), [0n])
      for (const wrong of ["999 millis", Infinity, "21 days", Number.NaN, -1] as const) {
        const error = yield* Effect.flip(Embedded.make({ retentionPeriod: wrong }))
        assert.strictEqual(error.reason._tag, "OptionInvalid")
        assert.include(error.message, "retentionPeriod")
      }
    }))

  it.live("serves clients on sockets and in the process at once", () =>
    Effect.gen(function*() {
      const server = yield* Embedded.make()
      const { controller, segmentStore } = yield* server.listen()
      assert.match(controller, /^tcp:\/\/127\.0\.0\.1:\d+$/)
      assert.match(segmentStore, /^127\.0\.0\.1:\d+$/)
      const inProcess = Pravega.layerTransport().pipe(Layer.provide(server.layerTransport))
      const onSockets = Pravega.layer({ controller })
      yield* Effect.provide(write(["a"]), inProcess)
      yield* Effect.provide(write(["b"]), onSockets)
      assert.deepStrictEqual(yield* Effect.provide(read, inProcess), ["a", "b"])
      assert.deepStrictEqual(yield* Effect.provide(read, onSockets), ["a", "b"])
    }))

  it.live("frees its ports when its Scope closes, with clients connected", () =>
    Effect.gen(function*() {
      const serve = (ports: { readonly controller: number; readonly segmentStore: number }) =>
        Effect.flatMap(Embedded.make(), (server) => server.listen({ ports }))
      const portOf = (address: string) => Number(address.slice(address.lastIndexOf(":") + 1))
      const ports = yield* Effect.scoped(Effect.gen(function*() {
        const { controller, segmentStore } = yield* serve({ controller: 0, segmentStore: 0 })
        yield* Effect.provide(write(["a"]), Pravega.layer({ controller }))
        return { controller: portOf(controller), segmentStore: portOf(segmentStore) }
      }))
      const { controller } = yield* serve(ports)
      assert.strictEqual(portOf(controller), ports.controller)
    }))

  it.live("says which port it can't have", () =>
    Effect.gen(function*() {
      const taken = yield* Effect.acquireRelease(
        Effect.callback<Net.Server>((resume) => {
          const server = Net.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const address = taken.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      for (const ports of [{ controller: port }, { segmentStore: port }]) {
        const error = yield* Effect.flip(Effect.flatMap(Embedded.make(), (server) => server.listen({ ports })))
        assert.deepInclude(error.reason, { _tag: "AddressUnavailable", port })
      }
    }))

  it.live("ends with the reason when its directory turns out to be damaged, and the process goes on", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryFolder
      const large = "x".repeat(100_000)
      yield* Effect.provide(write([large]), Pravega.layerEmbedded({ directory }))
      yield* Effect.provide(write([large]), Pravega.layerEmbedded({ directory }))
      const database = new DatabaseSync(Path.join(directory, "pravega.db"))
      database.exec("DELETE FROM blobs WHERE id = (SELECT min(id) FROM blobs WHERE length(data) > 100000)")
      database.close()
      const server = yield* Embedded.make({ directory })
      const reads = yield* Effect.forkScoped(
        Effect.exit(Effect.provide(read, Pravega.layerTransport().pipe(Layer.provide(server.layerTransport))))
      )
      const error = yield* Effect.flip(server.failure)
      assert.strictEqual(error.reason._tag, "DirectoryCorrupt")
      assert.include(error.message, "has no bytes")
      yield* Fiber.interrupt(reads)
    }))

  it.live("says so when a record of its directory can't be read", () =>
    Effect.gen(function*() {
      for (const key of ["table/1/00", "controller/scope/scope"]) {
        const directory = yield* temporaryFolder
        yield* Effect.provide(write(["a"]), Pravega.layerEmbedded({ directory }))
        const database = new DatabaseSync(Path.join(directory, "pravega.db"))
        database.prepare("REPLACE INTO records VALUES (?, ?)").run(key, "{")
        database.close()
        const error = yield* Effect.flip(Embedded.make({ directory }))
        assert.strictEqual(error.reason._tag, "DirectoryCorrupt")
      }
    }))

  it.live("refuses a directory that another server holds, until that one is gone", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryFolder
      yield* Effect.scoped(Effect.gen(function*() {
        yield* Embedded.make({ directory })
        const error = yield* Effect.flip(Effect.provide(read, Pravega.layerEmbedded({ directory })))
        assert.strictEqual(error._tag, "EmbeddedError")
      }))
      yield* Embedded.make({ directory })
    }))
})
