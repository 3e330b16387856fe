/**
 * A reader of a group: joins, owns segments, reads them, tells the group how far they are processed, and leaves. It keeps
 * to the group's protocol, at Java's times; what its user processes, and when, is not known here.
 *
 * One fiber does all that changes the group's state, in turn (`act`); it is woken by changes of the state, by its user's
 * progress and by the clock. Each segment has a fiber that reads it ahead, and nothing waits where there are events.
 *
 * @see `EventStreamReaderImpl` and `ReaderGroupStateManager` of Pravega 0.13.0
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as MonotonicClock from "../../../core/MonotonicClock.ts"
import * as Reading from "../../../core/Reading.ts"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import type { SegmentId } from "../../../core/Segment.ts"
import type { Successors } from "../../../core/SegmentPositions.ts"
import * as TimeWindow from "../../../core/TimeWindow.ts"
import { Pravega } from "../../Pravega.ts"
import * as CutOfStream from "../../read/CutOfStream.ts"
import { ReadError } from "../../read/ReadError.ts"
import * as GroupState from "../internal/GroupState.ts"
import type { ReaderGroupError } from "../ReaderGroupError.ts"
import * as ReaderGroupBalance from "../state/ReaderGroupBalance.ts"
import * as ReaderGroupState from "../state/ReaderGroupState.ts"
import { Bell } from "./Bell.ts"
import * as MemberCheckpoints from "./MemberCheckpoints.ts"
import * as Membership from "./Membership.ts"
import * as MemberTimers from "./MemberTimers.ts"
import * as MemberUpdates from "./MemberUpdates.ts"
import * as OtherReaders from "./OtherReaders.ts"
import type { OwnedSegment } from "./OwnedSegment.ts"
import * as SegmentReads from "./SegmentReads.ts"
import { Successions } from "./Successions.ts"
import * as TimeWindows from "./TimeWindows.ts"

/** @category models @since 0.1.0 */
export interface Options extends SegmentReads.Options, Membership.Options {
  /** Runs before the reader answers a checkpoint that the application may know of, with the positions it answers. */
  readonly onCheckpoint: MemberCheckpoints.Parts["onCheckpoint"]
  readonly timeWindows: boolean
  /** How long another reader may be silent before it is taken out of the group, in milliseconds; undefined: for ever. */
  readonly sessionTimeout: number | undefined
}

/**
 * The unit of the group's times in milliseconds: Java's second, or less where a test can't wait.
 *
 * @category references
 * @since 0.1.0
 */
export const TimeUnit = Context.Reference<number>("effect-pravega/pravega/readergroup/GroupReader/TimeUnit", {
  defaultValue: () => 1000
})

/**
 * When a reader compacts the group's state: when so much has to be replayed, and then with this probability, so that not all
 * readers do. A test can't wait for that either.
 *
 * @category references
 * @since 0.1.0
 */
export const Compaction = Context.Reference<{ readonly minimumBytes: number; readonly probability: number }>(
  "effect-pravega/pravega/readergroup/GroupReader/Compaction",
  { defaultValue: () => ({ minimumBytes: 512 * 1024, probability: 0.05 }) }
)

/** @category models @since 0.1.0 */
export interface GroupReader {
  readonly id: string
  /** The next events of any segment; done when the group has read everything. With `merged` only. */
  readonly pull: Pull.Pull<SegmentReads.Delivery, SegmentReads.Failure>
  /** The next segment. With `apart` only. */
  readonly nextPartition: Pull.Pull<SegmentReads.Partition, SegmentReads.Failure>
}

/** How long a reader that leaves waits for the group's state to take it. */
const leaveTimeout = Duration.seconds(15)
/** A report is made every few seconds. */
const reportsBeforeReminder = 10

/**
 * Joins the group. When the Scope closes, reading stops and the reader leaves: its segments are free for others at once,
 * from where its user has processed them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<GroupReader, ReaderGroupError, Pravega | Scope.Scope> {
  const pravega = yield* Pravega
  const { state } = options
  const scope = yield* Effect.scope
  const timers = new MemberTimers.MemberTimers(options.reader, yield* TimeUnit, yield* MonotonicClock.millis)
  const bell = new Bell()
  const windows = new Map<string, TimeWindows.TimeWindows>()
  const reads = yield* SegmentReads.make(options, {
    segments: pravega.segments,
    scope,
    windowOf: (stream) => windows.get(stream.toString())?.current() ?? TimeWindow.unknown,
    onIdle: bell.ring,
    verify: ({ id, stream }) => verify(pravega, stream, [id])
  })
  const member = new Membership.Membership(options)
  const { onCheckpoint } = options
  const checkpoints = MemberCheckpoints.make({ pravega, member, timers, reads, onCheckpoint })
  const others = new OtherReaders.OtherReaders(member, timers, options.sessionTimeout)
  const reader = new Reader({ pravega, member, checkpoints, others, timers, bell, reads })
  yield* Effect.acquireRelease(member.join, () => reader.leave)
  const stop = state.onChangeUnsafe(bell.ring)
  yield* Effect.addFinalizer(() => Effect.sync(stop))
  if (options.timeWindows) yield* watchTime(member, windows, reads)
  const life = Effect.raceFirst(reader.live, GroupState.followed(options.group, state))
  yield* Effect.forkScoped(
    Effect.matchCauseEffect(life, { onFailure: reads.fail, onSuccess: () => reads.finish })
  )
  return { id: options.reader, pull: reads.pull, nextPartition: reads.nextPartition }
})

const verify = ({ controller }: Pravega["Service"], stream: ScopedStream, ids: Iterable<SegmentId>) =>
  CutOfStream.sameStream(controller, stream, ids).pipe(
    Effect.mapError((reason) => GroupState.fail(reason._tag === "EarlierStream" ? new ReadError({ reason }) : reason)),
    Effect.asVoid
  )

/** Fails if a stream was deleted and made again since the group came to where it is: it would wait for ever. */
const verifyAll = (pravega: Pravega["Service"], now: ReaderGroupState.ReaderGroupState) => {
  const segments = Array.from(ReaderGroupState.positions(now).keys(), Reading.segment)
  const byStream = Map.groupBy(segments, ({ stream }) => stream.toString())
  return Effect.forEach(
    byStream.values(),
    (ofStream) => verify(pravega, ofStream[0]!.stream, ofStream.map(({ id }) => id)),
    { concurrency: 16, discard: true }
  )
}

/** Keeps the time windows of the group's streams up to date; without them reading goes on, and fails if they can't be read. */
const watchTime = Effect.fnUntraced(function*(
  member: Membership.Membership,
  windows: Map<string, TimeWindows.TimeWindows>,
  reads: SegmentReads.SegmentReads
): Effect.fn.Return<void, never, Pravega | Scope.Scope> {
  const pravega = yield* Pravega
  const { state } = member
  const streams = Array.from(state.currentUnsafe()?.config.startingStreamCuts.keys() ?? [], Reading.stream)
  for (const stream of streams) {
    const ofStream = TimeWindows.make()
    windows.set(stream.toString(), ofStream)
    const look = () =>
      ofStream.advanceTo(ReaderGroupState.ofStream(state.currentUnsafe()?.lastRead ?? new Map(), stream))
    look()
    const stop = state.onChangeUnsafe(look)
    yield* Effect.addFinalizer(() => Effect.sync(stop))
    yield* TimeWindows.follow(stream, ofStream).pipe(
      // what notes the times is deleted with the stream, and made again with it
      Effect.tapError(() => verifyAll(pravega, member.now())),
      Effect.catchCause((cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : reads.fail(cause)),
      Effect.forkScoped
    )
  }
})

interface Parts {
  readonly pravega: Pravega["Service"]
  readonly member: Membership.Membership
  readonly checkpoints: MemberCheckpoints.MemberCheckpoints
  readonly others: OtherReaders.OtherReaders
  readonly timers: MemberTimers.MemberTimers
  /** Rings when there may be something to do. */
  readonly bell: Bell
  readonly reads: SegmentReads.SegmentReads
}

class Reader {
  private readonly id: string
  private readonly pravega: Pravega["Service"]
  private readonly member: Membership.Membership
  private readonly checkpoints: MemberCheckpoints.MemberCheckpoints
  private readonly others: OtherReaders.OtherReaders
  private readonly timers: MemberTimers.MemberTimers
  private readonly bell: Bell
  private readonly reads: SegmentReads.SegmentReads
  private readonly successions: Successions
  /** How often it was reported of a segment that is read to its end that it is not acknowledged. */
  private readonly reports = new Map<string, number>()
  /** What is given up as soon as all that was handed out of it is processed. */
  private leaving: OwnedSegment | undefined = undefined

  constructor(parts: Parts) {
    this.id = parts.member.id
    this.pravega = parts.pravega
    this.member = parts.member
    this.checkpoints = parts.checkpoints
    this.others = parts.others
    this.timers = parts.timers
    this.bell = parts.bell
    this.reads = parts.reads
    this.successions = new Successions(parts.pravega.controller, parts.timers)
  }

  /** Reports where processing is, and leaves. A reader that can't reach the state leaves the rest to `readerOffline`. */
  readonly leave: Effect.Effect<void> = Effect.suspend(() => {
    const positions = this.reads.positions()
    for (const owned of this.reads.owned.values()) owned.leave()
    return this.member.leave(positions).pipe(
      // or a store that does not answer is waited for until it does
      Effect.interruptible,
      Effect.timeout(leaveTimeout),
      Effect.catchCause((cause) =>
        Effect.logWarning("a reader could not leave its group: declare it offline", cause).pipe(
          Effect.annotateLogs({ group: GroupState.nameOf(this.member.group), reader: this.id })
        )
      )
    )
  })

  /** Everything that a member does, until there is nothing left to read. */
  readonly live: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      while (true) {
        this.bell.silence()
        yield* this.member.check(this.reads.owned.keys())
        yield* this.act
        if (ReaderGroupState.isEndOfData(this.now())) return
        yield* this.rest
      }
    })
  )

  /** In Java's order. Each step looks at the newest state, and leaves what is not due. */
  private readonly act: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    this.takeOverConfig.pipe(
      Effect.andThen(this.checkpoints.answer),
      Effect.andThen(this.completeSegments),
      Effect.andThen(this.releaseSegment),
      Effect.andThen(this.checkpoints.automatic),
      Effect.andThen(this.acquireSegments),
      Effect.andThen(this.report),
      Effect.andThen(this.compact)
    )
  )

  private readonly rest: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(
      MonotonicClock.millis,
      (now) => Effect.raceFirst(this.bell.heard, Effect.sleep(Duration.millis(this.timers.untilNext(now))))
    )
  )

  private now(): ReaderGroupState.ReaderGroupState {
    return this.member.now()
  }

  private readonly at: Effect.Effect<MemberUpdates.Report> = Effect.suspend(() => {
    const lastRead = this.reads.rangedPositions()
    const { lastSegment } = this.reads
    // Java's measure, which tells readers that have read something from those that have not; members must use one alike
    return lastSegment === undefined
      ? Effect.succeed({ lag: MemberUpdates.assumedLag(this.now(), this.id), lastRead })
      : Effect.map(Clock.currentTimeMillis, (now) => ({ lag: BigInt(Math.floor(now)) - lastSegment, lastRead }))
  })

  // ---------------------------------------------------------------------------
  // the steps
  // ---------------------------------------------------------------------------

  private readonly takeOverConfig: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      const now = yield* MonotonicClock.millis
      if (now < this.timers.configAt) return
      this.timers.lookedAtConfig(now)
      if (!this.now().updatingConfig) return
      yield* GroupState.takeOver(this.member.group, this.member.state).pipe(
        Effect.provideService(Pravega, this.pravega)
      )
    })
  )

  private readonly completeSegments: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.forEach(
      Array.from(this.reads.owned.values()).filter(({ isFinished }) => isFinished),
      (owned) =>
        Effect.gen({ self: this }, function*() {
          if (this.member.checkpointAsked() !== undefined) return
          const { name: segment, range } = owned
          const successors: Successors | undefined = this.now().endSegments.has(segment)
            ? new Map()
            : yield* this.successions.of(segment, owned.segment)
          if (successors === undefined) return
          const isDone = yield* this.member.update(
            (now) => MemberUpdates.complete(now, this.id, { segment, range, successors })
          )
          // else a checkpoint came first
          if (!isDone) return
          this.successions.forget(owned.name)
          this.reports.delete(owned.name)
          yield* this.reads.drop(owned)
          this.timers.acquireAt = 0
        }),
      { discard: true }
    )
  )

  private readonly releaseSegment: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      const now = yield* MonotonicClock.millis
      if (this.member.checkpointAsked() !== undefined) return
      if (this.leaving === undefined && now >= this.timers.releaseAt) {
        this.leaving = this.chooseToRelease()
        if (this.leaving === undefined) return
        this.timers.decided(now)
        yield* this.reads.stopReading(this.leaving)
      }
      const { leaving } = this
      if (leaving === undefined || leaving.isBusy) return
      const at = yield* this.at
      const place = { segment: leaving.name, offset: leaving.acknowledged }
      const isReleased = yield* this.member.update(
        (state) => MemberUpdates.release(state, this.id, place, at)
      )
      if (!isReleased && this.member.checkpointAsked() !== undefined) return
      this.leaving = undefined
      this.timers.moved(now, this.now(), isReleased)
      yield* isReleased ? this.reads.drop(leaving) : this.reads.resume(leaving)
    })
  )

  private chooseToRelease(): OwnedSegment | undefined {
    if (!ReaderGroupBalance.ownsTooMuch(this.now(), this.id)) return undefined
    const [first] = ReaderGroupBalance.releaseOrder(
      this.id,
      Array.from(this.reads.owned.values()).filter(({ isEnded }) => !isEnded).map(({ name }) => name)
    )
    return first === undefined ? undefined : this.reads.owned.get(first)
  }

  private readonly acquireSegments: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      const now = yield* MonotonicClock.millis
      if (now < this.timers.acquireAt || this.member.checkpointAsked() !== undefined) return
      if (this.now().unassigned.size === 0) return this.timers.foundNothing(now, this.now())
      const at = yield* this.at
      const acquired = yield* this.member.update((state) => MemberUpdates.acquire(state, this.id, at))
      this.timers.moved(now, this.now(), acquired.size > 0)
      const { endSegments } = this.now()
      for (const [name, place] of acquired) {
        const end = endSegments.get(name)
        yield* this.reads.own(name, place, end === ReaderGroupState.endOfSegment ? undefined : end)
      }
    })
  )

  private readonly report: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      const now = yield* MonotonicClock.millis
      if (now < this.timers.reportAt) return
      this.timers.reported(now, this.now())
      yield* GroupState.append(this.member.state, ...MemberUpdates.report(this.id, yield* this.at))
      yield* this.others.look
      yield* this.remind
    })
  )

  /** What is read and not acknowledged holds up what follows it: logged once per segment, as the program may have forgotten to acknowledge. */
  private readonly remind: Effect.Effect<void> = Effect.suspend(() => {
    const waiting = Array.from(this.reads.owned.values()).filter(({ isBusy, isEnded }) => isEnded && isBusy)
    for (const { name } of waiting) this.reports.set(name, (this.reports.get(name) ?? 0) + 1)
    return Effect.forEach(
      waiting.filter(({ name }) => this.reports.get(name) === reportsBeforeReminder),
      ({ acknowledged, delivered, name }) =>
        Effect.logWarning("a segment is read to its end and not acknowledged: what follows it is not read").pipe(
          Effect.annotateLogs({
            group: GroupState.nameOf(this.member.group),
            segment: name,
            acknowledged: acknowledged.toString(),
            delivered: delivered.toString()
          })
        ),
      { discard: true }
    )
  })

  private readonly compact: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      const now = yield* MonotonicClock.millis
      if (now < this.timers.compactAt) return
      this.timers.compactAt = now +
        Math.max(this.timers.unit, Duration.toMillis(this.now().config.groupRefreshTime))
      const { minimumBytes, probability } = yield* Compaction
      if ((yield* Random.next) >= probability) return
      yield* this.member.state.compact(
        (state) => ({ _tag: "Init", init: { _tag: "CompactReaderGroupState", state } }),
        minimumBytes
      ).pipe(Effect.mapError(GroupState.fail))
    })
  )
}
