/**
 * What a reader does about the others of its group of which nothing is heard any more. Their processes have died, and what
 * they had would wait for ever: it takes them out of the group, if they are of those that report as long as they live, and
 * names them in a warning before, or where it may not.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MonotonicClock from "../../../core/MonotonicClock.ts"
import * as GroupState from "../internal/GroupState.ts"
import type { ReaderGroupError } from "../ReaderGroupError.ts"
import type * as Membership from "./Membership.ts"
import type { MemberTimers } from "./MemberTimers.ts"
import * as MemberUpdates from "./MemberUpdates.ts"
import { SilentReaders } from "./SilentReaders.ts"

/** A reader that was silent for so many of the pauses between reports is named. Java's readers may work for a while. */
const pausesBeforeWarning = { beating: 2, others: 10 }
/** A reader that lives reports three times before it counts as dead, however short the time-out. */
const pausesBeforeExpiry = 3

/** @category models @since 0.2.0 */
export class OtherReaders {
  private readonly member: Membership.Membership
  private readonly timers: MemberTimers
  /** In milliseconds; undefined: nobody is taken out. */
  private readonly sessionTimeout: number | undefined
  private readonly silent = new SilentReaders()
  /** With what was heard of them before: each silence is told once. */
  private readonly told = new Map<string, number>()

  constructor(member: Membership.Membership, timers: MemberTimers, sessionTimeout: number | undefined) {
    this.member = member
    this.timers = timers
    this.sessionTimeout = sessionTimeout
  }

  /** To be called after each report: then this reader could reach the group's state. */
  readonly look: Effect.Effect<void, ReaderGroupError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function*() {
      const now = this.member.now()
      const { signs } = this.member.state
      const pause = this.timers.reportPause(now)
      const others = Array.from(now.assigned.keys()).filter((reader) => reader !== this.member.id)
      this.silent.look(yield* MonotonicClock.millis, 2 * pause, others, signs)
      const timeout = this.sessionTimeout === undefined
        ? Infinity
        : Math.max(this.sessionTimeout, pausesBeforeExpiry * pause)
      for (const { millis, reader, signs: heard } of this.silent.all()) {
        const isBeating = signs.isBeating(reader)
        const patience = pause * (isBeating ? pausesBeforeWarning.beating : pausesBeforeWarning.others)
        if (millis >= patience) yield* this.warn(reader, heard, isBeating ? timeout : Infinity)
        if (millis >= timeout && isBeating) yield* this.expire(reader, heard)
      }
    })
  )

  private warn(reader: string, heard: number, timeout: number): Effect.Effect<void> {
    const segments = this.member.now().assigned.get(reader)?.size ?? 0
    if (segments === 0 || this.told.get(reader) === heard) return Effect.void
    this.told.set(reader, heard)
    const isTakenOut = timeout !== Infinity
    const group = GroupState.nameOf(this.member.group)
    return Effect.logWarning(
      `reader "${reader}" of group "${group}" is silent, and nobody else gets its ${segments} segment(s). ` +
        (isTakenOut
          ? `It is taken out of the group when it has been for ${Duration.format(Duration.millis(timeout))}. `
          : "It is not taken out by itself: it is of a kind that may be silent while it works, or no time-out is set. ") +
        `If it has died, readerOffline("${reader}") of ReaderGroup.open("${group}") frees them at once`
    )
  }

  /** Whether it was heard of meanwhile is found where the decision is made, on the newest state. */
  private expire(reader: string, heard: number): Effect.Effect<void, ReaderGroupError> {
    const { signs } = this.member.state
    return Effect.flatMap(
      this.member.update((now) => MemberUpdates.expire(now, reader, signs.of(reader) === heard)),
      (isExpired) =>
        isExpired
          ? Effect.logWarning(
            `reader "${reader}" of group "${
              GroupState.nameOf(this.member.group)
            }" was silent for too long and is taken ` +
              "out of the group: its segments go on from where it last reported to be"
          )
          : Effect.void
    )
  }
}
