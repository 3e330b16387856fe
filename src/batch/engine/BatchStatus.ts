/**
 * What a query is doing: set by the commit protocol as it goes from step to step, read by whoever watches. It decides
 * nothing.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as SubscriptionRef from "effect/SubscriptionRef"

/** The steps of a batch: its range is found and recorded, read and processed, made safe, committed. @category models @since 0.1.0 */
export type BatchStep = "plan" | "process" | "prepare" | "commit"

/** @category models @since 0.1.0 */
export type Status =
  /** Nothing to read, or the next batch is not due. */
  | { readonly _tag: "waiting" }
  | { readonly _tag: "running"; readonly batch: number; readonly step: BatchStep }
  /** There is something to do, and for longer than was configured nothing came of it. It goes on trying. */
  | { readonly _tag: "stalled"; readonly evidence: StallEvidence }
  /** Asked to stop, or interrupted. */
  | { readonly _tag: "stopped" }
  /** All is read. */
  | { readonly _tag: "ended" }
  /** `Query.await` fails with the same. */
  | { readonly _tag: "failed"; readonly message: string }

/** What is known of a batch that does not get on. @category models @since 0.1.0 */
export interface StallEvidence {
  readonly batch: number
  readonly step: BatchStep
  /** How long there has been no progress. */
  readonly for: Duration.Duration
  /** Tries of this batch by now. */
  readonly attempts: number
  /** The last failure of a try. */
  readonly failure: string | undefined
  /** How long the outcome is fixed already, and not come true; also over restarts. Undefined: it is not fixed. */
  readonly preparedFor: Duration.Duration | undefined
  /** The sinks whose commit is awaited, with their transactions as the log has them. */
  readonly awaiting: Readonly<Record<string, unknown>>
}

/** What a run is doing now. Whoever watches compares two looks at it. @category models @since 0.1.0 */
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
