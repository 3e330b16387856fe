/**
 * What is counted while a batch runs, and the report that is made of it. Nothing depends on it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as CauseText from "../../../core/CauseText.ts"
import type { UnfinishedBatch } from "../../log/LogState.ts"
import type { PreparedSink, PutAside } from "../../protocol/CheckpointRecord.ts"
import type { BatchReport, FlowReport, SourceReport } from "../BatchReport.ts"
import type { Run } from "../BatchRun.ts"
import type { Activity } from "../BatchStatus.ts"
import type { Read } from "./Pass.ts"

/** @category models @since 0.1.0 */
export interface Tally {
  wasPlanned: boolean
  attempts: number
  /** Per source, of the present try. */
  readonly reads: Map<string, Read>
  /** Events put aside by the present try. */
  aside: Array<PutAside>
  sinks: ReadonlyMap<string, PreparedSink>
  /** Milliseconds that the state of a flow took. */
  stateMillis: number
  begun: number
  planned: number
  prepared: number
  committed: number
}

/** @category constructors @since 0.1.0 */
export const makeTally = (): Tally => ({
  wasPlanned: false,
  attempts: 0,
  reads: new Map(),
  aside: [],
  sinks: new Map(),
  stateMillis: 0,
  begun: 0,
  planned: 0,
  prepared: 0,
  committed: 0
})

/** @category getters @since 0.1.0 */
export const noteFailure = (activity: Activity, error: unknown): void => {
  activity.failure = error instanceof Error ? `${error.name}: ${CauseText.of(error)}` : String(error)
}

/** Measures how long it takes until a flow's state is durable. @category combinators @since 0.2.0 */
export const remembering = <A, E, R>(
  tally: Tally,
  batch: number,
  remember: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    Clock.monotonicTimeNanos,
    (begun) =>
      Effect.onExit(remember, () =>
        Effect.map(Clock.monotonicTimeNanos, (now) => {
          tally.stateMillis += Number(now - begun) / 1e6
        })).pipe(Effect.withSpan("Query.state", { attributes: { batch } }))
  )

/** The log has the batch committed by now: its time is in the head that it named. */
const flowOf = Effect.fnUntraced(function*<E, R>({ flow, log }: Run<E, R>, tally: Tally) {
  if (flow === undefined) return undefined
  // Of a batch that was prepared before, no steps were run: what they left out is not known any more.
  const report = tally.attempts === 0 ? undefined : flow.report()
  return {
    watermark: yield* flow.watermark(log.state()),
    late: new Map(report?.late),
    dropped: new Map(report?.dropped),
    future: report?.future ?? 0,
    state: flow.size(),
    stateMillis: tally.stateMillis
  } satisfies FlowReport
})

/** @category getters @since 0.1.0 */
export const reportOf = Effect.fnUntraced(function*<E, R>(
  run: Run<E, R>,
  { batch, planned: { plans, positions } }: UnfinishedBatch,
  tally: Tally
) {
  const sources = new Map<string, SourceReport>()
  for (const [name, session] of run.sources) {
    const position = positions[name] ?? null
    const { bytes, events } = tally.reads.get(name) ?? { bytes: 0, events: 0 }
    const plan = plans[name]
    const skipped = plan === undefined ? [] : yield* session.skipped(plan)
    sources.set(name, { position, events, bytes, skipped, lag: yield* session.lag(position) })
  }
  const { attempts, begun, committed, planned, prepared, sinks, wasPlanned } = tally
  const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, number) => total + number, 0)
  return {
    batch,
    wasPlanned,
    positions,
    sources,
    eventsIn: sum(Array.from(sources.values(), ({ events }) => events)),
    bytesIn: sum(Array.from(sources.values(), ({ bytes }) => bytes)),
    eventsOut: sum(Array.from(sinks.values(), ({ events }) => events)),
    bytesOut: sum(Array.from(sinks.values(), ({ bytes }) => bytes)),
    sinks,
    attempts,
    deadLetters: tally.aside.length,
    flow: yield* flowOf(run, tally),
    took: { ...run.activity.took },
    times: { begun, planned, prepared, committed }
  } satisfies BatchReport
})
