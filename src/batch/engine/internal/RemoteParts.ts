/**
 * The driver's side of parts that other processes work on: what they are told, and what becomes of their answers.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { UnfinishedBatch } from "../../log/LogState.ts"
import type { Letter } from "../../pipeline/Letter.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import { CommitError, TooManyDeadLetters } from "../../protocol/CommitError.ts"
import type { SinkSession } from "../../sink/SinkContract.ts"
import { type PartAnswer, PartOrder } from "../PartOrder.ts"
import type { Remote } from "../Workers.ts"
import type { LazySink, Stops } from "./LazySink.ts"
import type { Placed } from "./PartitionInput.ts"
import type { Pass } from "./Pass.ts"

/** @category options @since 0.2.0 */
export interface RemoteOptions<in B, out E> {
  readonly sinks: ReadonlyArray<LazySink<B | Letter, E>>
  readonly pass: Pass
  readonly attempt: number
}

/**
 * Undefined: a sink's outputs must be with the process that began, or a source may find that some of a plan is gone, which the
 * process that plans has to know.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = <A, B, ES, E, R>(
  { deadLetters, name: query, sources, structure, version }: Pipeline<A, B, ES, E, R>,
  sessions: { readonly sinks: ReadonlyMap<string, SinkSession<B | Letter, E>> },
  { batch, planned: { at, plans } }: UnfinishedBatch,
  { attempt, pass, sinks }: RemoteOptions<B, E>
): Remote<Placed<A, ES>, E | Stops> | undefined => {
  if (!sinks.every(({ name }) => sessions.sinks.get(name)?.join !== undefined)) return undefined
  if (sources.some(({ mayShrink }) => mayShrink === true)) return undefined

  const orders = Effect.gen(function*() {
    const handles: Record<string, Schema.Json> = {}
    const opened = yield* Effect.forEach(sinks, ({ open }) => open, { concurrency: "unbounded" })
    for (const { attempt, name } of opened) handles[name] = attempt.handle
    return ({ first, id: part, source }: Placed<A, ES>) =>
      new PartOrder({
        query,
        version,
        structure,
        batch,
        attempt,
        part,
        source,
        plan: plans[source] ?? null,
        first,
        sinks: handles,
        ...at === undefined ? {} : { at },
        ...pass.decided === undefined ? {} : { decided: pass.decided.filter(({ partition }) => partition === part) }
      })
  })

  /** What was decided before is in the pass already, and nothing else may be put aside then. */
  const putAside = ({ aside }: PartAnswer) => {
    if (deadLetters === undefined || pass.decided !== undefined) return Effect.void
    for (const event of aside) {
      if (pass.aside.length >= deadLetters.limit) {
        const reason = new TooManyDeadLetters({ query, batch, limit: deadLetters.limit, error: event.error })
        return Effect.fail(new CommitError({ reason }))
      }
      pass.aside.push(event)
    }
    return Effect.void
  }

  return {
    orders,
    take: Effect.fnUntraced(function*(part, answer) {
      part.count(answer.events)
      yield* putAside(answer)
      for (const sink of sinks) {
        const share = answer.shares[sink.name]
        if (share === undefined) continue
        const { attempt } = yield* sink.open
        if (attempt.absorb === undefined) return yield* Effect.die(new Error(`sink "${sink.name}" takes no shares`))
        yield* attempt.absorb(share)
      }
    })
  }
}
