/**
 * What is counted while a batch runs, and the report that is made of it. Nothing depends on it.
 */
import * as Effect from "effect/Effect"
import * as CauseText from "../../../core/CauseText.ts"
import type { UnfinishedBatch } from "../../log/LogState.ts"
import type { PreparedSink, PutAside } from "../../protocol/CheckpointRecord.ts"
import type { BatchReport, Run, SourceReport } from "../BatchRun.ts"
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
  begun: 0,
  planned: 0,
  prepared: 0,
  committed: 0
})

/** @category getters @since 0.1.0 */
export const noteFailure = (activity: Activity, error: unknown): void => {
  activity.failure = error instanceof Error ? `${error.name}: ${CauseText.of(error)}` : String(error)
}

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
    took: { ...run.activity.took },
    times: { begun, planned, prepared, committed }
  } satisfies BatchReport
})
