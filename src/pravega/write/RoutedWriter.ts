/**
 * Writing typed events to a set of segments, as Effects: encoding, back-pressure, receipts, sessions and their end. Event
 * writers and transactions are both made of it; they differ in what a sealed or missing segment means.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { EventStream } from "../../core/EventStream.ts"
import type * as Segment from "../../core/Segment.ts"
import type { SegmentRouting } from "../../core/SegmentRouting.ts"
import type { TransactionId } from "../../core/TransactionId.ts"
import { nameOf } from "../segmentstore/SegmentRefName.ts"
import type { SegmentRef, Segments } from "../segmentstore/Segments.ts"
import type { SegmentStores } from "../segmentstore/SegmentStores.ts"
import type { AppendBlock } from "./AppendBlock.ts"
import * as AppendSession from "./AppendSession.ts"
import { EventEncoder } from "./internal/EventEncoder.ts"
import { EventRouter } from "./internal/EventRouter.ts"
import type { Receipt } from "./internal/Receipt.ts"
import type { SegmentAppender } from "./internal/SegmentAppender.ts"
import { AppendRefused, WriterClosed } from "./WriterError.ts"
import type { WriterLimits } from "./WriterLimits.ts"

/**
 * Moves the segment's events to the successors; false when these don't cover its range.
 *
 * @category models
 * @since 0.1.0
 */
export type Replace = (successors: ReadonlyArray<Segment.SegmentWithRange>) => boolean

/** Why a segment takes no more events. @category models @since 0.1.0 */
export type SegmentGone = Exclude<AppendSession.SessionEnd, { readonly _tag: "Closed" }>

/**
 * Events with numbers that another writer may have given them before, or gives them at the same time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Numbering<E> {
  /** What the numbers begin after, in every segment. */
  readonly base: bigint
  /** The segment in which events are that were routed to one of `segments` or of their successors. */
  readonly placeOf: (segment: Segment.SegmentId) => Segment.SegmentId
  /** Another writer with the same id was quicker: goes on if this succeeds. */
  readonly onSuperseded: Effect.Effect<void, E>
  /** The highest number that can be in a segment before this writer writes; */
  readonly highest: bigint
  /** and what it means that one is beyond it. */
  readonly onBeyond: (found: BeyondBound) => Effect.Effect<never, E>
}

/** @category models @since 0.2.0 */
export interface BeyondBound {
  /** Its full name. */
  readonly segment: string
  readonly writerId: string
  /** The last number that it has. */
  readonly last: bigint
}

/** @category models @since 0.1.0 */
export interface RoutedWriterOptions<A, E> {
  readonly stream: EventStream<A>
  readonly transaction: TransactionId | undefined
  /** Where events go at first: several writers of the same segments share it. */
  readonly routing: SegmentRouting
  readonly limits: WriterLimits
  readonly services: {
    readonly segments: Segments["Service"]
    readonly stores: SegmentStores["Service"]
  }
  readonly writerIdOf: (segment: Segment.SegmentId) => string
  /** False: the writer fails when it finds appends of another process under such an id. Default: true. */
  readonly takesOver?: boolean | undefined
  /** Given: others may write events with the same writer ids and numbers. */
  readonly numbering?: Numbering<E> | undefined
  /** A segment takes no more events: calls `replace` until it is true, or fails, which ends the writer. */
  readonly onGone: (segment: Segment.SegmentId, how: SegmentGone, replace: Replace) => Effect.Effect<void, E>
  readonly onAcknowledged?: ((segment: Segment.SegmentId, block: AppendBlock) => void) | undefined
}

/** @category models @since 0.1.0 */
export interface RoutedWriter<A, E> {
  /** Hands events over, waiting while too many bytes are unacknowledged. Interrupted: the rest is not written. */
  readonly accept: (events: ReadonlyArray<A>) => Effect.Effect<Receipt<E>, E>
  /** Waits until what the receipt stands for is acknowledged. */
  readonly acknowledged: (receipt: Receipt<E>) => Effect.Effect<void, E>
  /** Waits until everything accepted before is acknowledged. */
  readonly flush: Effect.Effect<void, E>
  /** Ends the writer: what is not acknowledged fails with `error`. */
  readonly fail: (error: E) => void
  /** Whether it ended with events that it had accepted and that were not acknowledged. */
  readonly lostEvents: () => boolean
}

/**
 * Its sessions end with the Scope; after a successful exit it flushes first, for at most `closeTimeout`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<A, E extends { readonly _tag: string }>(
  options: RoutedWriterOptions<A, E | AppendSession.AppendFailure>
): Effect.fn.Return<RoutedWriter<A, E | AppendSession.AppendFailure>, never, Scope.Scope> {
  type Failure = E | AppendSession.AppendFailure
  const lane = yield* options.services.stores.lane
  const fork = yield* FiberSet.makeRuntime<never, void, never>()
  const router: EventRouter<Failure> = new EventRouter<Failure>({
    routing: options.routing,
    writerIdOf: options.writerIdOf,
    base: options.numbering?.base,
    takesOver: options.takesOver,
    blockBytes: options.limits.blockBytes,
    maxPendingBytes: options.limits.maxPendingBytes,
    onAcknowledged: options.onAcknowledged,
    startSession: (segment, appender) => fork(session(segment, appender))
  })
  const boundOf = (writerId: string, segment: string): AppendSession.NumberBound<Failure> | undefined => {
    const { numbering } = options
    return numbering === undefined
      ? undefined
      : { highest: numbering.highest, onBeyond: (last) => numbering.onBeyond({ segment, writerId, last }) }
  }
  const session = (segment: Segment.SegmentId, appender: SegmentAppender): Effect.Effect<void> => {
    const id = options.numbering?.placeOf(segment) ?? segment
    const ref: SegmentRef = { stream: options.stream.name, id, transaction: options.transaction }
    const segmentName = nameOf(ref)
    return AppendSession.run(appender, {
      segments: options.services.segments,
      segment: ref,
      segmentName,
      lane,
      outageLimit: options.limits.outageLimit,
      onSuperseded: options.numbering?.onSuperseded,
      bound: boundOf(appender.writerId, segmentName)
    }).pipe(
      Effect.flatMap((end) =>
        end._tag === "Closed"
          ? Effect.void
          : options.onGone(segment, end, (successors) => router.replace(segment, successors))
      ),
      Effect.catch((error) => Effect.sync(() => router.fail(error))),
      // a defect must not leave callers waiting for a session that is no more
      Effect.catchDefect((defect) =>
        Effect.sync(() =>
          router.fail(new AppendRefused({ segment: segmentName, problem: Cause.pretty(Cause.die(defect)) }))
        )
      )
    )
  }
  const closed = () => router.fail(new WriterClosed({ stream: options.stream.name }))
  yield* Effect.addFinalizer((exit) =>
    Exit.isSuccess(exit)
      ? Effect.interruptible(flushOf(router)).pipe(
        Effect.timeoutOption(options.limits.closeTimeout),
        Effect.ignore, // callers that wait for their events are told; a finalizer can't fail
        Effect.andThen(warnOf(router, options)),
        Effect.andThen(Effect.sync(closed))
      )
      : Effect.sync(closed)
  )
  return {
    accept: makeAccept(router, new EventEncoder(options.stream)),
    acknowledged,
    flush: flushOf(router),
    fail: (error) => router.fail(error),
    lostEvents: () => router.lostEvents
  }
})

const acknowledged = <E>(receipt: Receipt<E>): Effect.Effect<void, E> =>
  Effect.callback<void, E>((resume) => {
    const cancel = receipt.onSettled((failure) =>
      resume(failure === undefined ? Effect.void : Effect.fail(failure.error))
    )
    return Effect.sync(cancel)
  })

const flushOf = <E>(router: EventRouter<E>): Effect.Effect<void, E> =>
  Effect.suspend(() => {
    if (router.failure !== undefined) return Effect.fail(router.failure.error)
    const receipts = router.openReceipts
    if (receipts.length === 0) return Effect.void
    return Effect.callback<void, E>((resume) => {
      let left = receipts.length
      const cancels = receipts.map((receipt) =>
        receipt.onSettled((failure) => {
          left--
          if (failure !== undefined) resume(Effect.fail(failure.error))
          else if (left === 0) resume(Effect.void)
        })
      )
      return Effect.sync(() => {
        for (const cancel of cancels) cancel()
      })
    })
  })

/** A finalizer can't fail, and perhaps nobody waits. Events lost to a transaction make its commit fail. */
const warnOf = <A, E, F>(router: EventRouter<F>, { stream, transaction }: RoutedWriterOptions<A, E>) =>
  Effect.suspend(() =>
    transaction !== undefined || router.pendingBytes === 0 ? Effect.void : Effect.logWarning(
      `the writer of ${stream.name.toString()} was closed with ${router.pendingBytes} bytes of events not acknowledged: ` +
        "they may be lost"
    )
  )

/** The events of one call, on their way into the router. */
interface Intake<A, E> {
  readonly events: ReadonlyArray<A>
  readonly receipt: Receipt<E>
  next: number
}

const makeAccept = <A, E extends { readonly _tag: string }>(
  router: EventRouter<E | AppendSession.AppendFailure>,
  encoder: EventEncoder<A>
): RoutedWriter<A, E | AppendSession.AppendFailure>["accept"] => {
  type Failure = E | AppendSession.AppendFailure
  // calls that find no space wait in line; nobody overtakes them
  const line = Semaphore.makeUnsafe(1)
  let waiting = 0

  /** Adds what there is space for. True: all events are in. */
  const advance = (intake: Intake<A, Failure>): boolean | { readonly error: Failure } => {
    while (intake.next < intake.events.length) {
      if (router.failure !== undefined) return router.failure
      if (!router.hasSpace) return false
      const slice = encoder.encode(intake.events, intake.next)
      if (slice._tag === "Failed") return { error: slice.reason }
      for (let i = 0; i < slice.payloads.length; i++) {
        router.add(slice.payloads[i]!, slice.positions[i]!, intake.receipt)
      }
      intake.next += slice.payloads.length
    }
    return router.failure ?? true
  }

  const inLine = (intake: Intake<A, Failure>): Effect.Effect<void, Failure> =>
    Effect.suspend(() => {
      const done = advance(intake)
      if (done === true) return Effect.void
      if (done !== false) return Effect.fail(done.error)
      return Effect.andThen(
        Effect.callback<void>((resume) => router.onceSpace(() => resume(Effect.void))),
        inLine(intake)
      )
    })

  return (events) =>
    Effect.suspend(() => {
      if (router.failure !== undefined) return Effect.fail(router.failure.error)
      const receipt = router.openReceipt()
      const intake: Intake<A, Failure> = { events, receipt, next: 0 }
      const close = () => receipt.close()
      if (waiting === 0) {
        const done = advance(intake)
        if (done !== false) {
          close()
          return done === true ? Effect.succeed(receipt) : Effect.fail(done.error)
        }
      }
      waiting++
      return line.withPermits(1)(inLine(intake)).pipe(
        Effect.ensuring(Effect.sync(() => {
          waiting--
          close()
        })),
        Effect.as(receipt)
      )
    })
}
