/**
 * Reader groups: readers that share the segments of some streams, so that each event goes to one of them. Here is what a group
 * reads, how far it is, and what can be done with it from outside. The readers themselves are in `EventReader`. Java's readers
 * and ours can be in one group.
 *
 * ```ts
 * import { ReaderGroup } from "effect-pravega"
 * import { Effect } from "effect"
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   yield* ReaderGroup.create("market/dashboards", { streams: ["market/trades"] })
 *   const group = yield* ReaderGroup.open("market/dashboards")
 *   const readers = yield* group.onlineReaders
 *   const behind = yield* group.unreadBytes
 *   yield* Effect.log(`${readers.length} readers are ${behind} bytes behind`)
 * }))
 * ```
 *
 * @see `ReaderGroupManagerImpl` and `ReaderGroupImpl` of Pravega 0.13.0
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Checkpoint } from "../../core/Checkpoint.ts"
import type { Position } from "../../core/Position.ts"
import * as ReaderGroupConfig from "../../core/ReaderGroupConfig.ts"
import { ReaderGroupName, streamPrefix } from "../../core/ReaderGroupName.ts"
import { ScopedStream } from "../../core/ScopedStream.ts"
import { ScopeName } from "../../core/ScopeName.ts"
import type { Positions } from "../../core/SegmentPositions.ts"
import type { StreamCut } from "../../core/StreamCut.ts"
import * as Uuid from "../../core/Uuid.ts"
import type { ReaderGroupRef } from "../controller/Controller.ts"
import { ControllerError, InvalidName } from "../controller/ControllerError.ts"
import { Pravega } from "../Pravega.ts"
import * as BatchReader from "../read/BatchReader.ts"
import * as StreamCuts from "../read/StreamCuts.ts"
import * as GroupBounds from "./internal/GroupBounds.ts"
import * as GroupCuts from "./internal/GroupCuts.ts"
import * as GroupState from "./internal/GroupState.ts"
import {
  CheckpointLost,
  GroupDiffers,
  type ReaderGroupError,
  RetentionNotManual,
  TooManyCheckpoints
} from "./ReaderGroupError.ts"
import * as CheckpointState from "./state/CheckpointState.ts"
import * as ReaderGroupState from "./state/ReaderGroupState.ts"

/** What a group reads of a stream. @category models @since 0.1.0 */
export interface StreamBounds {
  /** Where reading starts; default `unbounded`, the first events that are there. */
  readonly start?: ReaderGroupConfig.ReaderGroupBound | undefined
  /** Where it ends; default `unbounded`, not at all. */
  readonly end?: ReaderGroupConfig.ReaderGroupBound | undefined
}

/** @category models @since 0.1.0 */
export interface ReaderGroupOptions {
  /** The streams, as `scope/stream`; with bounds where they are not to be read as a whole. */
  readonly streams: ReadonlyArray<ScopedStream | string> | Readonly<Record<string, StreamBounds>>
  /** How often a checkpoint is taken without being asked for, default 30 seconds. */
  readonly automaticCheckpoints?: Duration.Input | "off" | undefined
  /** How many checkpoints may be unfinished at a time, default 3. */
  readonly maxOutstandingCheckpoints?: number | undefined
  /** What is not deleted because the group may need it, default `none`. */
  readonly retention?: ReaderGroupConfig.ReaderGroupRetention | undefined
  /** How often Java's readers look for changes, default 3 seconds; ours wait for them. */
  readonly groupRefreshTime?: Duration.Input | undefined
}

/** The position that a group is put back to. @category models @since 0.1.0 */
export type ResetTarget =
  /** The last finished checkpoint; where the group started, if there was none. */
  | "last-checkpoint"
  /**
   * A stream that it says nothing about was read to its end by then, if it has one: an ending cut, or it is sealed. There it
   * is left. One without an end came to the group later, and starts where the group's configuration says.
   */
  | Checkpoint
  /** Streams that have none start where the group's configuration says. */
  | ReadonlyArray<StreamCut>
  | ReaderGroupConfig.ReaderGroupConfig

/** How the segments are shared out. @category models @since 0.1.0 */
export interface Distribution {
  readonly segments: ReadonlyMap<string, number>
  /** Segments that nobody reads now. */
  readonly unassigned: number
}

/**
 * A group, seen from outside. It holds no connection but one for its own changes.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReaderGroup {
  /** `scope/group` */
  readonly name: string
  readonly config: Effect.Effect<ReaderGroupConfig.ReaderGroupConfig, ReaderGroupError>
  readonly onlineReaders: Effect.Effect<ReadonlyArray<string>, ReaderGroupError>
  readonly distribution: Effect.Effect<Distribution, ReaderGroupError>
  /**
   * Takes a checkpoint: asks all readers for their positions and waits for their answers. The group can be put back to its
   * cuts. Fails with `TooManyCheckpoints`, and with `CheckpointLost` if another checkpoint was finished first.
   *
   * If the group has a checkpoint of that name, this waits until it is finished, and returns it. So you may ask again after an
   * interruption. To find out where the group is now, take another name.
   */
  readonly checkpoint: (name: string) => Effect.Effect<Checkpoint, ReaderGroupError>
  /** Gives up the unfinished checkpoints. */
  readonly cancelCheckpoints: Effect.Effect<void, ReaderGroupError>
  /** Where the group is, of each stream: asks all readers, as `checkpoint` does, but no application hears of it. */
  readonly streamCuts: Effect.Effect<ReadonlyArray<StreamCut>, ReaderGroupError>
  /** Puts the group back, or forward. All its readers lose their membership. */
  readonly reset: (target: ResetTarget) => Effect.Effect<void, ReaderGroupError>
  /**
   * How many bytes are left to read, headers of events included. It goes by the last checkpoint, or, if there was none, by what
   * the readers have reported since the group started.
   */
  readonly unreadBytes: Effect.Effect<bigint, ReaderGroupError>
  /**
   * Declares a reader offline whose process has died. Its segments go to others, which start at the given position. Without
   * one they start where the reader last reported to be, and events that it processed since are delivered again.
   */
  readonly readerOffline: (reader: string, position?: Position) => Effect.Effect<void, ReaderGroupError>
  /** Tells Pravega that events before the cuts are not needed; for groups of `manual` retention. */
  readonly retainFrom: (cuts: ReadonlyArray<StreamCut>) => Effect.Effect<void, ReaderGroupError>
}

/**
 * Creates a group. Returns whether it was created: false, if it existed already with the same configuration. Fails with
 * `GroupDiffers` if it exists with another one, and with `InvalidName` for a name that no group or stream can have.
 *
 * @category constructors
 * @since 0.1.0
 */
export const create = Effect.fn("ReaderGroup.create")(function*(
  name: string,
  options: ReaderGroupOptions
): Effect.fn.Return<boolean, ReaderGroupError, Pravega> {
  const group = yield* parse(name)
  const wanted = yield* configured(options)
  const { config } = yield* Effect.scoped(createAs(group, wanted))
  if (config.id === wanted.id) return true
  if (ReaderGroupConfig.saysTheSame(config, wanted)) return false
  const detail = `it reads ${Array.from(config.startingStreamCuts.keys()).join(", ")}, retention ${config.retention}`
  return yield* GroupState.fail(new GroupDiffers({ group: name, detail }))
})

/**
 * Creates a group unless it exists, and sees to it that its state is there; answers its configuration, and the state.
 *
 * @internal
 * @category constructors
 * @since 0.1.0
 */
export const createAs = Effect.fnUntraced(function*(
  group: ReaderGroupRef,
  wanted: ReaderGroupConfig.ReaderGroupConfig
): Effect.fn.Return<
  { readonly config: ReaderGroupConfig.ReaderGroupConfig; readonly state: GroupState.GroupState },
  ReaderGroupError,
  Pravega | Scope.Scope
> {
  const { controller } = yield* Pravega
  // before the group is made: the controller makes one of streams that don't exist, or never answers
  yield* Effect.forEach(
    wanted.startingStreamCuts.keys(),
    (stream) => controller.streamConfiguration(ScopedStream.fromTextUnsafe(stream)),
    { discard: true }
  ).pipe(Effect.mapError(GroupState.fail))
  yield* Effect.mapError(GroupBounds.check(wanted), GroupState.fail)
  const config = yield* Effect.mapError(controller.createReaderGroup(group, wanted), GroupState.fail)
  const state = yield* GroupState.open(group)
  // it was made just now; the process that made another one may have died before this
  if (config.id === wanted.id) yield* GroupState.initialize(state, config)
  else yield* GroupState.begin(group, state, config)
  return { config, state }
})

/**
 * Opens a group that has a state, as most have that a reader joins: its configuration is there, and the controller is not
 * asked for it. Else the group is created.
 *
 * @internal
 * @category constructors
 * @since 0.1.0
 */
export const openOrCreate = <E, R>(
  group: ReaderGroupRef,
  wanted: Effect.Effect<ReaderGroupConfig.ReaderGroupConfig, E, R>
): Effect.Effect<
  { readonly config: ReaderGroupConfig.ReaderGroupConfig; readonly state: GroupState.GroupState },
  ReaderGroupError | E,
  Pravega | Scope.Scope | R
> =>
  GroupState.open(group).pipe(
    Effect.flatMap((state) => Effect.map(GroupState.fetch(group, state), ({ config }) => ({ config, state }))),
    // from before controllers knew of groups
    Effect.filterOrFail(({ config }) => config.id !== ReaderGroupConfig.anyId, () => GroupState.notFound(group)),
    Effect.catchReason("ReaderGroupError", "GroupNotFound", () =>
      Effect.flatMap(wanted, (config) =>
        createAs(group, config)))
  )

/** @internal @category constructors @since 0.1.0 */
export const configured = Effect.fnUntraced(function*(
  options: ReaderGroupOptions
): Effect.fn.Return<ReaderGroupConfig.ReaderGroupConfig, ReaderGroupError> {
  const streams = isList(options.streams)
    ? Object.fromEntries(options.streams.map((stream) => [String(stream), {}]))
    : Object.fromEntries(
      Object.entries(options.streams).map(([stream, { end, start }]) => [
        stream,
        { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) }
      ])
    )
  for (const value of Object.keys(streams)) {
    if (Result.isSuccess(ScopedStream.fromText(value))) continue
    return yield* GroupState.fail(new ControllerError({ reason: new InvalidName({ kind: "stream", value }) }))
  }
  return ReaderGroupConfig.make({
    ...options,
    streams,
    // an id of our own tells whose group the controller answers with
    numbered: { generation: 0n, id: yield* Uuid.next }
  })
})

const isList = (streams: ReaderGroupOptions["streams"]): streams is ReadonlyArray<ScopedStream | string> =>
  Array.isArray(streams)

const delete_ = Effect.fn("ReaderGroup.delete")(function*(
  name: string
): Effect.fn.Return<boolean, ReaderGroupError, Pravega> {
  const group = yield* parse(name)
  const { controller } = yield* Pravega
  return yield* controller.readerGroupConfig(group).pipe(
    Effect.flatMap(({ id }) => controller.deleteReaderGroup(group, id)),
    Effect.catchReason("ControllerError", "NotFound", () => Effect.succeed(false)),
    Effect.mapError(GroupState.fail)
  )
})

export {
  /**
   * Deletes a group and its state; its readers end with `GroupNotFound`. True: deleted; false: there was none.
   *
   * @category destructors
   * @since 0.2.0
   */
  delete_ as delete
}

/**
 * The groups of a scope, by their full names: `scope/group`. They are found by the streams that hold their state, as Pravega's
 * controller lists no groups.
 *
 * @category streams
 * @since 0.2.0
 */
export const list = (scopeName: string): Stream.Stream<string, ReaderGroupError, Pravega> =>
  Stream.unwrap(Effect.gen(function*() {
    const { controller } = yield* Pravega
    const scope = Schema.decodeResult(ScopeName)(scopeName)
    if (Result.isFailure(scope)) {
      return yield* new ControllerError({ reason: new InvalidName({ kind: "scope", value: scopeName }) })
    }
    return controller.listStreams(scope.success)
  })).pipe(
    Stream.filter(({ stream }) => stream.startsWith(streamPrefix)),
    Stream.map(({ scope, stream }) => `${scope}/${stream.slice(streamPrefix.length)}`),
    Stream.mapError(GroupState.fail)
  )

/** A group's name in two parts; fails with `InvalidName`. @internal @category decoding @since 0.1.0 */
export const parse = (name: string): Effect.Effect<ReaderGroupRef, ReaderGroupError> => {
  const [scope = "", group = "", ...rest] = name.split("/")
  const parts = Result.all([
    Schema.decodeResult(ScopeName)(scope),
    Schema.decodeResult(ReaderGroupName)(group)
  ])
  return Result.isSuccess(parts) && rest.length === 0
    ? Effect.succeed({ scope: parts.success[0], name: parts.success[1] })
    : Effect.fail(
      GroupState.fail(new ControllerError({ reason: new InvalidName({ kind: "reader group", value: name }) }))
    )
}

/**
 * Opens a group. Fails with `GroupNotFound`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fn("ReaderGroup.open")(function*(
  name: string
): Effect.fn.Return<ReaderGroup, ReaderGroupError, Pravega | Scope.Scope> {
  const group = yield* parse(name)
  const pravega = yield* Pravega
  const state = yield* GroupState.open(group)
  const fetch = GroupState.fetch(group, state)
  yield* fetch
  const provided = <A>(effect: Effect.Effect<A, ReaderGroupError, Pravega>): Effect.Effect<A, ReaderGroupError> =>
    Effect.provideService(effect, Pravega, pravega)
  return {
    name,
    config: Effect.map(fetch, ({ config }) => config),
    onlineReaders: Effect.map(fetch, ({ assigned }) => Array.from(assigned.keys())),
    distribution: Effect.map(fetch, ({ assigned, unassigned }) => ({
      segments: new Map(Array.from(assigned, ([reader, segments]) => [reader, segments.size] as const)),
      unassigned: unassigned.size
    })),
    checkpoint: (checkpoint) => provided(takeCheckpoint(group, state, checkpoint)),
    cancelCheckpoints: Effect.andThen(
      fetch,
      GroupState.update(state, () => ({ updates: [{ _tag: "RemoveOutstandingCheckpoints" }], value: undefined }))
    ),
    streamCuts: provided(
      Effect.flatMap(Uuid.next, (id) => Effect.map(takeCheckpoint(group, state, `${id}_SILENT_`), ({ cuts }) => cuts))
    ),
    reset: (target) => provided(reset(group, state, target)),
    unreadBytes: provided(unreadBytes(fetch)),
    readerOffline: (reader, position) =>
      Effect.andThen(
        fetch,
        GroupState.update(state, (now) => ({
          updates: ReaderGroupState.isOnline(now, reader)
            ? [{
              _tag: "RemoveReader",
              reader,
              positions: position === undefined ? new Map() : GroupCuts.ofPosition(position)
            }]
            : [],
          value: undefined
        }))
      ),
    retainFrom: (cuts) => provided(retainFrom(group, fetch, cuts))
  }
})

const takeCheckpoint = Effect.fnUntraced(function*(
  group: ReaderGroupRef,
  state: GroupState.GroupState,
  checkpoint: string
): Effect.fn.Return<Checkpoint, ReaderGroupError, Pravega> {
  yield* GroupState.fetch(group, state)
  const limit = yield* GroupState.update(state, (now) => {
    if (CheckpointState.isKnown(now.checkpoints, checkpoint)) return { updates: [], value: undefined }
    return ReaderGroupState.mayCheckpoint(now, checkpoint)
      ? { updates: [{ _tag: "CreateCheckpoint", checkpoint }], value: undefined }
      : { updates: [], value: now.config.maxOutstandingCheckpoints }
  })
  if (limit !== undefined) {
    return yield* GroupState.fail(new TooManyCheckpoints({ group: GroupState.nameOf(group), limit }))
  }
  const positions = yield* GroupState.awaitState<Positions | "lost">(
    group,
    state,
    ({ checkpoints }) =>
      CheckpointState.completedPositions(checkpoints, checkpoint) ??
        (CheckpointState.isComplete(checkpoints, checkpoint) ? "lost" : undefined)
  )
  if (positions === "lost") {
    return yield* GroupState.fail(new CheckpointLost({ group: GroupState.nameOf(group), checkpoint }))
  }
  yield* GroupState.append(state, { _tag: "ClearCheckpointsBefore", checkpoint })
  const cuts = yield* Effect.mapError(GroupCuts.cuts(positions), GroupState.fail)
  return new Checkpoint({ name: checkpoint, cuts })
})

const reset = Effect.fnUntraced(function*(
  group: ReaderGroupRef,
  state: GroupState.GroupState,
  target: ResetTarget
): Effect.fn.Return<void, ReaderGroupError, Pravega> {
  const { controller } = yield* Pravega
  while (true) {
    const now = yield* GroupState.fetch(group, state)
    const wanted = yield* Effect.mapError(resetConfig(now, target), GroupState.fail)
    yield* Effect.mapError(GroupBounds.check(wanted), GroupState.fail)
    const current = now.config
    const begun = yield* GroupState.update(state, ({ config }) =>
      config.generation === current.generation
        ? { updates: [{ _tag: "UpdatingConfig", updating: true }], value: true }
        : { updates: [], value: false })
    if (!begun) continue
    const { generation, id } = current
    const config = ReaderGroupConfig.change(wanted, { generation, id })
    const next = yield* controller.updateReaderGroup(group, config).pipe(
      Effect.catchReason("ControllerError", "Outdated", () => Effect.void),
      Effect.mapError(GroupState.fail)
    )
    if (next === undefined) {
      // somebody was faster at the controller, and may not have come back to the state
      yield* GroupState.takeOver(group, state)
      continue
    }
    const numbered = ReaderGroupConfig.change(wanted, { id, generation: next })
    const init = yield* Effect.mapError(GroupState.start(numbered), GroupState.fail)
    // a reader may have taken it over from the controller in the meantime
    return yield* GroupState.update(state, (last) => ({
      updates: last.config.generation < next ? [init] : [],
      value: undefined
    }))
  }
})

const resetConfig = Effect.fnUntraced(function*(now: ReaderGroupState.ReaderGroupState, target: ResetTarget) {
  if (target instanceof ReaderGroupConfig.ReaderGroupConfig) return target
  const { lastPositions } = now.checkpoints
  if (target === "last-checkpoint") {
    return lastPositions === undefined
      ? now.config
      : yield* startingAtCheckpoint(now.config, yield* GroupCuts.cuts(lastPositions))
  }
  const cuts = target instanceof Checkpoint ? target.cuts : target
  yield* GroupBounds.ofStreams(cuts, new Set(now.config.startingStreamCuts.keys()), "start")
  return target instanceof Checkpoint
    ? yield* startingAtCheckpoint(now.config, cuts)
    : startingAt(now.config, cuts)
})

const startingAt = (config: ReaderGroupConfig.ReaderGroupConfig, cuts: ReadonlyArray<StreamCut>) =>
  ReaderGroupConfig.change(config, {
    startingStreamCuts: new Map([
      ...config.startingStreamCuts,
      ...cuts.map((cut) => [cut.stream.toString(), cut] as const)
    ])
  })

/** A checkpoint holds no positions of a stream that the group had read to its end. */
const startingAtCheckpoint = Effect.fnUntraced(function*(
  config: ReaderGroupConfig.ReaderGroupConfig,
  cuts: ReadonlyArray<StreamCut>
) {
  const held = new Set(cuts.map((cut) => cut.stream.toString()))
  const ends = yield* Effect.forEach(
    Array.from(config.startingStreamCuts.keys()).filter((stream) => !held.has(stream)),
    (stream) => endOf(config, stream)
  )
  return startingAt(config, [...cuts, ...ends.filter((end) => end !== undefined)])
})

/** Where reading ends; undefined: it does not. */
const endOf = Effect.fnUntraced(function*(config: ReaderGroupConfig.ReaderGroupConfig, stream: string) {
  const end = config.endingStreamCuts.get(stream)
  if (end !== undefined && end !== "unbounded") return end
  const { cut, isSealed } = yield* StreamCuts.tail(ScopedStream.fromTextUnsafe(stream))
  return isSealed ? cut : undefined
})

const unreadBytes = (fetch: Effect.Effect<ReaderGroupState.ReaderGroupState, ReaderGroupError>) =>
  Effect.gen(function*() {
    const now = yield* fetch
    if (ReaderGroupState.isEndOfData(now)) return 0n
    const positions = now.checkpoints.lastPositions ??
      new Map(Array.from(ReaderGroupState.positions(now), ([segment, { offset }]) => [segment, offset] as const))
    const cuts = yield* Effect.mapError(GroupCuts.cuts(positions), GroupState.fail)
    const plans = yield* Effect.forEach(cuts, (from) => {
      const end = now.config.endingStreamCuts.get(from.stream.toString())
      // what was truncated can't be read, so it counts for nothing
      const onTruncated = () => Effect.void
      return BatchReader.plan(from.stream, { start: from, end: end === "unbounded" ? "latest" : end, onTruncated })
    }).pipe(Effect.mapError(GroupState.fail))
    return plans.reduce((sum, plan) => sum + plan.bytes, 0n)
  })

const retainFrom = Effect.fnUntraced(function*(
  group: ReaderGroupRef,
  fetch: Effect.Effect<ReaderGroupState.ReaderGroupState, ReaderGroupError>,
  cuts: ReadonlyArray<StreamCut>
) {
  const { controller } = yield* Pravega
  const { config: { generation, id, retention, startingStreamCuts } } = yield* fetch
  yield* Effect.mapError(GroupBounds.ofStreams(cuts, new Set(startingStreamCuts.keys()), "cut"), GroupState.fail)
  if (retention !== "manual") {
    return yield* GroupState.fail(new RetentionNotManual({ group: GroupState.nameOf(group), retention }))
  }
  yield* Effect.forEach(cuts, (cut) => controller.updateSubscriber(group, { id, generation, cut }), { discard: true })
    .pipe(Effect.mapError(GroupState.fail))
})
