/**
 * What a reader of a group does about checkpoints: answers those that wait for it, asks for automatic ones, and tells the
 * streams' retention what is behind the last.
 *
 * @see `ReaderGroupStateManager` of Pravega 0.13.0
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MonotonicClock from "../../../core/MonotonicClock.ts"
import { Position } from "../../../core/Position.ts"
import type { Positions } from "../../../core/SegmentPositions.ts"
import * as Uuid from "../../../core/Uuid.ts"
import { Pravega } from "../../Pravega.ts"
import * as GroupCuts from "../internal/GroupCuts.ts"
import * as GroupState from "../internal/GroupState.ts"
import type { ReaderGroupError } from "../ReaderGroupError.ts"
import * as CheckpointState from "../state/CheckpointState.ts"
import type { Membership } from "./Membership.ts"
import type * as MemberTimers from "./MemberTimers.ts"
import * as MemberUpdates from "./MemberUpdates.ts"
import type { SegmentReads } from "./SegmentReads.ts"

/** @category models @since 0.1.0 */
export interface Parts {
  readonly pravega: Pravega["Service"]
  readonly member: Membership
  readonly timers: MemberTimers.MemberTimers
  readonly reads: SegmentReads
  /** Runs before the reader answers a checkpoint that the application may know of, with the positions it answers. */
  readonly onCheckpoint: (checkpoint: string, position: Position) => Effect.Effect<void>
}

/** @category models @since 0.1.0 */
export interface MemberCheckpoints {
  readonly answer: Effect.Effect<void, ReaderGroupError>
  readonly automatic: Effect.Effect<void, ReaderGroupError>
}

/** @category constructors @since 0.1.0 */
export const make = ({ member, onCheckpoint, pravega, reads, timers }: Parts): MemberCheckpoints => {
  const postpone = Effect.map(MonotonicClock.millis, (now) => {
    const interval = member.now().config.automaticCheckpointInterval
    timers.checkpointAt = interval === undefined ? Infinity : now + Duration.toMillis(interval)
  })

  const positionAt = (positions: Positions): Position =>
    Position.make({
      segments: Array.from(reads.owned.values(), ({ name, range, segment }) => ({
        stream: segment.stream,
        segment: segment.id,
        offset: positions.get(name) ?? 0n,
        ...(range === undefined ? {} : { range })
      }))
    })

  /** Lets the streams forget what is before the last checkpoint. What can't be told now is told after the next one. */
  const publish: Effect.Effect<void, ReaderGroupError> = Effect.gen(function*() {
    const { checkpoints, config: { generation, id, retention } } = member.now()
    const { lastPositions, lastPublished } = checkpoints
    if (retention !== "automatic" || lastPublished || lastPositions === undefined) return
    const cuts = yield* GroupCuts.cuts(lastPositions).pipe(Effect.provideService(Pravega, pravega))
    yield* Effect.forEach(cuts, (cut) => pravega.controller.updateSubscriber(member.group, { id, generation, cut }))
    yield* GroupState.append(member.state, { _tag: "UpdateCheckpointPublished", published: true })
  }).pipe(
    Effect.catchTag(
      "ControllerError",
      (error) => Effect.logWarning("a reader group's checkpoint was not reported to its streams' retention", error)
    )
  )

  const answer: Effect.Effect<void, ReaderGroupError> = Effect.gen(function*() {
    for (let name = member.checkpointAsked(); name !== undefined; name = member.checkpointAsked()) {
      const checkpoint = name
      const positions = reads.positions()
      const isSilent = CheckpointState.isSilent(checkpoint)
      if (!isSilent) yield* onCheckpoint(checkpoint, positionAt(positions))
      yield* member.update((now) => MemberUpdates.answer(now, member.id, checkpoint, positions))
      yield* postpone
      if (!isSilent) yield* publish
    }
  })

  const automatic: Effect.Effect<void, ReaderGroupError> = Effect.gen(function*() {
    const { checkpoints, config: { automaticCheckpointInterval: interval } } = member.now()
    if (interval === undefined || Duration.toMillis(interval) <= 0) return
    if ((yield* MonotonicClock.millis) < timers.checkpointAt || CheckpointState.isOngoing(checkpoints)) return
    const name = yield* Uuid.next
    yield* member.update((now) => MemberUpdates.checkpoint(now, name))
    yield* postpone
    yield* answer
  })

  return { answer, automatic }
}
