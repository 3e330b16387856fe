/**
 * The batch engine as an interpreter of flows, moment by moment: each moment is a batch, or several, and between them
 * processes are stopped and started again. A source beside those of the flow tells how far time is, as a moment says it.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as BatchRun from "../../../../src/batch/engine/BatchRun.ts"
import * as Commit from "../../../../src/batch/engine/Commit.ts"
import { CheckpointLog } from "../../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../../src/batch/pipeline/Pipeline.ts"
import * as Sink from "../../../../src/batch/sink/Sink.ts"
import * as Source from "../../../../src/batch/source/Source.ts"
import * as Flow from "../../../../src/flow/Flow.ts"
import * as Machine from "../../../../src/flow/machine/Machine.ts"
import * as EventTime from "../../../../src/flow/time/EventTime.ts"
import { StateStore } from "../../../../src/state/StateStore.ts"
import * as Seeded from "../../../../src/testing/seeded/Seeded.ts"
import type { Interpreter, Moment, Outcome, SourceEvent } from "../../../flow/Interpreter.ts"

export interface Options {
  /** Where processes are stopped, and where moments are cut, if they are. */
  readonly seed: number
  /** Whether the events of a moment come in several batches. Only the last of them moves time. */
  readonly cuts?: boolean
}

/** A batch, and whether it is the last of its moment. */
interface Piece extends Moment {
  readonly isLast: boolean
}

const control = "~time"

export const engine = ({ cuts = false, seed }: Options): Interpreter => ({
  name: cuts ? "engine, in more batches" : "engine",
  run: (flow, moments) => run(flow, moments, { seed, cuts }).pipe(Effect.orDie)
})

const run = Effect.fnUntraced(function*(
  flow: Parameters<Interpreter["run"]>[0],
  moments: ReadonlyArray<Moment>,
  { cuts, seed }: Required<Options>
) {
  const seeded = Seeded.make(seed)
  const isCut = cuts && !tellsPerBatch(flow)
  const pieces = moments.flatMap((moment, n) =>
    isCut ? cut(moment, moments[n - 1]?.watermark ?? -Infinity, seeded) : [{ ...moment, isLast: true }]
  )
  const shared = yield* Effect.scoped(Layer.build(Layer.mergeAll(CheckpointLog.layerMemory, StateStore.layerMemory())))
  const sink = Sink.memory<unknown>()
  const clock = yield* settable
  const outcomes: Array<Outcome> = []
  let late = new Map<string, number>()
  let told = 0
  for (let next = 0; next < pieces.length;) {
    const upTo = next + seeded.between(1, 4)
    // Each process has a pipeline of its own.
    const life = Effect.scoped(Effect.gen(function*() {
      const open = yield* BatchRun.open(pipelineOf(flow, pieces, sink), { retry: Schedule.recurs(0) })
      for (; next < Math.min(upTo, pieces.length); next++) {
        const piece = pieces[next]!
        clock.now = Number.isNaN(piece.clock) ? 0 : piece.clock
        const step = yield* Commit.step(open, { until: undefined, more: false })
        if (step._tag !== "done") return yield* Effect.die(new Error(`there was no batch ${next}: ${step._tag}`))
        for (const [name, count] of open.flow?.report()?.late ?? []) late.set(name, (late.get(name) ?? 0) + count)
        if (!piece.isLast) continue
        const all = yield* sink.committed
        outcomes.push({
          outputs: all.slice(told).map((value) => ({ value, at: nowhere })),
          late: Object.fromEntries(late)
        })
        told = all.length
        late = new Map()
      }
    }))
    yield* life.pipe(Effect.provideContext(Context.add(shared, Clock.Clock, clock.clock)))
  }
  return outcomes
})

/** Outputs of the engine have no time of their own. */
const nowhere = { time: Number.NaN, source: "", segment: 0n, offset: 0n, ordinal: 0 }

/** What a batch changed comes with it: it is not the same in several. */
const tellsPerBatch = ({ node }: Parameters<Interpreter["run"]>[0]): boolean =>
  Machine.compile(node).stages.some((stage) =>
    stage._tag === "Step" && "emit" in stage.step.operation && stage.step.operation.emit !== "final"
  )

const cut = (moment: Moment, before: number, seeded: Seeded.Seeded): ReadonlyArray<Piece> => {
  const pieces: Array<Piece> = []
  let from = 0
  while (from < moment.events.length - 1) {
    const to = Math.min(moment.events.length - 1, from + seeded.between(1, 3))
    pieces.push({ ...moment, events: moment.events.slice(from, to), watermark: before, isLast: false })
    from = to
  }
  return [...pieces, { ...moment, events: moment.events.slice(from), isLast: true }]
}

/** A clock that stands where it was put. */
const settable = Effect.map(Clock.Clock, (real) => {
  const held = { now: 0 }
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => held.now,
    currentTimeMillis: Effect.sync(() => held.now),
    currentTimeNanosUnsafe: () => BigInt(held.now) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => BigInt(held.now) * 1_000_000n),
    monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: real.monotonicTimeNanos,
    sleep: (duration) => real.sleep(duration)
  }
  return Object.assign(held, { clock })
})

const pipelineOf = (
  flow: Parameters<Interpreter["run"]>[0],
  pieces: ReadonlyArray<Piece>,
  sink: Sink.Memory<unknown>
): Pipeline.Pipeline<unknown, unknown, never, unknown, StateStore> => {
  const from = Flow.sources<Record<string, unknown>>()
  const silent = from(control).pipe(Flow.filter((): boolean => false))
  const names = [...Machine.compile(flow.node).sources, control]
  const pipeline = Pipeline.make("case", {
    source: Source.union(Object.fromEntries(names.map((name) => [name, sourceOf(name, pieces)]))),
    // What a case's flow reads is known when it runs.
    flow: Flow.merge([flow, silent]) as unknown as Flow.Flow<
      Record<string, unknown>,
      unknown,
      Flow.Mode,
      never,
      Flow.Stateful
    >,
    sink
  }) as unknown as Pipeline.Pipeline<unknown, unknown, never, unknown, StateStore>
  return pipeline.flow === undefined ? pipeline : { ...pipeline, flow: { ...pipeline.flow, slots: 3 } }
}

/** Each piece's events of this name; those of `control` have the watermark as their time. */
const sourceOf = (name: string, pieces: ReadonlyArray<Piece>): Source.Source<SourceEvent, never, never> => {
  const eventsOf = (n: number): ReadonlyArray<SourceEvent> => {
    const { events, watermark } = pieces[n]!
    if (name !== control) return events.filter(({ source }) => source === name)
    return Number.isFinite(watermark) ? [{ source: name, value: undefined, at: { ...nowhere, time: watermark } }] : []
  }
  return Source.make<SourceEvent, never, never, number, number, null>({
    name,
    structure: null,
    asked: null,
    time: EventTime.from((event: SourceEvent) => event.at.time, { idleAfter: "Infinity", maxDrift: "Infinity" }),
    inFlow: { value: ({ value }) => value, segment: ({ at }) => at.segment, offset: ({ at }) => at.offset },
    position: Schema.Natural,
    plan: Schema.Natural,
    identity: Schema.Null,
    open: Effect.succeed({
      start: Effect.succeed({ identity: null, start: 0, end: undefined }),
      verify: () => Effect.void,
      latest: Effect.succeed(pieces.length),
      plan: (n) =>
        Effect.sync(() =>
          n >= pieces.length ? { _tag: "ended" as const } : { _tag: "range" as const, plan: n, next: n + 1 }
        ),
      // Time is told by one source only; where none has a part that is left, it has ended.
      parts: (n) =>
        name === control && pieces[n - 1]?.watermark !== Infinity ? { [name]: { readTo: 0n, tail: 1n } } : {},
      partitions: (n) =>
        Effect.succeed([{
          id: 0,
          part: name,
          predecessors: [],
          events: Stream.rechunk(Stream.fromIterable(eventsOf(n)), 2)
        }])
    })
  })
}
