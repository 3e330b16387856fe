/**
 * Reader groups as the controller knows them: their configuration, the stream that each one's members synchronise
 * through, and which streams' retention waits for them. Who reads what is the members' business.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import * as ReaderGroupName from "../../../core/ReaderGroupName.ts"
import * as pb from "../../../pravega/controller/gen/Controller_pb.ts"
import { Refusal } from "../Refusal.ts"
import { findStream, internal, scopeOrRefuse, type World } from "../World.ts"
import type { StreamState } from "./ControllerState.ts"
import * as Cuts from "./Cuts.ts"
import { isUserName } from "./KeyValueTables.ts"
import type { ReaderGroup } from "./Model.ts"
import * as Streams from "./Streams.ts"

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const zero = "00000000-0000-0000-0000-000000000000"
/** The size of the chunks of a group's stream in long-term storage, unless the group says another, in bytes. */
const rolloverSizeBytes = 4n * 1024n * 1024n

/** @category models @since 0.1.0 */
export type Created =
  | { readonly _tag: "There"; readonly group: ReaderGroup }
  | { readonly _tag: "Refused"; readonly status: pb.CreateReaderGroupResponse_Status }

/** A group that is there already is the answer, whatever was asked for. @category transitions @since 0.1.0 */
export const create = (world: World, scope: string, group: string, wanted: ReaderGroup): Created => {
  const Status = pb.CreateReaderGroupResponse_Status
  if (!isUserName(group)) return { _tag: "Refused", status: Status.INVALID_RG_NAME }
  check(world, wanted)
  const state = world.state.scopes.get(scope)
  if (state === undefined) return { _tag: "Refused", status: Status.SCOPE_NOT_FOUND }
  const existing = state.groups.get(group)
  if (existing !== undefined) return { _tag: "There", group: existing }
  const created = { ...wanted, generation: 0n, id: wanted.id === zero ? world.newId() : wanted.id }
  Streams.create(world, scope, streamOf(group), {
    ...Streams.ofSegments(1),
    rolloverSizeBytes: wanted.rolloverSizeBytes === 0n ? rolloverSizeBytes : wanted.rolloverSizeBytes
  })
  subscribe(world, scope, group, created)
  world.state.putGroup(scope, group, created)
  return { _tag: "There", group: created }
}

/** @category getters @since 0.1.0 */
export const find = (world: World, scope: string, group: string): ReaderGroup | undefined =>
  scopeOrRefuse(world, scope).groups.get(group)

/**
 * `wanted` must carry the id and the generation of what it replaces. The generation that the answer carries is its.
 *
 * @category transitions
 * @since 0.1.0
 */
export const update = (
  world: World,
  scope: string,
  group: string,
  wanted: ReaderGroup
): { readonly status: pb.UpdateReaderGroupResponse_Status; readonly generation: bigint } => {
  const Status = pb.UpdateReaderGroupResponse_Status
  check(world, wanted)
  const existing = find(world, scope, group)
  if (existing === undefined) return { status: Status.RG_NOT_FOUND, generation: wanted.generation }
  if (existing.generation !== wanted.generation || existing.id !== wanted.id) {
    return { status: Status.INVALID_CONFIG, generation: wanted.generation }
  }
  const generation = existing.generation + 1n
  const updated = { ...wanted, generation }
  unsubscribe(world, scope, group, existing, updated)
  subscribe(world, scope, group, updated)
  world.state.putGroup(scope, group, updated)
  return { status: Status.SUCCESS, generation }
}

/** The generation may be an old one. @category transitions @since 0.1.0 */
export const remove = (
  world: World,
  scope: string,
  group: string,
  id: string
): pb.DeleteReaderGroupStatus_Status => {
  const Status = pb.DeleteReaderGroupStatus_Status
  const existing = find(world, scope, group)
  if (existing === undefined || existing.id !== id) return Status.RG_NOT_FOUND
  unsubscribe(world, scope, group, existing, undefined)
  Streams.seal(world, scope, streamOf(group))
  Streams.remove(world, scope, streamOf(group))
  world.state.putGroup(scope, group, undefined)
  return Status.SUCCESS
}

/** Where a subscriber has read to, which never goes back. @category transitions @since 0.1.0 */
export const updateSubscriber = (
  world: World,
  subscriber: string,
  { cut, generation, groupId, scope, stream }: {
    readonly scope: string
    readonly stream: string
    readonly groupId: string
    readonly generation: bigint
    readonly cut: Cuts.Cut
  }
): pb.UpdateSubscriberStatus_Status => {
  const Status = pb.UpdateSubscriberStatus_Status
  if (!uuid.test(groupId)) throw new Refusal({ code: "UNKNOWN", details: `Invalid UUID string: ${groupId}` })
  const state = findStream(world, scope, stream)
  if (state === undefined) return Status.STREAM_NOT_FOUND
  const known = state.subscribers.get(subscriber)
  const [groupScope = "", group = ""] = subscriber.split("/")
  if (known === undefined || world.state.scopes.get(groupScope)?.groups.get(group)?.id !== groupId) {
    return Status.SUBSCRIBER_NOT_FOUND
  }
  if (known.generation !== generation) return Status.GENERATION_MISMATCH
  if (cut.size === 0) throw new Refusal({ code: "UNKNOWN", details: "No value present" })
  const placed = Cuts.place(state.record.epochs, cut)
  if (placed === undefined) return Status.FAILURE
  const before = Cuts.place(state.record.epochs, known.cut) ?? []
  if (!Cuts.covers(state.record.epochs, cut) || !Cuts.isAtOrAfter(placed, before)) return Status.STREAM_CUT_NOT_VALID
  world.state.putSubscriber(state, subscriber, { generation, cut })
  return Status.SUCCESS
}

const streamOf = (group: string): string => `${ReaderGroupName.streamPrefix}${group}`

/** What the real server's configuration refuses to hold. */
const check = (world: World, { ends, id, maxOutstandingCheckpointRequest, starts }: ReaderGroup): void => {
  if (!uuid.test(id)) throw internal()
  if (maxOutstandingCheckpointRequest < 1 || starts.length === 0) throw internal()
  const endOf = new Map(ends.map(({ cut, scope, stream }) => [`${scope}/${stream}`, cut]))
  // else a long end could be held against thousands of starts
  if (new Set(starts.map(({ scope, stream }) => `${scope}/${stream}`)).size < starts.length) {
    throw internal("a stream begins at two positions")
  }
  for (const { cut: from, scope, stream } of starts) {
    const to = endOf.get(`${scope}/${stream}`)
    const epochs = findStream(world, scope, stream)?.record.epochs
    if (to === undefined || to.size === 0 || from.size === 0 || epochs === undefined) continue
    const [start, end] = [Cuts.place(epochs, from), Cuts.place(epochs, to)]
    if (start !== undefined && end !== undefined && !Cuts.isAtOrAfter(end, start)) throw internal()
  }
}

/** Streams of a group that is a subscriber; those that are missing are left out. */
const subscribed = (world: World, group: ReaderGroup): ReadonlyArray<StreamState> =>
  group.retentionType === pb.ReaderGroupConfiguration_RetentionType.NONE
    ? []
    : group.starts.flatMap(({ scope, stream }) => findStream(world, scope, stream) ?? [])

/** What a group has read of a stream stays known when its configuration changes. */
const subscribe = (world: World, scope: string, name: string, group: ReaderGroup): void => {
  for (const state of subscribed(world, group)) {
    const subscriber = `${scope}/${name}`
    const cut = state.subscribers.get(subscriber)?.cut ?? new Map<bigint, bigint>()
    world.state.putSubscriber(state, subscriber, { generation: group.generation, cut })
  }
}

const unsubscribe = (
  world: World,
  scope: string,
  name: string,
  group: ReaderGroup,
  next: ReaderGroup | undefined
): void => {
  const kept = new Set(next === undefined ? [] : subscribed(world, next))
  for (const state of subscribed(world, group)) {
    if (!kept.has(state)) world.state.putSubscriber(state, `${scope}/${name}`, undefined)
  }
}
