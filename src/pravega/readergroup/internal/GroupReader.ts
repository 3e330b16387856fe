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
import * as Reading from "../../../core/internal/Reading.ts"
import { Position } from "../../../core/Position.ts"
import * as Segment from "../../../core/Segment.ts"
import * as TimeWindow from "../../../core/TimeWindow.ts"
import type { ReaderGroupRef } from "../../controller/Controller.ts"
import { Pravega } from "../../Pravega.ts"
import * as CheckpointState from "../CheckpointState.ts"
import * as ReaderGroupBalance from "../ReaderGroupBalance.ts"
import { MembershipLost, type ReaderGroupError, ReaderIdInUse, SuccessorsUnknown } from "../ReaderGroupError.ts"
import * as ReaderGroupState from "../ReaderGroupState.ts"
import type { Positions, Successors } from "../SegmentPositions.ts"
import * as GroupCuts from "./GroupCuts.ts"
import * as GroupState from "./GroupState.ts"
import { MemberTimers } from "./MemberTimers.ts"
import * as MemberUpdates from "./MemberUpdates.ts"
import type { OwnedSegment } from "./OwnedSegment.ts"
import * as SegmentReads from "./SegmentReads.ts"
import * as TimeWindows from "./TimeWindows.ts"

export interface Options extends SegmentReads.Options {
  readonly group: ReaderGroupRef
  /** The group's, with at least its first state read; of this reader alone. */
  readonly state: GroupState.GroupState
  readonly reader: string
  /** Runs before the reader answers a checkpoint that the application may know of, with the positions it answers. */
  readonly onCheckpoint: (checkpoint: string, position: Position) => Effect.Effect<void>
  readonly timeWindows: boolean
}

/** The unit of the group's times in milliseconds: Java's second, or less where a test can't wait. */
export const TimeUnit = Context.Reference<number>("effect-pravega/pravega/readergroup/GroupReader/TimeUnit", {
  defaultValue: () => 1000
})

export interface GroupReader {
  readonly id: string
  /** The next events of any segment; done when the group has read everything. With `merged` only. */
  readonly pull: Pull.Pull<SegmentReads.Delivery, SegmentReads.Failure>
  /** The next segment. With `apart` only. */
  readonly nextPartition: Pull.Pull<SegmentReads.Partition, SegmentReads.Failure>
}

/** How long a reader that leaves waits for the group's state to take it. */
const leaveTimeout = Duration.seconds(15)
/** How often, in units of a tenth, the controller is asked for the successors of a segment that must have some. */
const successorAttempts = 300
/** A report is made every few seconds. */
const reportsBeforeReminder = 10
const compactionBytes = 512 * 1024
const compactionProbability = 0.05

/**
 * Joins the group. When the Scope closes, reading stops and the reader leaves: its segments are free for others at once,
 * from where its user has processed them.
 */
export const make = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<GroupReader, ReaderGroupError, Pravega | Scope.Scope> {
  const pravega = yield* Pravega
  const { state } = options
  const now = yield* millis
  const scope = yield* Effect.scope
  const timers = new MemberTimers(options.reader, yield* TimeUnit, now)
  const bell = new Bell()
  const windows = new Map<string, TimeWindows.TimeWindows>()
  const reads = yield* SegmentReads.make(options, {
    segments: pravega.segments,
    scope,
    share: () => {
      const current = state.current()
      return current === undefined
        ? 1
        : Math.ceil(ReaderGroupState.numberOfSegments(current) / Math.max(1, current.assigned.size))
    },
    windowOf: (stream) => windows.get(stream.toString())?.current() ?? TimeWindow.unknown,
    onIdle: bell.ring
  })
  const reader = new Member(options, { pravega, scope, timers, bell, windows, reads })
  yield* Effect.acquireRelease(reader.join, () => reader.leave)
  const stop = state.onChange(bell.ring)
  yield* Effect.addFinalizer(() => Effect.sync(stop))
  if (options.timeWindows) yield* reader.watchTime
  const life = Effect.raceFirst(reader.live, GroupState.followed(options.group, state))
  yield* Effect.forkScoped(
    Effect.matchCauseEffect(life, { onFailure: reads.fail, onSuccess: () => reads.finish })
  )
  return { id: options.reader, pull: reads.pull, nextPartition: reads.nextPartition }
})

const millis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/** Wakes one fiber that waits; rung before it waits, it does not wait. */
class Bell {
  private isRung = false
  private wake: (() => void) | undefined = undefined

  readonly ring = (): void => {
    this.isRung = true
    const { wake } = this
    this.wake = undefined
    wake?.()
  }

  silence(): void {
    this.isRung = false
  }

  readonly heard: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.isRung) return resume(Effect.void)
    this.wake = () => resume(Effect.void)
    return Effect.sync(() => {
      this.wake = undefined
    })
  })
}

interface Parts {
  readonly pravega: Pravega["Service"]
  readonly scope: Scope.Scope
  readonly timers: MemberTimers
  /** Rings when there may be something to do. */
  readonly bell: Bell
  readonly windows: Map<string, TimeWindows.TimeWindows>
  readonly reads: SegmentReads.SegmentReads
}

class Member {
  private readonly id: string
  private readonly options: Options
  private readonly pravega: Pravega["Service"]
  private readonly state: GroupState.GroupState
  private readonly scope: Scope.Scope
  private readonly timers: MemberTimers
  private readonly bell: Bell
  private readonly windows: Map<string, TimeWindows.TimeWindows>
  private readonly reads: SegmentReads.SegmentReads
  /** How often successors were asked for in vain. */
  private readonly askedInVain = new Map<string, number>()
  /** How often it was reported of a segment that is read to its end that it is not acknowledged. */
  private readonly reports = new Map<string, number>()
  /** This reader was taken out of the group. It stays lost when its id joins again: that is another reader. */
  private isLost = false
  /** What is given up as soon as all that was handed out of it is processed. */
  private leaving: OwnedSegment | undefined = undefined

  constructor(options: Options, parts: Parts) {
    this.options = options
    this.id = options.reader
    this.pravega = parts.pravega
    this.state = options.state
    this.scope = parts.scope
    this.timers = parts.timers
    this.bell = parts.bell
    this.windows = parts.windows
    this.reads = parts.reads
  }

  readonly join: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    GroupState.update(this.state, (now) => MemberUpdates.join(now, this.id)).pipe(
      Effect.filterOrFail(
        (joined) => joined,
        () => GroupState.fail(new ReaderIdInUse({ group: GroupState.nameOf(this.options.group), reader: this.id }))
      ),
      // for as long as the state is there, which is this reader's own
      Effect.map(() => {
        this.state.onChange(() => {
          if (!ReaderGroupState.isOnline(this.now(), this.id)) this.isLost = true
        })
      })
    )
  )

  /** Tells where processing is, and is gone. Who can't reach the state leaves the rest to `readerOffline`. */
  readonly leave: Effect.Effect<void> = Effect.suspend(() => {
    const positions = this.reads.positions()
    for (const owned of this.reads.owned.values()) owned.leave()
    return GroupState.update(this.state, (now) =>
      // whether all it knows to own is its own does not matter: it may have been giving up or completing some
      this.isLost ? { updates: [], value: undefined } : MemberUpdates.leave(now, this.id, positions)).pipe(
        Effect.timeout(leaveTimeout),
        Effect.catchCause((cause) =>
          Effect.logWarning("a reader could not leave its group: declare it offline", cause).pipe(
            Effect.annotateLogs({ group: GroupState.nameOf(this.options.group), reader: this.id })
          )
        )
      )
  })

  readonly watchTime: Effect.Effect<void, ReaderGroupError, Scope.Scope> = Effect.suspend(() => {
    const streams = Array.from(this.now().config.startingStreamCuts.keys(), Reading.stream)
    return Effect.forEach(streams, (stream) =>
      Effect.gen({ self: this }, function*() {
        const windows = TimeWindows.make()
        this.windows.set(stream.toString(), windows)
        const look = () => windows.advanceTo(ReaderGroupState.ofStream(this.now().lastRead, stream))
        look()
        const stop = this.state.onChange(look)
        yield* Effect.addFinalizer(() => Effect.sync(stop))
        yield* TimeWindows.follow(stream, windows).pipe(
          Effect.provideService(Pravega, this.pravega),
          Effect.catchCause((cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : this.reads.fail(cause)),
          Effect.forkScoped
        )
      }), { discard: true })
  })

  /** Everything that a member does, until there is nothing left to read. */
  readonly live: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      while (true) {
        this.bell.silence()
        if (!this.ownsWhatItKnows()) this.isLost = true
        if (this.isLost) return yield* this.lost
        yield* this.act
        if (ReaderGroupState.isEndOfData(this.now())) return
        yield* this.rest
      }
    })
  )

  /** In Java's order. Each step looks at the newest state, and leaves what is not due. */
  private readonly act: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    this.takeOverConfig.pipe(
      Effect.andThen(this.answerCheckpoints),
      Effect.andThen(this.completeSegments),
      Effect.andThen(this.releaseSegment),
      Effect.andThen(this.automaticCheckpoint),
      Effect.andThen(this.acquireSegments),
      Effect.andThen(this.report),
      Effect.andThen(this.compact)
    )
  )

  private readonly rest: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(
      millis,
      (now) => Effect.raceFirst(this.bell.heard, Effect.sleep(Duration.millis(this.timers.untilNext(now))))
    )
  )

  private now(): ReaderGroupState.ReaderGroupState {
    const now = this.state.current()
    if (now === undefined) throw new Error("a member of a group without a state")
    return now
  }

  /** Whether its id has these segments. If not, another reader took it, in a part of the history that was not seen here. */
  private ownsWhatItKnows(): boolean {
    const assigned = this.state.current()?.assigned.get(this.id)
    return assigned !== undefined && Array.from(this.reads.owned.keys()).every((segment) => assigned.has(segment))
  }

  private readonly lost: Effect.Effect<never, ReaderGroupError> = Effect.suspend(() =>
    Effect.fail(
      GroupState.fail(new MembershipLost({ group: GroupState.nameOf(this.options.group), reader: this.id }))
    )
  )

  /** Changes the group's state as a member. Whether this is one still is found where the decision is made. */
  private update<A>(
    decide: (now: ReaderGroupState.ReaderGroupState) => MemberUpdates.Decided<A>
  ): Effect.Effect<A, ReaderGroupError> {
    const decided = GroupState.update<Effect.Effect<A, ReaderGroupError>>(this.state, (now) => {
      if (this.isLost) return { updates: [], value: this.lost }
      const { updates, value } = decide(now)
      return { updates, value: Effect.succeed(value) }
    })
    return Effect.flatten(decided)
  }

  /** Whether a checkpoint waits for this reader: then segments stay where they are. */
  private checkpointAsked(): string | undefined {
    return CheckpointState.nextFor(this.now().checkpoints, this.id)
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
      const now = yield* millis
      if (now < this.timers.configAt) return
      this.timers.lookedAtConfig(now)
      if (!this.now().updatingConfig) return
      yield* GroupState.takeOver(this.options.group, this.state).pipe(Effect.provideService(Pravega, this.pravega))
    })
  )

  private readonly answerCheckpoints: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      for (let name = this.checkpointAsked(); name !== undefined; name = this.checkpointAsked()) {
        const checkpoint = name
        const positions = this.reads.positions()
        const isSilent = CheckpointState.isSilent(checkpoint)
        if (!isSilent) yield* this.options.onCheckpoint(checkpoint, this.positionAt(positions))
        yield* this.update((now) => MemberUpdates.answer(now, this.id, checkpoint, positions))
        yield* this.postponeCheckpoint
        if (!isSilent) yield* this.publish
      }
    })
  )

  private positionAt(positions: Positions): Position {
    return Position.make({
      segments: Array.from(this.reads.owned.values(), ({ name, range, segment }) => ({
        stream: segment.stream,
        segment: segment.id,
        offset: positions.get(name) ?? 0n,
        ...(range === undefined ? {} : { range })
      }))
    })
  }

  private readonly postponeCheckpoint = Effect.suspend(() =>
    Effect.map(millis, (now) => {
      const interval = this.now().config.automaticCheckpointInterval
      this.timers.checkpointAt = interval === undefined ? Infinity : now + Duration.toMillis(interval)
    })
  )

  private readonly automaticCheckpoint: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      const { checkpoints, config: { automaticCheckpointInterval: interval } } = this.now()
      if (interval === undefined || Duration.toMillis(interval) <= 0) return
      if ((yield* millis) < this.timers.checkpointAt || CheckpointState.isOngoing(checkpoints)) return
      const name = globalThis.crypto.randomUUID()
      yield* this.update((now) => MemberUpdates.checkpoint(now, name))
      yield* this.postponeCheckpoint
      yield* this.answerCheckpoints
    })
  )

  /** Lets the streams forget what is before the last checkpoint. What can't be told now is told after the next one. */
  private readonly publish: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      const { checkpoints, config: { generation, id, retention } } = this.now()
      const { lastPositions, lastPublished } = checkpoints
      if (retention !== "automatic" || lastPublished || lastPositions === undefined) return
      const { group } = this.options
      const cuts = yield* GroupCuts.cuts(lastPositions).pipe(Effect.provideService(Pravega, this.pravega))
      yield* Effect.forEach(cuts, (cut) => this.pravega.controller.updateSubscriber(group, { id, generation, cut }))
      yield* GroupState.append(this.state, { _tag: "UpdateCheckpointPublished", published: true })
    }).pipe(
      Effect.catchTag(
        "ControllerError",
        (error) => Effect.logWarning("a reader group's checkpoint was not reported to its streams' retention", error)
      )
    )
  )

  private readonly completeSegments: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.forEach(
      Array.from(this.reads.owned.values()).filter(({ isFinished }) => isFinished),
      (owned) =>
        Effect.gen({ self: this }, function*() {
          if (this.checkpointAsked() !== undefined) return
          const successors = yield* this.successorsOf(owned)
          if (successors === undefined) return
          const { name: segment, range } = owned
          const isDone = yield* this.update(
            (now) => MemberUpdates.complete(now, this.id, { segment, range, successors })
          )
          // else a checkpoint came first
          if (!isDone) return
          this.askedInVain.delete(owned.name)
          this.reports.delete(owned.name)
          yield* this.reads.drop(owned)
          this.timers.acquireAt = 0
        }),
      { discard: true }
    )
  )

  /** What follows a segment that is read; undefined: it is not known yet, and will be asked for again. */
  private readonly successorsOf = Effect.fnUntraced(
    { self: this },
    function*(
      this: Member,
      { name, segment }: OwnedSegment
    ): Effect.fn.Return<Successors | undefined, ReaderGroupError> {
      if (this.now().endSegments.has(name)) return new Map()
      const { controller } = this.pravega
      const { id, stream } = segment
      const found = yield* Effect.mapError(controller.successors(stream, id), GroupState.fail)
      if (found.length > 0) {
        return new Map(found.map((next) => [
          Segment.name(stream, next.id),
          { range: next.range, predecessors: new Set(next.predecessors) }
        ]))
      }
      // no successors: the stream is sealed, or the controller has not come to it yet
      const active = yield* Effect.mapError(controller.currentSegments(stream), GroupState.fail)
      if (active.length === 0) return new Map()
      const attempts = (this.askedInVain.get(name) ?? 0) + 1
      this.askedInVain.set(name, attempts)
      if (attempts > successorAttempts) return yield* GroupState.fail(new SuccessorsUnknown({ segment: name }))
      yield* Effect.forkIn(
        Effect.andThen(Effect.sleep(Duration.millis(this.timers.unit / 10)), Effect.sync(this.bell.ring)),
        this.scope
      )
      return undefined
    }
  )

  private readonly releaseSegment: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      const now = yield* millis
      if (this.checkpointAsked() !== undefined) return
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
      const isReleased = yield* this.update(
        (state) => MemberUpdates.release(state, this.id, place, at)
      )
      if (!isReleased && this.checkpointAsked() !== undefined) return
      this.leaving = undefined
      this.timers.moved(now, this.now())
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
      const now = yield* millis
      if (now < this.timers.acquireAt || this.checkpointAsked() !== undefined) return
      if (this.now().unassigned.size === 0) return this.timers.foundNothing(now, this.now())
      const at = yield* this.at
      const acquired = yield* this.update((state) => MemberUpdates.acquire(state, this.id, at))
      this.timers.moved(now, this.now())
      const { endSegments } = this.now()
      for (const [name, place] of acquired) {
        const end = endSegments.get(name)
        yield* this.reads.own(name, place, end === endOfSegment ? undefined : end)
      }
    })
  )

  private readonly report: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      const now = yield* millis
      if (now < this.timers.reportAt) return
      this.timers.reported(now, this.now())
      yield* GroupState.append(this.state, MemberUpdates.report(this.id, yield* this.at))
      yield* this.remind
    })
  )

  /** What is read and not acknowledged holds up what follows it: said once per segment, to who forgot to acknowledge. */
  private readonly remind: Effect.Effect<void> = Effect.suspend(() => {
    const waiting = Array.from(this.reads.owned.values()).filter(({ isBusy, isEnded }) => isEnded && isBusy)
    for (const { name } of waiting) this.reports.set(name, (this.reports.get(name) ?? 0) + 1)
    return Effect.forEach(
      waiting.filter(({ name }) => this.reports.get(name) === reportsBeforeReminder),
      ({ acknowledged, delivered, name }) =>
        Effect.logWarning("a segment is read to its end and not acknowledged: what follows it is not read").pipe(
          Effect.annotateLogs({
            group: GroupState.nameOf(this.options.group),
            segment: name,
            acknowledged: acknowledged.toString(),
            delivered: delivered.toString()
          })
        ),
      { discard: true }
    )
  })

  /** Now and then, so that not all members do it. */
  private readonly compact: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      const now = yield* millis
      if (now < this.timers.compactAt) return
      this.timers.compactAt = now +
        Math.max(this.timers.unit, Duration.toMillis(this.now().config.groupRefreshTime))
      if ((yield* Random.next) >= compactionProbability) return
      yield* this.state.compact(
        (state) => ({ _tag: "Init", init: { _tag: "CompactReaderGroupState", state } }),
        compactionBytes
      ).pipe(Effect.mapError(GroupState.fail))
    })
  )
}

/** What the state says of a segment of the ending cuts that is read to its own end. */
const endOfSegment = (1n << 63n) - 1n
