/**
 * Keeps one segment's appender attached to the store that owns the segment, for as long as there is something to send:
 * looks the store up, connects, sets up, waits for the end of the set-up, and decides what follows from it. It sends no
 * events itself (`SegmentAppender`) and knows no other segment.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as BackOff from "../../core/BackOff.ts"
import type { ControllerError } from "../controller/ControllerError.ts"
import { TlsFailed } from "../controller/TlsFailed.ts"
import * as Outage from "../Outage.ts"
import type { ConnectionLost, ConnectionRefused } from "../segmentstore/ConnectionError.ts"
import type { SegmentConnection } from "../segmentstore/SegmentConnection.ts"
import { AccessRefused } from "../segmentstore/SegmentError.ts"
import type { SegmentRef, Segments } from "../segmentstore/Segments.ts"
import type { WireCommand } from "../wire/WireCommand.ts"
import * as Failures from "./ControllerFailure.ts"
import * as OutageLimit from "./internal/OutageLimit.ts"
import type { EventsInDoubt, SegmentAppender, SetupEnd } from "./internal/SegmentAppender.ts"
import { type AppendOutcomeUnknown, AppendRefused, type TimeNotNoted, type WriterErrorReason } from "./WriterError.ts"

/** @category models @since 0.1.0 */
export interface SessionOptions<E> {
  readonly segments: Segments["Service"]
  readonly segment: SegmentRef
  /** The segment's full name, a transaction's part included. */
  readonly segmentName: string
  readonly lane: number
  /** For how long the session goes on trying while the store takes nothing. */
  readonly outageLimit: Duration.Duration
  /**
   * Given: others may write the same events under the same numbers. Then only a set-up after the seal tells what is in the
   * segment, and this is asked when another one was quicker.
   */
  readonly onSuperseded?: Effect.Effect<void, E> | undefined
  /** Given: no event has a higher number before this writer's own. It fails with what it means that one has. */
  readonly bound?: NumberBound<E> | undefined
}

/** @category models @since 0.2.0 */
export interface NumberBound<E> {
  readonly highest: bigint
  readonly onBeyond: (last: bigint) => Effect.Effect<never, E>
}

/** Why no further event can go to this segment. @category models @since 0.1.0 */
export type SessionEnd =
  | { readonly _tag: "Closed" }
  /** What is not acknowledged is not in the segment. */
  | { readonly _tag: "Sealed" }
  /** What is not acknowledged was never in the segment, but for events in doubt: of these nothing can tell any more. */
  | { readonly _tag: "Missing"; readonly inDoubt: EventsInDoubt | undefined }

/**
 * What a session fails with. Events in doubt are not its failure: a transaction's fate settles them.
 *
 * @category models
 * @since 0.1.0
 */
export type AppendFailure = Exclude<WriterErrorReason, AppendOutcomeUnknown | TimeNotNoted>

/** Between attempts that fail: writers that lost the same store don't come back all at once. */
const pauses = Schedule.jittered(BackOff.doubling("10 millis", "2 seconds"))
/** So many tokens, each of them fresh, may be refused in a row. */
const refusalLimit = 3
const setupTimeout = Duration.seconds(30)

/**
 * Runs until the segment takes no more events, or the appender is closed. Says so when it takes none for long.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <E = never>(
  appender: SegmentAppender,
  options: SessionOptions<E>
): Effect.Effect<SessionEnd, AppendFailure | E> =>
  Effect.suspend(() => {
    const trouble = makeTrouble(appender, options)
    const watching = Outage.watch(
      `writing to ${options.segmentName}`,
      () => appender.hasWork ? appender.progress : undefined,
      trouble.last
    )
    return Effect.acquireUseRelease(
      Effect.forkChild(Effect.interruptible(watching)),
      () => attachments(appender, options, trouble),
      Fiber.interrupt
    )
  })

const attachments = Effect.fnUntraced(function*<E>(
  appender: SegmentAppender,
  options: SessionOptions<E>,
  trouble: ReturnType<typeof makeTrouble>
): Effect.fn.Return<SessionEnd, AppendFailure | E> {
  while (true) {
    yield* awaitWork(appender)
    if (appender.isClosed) return { _tag: "Closed" }
    const end = yield* attachOnce(appender, options)
    switch (end._tag) {
      case "Closed":
        return end
      case "Sealed":
        if (appender.isSealed || (appender.inDoubt === undefined && options.onSuperseded === undefined)) return end
        appender.seal()
        continue
      case "Missing":
        return { _tag: "Missing", inDoubt: appender.inDoubt }
      case "Refused":
        return yield* new AppendRefused({ segment: options.segmentName, problem: end.message })
      case "ControllerFailed":
        if (!end.error.isRetryable) return yield* Failures.toReason(end.error)
        break
      case "TokenRefused":
        yield* options.segments.forgetToken(options.segment.stream)
        yield* trouble.tokenRefused(end.endpoint)
        break
      case "ConnectionLost":
        // an expired token makes the store close the connection without a word
        if (end.beforeSetup) yield* options.segments.forgetToken(options.segment.stream)
        yield* options.segments.forget(options.segment)
        break
      case "Unreachable":
        if (end.cause._tag === "ConnectionRefused" && end.cause.cause instanceof TlsFailed) {
          return yield* end.cause.cause
        }
        yield* options.segments.forget(options.segment)
        break
      case "WrongHost":
        yield* options.segments.forget(options.segment)
        break
      case "Superseded":
        if (options.onSuperseded !== undefined) yield* options.onSuperseded
        break
      case "Beyond":
        return yield* options.bound?.onBeyond(end.last) ?? Effect.die("a number is beyond no bound")
      case "ProtocolBroken":
        break
    }
    yield* trouble.pause(problemOf(end))
  }
})

type AttachEnd =
  | SetupEnd
  | { readonly _tag: "Unreachable"; readonly cause: ConnectionRefused | ConnectionLost }
  | { readonly _tag: "ControllerFailed"; readonly error: ControllerError }

const problemOf = (end: AttachEnd): OutageLimit.Problem => {
  switch (end._tag) {
    case "ControllerFailed":
      return { problem: end.error.message, cause: end.error }
    case "Unreachable":
    case "ConnectionLost":
      return { problem: end.cause.message, cause: end.cause }
    case "ProtocolBroken":
      return { problem: end.message }
    case "Superseded":
      return { problem: "another connection has set up the same writer id" }
    case "WrongHost":
      return { problem: "the store does not own the segment" }
    default:
      return { problem: end._tag }
  }
}

const awaitWork = (appender: SegmentAppender): Effect.Effect<void> =>
  Effect.suspend(() =>
    appender.hasWork || appender.isClosed
      ? Effect.void
      : Effect.callback<void>((resume) => appender.onceWork(() => resume(Effect.void)))
  )

/** One connection, one set-up, until it ends. */
const attachOnce = <E>(appender: SegmentAppender, options: SessionOptions<E>): Effect.Effect<AttachEnd> =>
  connectAndSetUp(appender, options).pipe(
    Effect.scoped,
    Effect.catchTags({
      ConnectionRefused: (cause) => Effect.succeed<AttachEnd>({ _tag: "Unreachable", cause }),
      ConnectionLost: (cause) => Effect.succeed<AttachEnd>({ _tag: "Unreachable", cause }),
      ControllerError: (error) => Effect.succeed<AttachEnd>({ _tag: "ControllerFailed", error })
    })
  )

const connectAndSetUp = Effect.fnUntraced(function*<E>(
  appender: SegmentAppender,
  options: SessionOptions<E>
): Effect.fn.Return<AttachEnd, ConnectionRefused | ConnectionLost | ControllerError, Scope.Scope> {
  const { lane, segment, segments } = options
  const delegationToken = yield* segments.token(segment.stream, "write")
  const connection = yield* segments.appends(segment, lane)
  const setup = new Setup(appender, connection, options.bound?.highest)
  const timeout = Effect.sleep(setupTimeout).pipe(Effect.andThen(Effect.sync(() => setup.expire())))
  const ended = Effect.callback<AttachEnd>((resume) => {
    setup.start({ segment: options.segmentName, delegationToken }, (end) => resume(Effect.succeed(end)))
    return Effect.sync(() => setup.abandon())
  })
  return yield* Effect.raceFirst(ended, Effect.andThen(timeout, Effect.never))
})

/** One set-up on one connection: its subscription, and the appender's attachment. */
class Setup {
  private readonly appender: SegmentAppender
  private readonly connection: SegmentConnection
  private readonly requestId: bigint
  private readonly highest: bigint | undefined
  private unsubscribe: () => void = () => {}
  private isSetUp = false
  private isOver = false
  private onEnd: (end: SetupEnd) => void = () => {}

  constructor(appender: SegmentAppender, connection: SegmentConnection, highest: bigint | undefined) {
    this.highest = highest
    this.appender = appender
    this.connection = connection
    this.requestId = connection.nextRequestId()
  }

  start(
    request: { readonly segment: string; readonly delegationToken: string },
    onEnd: (end: SetupEnd) => void
  ): void {
    const { appender, connection, requestId } = this
    this.onEnd = onEnd
    if (appender.isClosed) return this.end({ _tag: "Closed" })
    appender.onClose(() => this.end({ _tag: "Closed" }))
    this.unsubscribe = connection.subscribe(requestId, {
      onReply: (reply) => this.onReply(reply),
      onLost: (cause) => this.end({ _tag: "ConnectionLost", cause, beforeSetup: !this.isSetUp })
    })
    if (this.isOver) return this.unsubscribe()
    connection.send({ _tag: "SetupAppend", requestId, writerId: appender.writerId, ...request })
  }

  /** The store owes an answer for too long: nobody else gets one on this connection either. */
  expire(): void {
    if (!this.isSetUp && !this.isOver) this.connection.fail("no answer to the set-up of a writer within 30 s")
  }

  /** The waiting fiber was interrupted. */
  abandon(): void {
    this.end({ _tag: "Closed" })
  }

  private onReply(reply: WireCommand): void {
    if (this.isOver) return
    if (!this.isSetUp && reply._tag === "AppendSetup") {
      this.isSetUp = true
      const refusal = this.appender.refusalOf(reply.lastEventNumber)
      if (refusal !== undefined) return this.end({ _tag: "Refused", message: refusal })
      if (this.appender.isBeyond(reply.lastEventNumber, this.highest)) {
        return this.end({ _tag: "Beyond", last: reply.lastEventNumber })
      }
      this.appender.attach(this.connection, this.requestId, reply.lastEventNumber)
      if (this.appender.isSealed) this.end({ _tag: "Sealed" })
      return
    }
    const end: SetupEnd | undefined = reply._tag === "AuthTokenCheckFailed"
      ? { _tag: "TokenRefused", endpoint: this.connection.endpoint }
      : this.appender.onReply(reply)
    if (end !== undefined) this.end(end)
  }

  private end(end: SetupEnd): void {
    if (this.isOver) return
    this.isOver = true
    const wasInFlight = this.appender.inFlight > 0
    const refused = end._tag === "Sealed" || end._tag === "Missing"
    this.appender.onClose(undefined)
    this.appender.detach(refused ? "refused" : "unknown")
    this.unsubscribe()
    // What is in flight may still take effect on a living connection, so a new set-up must not come before its death.
    // After a seal nothing takes effect any more (the store ends the connection itself if appends follow).
    if (end._tag === "ProtocolBroken") this.connection.fail(end.message)
    else if (end._tag === "Superseded") this.connection.fail("a writer id was set up on another connection")
    else if (wasInFlight && !refused && end._tag !== "ConnectionLost" && end._tag !== "Closed") {
      this.connection.fail(`${end._tag} while appends were in flight`)
    }
    this.onEnd(end)
  }
}

/** What went wrong since something was taken last, and for how much longer it may. */
const makeTrouble = (appender: SegmentAppender, options: SessionOptions<unknown>) => {
  const outage = OutageLimit.make(options.segmentName, { limit: options.outageLimit, pauses })
  let refusals = 0
  let progress = appender.progress
  let last: string | undefined = undefined
  const noteProgress = () => {
    if (appender.progress > progress) {
      outage.reset()
      refusals = 0
      last = undefined
    }
    progress = appender.progress
  }
  return {
    /** Why nothing was taken since the last success, as far as is known. */
    last: (): string => last ?? "the segment store has not acknowledged what was sent",
    /** A fresh token was refused as well: another one will be, too. */
    tokenRefused: (endpoint: string) =>
      Effect.suspend(() => {
        noteProgress()
        refusals++
        return refusals < refusalLimit
          ? Effect.void
          : Effect.fail(new AccessRefused({ segment: options.segmentName, endpoint }))
      }),
    pause: (problem: OutageLimit.Problem) =>
      Effect.suspend(() => {
        noteProgress()
        last = problem.problem
        return outage.pause(problem)
      })
  }
}
