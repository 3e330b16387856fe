/** State in Pravega. */
import { assert, describe, it } from "@effect/vitest"
import { Admin, EventStream, Pravega } from "effect-pravega"
import { Embedded } from "effect-pravega/embedded"
import { StateStore } from "effect-pravega/state"
import { StateStoreLaws } from "effect-pravega/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import * as RevisionedStream from "../../src/pravega/synchronizer/RevisionedStream.ts"
import { codec } from "../../src/state/internal/PravegaEntry.ts"
import { processes } from "./stateProcesses.ts"

/** Each process has a client of its own. */
const onServer = Effect.map(
  Embedded.make(),
  ({ layerTransport }) => Pravega.layerTransport().pipe(Layer.provide(layerTransport))
)

const fresh = Effect.flatMap(
  Effect.orDie(onServer),
  (pravega) => processes(StateStore.layerPravega("shop/state").pipe(Layer.provide(pravega)))
)

describe("a store in Pravega", () => {
  for (const law of StateStoreLaws.laws(fresh, { runs: 8 })) it.live(law.name, () => law.check)

  it.live("its stream does not grow with what was deleted, and what is left stays readable, for all that have it open", () =>
    Effect.gen(function*() {
      const pravega = yield* onServer
      const store = yield* processes(StateStore.layerPravega("shop/state").pipe(Layer.provide(pravega)))
      const [one, other] = [yield* store.open("q_1.a"), yield* store.open("q_1.a")]
      const kept = new Uint8Array(100_000).fill(7)
      yield* one.create("kept", kept)
      for (let n = 0; n < 24; n++) {
        const [maker, deleter] = n % 2 === 0 ? [one, other] : [other, one]
        // larger than a part, at times
        assert.strictEqual(
          yield* maker.create(`o${n}`, new Uint8Array(n % 8 === 0 ? 5_000_000 : 2_000_000).fill(n)),
          "created"
        )
        yield* deleter.delete(`o${n}`)
      }
      yield* Effect.gen(function*() {
        const name = ScopedStream.fromTextUnsafe("shop/state-q.-1..a")
        assert.isTrue(yield* Admin.streamExists(name))
        const { bounds } = yield* RevisionedStream.make(EventStream.make(name, { codec }))
        const { latest, oldest } = yield* bounds
        assert.isAbove(Number(latest), 50_000_000)
        assert.isBelow(Number(latest - oldest), 14_000_000)
      }).pipe(Effect.provide(pravega))
      for (const home of [one, other, yield* store.open("q_1.a")]) {
        assert.deepStrictEqual(yield* home.read("kept"), kept)
        assert.deepStrictEqual(yield* home.list, ["kept"])
      }
    }).pipe(Effect.scoped))
})
