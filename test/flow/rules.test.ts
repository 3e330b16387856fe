/**
 * The rules of flows, as properties over random flows and histories: of meaning (F), of time (T), of state (S). Those that
 * an engine keeps, with a log and a store, are tested there.
 */
import { assert, describe, it } from "@effect/vitest"
import { Aggregate, Flow, Watermarks, Window } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as FastCheck from "fast-check"
import { modeOf } from "../batch/engine/flow/modeOf.ts"
import { byMoment, cut, results } from "./cuts.ts"
import { freeze, machine, model, type Moment, type Outcome } from "./Interpreter.ts"
import {
  type AnyFlow,
  chained,
  clocked,
  cuttable,
  Event,
  flows,
  histories,
  type Honest,
  honest,
  joins,
  sessions,
  silence,
  windows
} from "./randomFlows.ts"

const runs = { numRuns: 300 }
const anyFlow = FastCheck.oneof({ arbitrary: flows, weight: 6 }, { arbitrary: clocked, weight: 1 })
const takes = FastCheck.array(FastCheck.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 24 })

const run = (flow: AnyFlow, moments: ReadonlyArray<Moment>, maxFirings?: number): ReadonlyArray<Outcome> =>
  Effect.runSync(machine(maxFirings === undefined ? {} : { maxFirings }).run(flow, moments))
const meant = (flow: AnyFlow, moments: ReadonlyArray<Moment>): ReadonlyArray<Outcome> =>
  Effect.runSync(model.run(flow, moments))

const resultsOf = (flow: AnyFlow, outcomes: ReadonlyArray<Outcome>) => results(modeOf(flow), outcomes)

const sum = (outcomes: ReadonlyArray<Outcome>): number =>
  outcomes.flatMap(({ late }) => Object.values(late)).reduce((a, b) => a + b, 0)

describe("meaning", () => {
  it("F1: results do not depend on how an input that is in order is cut into batches", () => {
    FastCheck.assert(
      FastCheck.property(cuttable, honest, takes, takes, (flow, events, some, others) => {
        const first = run(flow, cut(events, some))
        assert.deepStrictEqual(resultsOf(flow, run(flow, cut(events, others))), resultsOf(flow, first))
        assert.strictEqual(sum(first), 0, "late")
      }),
      runs
    )
  })

  it("F1: results are those of the model, which was given all at once", () => {
    FastCheck.assert(
      FastCheck.property(cuttable, honest, takes, (flow, events, some) => {
        assert.deepStrictEqual(
          resultsOf(flow, run(flow, cut(events, some))),
          resultsOf(flow, meant(flow, cut(events, [])))
        )
      }),
      runs
    )
  })

  it("F1: results do not depend on the segments that events lie in", () => {
    const inOne = ({ disorder, segments }: Honest): Honest => {
      const all = segments.flat().toSorted((a, b) => a.at.time - b.at.time)
      return { disorder, segments: [all.map((event) => event)] }
    }
    FastCheck.assert(
      FastCheck.property(FastCheck.oneof(windows, sessions, joins), honest, takes, (flow, events, some) => {
        assert.deepStrictEqual(
          resultsOf(flow, run(flow, cut(inOne(events), some))),
          resultsOf(flow, run(flow, cut(events, some)))
        )
      }),
      runs
    )
  })

  it("F2: a batch's outputs come in one order, whatever the order in which its sources were read", () => {
    FastCheck.assert(
      FastCheck.property(flows, histories, (flow, moments) => {
        const turned = moments.map((moment) => ({
          ...moment,
          events: moment.events.toSorted((a, b) => a.source === b.source ? 0 : a.source < b.source ? 1 : -1)
        }))
        assert.deepStrictEqual(
          run(flow, turned).map(({ outputs }) => outputs),
          run(flow, moments).map(({ outputs }) => outputs)
        )
      }),
      runs
    )
  })

  it("F3: model and machine agree in every moment, also of what is late", () => {
    FastCheck.assert(
      FastCheck.property(anyFlow, histories, (flow, moments) => {
        assert.deepStrictEqual(byMoment(run(flow, moments)), byMoment(meant(flow, moments)))
      }),
      { numRuns: 2000 }
    )
  })

  it("F3: model and machine agree on a row of a table that was deleted, and is forgotten", () => {
    const side = (name: "left" | "right") =>
      Flow.sources<Record<string, Event>>()(name).pipe(Flow.keyBy("key", Schema.String, (event) => event.key))
    const flow = Flow.joinTable(side("left"), "joined", side("right"), {
      history: 0,
      event: Event,
      row: Event,
      deleted: ({ value }) => value === 0
    })
    const row = (offset: bigint) => ({
      source: "right",
      value: { key: "b", value: 0, time: 0 },
      at: { time: 0, source: "right", segment: 0n, offset, ordinal: 0 }
    })
    const moments = [
      { events: [row(0n)], watermark: -10, clock: 0 },
      { events: [], watermark: 1, clock: 0 },
      { events: [row(1n)], watermark: 1, clock: 0 }
    ]
    assert.deepStrictEqual(run(flow, moments).map(({ late }) => late), [{}, {}, { joined: 1 }])
    assert.deepStrictEqual(byMoment(run(flow, moments)), byMoment(meant(flow, moments)))
  })

  it("F4: a pair comes once, and one without a partner comes once, when none can come any more", () => {
    const side = (name: "left" | "right") =>
      Flow.sources<Record<string, Event>>()(name).pipe(Flow.keyBy("key", Schema.String, (event) => event.key))
    const flow = Flow.joinWithin(side("left"), "joined", side("right"), {
      type: "full",
      before: 3,
      after: 5,
      left: Event,
      right: Event
    })
    FastCheck.assert(
      FastCheck.property(honest, takes, (events, some) => {
        const all = events.segments.flat()
        const lefts = all.filter(({ source }) => source === "left").map(({ value }) => value as Event)
        const rights = all.filter(({ source }) => source === "right").map(({ value }) => value as Event)
        const isPair = (l: Event, r: Event) => l.key === r.key && r.time >= l.time - 3 && r.time <= l.time + 5
        const pairs = lefts.flatMap((l) => rights.filter((r) => isPair(l, r))).length
        const alone = lefts.filter((l) => !rights.some((r) => isPair(l, r))).length +
          rights.filter((r) => !lefts.some((l) => isPair(l, r))).length
        const outputs = run(flow, cut(events, some)).flatMap((outcome) => outcome.outputs)
        assert.strictEqual(outputs.length, pairs + alone)
      }),
      runs
    )
  })

  it("F5: an alarm for silence comes in order of time, wherever a batch was cut", () => {
    FastCheck.assert(
      FastCheck.property(honest, takes, takes, (events, some, others) => {
        const flow = silence(7, 20, false)
        const told = (parts: ReadonlyArray<number>) =>
          run(flow, cut(events, parts)).flatMap(({ outputs }) => outputs.map(({ value }) => value as { at: number }))
        assert.deepStrictEqual(told(some), told(others))
        const times = told(some).map(({ at }) => at)
        assert.deepStrictEqual(times, times.toSorted((a, b) => a - b))
      }),
      runs
    )
  })

  it("F8: sums of floats are exact, however they are grouped", () => {
    const values = [0.1, 0.2, 0.3, 1e16, -1e16]
    const flow = Flow.sources<Record<string, Event>>()("left").pipe(
      Flow.keyBy("all", Schema.String, () => ""),
      Flow.window("sums", Window.sliding({ size: 10, every: 2 }), Aggregate.sum((event: Event) => event.value))
    )
    FastCheck.assert(
      FastCheck.property(
        honest.map(({ disorder, segments }) => ({
          disorder,
          segments: segments.map((segment) =>
            segment.map((event, i) => ({ ...event, value: { ...event.value as Event, value: values[i % 5]! } }))
          )
        })),
        takes,
        (events, some) => {
          assert.deepStrictEqual(
            resultsOf(flow, run(flow, cut(events, some))),
            resultsOf(flow, meant(flow, cut(events, [])))
          )
        }
      ),
      runs
    )
  })

  it("F9: in a join an event is late when it is older than the watermark before by more than the grace", () => {
    FastCheck.assert(
      FastCheck.property(joins, histories, (flow, moments) => {
        const { node } = flow
        const grace = node._tag === "Step" && node.operation._tag === "JoinWithin" ? node.operation.grace : 0
        const expected = moments.map(({ events }, n) =>
          events.filter(({ at }) => at.time < (moments[n - 1]?.watermark ?? -Infinity) - grace).length
        )
        assert.deepStrictEqual(run(flow, moments).map(({ late }) => late["joined"] ?? 0), expected)
      }),
      runs
    )
  })

  it("F10: changes of sessions add up to their final results", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.integer({ min: 1, max: 12 }), honest, takes, (gap, events, some) => {
        const of = (emit: "final" | "changes"): AnyFlow =>
          Flow.sources<Record<string, Event>>()("left").pipe(
            Flow.keyBy("key", Schema.String, (event) => event.key),
            Flow.window("sessions", Window.session({ gap }), Aggregate.count, { emit })
          )
        assert.deepStrictEqual(
          resultsOf(of("changes"), run(of("changes"), cut(events, some))).map((text) => text.replace(/^1 /, "")),
          resultsOf(of("final"), run(of("final"), cut(events, some)))
        )
      }),
      runs
    )
  })
})

describe("time", () => {
  const time = FastCheck.integer({ min: -100, max: 100 })
  const segment = FastCheck.record({ watermark: time, isIdle: FastCheck.boolean() })

  it("T1: a watermark is a function of what came, whatever its order in the batch, and never goes back", () => {
    FastCheck.assert(FastCheck.property(time, FastCheck.array(time), FastCheck.nat(20), (before, times, disorder) => {
      const after = Watermarks.advance(before, times, { disorder })
      assert.isAtLeast(after, before)
      assert.strictEqual(Watermarks.advance(before, times.toReversed(), { disorder }), after)
      assert.strictEqual(after, Math.max(before, ...times.map((one) => one - disorder)))
    }))
  })

  it("T2: the order inside a batch decides nothing", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.oneof(windows, sessions, joins),
        histories,
        FastCheck.infiniteStream(FastCheck.nat()),
        (flow, moments, random) => {
          const shuffled = moments.map((moment) => ({
            ...moment,
            events: moment.events.map((event) => ({ event, by: random.next().value })).toSorted((a, b) => a.by - b.by)
              .map(({ event }) => event)
          }))
          assert.deepStrictEqual(byMoment(run(flow, shuffled)), byMoment(run(flow, moments)))
        }
      ),
      runs
    )
  })

  it("T3: what is due fires in order of time, then key", () => {
    FastCheck.assert(
      FastCheck.property(windows, histories, (flow, moments) => {
        if (modeOf(flow) !== "events") return
        for (const { outputs } of run(flow, moments)) {
          const fired = outputs.map(({ at }) => [at.time, at.source] as const)
          assert.deepStrictEqual(fired, fired.toSorted((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1)))
        }
      }),
      runs
    )
  })

  it("T4: W is the greater of the one before and the least of the segments that are not idle", () => {
    FastCheck.assert(
      FastCheck.property(time, FastCheck.array(segment, { minLength: 1 }), time, (before, segments, clock) => {
        const options = { disorder: 3, whenAllIdle: "wait" as const }
        const active = segments.filter(({ isIdle }) => !isIdle).map(({ watermark }) => watermark)
        const expected = active.length === 0 ? before : Math.max(before, Math.min(...active))
        assert.strictEqual(Watermarks.combine(before, segments, clock, options), expected)
        assert.strictEqual(
          Watermarks.combine(before, segments, clock, { ...options, whenAllIdle: "clock" }),
          active.length === 0 ? Math.max(before, clock - 3) : expected
        )
        assert.strictEqual(
          Watermarks.successor(segments.map(({ watermark }) => watermark)),
          Math.min(...segments.map(({ watermark }) => watermark))
        )
      })
    )
  })

  it("T7: an event from the future does not move time further than maxAhead", () => {
    FastCheck.assert(FastCheck.property(time, time, FastCheck.nat(50), (at, clock, maxAhead) => {
      const of = (beyond: "refuse" | "late" | "clamp") => Watermarks.believed(at, clock, { beyond, maxAhead })
      const isAhead = at > clock + maxAhead
      assert.deepStrictEqual(of("refuse"), isAhead ? "refused" : { time: at })
      assert.deepStrictEqual(of("late"), isAhead ? "late" : { time: at })
      assert.deepStrictEqual(of("clamp"), { time: Math.min(at, clock + maxAhead) })
    }))
  })

  it("T8: at the end of time everything fires, and nothing is left", () => {
    const steps = ["windows", "sessions", "joined", "silence"]
    FastCheck.assert(
      FastCheck.property(FastCheck.oneof(windows, sessions, joins), honest, takes, (flow, events, some) => {
        const last = run(flow, cut(events, some)).at(-1)!
        assert.deepStrictEqual(steps.flatMap((step) => last.rows!(step)), [])
      }),
      runs
    )
  })

  it("T9: a segment is idle when a look found the same end for long enough, and it is read to it", () => {
    FastCheck.assert(
      FastCheck.property(
        time,
        FastCheck.nat(100),
        FastCheck.bigInt(0n, 3n),
        FastCheck.bigInt(0n, 3n),
        FastCheck.bigInt(0n, 3n),
        FastCheck.nat(60),
        (at, later, first, tail, readTo, idleAfter) => {
          const since = Watermarks.firstLook({ at, tail: first }, undefined)
          const now = { at: at + later, tail }
          assert.strictEqual(
            Watermarks.isIdle(now, since, readTo, { idleAfter }),
            first === tail && readTo >= tail && later >= idleAfter
          )
          assert.strictEqual(Watermarks.isIdle(now, undefined, readTo, { idleAfter }), false)
          assert.deepStrictEqual(Watermarks.firstLook(now, since), first === tail ? since : now)
        }
      )
    )
  })

  it("T10: what feeds on results with grace finds none of them late, if the input is in order", () => {
    FastCheck.assert(
      FastCheck.property(chained, honest, takes, (flow, events, some) => {
        assert.strictEqual(sum(run(flow, cut(events, some))), 0)
      }),
      runs
    )
  })

  it("T11: more firings than a batch may have make further batches, with the same results", () => {
    FastCheck.assert(
      FastCheck.property(anyFlow, histories, FastCheck.integer({ min: 1, max: 3 }), (flow, moments, maxFirings) => {
        assert.deepStrictEqual(byMoment(run(flow, moments, maxFirings)), byMoment(run(flow, moments)))
      }),
      runs
    )
  })

  it("T11: a timer that sets itself again and again ends with time", () => {
    const flow = Flow.sources<Record<string, Event>>()("left").pipe(
      Flow.keyBy("key", Schema.String, (event) => event.key),
      Flow.mapState("beat", {
        event: Event,
        state: Schema.Int,
        initial: 0,
        timers: ["beat"],
        onEvent: (count, _event, { time }) => [count, [], { timers: { beat: { at: time + 10 } } }],
        onTimer: (count, _timer, { time }) => [count + 1, [time], { timers: { beat: { at: time + 10 } } }]
      })
    )
    const at = { time: 0, source: "left", segment: 0n, offset: 0n, ordinal: 0 }
    const outcomes = run(flow, [
      { events: [{ source: "left", value: { key: "a", value: 1, time: 0 }, at }], watermark: 31, clock: 0 },
      { events: [], watermark: Infinity, clock: 0 }
    ])
    assert.deepStrictEqual(outcomes.map(({ outputs }) => outputs.map(({ value }) => value)), [[10, 20, 30], [40]])
  })

  it("T12: planning waits for a slower source that has something to read", () => {
    const options = { maxDrift: 10 }
    const unread = [{ isIdle: false, hasUnread: true }]
    FastCheck.assert(FastCheck.property(time, time, (ahead, watermark) => {
      assert.strictEqual(Watermarks.mayTake(ahead, watermark, unread, options), ahead - watermark <= 10)
      assert.isTrue(Watermarks.mayTake(ahead, watermark, [{ isIdle: true, hasUnread: true }], options))
      assert.isTrue(Watermarks.mayTake(ahead, watermark, [{ isIdle: false, hasUnread: false }], options))
      assert.isTrue(Watermarks.mayTake(ahead, -Infinity, unread, options))
    }))
  })
})

describe("state", () => {
  it("S8: what is over is invisible at once, and goes with time", () => {
    const flow = Flow.sources<Record<string, Event>>()("left").pipe(
      Flow.keyBy("key", Schema.String, (event) => event.key),
      Flow.mapState("counts", {
        event: Event,
        state: Schema.Int,
        initial: 0,
        ttl: { after: 10 },
        onEvent: (count) => [count + 1, [count + 1]]
      })
    )
    const at = (time: number) => ({
      source: "left",
      value: { key: "a", value: 1, time },
      at: { time, source: "left", segment: 0n, offset: BigInt(time), ordinal: 0 }
    })
    const [together, later] = run(flow, [
      { events: [at(0), at(9), at(18), at(28)], watermark: 29, clock: 0 },
      { events: [], watermark: 38, clock: 0 }
    ])
    assert.deepStrictEqual(together!.outputs.map(({ value }) => value), [1, 2, 3, 1])
    assert.lengthOf(together!.rows!("counts"), 1)
    assert.lengthOf(later!.rows!("counts"), 0)
  })

  it("S12: neither events nor kept values are changed in place", () => {
    FastCheck.assert(
      FastCheck.property(anyFlow, histories, (flow, moments) => {
        assert.deepStrictEqual(
          byMoment(Effect.runSync(machine({ freezes: true }).run(flow, freeze(moments)))),
          byMoment(run(flow, moments))
        )
      }),
      runs
    )
  })
})
