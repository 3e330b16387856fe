/**
 * What a client waits for longer than it should: a controller or a store that does not answer, a segment that takes
 * nothing. Code that waits says so here, and goes on waiting. Outages are logged, counted, and can be asked for. Nothing
 * is decided here: how long something is tried is its own business.
 *
 * | name | type | unit | what |
 * | --- | --- | --- | --- |
 * | `pravega_client_outages` | gauge | outages | there are now |
 * | `pravega_client_outages_noticed` | counter | outages | there have been |
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as MonotonicClock from "../core/MonotonicClock.ts"

/**
 * Something that is waited for, and for too long.
 *
 * @category models
 * @since 0.2.0
 */
export interface Outage {
  /** What makes no progress, as `createStream of market/lines`. */
  readonly activity: string
  /** What ended the last attempt, or what is missing. */
  readonly problem: string
  /** Since when nothing has come of it; milliseconds since 1970. */
  readonly since: number
}

/**
 * How long something is waited for before that is said, 5 seconds by default, and after how long it is said again, 30
 * seconds by default.
 *
 * **Example**
 *
 * ```ts
 * import { Outage } from "effect-pravega"
 * import { Duration, Effect } from "effect"
 *
 * const impatient = Effect.provideService(Outage.Patience, { after: Duration.seconds(1), every: Duration.seconds(10) })
 * ```
 *
 * @category references
 * @since 0.2.0
 */
export const Patience = Context.Reference<{ readonly after: Duration.Duration; readonly every: Duration.Duration }>(
  "effect-pravega/pravega/Outage/Patience",
  { defaultValue: () => ({ after: Duration.seconds(5), every: Duration.seconds(30) }) }
)

/** The outages of all clients that run with it; by default those of the process. */
interface Board {
  readonly outages: Set<Open>
  /** When each problem was logged last, by the monotonic clock: a hundred segments of one store make one line. */
  readonly logged: Map<string, number>
}

const Board = Context.Reference<Board>("effect-pravega/pravega/Outage/Board", {
  defaultValue: () => ({ outages: new Set(), logged: new Map() })
})

/**
 * What the clients of this process wait for now, longer than they should; empty when all is well. For health checks.
 *
 * **Example**
 *
 * ```ts
 * import { Outage } from "effect-pravega"
 * import { Effect } from "effect"
 *
 * const isHealthy = Effect.map(Outage.current, (outages) => outages.length === 0)
 * ```
 *
 * @category getters
 * @since 0.2.0
 */
export const current: Effect.Effect<ReadonlyArray<Outage>> = Effect.map(
  Board,
  ({ outages }) => Array.from(outages, ({ activity, problem, since }) => ({ activity, problem, since }))
)

/** @category metrics @since 0.2.0 */
export const outages = Metric.gauge("pravega_client_outages", {
  description: "what clients wait for longer than they should"
})

/** @category metrics @since 0.2.0 */
export const noticed = Metric.counter("pravega_client_outages_noticed", {
  description: "outages that clients have noticed",
  incremental: true
})

interface Open extends Outage {
  problem: string
}

/** A wait that is said to be too long, until it is over. @category models @since 0.2.0 */
export interface Notice {
  /** It still lasts: says so when it is time to. */
  readonly lasts: (problem: string) => Effect.Effect<void>
  /** `goesOn`: what was waited for came. Otherwise nothing waits any more, and the code that did says why. */
  readonly over: (goesOn: boolean) => Effect.Effect<void>
}

/** Says that something has been waited for, for so many milliseconds by now. To be ended with `over`. @category constructors @since 0.2.0 */
export const notice = Effect.fnUntraced(function*(
  activity: string,
  problem: string,
  millis: number
): Effect.fn.Return<Notice> {
  const board = yield* Board
  const { every } = yield* Patience
  const begun = (yield* MonotonicClock.millis) - millis
  const open: Open = { activity, problem, since: (yield* Clock.currentTimeMillis) - millis }
  board.outages.add(open)
  let isLogged = false
  let isOver = false
  const count = Effect.suspend(() => Metric.update(outages, board.outages.size))
  const lasts = Effect.fnUntraced(function*(problem: string) {
    open.problem = problem
    const now = yield* MonotonicClock.millis
    const last = board.logged.get(problem)
    if (last !== undefined && now - last < Duration.toMillis(every)) return
    board.logged.set(problem, now)
    isLogged = true
    yield* Effect.logWarning(
      `${activity} has made no progress for ${seconds(now - begun)}: ${problem}; it is tried again`
    )
  })
  yield* Metric.update(noticed, 1)
  yield* count
  yield* lasts(problem)
  return {
    lasts,
    over: (goesOn) =>
      Effect.suspend(() => {
        if (isOver) return Effect.void
        isOver = true
        board.outages.delete(open)
        if (board.outages.size === 0) board.logged.clear()
        return Effect.andThen(
          count,
          goesOn && isLogged
            ? Effect.flatMap(MonotonicClock.millis, (now) =>
              Effect.logInfo(`${activity} goes on after ${seconds(now - begun)}`))
            : Effect.void
        )
      })
  }
})

const seconds = (millis: number): string => `${Math.round(millis / 1000)} s`

/** Says so when an Effect takes long. `problem`: why, as far as is known; undefined: it may take long. @category combinators @since 0.2.0 */
export const during =
  (activity: () => string, problem: () => string | undefined) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      let noticed: Notice | undefined
      const saying = Effect.gen(function*() {
        const begun = yield* MonotonicClock.millis
        const { after, every } = yield* Patience
        for (;;) {
          yield* Effect.sleep(noticed === undefined ? after : every)
          const why = problem()
          if (why === undefined) continue
          const millis = (yield* MonotonicClock.millis) - begun
          if (noticed !== undefined) yield* noticed.lasts(why)
          else noticed = yield* Effect.uninterruptible(notice(activity(), why, millis))
        }
      })
      return Effect.acquireUseRelease(
        Effect.forkChild(Effect.interruptible(saying)),
        () => effect,
        (fiber, exit) =>
          Effect.andThen(
            Fiber.interrupt(fiber),
            Effect.suspend(() => noticed?.over(exit._tag === "Success") ?? Effect.void)
          )
      )
    })

/**
 * Looks at something that should get on, until it is interrupted. `mark` is another value whenever it does; undefined:
 * there is nothing to do.
 *
 * @category running
 * @since 0.2.0
 */
export const watch = (activity: string, mark: () => unknown, problem: () => string): Effect.Effect<never> =>
  Effect.suspend(() => {
    let noticed: Notice | undefined
    const looking = Effect.gen(function*() {
      const { after } = yield* Patience
      const pause = Duration.millis(Duration.toMillis(after) / looks)
      let seen: unknown = undefined
      let since = 0
      for (;;) {
        yield* Effect.sleep(noticed === undefined && seen === undefined ? after : pause)
        const now = mark()
        const millis = yield* MonotonicClock.millis
        if (now === undefined || now !== seen) {
          seen = now
          since = millis
          if (noticed === undefined) continue
          yield* noticed.over(true)
          noticed = undefined
        } else if (noticed !== undefined) {
          yield* noticed.lasts(problem())
        } else if (millis - since >= Duration.toMillis(after)) {
          noticed = yield* Effect.uninterruptible(notice(activity, problem(), millis - since))
        }
      }
    })
    return Effect.ensuring(looking, Effect.suspend(() => noticed?.over(false) ?? Effect.void))
  })

/** Per time after which something is said. */
const looks = 5
