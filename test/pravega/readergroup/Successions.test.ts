/** When a reader of a group asks the controller what follows a segment. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as MonotonicClock from "../../../src/core/MonotonicClock.ts"
import * as ScalingPolicy from "../../../src/core/ScalingPolicy.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import * as Segment from "../../../src/core/Segment.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as MemberTimers from "../../../src/pravega/readergroup/member/MemberTimers.ts"
import { Successions } from "../../../src/pravega/readergroup/member/Successions.ts"
import { randomScope } from "../../names.ts"

describe("Successions", () => {
  it.effect("asks again after a tenth of a second, however often it is asked, and the timers know when", () =>
    Effect.gen(function*() {
      const { controller } = yield* Pravega
      const stream = ScopedStream.fromTextUnsafe(`${randomScope()}/events`)
      yield* Admin.ensureStream(stream, { scaling: ScalingPolicy.fixed(1) })
      const segment = { stream, id: Segment.makeId(0, 0) }
      const name = Segment.name(stream, segment.id)
      const timers = new MemberTimers.MemberTimers("reader", 1000, yield* MonotonicClock.millis)
      let asked = 0
      const successions = new Successions({
        ...controller,
        successors: (...segment) => {
          asked++
          return controller.successors(...segment)
        }
      }, timers)
      // the segment is active: nothing follows it yet
      for (let i = 0; i < 1000; i++) assert.isUndefined(yield* successions.of(name, segment))
      assert.strictEqual(asked, 1)
      assert.strictEqual(timers.untilNext(yield* MonotonicClock.millis), 100)
      yield* TestClock.adjust(100)
      yield* Admin.scaleTo(stream, 2)
      assert.strictEqual((yield* successions.of(name, segment))?.size, 2)
      assert.strictEqual(asked, 2)
      successions.forget(name)
      assert.isAbove(timers.untilNext(yield* MonotonicClock.millis), 100)
    }).pipe(Effect.scoped, Effect.provide(Pravega.layerEmbedded())))
})
