/** What a reader asks for until it has its first event: each request is a round trip, and a part of a short run's CPU. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import * as Embedded from "../../../src/embedded/Embedded.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { ControllerTransport } from "../../../src/pravega/controller/ControllerTransport.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as EventReader from "../../../src/pravega/readergroup/EventReader.ts"
import * as GroupReader from "../../../src/pravega/readergroup/member/GroupReader.ts"
import * as ReaderGroup from "../../../src/pravega/readergroup/ReaderGroup.ts"
import { SegmentStoreTransport } from "../../../src/pravega/segmentstore/SegmentStoreTransport.ts"
import * as WireCodec from "../../../src/pravega/wire/WireCodec.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"

/** Names of what was asked for, in order. */
interface Asked {
  readonly controller: Array<string>
  readonly store: Array<string>
}

/** A client that notes what it asks of its server. */
const noting = (asked: Asked, server: Layer.Layer<ControllerTransport | SegmentStoreTransport>) => {
  const controller = Layer.effect(
    ControllerTransport,
    Effect.map(ControllerTransport, ({ unary }) => ({
      unary: (method, request, options) =>
        Effect.suspend(() => {
          asked.controller.push(method)
          return unary(method, request, options)
        })
    }))
  )
  const store = Layer.effect(
    SegmentStoreTransport,
    Effect.map(SegmentStoreTransport, ({ open }) => ({
      open: (endpoint) =>
        Effect.map(open(endpoint), (pipe) => {
          const sent = WireCodec.makeParser()
          return {
            listen: (handlers) => pipe.listen(handlers),
            write: (parts, onWritten) => {
              for (const part of parts) sent.push(part, ({ _tag }) => asked.store.push(_tag))
              return pipe.write(parts, onWritten)
            },
            pause: () => pipe.pause(),
            resume: () => pipe.resume(),
            close: () => pipe.close(),
            finish: () => pipe.finish()
          }
        })
    }))
  )
  return Pravega.layerTransport().pipe(Layer.provide(Layer.provide(Layer.merge(controller, store), server)))
}

const lines = EventStream.make("costs/lines", { codec: EventCodec.utf8, routingKey: (line: string) => line })
const readerGroup = "costs/group"
/** How often it is read depends on when what is appended is there. */
const withoutReads = (asked: ReadonlyArray<string>) =>
  asked.filter((name) => !["Hello", "KeepAlive", "ReadSegment"].includes(name))

describe("joining a group", () => {
  it.live("asks for little", () =>
    Effect.gen(function*() {
      const { layerTransport } = yield* Embedded.make()
      const as = <A, E>(effect: Effect.Effect<A, E, Pravega>) => {
        const asked: Asked = { controller: [], store: [] }
        return Effect.map(Effect.provide(effect, noting(asked, layerTransport)), () => asked)
      }
      yield* as(Effect.gen(function*() {
        yield* Admin.ensureStream(lines.name, { scaling: { _tag: "Fixed", segments: 1 } })
        yield* Stream.run(Stream.make("one", "two"), EventWriter.sink(lines))
      }))
      const create = yield* as(
        ReaderGroup.create(readerGroup, { streams: [lines.name], automaticCheckpoints: "off" })
      )
      assert.deepStrictEqual(create.controller, [
        "getStreamConfiguration",
        "createReaderGroup",
        "getCurrentSegments",
        "getSegments",
        "getDelegationToken",
        "getURI"
      ])
      assert.deepStrictEqual(withoutReads(create.store), ["SetupAppend", "ConditionalAppend"])

      const first = EventReader.stream(lines, { readerGroup, timeWindows: false }).pipe(
        Stream.take(2),
        Stream.runDrain
      )
      const join = yield* as(first)
      // the segments of the group's state and where they are, and where the stream's segment is
      assert.deepStrictEqual(join.controller, ["getCurrentSegments", "getURI", "getDelegationToken", "getURI"])
      assert.deepStrictEqual(count(withoutReads(join.store)), {
        // of the state and of the segment
        GetSegmentAttribute: 1,
        GetStreamSegmentInfo: 2,
        SetupAppend: 1,
        // joins, takes the segment, leaves
        ConditionalAppend: 3
      })
      // nothing of what a reader does now and then is due, however slow it is
    }).pipe(Effect.scoped, Effect.provideService(GroupReader.TimeUnit, 3_600_000)))
})

const count = (names: ReadonlyArray<string>): Record<string, number> =>
  Object.fromEntries(Array.from(Map.groupBy(names, (name) => name), ([name, all]) => [name, all.length]))
