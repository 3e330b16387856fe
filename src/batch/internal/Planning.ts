/**
 * Which range a query reads next, looked for ahead of time where that is asked for. A range commits to nothing before
 * the log has it.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Schema from "effect/Schema"
import type { Run } from "../BatchRun.ts"
import type { Range } from "../Source.ts"

/** The next range: the one looked for ahead, if there is one. */
export const nextRange = <A, B, ES, E, R>(run: Run<A, B, ES, E, R>, until: Schema.Json | undefined) =>
  Effect.suspend(() => {
    const ahead = run.ahead.range
    run.ahead.range = undefined
    if (ahead === undefined) return plan(run, until)
    // What was not there then may be there now.
    return Effect.filterOrElse(Fiber.join(ahead), (range) => range._tag !== "idle", () => plan(run, until))
  })

/** Starts to look for the range after all that is planned. */
export const planAhead = <A, B, ES, E, R>(run: Run<A, B, ES, E, R>, until: Schema.Json | undefined) =>
  Effect.map(Effect.forkIn(plan(run, until), run.ahead.scope), (fiber) => {
    run.ahead.range = fiber
  })

/** The range looked for ahead, if it was found by now; then it is taken. */
export const readyRange = <A, B, ES, E, R>(
  run: Run<A, B, ES, E, R>
): Range<Schema.Json, Schema.Json> & { readonly _tag: "range" } | undefined => {
  const exit = run.ahead.range?.pollUnsafe()
  if (exit === undefined || !Exit.isSuccess(exit) || exit.value._tag !== "range") return undefined
  run.ahead.range = undefined
  return exit.value
}

const plan = <A, B, ES, E, R>(run: Run<A, B, ES, E, R>, until: Schema.Json | undefined) =>
  Effect.suspend(() => {
    const { name } = run.pipeline.source
    const { positions, started } = run.log.state()
    const end = started.sources[name]?.end
    const ends = [...end === undefined ? [] : [end], ...until === undefined ? [] : [until]]
    return run.source.plan(positions[name] ?? null, ends)
  })
