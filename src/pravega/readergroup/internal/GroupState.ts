/**
 * The shared state of a reader group, live: the log that it is kept in, the state that it starts with, and how its
 * configuration is changed.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as EventCodec from "../../../core/EventCodec.ts"
import * as EventStream from "../../../core/EventStream.ts"
import type { ReaderGroupConfig } from "../../../core/ReaderGroupConfig.ts"
import * as ReaderGroupName from "../../../core/ReaderGroupName.ts"
import { ScopedStream } from "../../../core/ScopedStream.ts"
import type { ReaderGroupRef } from "../../controller/Controller.ts"
import type { ControllerError } from "../../controller/ControllerError.ts"
import { Pravega } from "../../Pravega.ts"
import * as RevisionedStream from "../../synchronizer/RevisionedStream.ts"
import * as StateSynchronizer from "../../synchronizer/StateSynchronizer.ts"
import { GroupNotFound, ReaderGroupError, type ReaderGroupErrorReason } from "../ReaderGroupError.ts"
import * as ReaderGroupState from "../state/ReaderGroupState.ts"
import type { ReaderGroupStateInit, ReaderGroupUpdate } from "../state/ReaderGroupUpdate.ts"
import { SignsOfLife } from "../state/SignsOfLife.ts"
import * as SynchronizerEntry from "../state/SynchronizerEntry.ts"

/** @category models @since 0.1.0 */
export interface GroupState extends
  StateSynchronizer.StateSynchronizer<
    ReaderGroupState.ReaderGroupState,
    SynchronizerEntry.SynchronizerEntry
  >
{
  /** What was heard of the group's readers, as far as the log was read here. */
  readonly signs: SignsOfLife
}

/** @category getters @since 0.1.0 */
export const nameOf = ({ name, scope }: ReaderGroupRef): string => `${scope}/${name}`

/** @category errors @since 0.1.0 */
export const fail = (reason: ReaderGroupErrorReason): ReaderGroupError => new ReaderGroupError({ reason })

/** @category errors @since 0.1.0 */
export const notFound = (group: ReaderGroupRef): ReaderGroupError => fail(new GroupNotFound({ group: nameOf(group) }))

const codec = EventCodec.make<SynchronizerEntry.SynchronizerEntry>({
  name: "reader group state",
  encode: SynchronizerEntry.toBytes,
  decode: (bytes) => Result.getOrThrow(SynchronizerEntry.fromBytes(bytes))
})

/**
 * Opens the state of a group that the controller knows; there may be nothing in it yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function*(
  group: ReaderGroupRef
): Effect.fn.Return<GroupState, ReaderGroupError, Pravega | Scope.Scope> {
  const stream = new ScopedStream({ scope: group.scope, stream: ReaderGroupName.stream(group.name) })
  const log = yield* RevisionedStream.make(EventStream.make(stream, { codec })).pipe(
    Effect.mapError((error) => isGone(error.reason) ? notFound(group) : fail(error))
  )
  const signs = new SignsOfLife()
  const synchronizer = StateSynchronizer.make<ReaderGroupState.ReaderGroupState, SynchronizerEntry.SynchronizerEntry>(
    log,
    {
      replay: (state, entry) => {
        if (entry._tag === "Updates") signs.note(entry.updates)
        return SynchronizerEntry.replay(state, entry)
      }
    }
  )
  return Object.assign(synchronizer, { signs })
})

/** Never created, or deleted: what is left of it then is sealed. */
const isGone = (reason: RevisionedReason): boolean =>
  (reason._tag === "ControllerError" && reason.reason._tag === "StreamNotFound") || reason._tag === "InvalidPosition"

type RevisionedReason = Effect.Error<ReturnType<typeof RevisionedStream.make>>["reason"]

/** Several updates, one entry. None: nothing is to be appended. @category transitions @since 0.1.0 */
export const updates = (list: ReadonlyArray<ReaderGroupUpdate>): SynchronizerEntry.SynchronizerEntry | undefined =>
  list.length === 0 ? undefined : { _tag: "Updates", updates: list }

/** A change of the state, in terms of the group's errors. @category transitions @since 0.1.0 */
export const update = <A>(
  state: GroupState,
  decide: (now: ReaderGroupState.ReaderGroupState) => {
    readonly updates: ReadonlyArray<ReaderGroupUpdate>
    readonly value: A
  }
): Effect.Effect<A, ReaderGroupError> =>
  state.update((now) => {
    const decided = decide(now)
    return { entry: updates(decided.updates), value: decided.value }
  }).pipe(Effect.mapError(fail))

/** Updates that are allowed in every state. @category transitions @since 0.1.0 */
export const append = (
  state: GroupState,
  ...updates: ReadonlyArray<ReaderGroupUpdate>
): Effect.Effect<void, ReaderGroupError> => Effect.mapError(state.append({ _tag: "Updates", updates }), fail)

/** @category transitions @since 0.1.0 */
export const fetch = (
  group: ReaderGroupRef,
  state: GroupState
): Effect.Effect<ReaderGroupState.ReaderGroupState, ReaderGroupError> =>
  Effect.mapError(state.fetch, (error) => error.reason._tag === "StateMissing" ? notFound(group) : fail(error))

/** Makes the first state, if there is none. Answers the state, also one that another process made. @category transitions @since 0.1.0 */
export const initialize = (
  state: GroupState,
  config: ReaderGroupConfig
): Effect.Effect<ReaderGroupState.ReaderGroupState, ReaderGroupError, Pravega> =>
  start(config).pipe(
    Effect.flatMap((init) => state.initialize({ _tag: "Init", init })),
    Effect.mapError(fail)
  )

/** Reads the state; makes the first one if there is none. @category transitions @since 0.1.0 */
export const begin = (
  group: ReaderGroupRef,
  state: GroupState,
  config: ReaderGroupConfig
): Effect.Effect<ReaderGroupState.ReaderGroupState, ReaderGroupError, Pravega> =>
  fetch(group, state).pipe(
    Effect.catchReason("ReaderGroupError", "GroupNotFound", () => initialize(state, config))
  )

/**
 * What a group of this configuration starts with; the heads of its unbounded streams are asked for.
 *
 * @category transitions
 * @since 0.1.0
 */
export const start = Effect.fnUntraced(function*(
  config: ReaderGroupConfig
): Effect.fn.Return<ReaderGroupStateInit, ControllerError, Pravega> {
  const { controller } = yield* Pravega
  const unbounded = Array.from(config.startingStreamCuts).filter(([, bound]) => bound === "unbounded")
  const heads = yield* Effect.forEach(
    unbounded,
    ([stream]) => controller.head(ScopedStream.fromTextUnsafe(stream)),
    { concurrency: 16 }
  )
  return { _tag: "ReaderGroupStateInit", ...ReaderGroupState.start(config, heads) }
})

/**
 * Takes the controller's configuration over into the state, if it is a newer one. A process that changed it there
 * may have died before it did so.
 *
 * @category transitions
 * @since 0.1.0
 */
export const takeOver = Effect.fnUntraced(function*(
  group: ReaderGroupRef,
  state: GroupState
): Effect.fn.Return<void, ReaderGroupError, Pravega> {
  const { controller } = yield* Pravega
  const config = yield* Effect.mapError(controller.readerGroupConfig(group), fail)
  const known = state.currentUnsafe()
  // generations only grow: what is known here may be old, but not too new
  if (known !== undefined && known.config.generation >= config.generation) return
  const init = yield* Effect.mapError(start(config), fail)
  yield* update(state, (now) => ({
    updates: now.config.generation < config.generation ? [init] : [],
    value: undefined
  }))
})

/** Waits until the state is as wanted; reads what others append meanwhile. @category transitions @since 0.1.0 */
export const awaitState = <A>(
  group: ReaderGroupRef,
  state: GroupState,
  wanted: (now: ReaderGroupState.ReaderGroupState) => A | undefined
): Effect.Effect<A, ReaderGroupError> => {
  const arrived = Effect.callback<A>((resume) => {
    const look = () => {
      const now = state.currentUnsafe()
      const found = now === undefined ? undefined : wanted(now)
      if (found === undefined) return
      stop()
      resume(Effect.succeed(found))
    }
    const stop = state.onChangeUnsafe(look)
    look()
    return Effect.sync(stop)
  })
  return Effect.raceFirst(arrived, followed(group, state))
}

/** Keeps the state new; its end is that of the group. @category transitions @since 0.1.0 */
export const followed = (group: ReaderGroupRef, state: GroupState): Effect.Effect<never, ReaderGroupError> =>
  Effect.andThen(Effect.mapError(state.follow, fail), Effect.fail(notFound(group)))
