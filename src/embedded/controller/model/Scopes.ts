/**
 * Scopes: created, deleted with or without what is in them; and the one that is always there.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import * as pb from "../../../pravega/controller/gen/Controller_pb.ts"
import { internal, type World } from "../World.ts"
import * as KeyValueTables from "./KeyValueTables.ts"
import * as ReaderGroups from "./ReaderGroups.ts"
import * as Streams from "./Streams.ts"

/** Pravega's own: it is always there. @category constants @since 0.1.0 */
export const systemScope = "_system"

/** The streams through which the parts of a real controller talk, with their reader groups, as clients find them. */
const systemStreams = [
  { stream: "_commitStream", segments: 2, group: "commitStreamReaders" },
  { stream: "_abortStream", segments: 2, group: "abortStreamReaders" },
  { stream: "_requeststream", segments: 2, group: "scaleGroup" },
  { stream: "_kvTableStream", segments: 5, group: "kvtStreamReaders" }
] as const

/** Makes what is not there of it: streams that nobody writes to here. @category transitions @since 0.2.0 */
export const createSystem = (world: World): void => {
  create(world, systemScope)
  for (const { group, segments, stream } of systemStreams) {
    Streams.create(world, systemScope, stream, Streams.ofSegments(segments))
    const whole = [{ scope: systemScope, stream, cut: new Map<bigint, bigint>() }]
    if (world.state.scopes.get(systemScope)?.groups.has(group) === true) continue
    ReaderGroups.create(world, systemScope, group, {
      id: world.newId(),
      generation: 0n,
      groupRefreshTimeMillis: 3_000n,
      automaticCheckpointIntervalMillis: -1n,
      maxOutstandingCheckpointRequest: 3,
      retentionType: 0,
      rolloverSizeBytes: 0n,
      starts: whole,
      ends: whole
    })
  }
}

/** @category transitions @since 0.1.0 */
export const create = (world: World, scope: string): pb.CreateScopeStatus_Status => {
  const Status = pb.CreateScopeStatus_Status
  if (scope === "") throw internal()
  if (!Streams.isName(scope)) return Status.INVALID_SCOPE_NAME
  if (world.state.scopes.has(scope)) return Status.SCOPE_EXISTS
  world.state.putScope(scope)
  return Status.SUCCESS
}

/**
 * A refused deletion changes nothing (a real server loses the scope's tags then).
 *
 * @category transitions
 * @since 0.1.0
 */
export const remove = (world: World, scope: string): pb.DeleteScopeStatus_Status => {
  const Status = pb.DeleteScopeStatus_Status
  const state = world.state.scopes.get(scope)
  if (state === undefined) return Status.SCOPE_NOT_FOUND
  if (state.streams.size > 0 || state.groups.size > 0 || state.tables.size > 0) return Status.SCOPE_NOT_EMPTY
  world.state.deleteScope(scope)
  return Status.SUCCESS
}

/** Succeeds when there is none. @category transitions @since 0.1.0 */
export const removeRecursive = (world: World, scope: string): pb.DeleteScopeStatus_Status => {
  const state = world.state.scopes.get(scope)
  if (state === undefined) return pb.DeleteScopeStatus_Status.SUCCESS
  for (const [group, { id }] of state.groups) ReaderGroups.remove(world, scope, group, id)
  for (const table of state.tables.keys()) KeyValueTables.remove(world, scope, table)
  // a stream takes its mark stream with it
  for (const stream of state.streams.keys()) {
    Streams.seal(world, scope, stream)
    Streams.remove(world, scope, stream)
  }
  world.state.deleteScope(scope)
  return pb.DeleteScopeStatus_Status.SUCCESS
}
