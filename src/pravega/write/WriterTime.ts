/**
 * What one writer notes of its events' times: under a name of its own, each time with the position up to which it holds.
 * The server's watermarks follow from the notes of all writers.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import * as Uuid from "../../core/Uuid.ts"
import { WriterId } from "../../core/WriterId.ts"
import { StreamSealed } from "../controller/ControllerError.ts"
import { Pravega } from "../Pravega.ts"
import * as StreamCuts from "../read/StreamCuts.ts"
import { TimeNotNoted } from "./WriterError.ts"

/**
 * How times of events are found and noted while a Stream is written.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventTime<in A> {
  /** An event's time, in milliseconds since 1970. */
  readonly of: (event: A) => number
  /**
   * How far an event's time may lie before that of an earlier event. Times are noted later by so much. Default: 0, and then
   * times must not go back.
   */
  readonly disorder?: Duration.Input | undefined
  /** How often a time is noted, if there is a later one. The last one is noted at the end. Default: every second. */
  readonly every?: Duration.Input | undefined
}

/** A finalizer must not take long: a writer that could not be removed is left out of watermarks after the stream's time-out. */
const removeTimeout = Duration.seconds(10)

/** A name for the controller, given up when the Scope closes. @category running @since 0.1.0 */
export const register = Effect.fnUntraced(function*(
  stream: ScopedStream
): Effect.fn.Return<{ readonly writerId: WriterId; readonly used: () => void }, never, Pravega | Scope.Scope> {
  const { controller } = yield* Pravega
  const writerId = WriterId.make(yield* Uuid.next)
  let isUsed = false
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => isUsed ? controller.removeWriter(stream, writerId) : Effect.succeed(false)).pipe(
      Effect.interruptible,
      Effect.timeoutOption(removeTimeout),
      Effect.catch((error) => Effect.logDebug(`writer ${writerId} of ${stream.toString()} was not removed`, error))
    )
  )
  return {
    writerId,
    used: () => {
      isUsed = true
    }
  }
})

/**
 * Notes times. The caller has seen to it that all its events of before are acknowledged: they lie before where the stream
 * ends now, whatever segments they are in, and what it writes from here on lies behind.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  stream: ScopedStream
): Effect.fn.Return<(time: bigint) => Effect.Effect<void, TimeNotNoted>, never, Pravega | Scope.Scope> {
  const pravega = yield* Pravega
  const { used, writerId } = yield* register(stream)
  return (time) =>
    Effect.gen(function*() {
      const { cut, isSealed } = yield* Effect.provideService(StreamCuts.tail(stream), Pravega, pravega)
      if (isSealed) return yield* new StreamSealed({ stream })
      used()
      yield* pravega.controller.noteTime(cut, { writerId, time })
    }).pipe(Effect.mapError((cause) => new TimeNotNoted({ stream, time, cause })))
})

/**
 * The time up to which a flow of events is complete: the highest that was seen, less the disorder.
 *
 * @category models
 * @since 0.1.0
 */
export class SeenTime<A> {
  private readonly of: (event: A) => number
  private readonly disorder: number
  private highest = Number.NEGATIVE_INFINITY
  private noted = Number.NEGATIVE_INFINITY

  constructor({ disorder, of }: EventTime<A>) {
    this.of = of
    this.disorder = Duration.toMillis(Duration.fromInputUnsafe(disorder ?? 0))
  }

  see(events: ReadonlyArray<A>): void {
    for (const event of events) {
      const time = this.of(event)
      if (time > this.highest) this.highest = time
    }
  }

  /** Undefined: there was no event yet. */
  get time(): bigint | undefined {
    return Number.isFinite(this.highest) ? BigInt(Math.floor(this.highest - this.disorder)) : undefined
  }

  /** Notes it, if it is later than what was noted before. */
  note<E>(note: (time: bigint) => Effect.Effect<void, E>): Effect.Effect<void, E> {
    return Effect.suspend(() => {
      const { highest, time } = this
      if (time === undefined || !(highest > this.noted)) return Effect.void
      return Effect.tap(note(time), () =>
        Effect.sync(() => {
          this.noted = highest
        }))
    })
  }
}

/** Notes what was seen each time that the interval has passed. Ends only by failing. @category running @since 0.1.0 */
export const noteRegularly = <A, E>(
  seen: SeenTime<A>,
  note: (time: bigint) => Effect.Effect<void, E>,
  every: Duration.Input
): Effect.Effect<never, E> => seen.note(note).pipe(Effect.repeat(Schedule.spaced(every)), Effect.andThen(Effect.never))
