/**
 * Plans a batch: asks each source which range a query reads next, ahead of time where that is asked for. A plan commits to
 * nothing before the log has it (`PlannedRecord`).
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { CommitError } from "../../protocol/CommitError.ts"
import type { Looks } from "../../protocol/TimeRecord.ts"
import type { Range, SourceSession } from "../../source/SourceContract.ts"
import type { FoundRange, NextRange, NoRange, Run } from "../BatchRun.ts"
import type { Found } from "./flow/FlowRun.ts"

/** Per source: a position that must not be passed. @category models @since 0.1.0 */
export type Until = Readonly<Record<string, Schema.Json>> | undefined

/** The next range: the one looked for ahead, if there is one. @category planning @since 0.1.0 */
export const nextRange = <E, R>(run: Run<E, R>, until: Until) =>
  Effect.suspend(() => {
    const ahead = run.ahead.range
    run.ahead.range = undefined
    const found = ahead === undefined
      ? plan(run, until)
      // What was not there then may be there now.
      : Effect.filterOrElse(Fiber.join(ahead), (range) => range._tag !== "idle", () => plan(run, until))
    return Effect.flatMap(
      found,
      (range): Effect.Effect<NextRange, E | CommitError> =>
        isFound(range) ? Effect.succeed(range) : timeAlone(run, range, until)
    )
  })

/**
 * Where there is nothing to read, time alone may make a batch: of no range, when something of the flow is due by the clock
 * (T6). Undecided as long as a batch before is not done: what is due is what it left.
 */
const timeAlone = Effect.fnUntraced(function*<E, R>(run: Run<E, R>, range: NoRange, until: Until) {
  const { flow, log, sources } = run
  const state = log.state()
  if (flow === undefined || state.unfinished.length > 0) return range
  const isAtItsEnd = ([name, session]: readonly [string, SourceSession<unknown, E>]) => {
    if (!range.ended.includes(name)) return Effect.succeed(false)
    if (until === undefined) return Effect.succeed(true)
    // It may be at the end of this run only: then its time goes on (T8).
    const ends = [state.started.sources[name]?.end].filter((end) => end !== undefined)
    return Effect.map(session.plan(state.positions[name] ?? null, ends), ({ _tag }) => _tag === "ended")
  }
  const ended = new Set<string>()
  for (const source of sources) if (yield* isAtItsEnd(source)) ended.add(source[0])
  const looks = yield* look(run, state.positions, (name) => ({
    isEnded: ended.has(name),
    isRead: false,
    isUnread: false
  }))
  const at = yield* flow.now(state)
  if (looks === undefined || !flow.isDue(state, { at, looks })) return range
  return { _tag: "range", plans: {}, positions: state.positions, isFull: true, looks } satisfies FoundRange
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

/** What one source has. */
interface Asked {
  readonly name: string
  readonly range: Range<Schema.Json, Schema.Json>
}

/** Asks all sources: a batch takes what each of them has, and the query ends when none will have any more. */
const plan = <E, R>(run: Run<E, R>, until: Until) =>
  Effect.gen(function*() {
    const { positions, started } = run.log.state()
    const ask = ([name, session]: readonly [string, SourceSession<unknown, E>]) => {
      const ends = [started.sources[name]?.end, until?.[name]].filter((end) => end !== undefined)
      return Effect.map(session.plan(positions[name] ?? null, ends), (range): Asked => ({ name, range }))
    }
    const asked = yield* Effect.forEach(run.sources, ask, { concurrency: "unbounded" })
    const unread = asked.flatMap(({ name, range }) => range._tag === "range" ? [[name, range] as const] : [])
    const tooFarAhead = run.flow?.tooFarAhead(unread.map(([name]) => name))
    const found = unread.filter(([name]) => tooFarAhead?.has(name) !== true)
    if (found.length === 0) {
      const ended = asked.flatMap(({ name, range }) => range._tag === "ended" ? [name] : [])
      return { _tag: ended.length === asked.length ? "ended" : "idle", ended } satisfies NextRange
    }
    const after = { ...positions, ...Object.fromEntries(found.map(([name, { next }]) => [name, next])) }
    const ranges = new Map(asked.map(({ name, range }) => [name, range]))
    return {
      _tag: "range",
      plans: Object.fromEntries(found.map(([name, { plan }]) => [name, plan])),
      positions: after,
      isFull: found.length < unread.length || found.some(([, { isFull }]) => isFull !== false),
      looks: yield* look(run, after, (name) => {
        const range = ranges.get(name)
        // What ended is at its own end, or at that of this run: then time has not ended (T8).
        return {
          isEnded: range?._tag === "ended" && until?.[name] === undefined,
          isRead: range?._tag === "range" && tooFarAhead?.has(name) !== true,
          isUnread: range?._tag === "range" && (range.isFull !== false || tooFarAhead?.has(name) === true)
        }
      })
    } satisfies NextRange
  })

/** What is found of the sources, where a flow goes by time. */
const look = <E, R>(
  { flow, sources }: Run<E, R>,
  positions: Readonly<Record<string, Schema.Json>>,
  found: (source: string) => Found
) => {
  if (flow === undefined) return Effect.undefined
  const looks = Effect.forEach(
    sources,
    ([name, session]) =>
      Effect.map(flow.look(session, positions[name] ?? null, found(name)), (look) => [name, look] as const)
  )
  return Effect.map(looks, (all): Looks => Object.fromEntries(all))
}
