/** What a shared state tells those who listen to it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Stream } from "effect"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as ScalingPolicy from "../../src/core/ScalingPolicy.ts"
import * as Admin from "../../src/pravega/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as RevisionedStream from "../../src/pravega/RevisionedStream.ts"
import * as StateSynchronizer from "../../src/pravega/StateSynchronizer.ts"
import { randomScope } from "../names.ts"

describe("StateSynchronizer", () => {
  it.effect("listeners see the state after each entry, also when several are read at once", () =>
    Effect.gen(function*() {
      const stream = EventStream.make(`${randomScope()}/log`, { codec: EventCodec.utf8 })
      yield* Admin.ensureStream(stream.name, { scaling: ScalingPolicy.fixed(1) })
      const log = yield* RevisionedStream.make(stream)
      const state = StateSynchronizer.make(log, {
        replay: (before: string | undefined, entry: string) => Result.succeed((before ?? "") + entry)
      })
      yield* state.initialize("a")
      yield* Effect.forEach(["b", "c", "d"], (entry) => log.append(entry, undefined))
      const reads = yield* Stream.runCollect(Stream.chunks(log.read(0n)))
      assert.deepStrictEqual(reads.map(({ length }) => length), [4], "they are read at once")
      const seen: Array<string | undefined> = []
      state.onChange(() => seen.push(state.current()))
      yield* state.fetch
      assert.deepStrictEqual(seen, ["ab", "abc", "abcd"])
    }).pipe(Effect.scoped, Effect.provide(Pravega.layerEmbedded())))
})
