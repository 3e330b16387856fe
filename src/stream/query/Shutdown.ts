/**
 * How a query is brought to its end: what it is given time for, and what is said of each step. The bounds themselves are
 * `WayOut`.
 *
 * @since 0.2.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Activity } from "../../batch/engine/BatchStatus.ts"
import type { Options as WayOutOptions, Step } from "../../core/WayOut.ts"

export type { Outcome } from "../../core/WayOut.ts"

/**
 * What an interrupted query does: by a signal to the process (Ctrl-C or SIGTERM, under `NodeRuntime.runMain`), the close
 * of its Scope, or any other interruption. Nothing is lost or repeated either way: the next start goes on where the
 * checkpoint log is.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /**
   * How long the batch that runs is given to be committed. Default: no time, it is aborted, and read again by the next
   * start. Give it less than what ends the process for good (30 seconds in Kubernetes).
   */
  readonly finish?: Duration.Input | undefined
  /**
   * How long is waited, after that, for what can't be interrupted (a record that was sent to the log, a commit) and for
   * what is given back (transactions, connections), where a server or a disk does not answer. Then it is left to itself.
   * Default: 10 seconds.
   */
  readonly leave?: Duration.Input | undefined
}

/**
 * The bounds for one query, and what is logged at each step.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (
  query: string,
  options: Options | undefined,
  stopping: Deferred.Deferred<void>,
  activity: () => Activity | undefined
): WayOutOptions => {
  const finish = Duration.fromInputUnsafe(options?.finish ?? 0)
  const leave = Duration.fromInputUnsafe(options?.leave ?? "10 seconds")
  const doing = () => {
    const now = activity()
    if (now === undefined) return "it is being opened"
    return now.isBusy ? `batch ${now.batch} is at ${now.furthest}` : "it waits for input"
  }
  const tell = (step: Step) =>
    Effect.suspend(() => {
      switch (step) {
        case "asked":
          return Effect.logInfo(`query "${query}" is stopping: ${doing()}, and is given ${Duration.format(finish)}`)
        case "interrupted":
          return Effect.logInfo(
            `query "${query}" was interrupted: ${doing()}; what can't be interrupted is given ${Duration.format(leave)}`
          )
        case "left":
          return Effect.logWarning(
            `query "${query}" is left to itself: ${doing()}, and does not end; the next start goes on where its ` +
              "checkpoint log is"
          )
      }
    })
  return { ask: Effect.asVoid(Deferred.succeed(stopping, undefined)), finish, leave, tell }
}
