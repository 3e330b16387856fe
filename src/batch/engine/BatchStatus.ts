/**
 * What a query is doing: set by the commit protocol as it goes from step to step, read by what watches it. It decides
 * nothing.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SubscriptionRef from "effect/SubscriptionRef"

/** The steps of a batch: its range is found and recorded, read and processed, made safe, committed. @category schemas @since 0.1.0 */
export const BatchStep = Schema.Literals(["plan", "process", "prepare", "commit"])
/** @category models @since 0.1.0 */
export type BatchStep = typeof BatchStep.Type

/** What is known of a batch that does not get on. @category schemas @since 0.1.0 */
export const StallEvidence = Schema.Struct({
  batch: Schema.Int,
  step: BatchStep,
  /** How long there has been no progress. */
  for: Schema.Duration,
  /** Tries of this batch by now. */
  attempts: Schema.Int,
  /** The last failure of a try. */
  failure: Schema.UndefinedOr(Schema.String),
  /** How long the outcome is fixed already, and not come true; also over restarts. Undefined: it is not fixed. */
  preparedFor: Schema.UndefinedOr(Schema.Duration),
  /** The sinks whose commit is awaited, with their transactions as the log has them. */
  awaiting: Schema.Record(Schema.String, Schema.Json)
})
/** @category models @since 0.1.0 */
export type StallEvidence = typeof StallEvidence.Type

/** What a query does. @category schemas @since 0.1.0 */
export const Status = Schema.Union([
  /** Nothing to read, or the next batch is not due. */
  Schema.TaggedStruct("waiting", {}),
  Schema.TaggedStruct("running", { batch: Schema.Int, step: BatchStep }),
  /** There is something to do, and for longer than was configured nothing came of it. It goes on trying. */
  Schema.TaggedStruct("stalled", { evidence: StallEvidence }),
  /** Asked to stop, or interrupted. */
  Schema.TaggedStruct("stopped", {}),
  /** All is read. */
  Schema.TaggedStruct("ended", {}),
  /** `Query.await` fails with the same. */
  Schema.TaggedStruct("failed", { message: Schema.String })
])
/** @category models @since 0.1.0 */
export type Status = typeof Status.Type

/** What a run is doing now. A watcher compares two looks at it. @category models @since 0.1.0 */
export interface Activity {
  readonly status: SubscriptionRef.SubscriptionRef<Status>
  /** Something is being done; else it waits for input, or for its turn. */
  isBusy: boolean
  batch: number
  /** The furthest that the batch has come: a try that begins again is no progress. */
  furthest: BatchStep
  /** The most events that a try has read. */
  events: number
  attempts: number
  failure: string | undefined
  /** Milliseconds spent per step by the batch. */
  readonly took: Record<BatchStep, number>
}

/** @category constructors @since 0.1.0 */
export const make: Effect.Effect<Activity> = Effect.map(
  SubscriptionRef.make<Status>({ _tag: "waiting" }),
  (status) => ({
    status,
    isBusy: false,
    batch: -1,
    furthest: "plan",
    events: 0,
    attempts: 0,
    failure: undefined,
    took: { plan: 0, process: 0, prepare: 0, commit: 0 }
  })
)

const order: ReadonlyArray<BatchStep> = ["plan", "process", "prepare", "commit"]

/**
 * Runs a step of a batch: others see it, and its time is measured; a span too, but not for looks at what there is to read.
 *
 * @category combinators
 * @since 0.1.0
 */
export const during =
  (activity: Activity, batch: number, step: BatchStep) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Clock.monotonicTimeNanos, (begun) => {
      activity.isBusy = true
      let isProgress = true
      if (activity.batch !== batch) {
        activity.batch = batch
        activity.furthest = step
        activity.events = activity.attempts = 0
        activity.failure = undefined
        for (const each of order) activity.took[each] = 0
      } else if (order.indexOf(step) > order.indexOf(activity.furthest)) {
        activity.furthest = step
      } else {
        isProgress = false
      }
      // A try that begins again takes nothing back of what was said of a stalled batch.
      const isSaid = !isProgress && SubscriptionRef.getUnsafe(activity.status)._tag === "stalled"
      const measured = Effect.onExit(effect, () =>
        Effect.map(Clock.monotonicTimeNanos, (now) => {
          activity.took[step] += Number(now - begun) / 1e6
        }))
      return step === "plan" ? measured : Effect.andThen(
        isSaid ? Effect.void : SubscriptionRef.set(activity.status, { _tag: "running", batch, step }),
        Effect.withSpan(measured, `Query.${step}`, { attributes: { batch } })
      )
    })

/** There is nothing to do. @category running @since 0.1.0 */
export const rest = (activity: Activity): Effect.Effect<void> =>
  Effect.suspend(() => {
    activity.isBusy = false
    activity.batch = -1
    return SubscriptionRef.getUnsafe(activity.status)._tag === "waiting"
      ? Effect.void
      : SubscriptionRef.set(activity.status, { _tag: "waiting" })
  })
