/**
 * A flow of events cut into transactions, one after the other: begun at the first event, committed where the cut is,
 * aborted by their Scope in every other case. The consumer's pull waits until they are visible. The upstream is pulled by a fiber of its own only where time cuts.
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as MonotonicClock from "../../../core/MonotonicClock.ts"
import type { TransactionId } from "../../../core/TransactionId.ts"
import type { TransactionError } from "../TransactionError.ts"

/**
 * Where a Stream of events is cut into transactions: after each chunk, after so many events, or when so much time has passed
 * since the transaction's first event. The last transaction ends with the Stream.
 *
 * @category models
 * @since 0.1.0
 */
export type Cut = "chunk" | { readonly events: number } | { readonly interval: Duration.Input }

/** A transaction that every reader sees. @category models @since 0.1.0 */
export interface CommittedTransaction {
  readonly id: TransactionId
  readonly events: number
}

/** What the flow needs of a transaction. @category models @since 0.1.0 */
export interface OpenTransaction<A> {
  readonly id: TransactionId
  readonly write: (events: ReadonlyArray<A>) => Effect.Effect<void, TransactionError>
  /** Returns when it is decided. */
  readonly commit: Effect.Effect<void, TransactionError>
  /** Returns when it is visible; also after its Scope has closed. */
  readonly awaitCommitted: Effect.Effect<void, TransactionError>
}

/** One that will be visible, whatever happens. @category models @since 0.1.0 */
export interface DecidedTransaction extends CommittedTransaction {
  readonly awaitCommitted: Effect.Effect<void, TransactionError>
}

type Chunk<A> = Arr.NonEmptyReadonlyArray<A>

/**
 * Each pull runs one transaction. Scope and `upstream` belong to the whole flow: when the Scope closes, the transaction
 * that is open is aborted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, E, R>(
  upstream: Pull.Pull<Chunk<A>, E, void, R>,
  cut: Cut,
  begin: Effect.Effect<OpenTransaction<A>, TransactionError, Scope.Scope>
) =>
  Effect.map(Effect.scope, (scope) => {
    const source = sourceOf(upstream, scope)
    const limit = typeof cut === "object" && "events" in cut ? cut.events : Number.POSITIVE_INFINITY
    const millis = typeof cut === "object" && "interval" in cut
      ? Duration.toMillis(Duration.fromInputUnsafe(cut.interval))
      : undefined

    /** From the first event, which is there, to the commit. */
    const transaction = Effect.fnUntraced(function*(first: Chunk<A>) {
      const { awaitCommitted, commit, id, write } = yield* begin
      const start = yield* MonotonicClock.millis
      let events = 0
      let chunk: Chunk<A> | undefined = first
      while (chunk !== undefined) {
        const taken: ReadonlyArray<A> = source.take(chunk, limit - events)
        yield* write(taken)
        events += taken.length
        if (cut === "chunk" || events >= limit) break
        chunk = millis === undefined
          ? yield* source.next
          : yield* source.within(start + millis - (yield* MonotonicClock.millis))
      }
      yield* commit
      return { id, events, awaitCommitted } satisfies DecidedTransaction
    }, Effect.scoped)

    type Next = Pull.Pull<DecidedTransaction, TransactionError | Pull.ExcludeDone<E>, void, R>
    return Effect.flatMap(source.next, (first): Next => first === undefined ? Cause.done() : transaction(first))
  })

/** The upstream's chunks, of which parts can be left for later, and for which one can wait a while without losing them. */
const sourceOf = <A, E, R>(upstream: Pull.Pull<Chunk<A>, E, void, R>, scope: Scope.Scope) => {
  /** Undefined: the end. */
  type Pulled = Chunk<A> | undefined
  let isEnded = false
  let rest: Pulled
  let at = 0
  let pulling: Fiber.Fiber<Pulled, Pull.ExcludeDone<E>> | undefined
  const pull: Effect.Effect<Pulled, Pull.ExcludeDone<E>, R> = Pull.catchDone(
    Effect.map(upstream, (chunk): Pulled => chunk),
    () =>
      Effect.sync(() => {
        isEnded = true
        return undefined
      })
  )
  const join = (fiber: Fiber.Fiber<Pulled, Pull.ExcludeDone<E>>) =>
    Effect.tap(Fiber.join(fiber), () =>
      Effect.sync(() => {
        pulling = undefined
      }))
  const next = Effect.suspend(() => {
    if (rest !== undefined) return Effect.succeed(rest)
    if (pulling !== undefined) return join(pulling)
    return isEnded ? Effect.undefined : pull
  })
  return {
    next,
    /** Undefined: the time is over, or the end. */
    within: (millis: number): typeof next =>
      Effect.suspend(() => {
        if (rest !== undefined || isEnded) return next
        if (millis <= 0) return Effect.undefined
        const fiber = pulling === undefined
          ? Effect.tap(Effect.forkIn(pull, scope), (forked) =>
            Effect.sync(() => {
              pulling = forked
            }))
          : Effect.succeed(pulling)
        return Effect.flatMap(
          fiber,
          (forked) => Effect.raceFirst(join(forked), Effect.as(Effect.sleep(Duration.millis(millis)), undefined))
        )
      }),
    /** The first of the events that came last; the others come next. */
    take: (chunk: Chunk<A>, count: number): ReadonlyArray<A> => {
      const taken = at === 0 && chunk.length <= count ? chunk : chunk.slice(at, at + count)
      at += taken.length
      rest = at < chunk.length ? chunk : undefined
      if (rest === undefined) at = 0
      return taken
    }
  }
}
