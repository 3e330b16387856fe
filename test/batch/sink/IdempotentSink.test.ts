/**
 * The idempotent sink, crashed and paused at every step of a query, with scalings of its stream in between, and two owners
 * at once: in the end each output is in the stream once, and each key's outputs in order.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Schedule, Stream } from "effect"
import fc from "fast-check"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as DeadLetter from "../../../src/batch/pipeline/DeadLetter.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import { CheckpointLogError } from "../../../src/batch/protocol/CheckpointLogError.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"
import * as Embedded from "../../../src/embedded/Embedded.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { rawTexts } from "../../pravega/rawEvents.ts"
import { Incarnation, type Stop, type Surroundings } from "../engine/Incarnation.ts"
import { numbersSource } from "../source/numbersSource.ts"

const keyOf = (text: string) => text.slice(0, text.indexOf(" "))

const output = EventStream.make("idempotent/output", { codec: EventCodec.utf8, routingKey: keyOf })

const total = 24
const perBatch = 8
const keys = 5

/** Numbers, some to a batch, each batch in two partitions by the number's parity; a partition of odd ones waits for the other. */
const numbers = numbersSource<never>({
  available: () => total,
  end: total,
  perBatch,
  partitions: (from, to) =>
    [0, 1].map((parity) => ({
      id: parity,
      predecessors: [],
      events: Stream.range(from, to - 1).pipe(Stream.filter((n) => n % 2 === parity), Stream.rechunk(2))
    }))
})

/** Keys belong to a partition, as those of a stream's segments do. */
const textOf = (n: number) => `k${n % 2}${Math.floor(n / 2) % keys} ${n}`

const pipeline = Pipeline.make("numbers", {
  source: numbers,
  process: (events) => Stream.map(events, textOf),
  sink: Sink.pravega(output, { guarantee: "idempotent" }),
  deterministic: true
})

const query = Query.run(pipeline, { trigger: Trigger.availableNow, retry: Schedule.recurs(2) })

interface Life {
  /** Undefined: it runs to its end. */
  readonly stop: Stop | undefined
  /** The sink's segments are so many before it; undefined: as before. */
  readonly scaleBefore: number | undefined
  /** And so many when it has come to this step. */
  readonly scaleAt: { readonly step: number; readonly segments: number } | undefined
  /** When those that are paused go on: at this step. */
  readonly resumeAt: number
}

/** Lives of the query, one after the other, and at last one that is not disturbed. Gives the number of its steps. */
const live = (lives: ReadonlyArray<Life>) =>
  Effect.gen(function*() {
    const server = yield* Embedded.make()
    const surroundings = { server, logs: yield* CheckpointLog }
    const client = Pravega.layerTransport().pipe(Layer.provide(server.layerTransport))
    return yield* Effect.provide(liveIn(surroundings, lives), client)
  }).pipe(Effect.scoped, Effect.provide(CheckpointLog.layerMemory))

const liveIn = Effect.fnUntraced(function*(surroundings: Surroundings, lives: ReadonlyArray<Life>) {
  yield* Admin.ensureStream(output.name, { scaling: { _tag: "Fixed", segments: 1 } })
  yield* Admin.scaleTo(output.name, 2)
  const context = yield* Effect.context<Pravega>()
  const scale = (segments: number) => Effect.ignore(Admin.scaleTo(output.name, segments))
  const paused: Array<{ readonly process: Incarnation; readonly fiber: Fiber.Fiber<void, unknown> }> = []
  const scalings: Array<Fiber.Fiber<void>> = []
  for (const life of lives) {
    if (life.scaleBefore !== undefined) yield* scale(life.scaleBefore)
    const process = new Incarnation(life.stop, (step) => {
      if (step === life.resumeAt) { for (const { process } of paused) process.resume() }
      if (step === life.scaleAt?.step) scalings.push(Effect.runForkWith(context)(scale(life.scaleAt.segments)))
    })
    const { exit, fiber } = yield* process.run(surroundings, query)
    if (exit !== undefined) assertFenced(exit)
    else if (life.stop?.how === "pause") paused.push({ process, fiber })
  }
  for (const { process } of paused) process.resume()
  for (const { fiber } of paused) assertFenced(yield* Fiber.await(fiber))
  yield* Effect.forEach(scalings, Fiber.await)
  const last = new Incarnation()
  const { exit } = yield* last.run(surroundings, query)
  assert.isTrue(exit !== undefined && Exit.isSuccess(exit), String(exit))
  assertOutputs(yield* rawTexts(output.name))
  return last.steps
})

/** A process that another one disturbs may be fenced, and fail with nothing else. */
const assertFenced = (exit: Exit.Exit<void, unknown>) => {
  if (Exit.isSuccess(exit)) return
  const error = Cause.findErrorOption(exit.cause)
  const reason = error._tag === "Some" && error.value instanceof CheckpointLogError
    ? error.value.reason._tag
    : undefined
  assert.strictEqual(reason, "Fenced", Cause.pretty(exit.cause))
}

const assertOutputs = (texts: ReadonlyArray<string>) => {
  const expected = Array.from({ length: total }, (_, n) => textOf(n))
  assert.deepStrictEqual(texts.toSorted(), expected.toSorted())
  assert.deepStrictEqual(
    Object.fromEntries(Map.groupBy(texts, keyOf)),
    Object.fromEntries(Map.groupBy(expected, keyOf))
  )
}

const undisturbed: Life = { stop: undefined, scaleBefore: undefined, scaleAt: undefined, resumeAt: 1 }

const stops = (steps: number): ReadonlyArray<Stop> =>
  Array.from({ length: steps }, (_, i) => i + 1).flatMap((at) =>
    (["before the step", "after the step"] as const).flatMap((when) =>
      (["crash", "pause"] as const).map((how) => ({ at, when, how }))
    )
  )

/** How many histories are drawn; more for a night. */
const histories = Number(process.env["HISTORIES"] ?? 80)

describe("the idempotent sink", () => {
  it(
    "once and in order, whatever step a process stops at, and however the stream is scaled then",
    () =>
      Effect.runPromise(Effect.gen(function*() {
        const steps = yield* live([])
        assert.isAbove(steps, 30)
        const cases = stops(steps).map((stop, i) => ({
          stop,
          scaleBefore: i % 3 === 0 ? 1 : i % 3 === 1 ? 3 : undefined
        }))
        yield* Effect.forEach(cases, ({ scaleBefore, stop }) =>
          live([{ ...undisturbed, stop }, { ...undisturbed, scaleBefore }]).pipe(
            Effect.catchDefect((defect) =>
              Effect.die(new Error(JSON.stringify({ stop, scaleBefore }), { cause: defect }))
            )
          ), { concurrency: 8, discard: true })
      }))
  )

  it("once and in order, in any history of crashes, pauses, two owners and scalings", () => {
    const step = fc.integer({ min: 1, max: 45 })
    const maybe = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })
    const segments = fc.integer({ min: 1, max: 4 })
    const life: fc.Arbitrary<Life> = fc.record({
      stop: maybe(fc.record({
        at: step,
        when: fc.constantFrom("before the step", "after the step"),
        how: fc.constantFrom("crash", "pause")
      })),
      scaleBefore: maybe(segments),
      scaleAt: maybe(fc.record({ step, segments })),
      resumeAt: step
    })
    return fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 5 }), async (lives) => {
        const steps = await Effect.runPromise(live(lives))
        assert.isAbove(steps, 0)
      }),
      { numRuns: histories }
    )
  })

  it("is refused when it is built, if its batches may have other outputs the next time", () => {
    const options = {
      source: numbers,
      process: (events: Stream.Stream<number>) => Stream.map(events, textOf),
      sink: Sink.pravega(output, { guarantee: "idempotent" })
    }
    // @ts-expect-error it is not deterministic
    assert.throws(() => Pipeline.make("q", options), /deterministic/)
    const shrinking = { ...numbers, mayShrink: true }
    assert.throws(() => Pipeline.make("q", { ...options, source: shrinking, deterministic: true }), /onTruncated/)
    const filtered = Sink.filterMapInput(options.sink, (text: string) => text)
    // @ts-expect-error it is not deterministic
    assert.throws(() => Pipeline.make("q", { ...options, sink: filtered }), /deterministic/)
  })

  it("is refused beside dead letters, and for them: what is put aside is recorded when outputs are visible already", () => {
    const options = { source: numbers, processEach: (n: number) => Effect.succeed([textOf(n)]) }
    const letters = DeadLetter.toSink(Sink.memory<DeadLetter.Letter>("letters"))
    const early = DeadLetter.toSink(Sink.pravega(DeadLetter.letters("idempotent/letters"), { guarantee: "idempotent" }))
    const sink = Sink.pravega(output, { guarantee: "idempotent" })
    // @ts-expect-error an idempotent sink and dead letters
    const made = () => Pipeline.make("q", { ...options, sink, onPoison: letters, deterministic: true })
    assert.throws(made, /puts events aside.*idempotent\/output/)
    const late = Sink.pravega(output, { guarantee: "exactly-once" })
    assert.throws(
      () => Pipeline.make("q", { ...options, sink: late, onPoison: early, deterministic: true }),
      /puts events aside.*idempotent\/letters/
    )
  })
})
