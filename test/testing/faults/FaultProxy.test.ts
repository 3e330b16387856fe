import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import * as Embedded from "../../../src/embedded/Embedded.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { ControllerTransport } from "../../../src/pravega/controller/ControllerTransport.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as BatchReader from "../../../src/pravega/read/BatchReader.ts"
import { SegmentStoreTransport } from "../../../src/pravega/segmentstore/SegmentStoreTransport.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"
import * as FaultProxy from "../../../src/testing/faults/FaultProxy.ts"
import * as Faults from "../../../src/testing/faults/Faults.ts"

const lines = EventStream.make("tests/lines", { codec: EventCodec.utf8, routingKey: (line) => line })
const numbered = Array.from({ length: 40 }, (_, n) => `line ${n}`)

describe("FaultProxy", () => {
  it("between a client and the sockets of a store: connections are refused, cut and dropped, and nothing is lost or repeated", () =>
    Effect.gen(function*() {
      const server = yield* Embedded.make()
      const { segmentStore } = yield* server.listen()
      const [host, port] = segmentStore.split(":")
      const faults = yield* Faults.make({ seed: 2, maxDelay: "20 millis" })
      const proxy = yield* FaultProxy.make({ target: { host: host!, port: Number(port) }, faults })
      const throughProxy = Layer.effect(
        SegmentStoreTransport,
        Effect.map(SegmentStoreTransport, ({ open }) => ({ open: () => open(proxy) }))
      ).pipe(Layer.provide(SegmentStoreTransport.layerSocket()))
      const calls = Layer.effect(
        ControllerTransport,
        Effect.provide(ControllerTransport, server.layerTransport)
      )
      yield* Effect.gen(function*() {
        yield* Admin.ensureStream(lines.name, { scaling: { _tag: "Fixed", segments: 3 } })
        const writer = yield* EventWriter.make(lines)
        faults.once({ _tag: "RefuseConnection" })
        faults.once({ _tag: "HalfClose" }, { to: "client", skip: 1 })
        faults.once({ _tag: "CutFrame" }, { to: "server", skip: 8 })
        faults.once({ _tag: "DropConnection" }, { to: "client", skip: 20 })
        faults.setRates({ delayFrame: 0.2 })
        for (const line of numbered) yield* writer.write(line)
        faults.stop()
        const read = yield* Stream.runCollect(BatchReader.stream(lines))
        assert.deepStrictEqual(read.map(({ event }) => event).toSorted(), numbered.toSorted())
      }).pipe(Effect.provide(Layer.provide(Pravega.layerTransport(), Layer.merge(throughProxy, calls))))
      const kinds = new Set(faults.injected().map((fault) => fault.split(" ")[0]))
      assert.includeMembers([...kinds], ["RefuseConnection", "HalfClose", "CutFrame", "DropConnection", "DelayFrame"])
    }).pipe(Effect.scoped, Effect.runPromise))

  it("takes faults that somebody has put something around, and nothing that only looks like them", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.make()
      const told: Array<Faults.Fault> = []
      const around: Faults.Faults = {
        ...faults,
        once: (fault, where) => void [told.push(fault), faults.once(fault, where)]
      }
      const target = { host: "127.0.0.1", port: 9 }
      const proxy = yield* FaultProxy.make({ target, faults: around })
      around.once({ _tag: "RefuseConnection" })
      const { open } = yield* Effect.provide(SegmentStoreTransport, SegmentStoreTransport.layerSocket())
      const pipe = yield* open(proxy)
      yield* Effect.callback<void>((resume) =>
        pipe.listen({ onData: () => {}, onDrain: () => {}, onClose: () => resume(Effect.void) })
      )
      assert.deepStrictEqual([told, faults.injected()], [[{ _tag: "RefuseConnection" }], ["RefuseConnection"]])

      const { connections, cutOff, dropConnections, injected, layer, once, pause, resume, setRates, stop } = faults
      const alike = { connections, cutOff, dropConnections, injected, layer, once, pause, resume, setRates, stop }
      // @ts-expect-error it has not the network of faults
      const refused: Faults.Faults = alike
      assert.isDefined(refused)
    }).pipe(Effect.scoped, Effect.runPromise))

  it("says when it can't listen", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.make()
      const target = { host: "127.0.0.1", port: 9 }
      const first = yield* FaultProxy.make({ target, faults })
      const error = yield* Effect.flip(FaultProxy.make({ target, faults, port: first.port }))
      assert.match(error.message, /can't listen on 127.0.0.1/)
    }).pipe(Effect.scoped, Effect.runPromise))
})
