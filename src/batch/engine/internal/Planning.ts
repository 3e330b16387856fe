/**
 * Which range a query reads next, looked for ahead of time where that is asked for. A range commits to nothing before
 * the log has it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { SourceSession } from "../../source/SourceContract.ts"
import type { FoundRange, NextRange, Run } from "../BatchRun.ts"

/** Per source: a position that must not be passed. @category models @since 0.1.0 */
export type Until = Readonly<Record<string, Schema.Json>> | undefined

/** The next range: the one looked for ahead, if there is one. @category planning @since 0.1.0 */
export const nextRange = <E, R>(run: Run<E, R>, until: Until) =>
  Effect.suspend(() => {
    const ahead = run.ahead.range
    run.ahead.range = undefined
    if (ahead === undefined) return plan(run, until)
    // What was not there then may be there now.
    return Effect.filterOrElse(Fiber.join(ahead), (range) => range._tag !== "idle", () => plan(run, until))
  })

/**
 * Starts to look for the range after all that is planned, if the query is behind; what an earlier try of the batch has
 * found, or looks for, stays.
 *
 * @category planning
 * @since 0.1.0
 */
export const planAhead = <E, R>(run: Run<E, R>, until: Until) =>
  Effect.suspend(() => {
    if (!run.ahead.isBehind) return Effect.void
    const exit = run.ahead.range?.pollUnsafe()
    const isOfUse = exit === undefined || (Exit.isSuccess(exit) && exit.value._tag === "range")
    if (run.ahead.range !== undefined && isOfUse) return Effect.void
    return Effect.map(Effect.forkIn(plan(run, until), run.ahead.scope), (fiber) => {
      run.ahead.range = fiber
    })
  })

/** A batch's end is not recorded later than this for the sake of the range after it. */
const patience = Duration.millis(100)

/**
 * The range to record with the end of a batch: the one looked for ahead, if it was found by now. A query that keeps up looks
 * only now, and so takes what has come meanwhile: looked for ahead, each event waited for half a batch more.
 *
 * @category planning
 * @since 0.1.0
 */
export const rangeAfter = <E, R>(run: Run<E, R>, until: Until) =>
  Effect.suspend((): Effect.Effect<FoundRange | undefined> => {
    if (run.ahead.range !== undefined || run.ahead.isBehind) return Effect.succeed(readyRange(run))
    // What is wrong with a source, planning the next batch meets again.
    return Effect.map(
      Effect.timeoutOption(Effect.option(plan(run, until)), patience),
      (range) => Option.getOrUndefined(Option.filter(Option.flatten(range), isFound))
    )
  })

/** Whether the range looked for ahead was found. @category guards @since 0.1.0 */
export const isRangeReady = <E, R>(run: Run<E, R>): boolean => foundAhead(run) !== undefined

const readyRange = <E, R>(run: Run<E, R>): FoundRange | undefined => {
  const range = foundAhead(run)
  if (range !== undefined) run.ahead.range = undefined
  return range
}

const foundAhead = <E, R>(run: Run<E, R>): FoundRange | undefined => {
  const exit = run.ahead.range?.pollUnsafe()
  return exit !== undefined && Exit.isSuccess(exit) && isFound(exit.value) ? exit.value : undefined
}

const isFound = (range: NextRange): range is FoundRange => range._tag === "range"

/** Asks all sources: a batch takes what each of them has, and the query ends when none will have any more. */
const plan = <E, R>(run: Run<E, R>, until: Until) =>
  Effect.suspend(() => {
    const { positions, started } = run.log.state()
    const ask = ([name, session]: readonly [string, SourceSession<unknown, E>]) => {
      const ends = [started.sources[name]?.end, until?.[name]].filter((end) => end !== undefined)
      return Effect.map(session.plan(positions[name] ?? null, ends), (range) => ({ name, range }))
    }
    return Effect.map(
      Effect.forEach(run.sources, ask, { concurrency: "unbounded" }),
      (asked): NextRange => {
        const found = asked.flatMap(({ name, range }) => range._tag === "range" ? [[name, range] as const] : [])
        if (found.length === 0) return { _tag: asked.every(({ range }) => range._tag === "ended") ? "ended" : "idle" }
        return {
          _tag: "range",
          plans: Object.fromEntries(found.map(([name, { plan }]) => [name, plan])),
          positions: { ...positions, ...Object.fromEntries(found.map(([name, { next }]) => [name, next])) },
          isFull: found.some(([, { isFull }]) => isFull !== false)
        }
      }
    )
  })
