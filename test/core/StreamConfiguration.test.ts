import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { EndPosition } from "../../src/core/EndPosition.ts"
import * as RetentionPolicy from "../../src/core/RetentionPolicy.ts"
import * as ScalingPolicy from "../../src/core/ScalingPolicy.ts"
import { ScopedStream } from "../../src/core/ScopedStream.ts"
import { StartPosition } from "../../src/core/StartPosition.ts"
import { StreamConfiguration } from "../../src/core/StreamConfiguration.ts"
import { StreamCut } from "../../src/core/StreamCut.ts"

const through = <A, I>(schema: Schema.Codec<A, I>, value: A): A => {
  const json = Schema.fromJsonString(Schema.toCodecJson(schema))
  return Schema.decodeSync(json)(Schema.encodeSync(json)(value))
}

const scaling = ScalingPolicy.fixed(1)

describe("stream configurations", () => {
  it("have a default for all but the scaling", () => {
    const configuration = new StreamConfiguration({ scaling })
    assert.deepStrictEqual(configuration.tags, [])
    assert.isUndefined(configuration.retention)
    assert.isTrue(Duration.isZero(configuration.timestampAggregationTimeout))
    assert.strictEqual(configuration.rolloverSizeBytes, 0n)
  })

  it("survive as JSON", () => {
    for (
      const retention of [
        RetentionPolicy.byTime("10 days"),
        RetentionPolicy.byTime(Duration.days(400), { maximum: "1000 days" }),
        RetentionPolicy.bySize(1n << 40n),
        RetentionPolicy.bySize(0n, { maximumBytes: (1n << 63n) - 1n })
      ]
    ) {
      const configuration = new StreamConfiguration({
        scaling: ScalingPolicy.byEventRate({ eventsPerSecond: 10, scaleFactor: 2, minimumSegments: 3 }),
        retention,
        tags: ["a", "b"],
        timestampAggregationTimeout: Duration.seconds(5),
        rolloverSizeBytes: 1n << 33n
      })
      assert.deepStrictEqual(through(StreamConfiguration, configuration), configuration)
    }
  })

  it("have fewer than 128 tags, each shorter than 256 characters, none twice", () => {
    const tags = Array.from({ length: 127 }, (_, i) => `${i}`.padEnd(255, "x"))
    assert.lengthOf(new StreamConfiguration({ scaling, tags }).tags, 127)
    for (const bad of [[...tags, "one more"], ["x".repeat(256)], ["a", "a"]]) {
      assert.throws(() => new StreamConfiguration({ scaling, tags: bad }))
    }
  })

  it("scaling starts from at least one segment", () => {
    const rate = { scaleFactor: 2, minimumSegments: 4 }
    assert.strictEqual(ScalingPolicy.initialSegments(ScalingPolicy.fixed(7)), 7)
    assert.strictEqual(ScalingPolicy.initialSegments(ScalingPolicy.byDataRate({ ...rate, kilobytesPerSecond: 100 })), 4)
    assert.throws(() => new StreamConfiguration({ scaling: ScalingPolicy.fixed(0) }))
    assert.throws(() => new StreamConfiguration({ scaling: ScalingPolicy.fixed(1.5) }))
    assert.throws(() =>
      new StreamConfiguration({ scaling: ScalingPolicy.byEventRate({ ...rate, eventsPerSecond: 0 }) })
    )
  })

  it("times are whole milliseconds, retention is finite, not negative, and its maximum not below its minimum", () => {
    assert.throws(() => new StreamConfiguration({ scaling, timestampAggregationTimeout: Duration.micros(1n) }))
    assert.throws(() => new StreamConfiguration({ scaling, retention: RetentionPolicy.byTime(Duration.micros(1500n)) }))
    assert.throws(() => new StreamConfiguration({ scaling, retention: RetentionPolicy.byTime(Duration.infinity) }))
    assert.throws(() =>
      new StreamConfiguration({ scaling, retention: RetentionPolicy.byTime(Duration.millis(2 ** 64)) })
    )
    assert.throws(() => new StreamConfiguration({ scaling, retention: RetentionPolicy.byTime(Duration.millis(-1)) }))
    assert.throws(() => new StreamConfiguration({ scaling, retention: RetentionPolicy.bySize(-1n) }))
    assert.throws(() => new StreamConfiguration({ scaling, retention: RetentionPolicy.bySize(1n << 63n) }))
    assert.throws(() =>
      new StreamConfiguration({ scaling, retention: RetentionPolicy.bySize(2n, { maximumBytes: 1n }) })
    )
    assert.throws(() =>
      new StreamConfiguration({ scaling, retention: RetentionPolicy.byTime("2 seconds", { maximum: "1 second" }) })
    )
  })
})

describe("positions to start and end at", () => {
  it("survive as JSON", () => {
    const cut = new StreamCut({ stream: ScopedStream.fromTextUnsafe("a/b"), positions: new Map() })
    for (const start of ["earliest", "latest", cut] as const) {
      assert.deepStrictEqual(through(StartPosition, start), start)
    }
    for (const end of ["unbounded", "latest", cut] as const) assert.deepStrictEqual(through(EndPosition, end), end)
    assert.isFalse(Schema.is(StartPosition)("unbounded"))
    assert.isFalse(Schema.is(EndPosition)("earliest"))
  })
})
