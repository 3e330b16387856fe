/** The root layer: built from options and from configuration, connecting to nothing. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted, Stream } from "effect"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { ControllerTransport } from "../../src/pravega/controller/ControllerTransport.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import { SegmentStoreTransport } from "../../src/pravega/segmentstore/SegmentStoreTransport.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import { rawTexts } from "./rawEvents.ts"

describe("Pravega", () => {
  it.live("is built and released without a server", () =>
    Effect.gen(function*() {
      const parts = yield* Effect.provide(
        Pravega.useSync(Object.keys),
        Pravega.layer({ controller: "tcp://nowhere:1" })
      )
      assert.sameMembers(parts, ["controller", "segments", "stores"])
    }))

  it.effect("refuses an address that can't be read", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.provide(Effect.void, Pravega.layer({ controller: "http://a" })))
      assert.strictEqual(error._tag, "InvalidControllerAddress")
    }))

  it.effect("reads the environment", () =>
    Effect.gen(function*() {
      const configured = (env: Record<string, string>) =>
        Effect.provide(Effect.void, Pravega.layerConfig()).pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
          Effect.flip
        )
      assert.deepInclude(yield* configured({ PRAVEGA_CONTROLLER: "nonsense://" }), { address: "nonsense://" })
    }))

  it.live("is a client of its own also where another one is provided around it", () =>
    Effect.gen(function*() {
      const stream = EventStream.make("nested/clients", { codec: EventCodec.utf8 })
      const write = (text: string) =>
        Effect.andThen(
          Admin.ensureStream(stream.name, { scaling: { _tag: "Fixed", segments: 1 } }),
          Stream.run(Stream.make(text), EventWriter.sink(stream))
        )
      const outer = Effect.gen(function*() {
        yield* write("outer")
        const inner = yield* Effect.andThen(write("inner"), rawTexts(stream.name)).pipe(
          Effect.provide(Pravega.layerEmbedded())
        )
        return [inner, yield* rawTexts(stream.name)]
      })
      const found = yield* Effect.provide(outer, Pravega.layerEmbedded())
      assert.deepStrictEqual(found, [["inner"], ["outer"]])
    }))

  it.effect("runs over other transports than sockets, with the credentials it was given", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const transports = Layer.merge(
        Layer.succeed(ControllerTransport, {
          unary: (method, _, { metadata }) => {
            seen.push([method, metadata])
            return Effect.succeed(new Uint8Array(0))
          }
        }),
        Layer.mock(SegmentStoreTransport)({})
      )
      const live = Pravega.layerTransport({
        credentials: { _tag: "token", method: "Bearer", token: Redacted.make("abc") }
      }).pipe(Layer.provide(transports))
      const exists = yield* Pravega.use(({ controller }) => controller.streamExists(ScopedStream.fromTextUnsafe("a/b")))
        .pipe(
          Effect.provide(live)
        )
      assert.isFalse(exists)
      assert.deepStrictEqual(seen, [["checkStreamExists", { authorization: "Bearer abc" }]])
    }))
})
