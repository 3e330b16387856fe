/**
 * Being in a group: joining, noticing that somebody else took the reader out, changing the group's state as a member, and
 * leaving. What a member does with its segments is not known here.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Positions } from "../../../core/SegmentPositions.ts"
import type { ReaderGroupRef } from "../../controller/Controller.ts"
import * as GroupState from "../internal/GroupState.ts"
import { MembershipLost, type ReaderGroupError, ReaderIdInUse } from "../ReaderGroupError.ts"
import * as CheckpointState from "../state/CheckpointState.ts"
import * as ReaderGroupState from "../state/ReaderGroupState.ts"
import * as MemberUpdates from "./MemberUpdates.ts"

/** @category models @since 0.1.0 */
export interface Options {
  readonly group: ReaderGroupRef
  /** The group's, with at least its first state read; of this reader alone. */
  readonly state: GroupState.GroupState
  readonly reader: string
}

/** @category models @since 0.1.0 */
export class Membership {
  readonly id: string
  readonly group: ReaderGroupRef
  readonly state: GroupState.GroupState
  /** This reader was taken out of the group. It stays lost when its id joins again: that is another reader. */
  private isLost = false

  constructor({ group, reader, state }: Options) {
    this.id = reader
    this.group = group
    this.state = state
  }

  now(): ReaderGroupState.ReaderGroupState {
    const now = this.state.currentUnsafe()
    if (now === undefined) throw new Error("a member of a group without a state")
    return now
  }

  readonly join: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    GroupState.update(this.state, (now) => MemberUpdates.join(now, this.id)).pipe(
      Effect.filterOrFail(
        (joined) => joined,
        () => GroupState.fail(new ReaderIdInUse({ group: GroupState.nameOf(this.group), reader: this.id }))
      ),
      // for as long as the state is there, which is this reader's own
      Effect.map(() => {
        this.state.onChangeUnsafe(() => {
          if (!ReaderGroupState.isOnline(this.now(), this.id)) this.isLost = true
        })
      })
    )
  )

  /** Tells where processing is. Whether all it knows to own is its own does not matter: it may be giving up some. */
  leave(positions: Positions): Effect.Effect<void, ReaderGroupError> {
    return GroupState.update(
      this.state,
      (now) => this.isLost ? { updates: [], value: undefined } : MemberUpdates.leave(now, this.id, positions)
    )
  }

  /**
   * Fails if this reader is lost. If its id has not these segments, another reader took it, in a part of the history that
   * was not seen here.
   */
  check(segments: Iterable<string>): Effect.Effect<void, ReaderGroupError> {
    return Effect.suspend(() => {
      const assigned = this.now().assigned.get(this.id)
      const ownsAll = assigned !== undefined && Array.from(segments).every((segment) => assigned.has(segment))
      if (!ownsAll) this.isLost = true
      return this.isLost ? this.lost : Effect.void
    })
  }

  /** Changes the group's state as a member. Whether this is one still is found where the decision is made. */
  update<A>(
    decide: (now: ReaderGroupState.ReaderGroupState) => MemberUpdates.Decided<A>
  ): Effect.Effect<A, ReaderGroupError> {
    const decided = GroupState.update<Effect.Effect<A, ReaderGroupError>>(this.state, (now) => {
      if (this.isLost) return { updates: [], value: this.lost }
      const { updates, value } = decide(now)
      return { updates, value: Effect.succeed(value) }
    })
    return Effect.flatten(decided)
  }

  /** The checkpoint that waits for this reader: until it is answered, segments stay where they are. */
  checkpointAsked(): string | undefined {
    return CheckpointState.nextFor(this.now().checkpoints, this.id)
  }

  private readonly lost: Effect.Effect<never, ReaderGroupError> = Effect.suspend(() =>
    Effect.fail(
      GroupState.fail(new MembershipLost({ group: GroupState.nameOf(this.group), reader: this.id }))
    )
  )
}
