/**
 * Scopes: created, deleted with or without what is in them; and the pages of every list that the controller gives.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import * as pb from "../../../pravega/controller/gen/Controller_pb.ts"
import { internal, Refusal, type World } from "../World.ts"
import * as KeyValueTables from "./KeyValueTables.ts"
import * as ReaderGroups from "./ReaderGroups.ts"
import * as Streams from "./Streams.ts"

/** Pravega's own: it is always there. @category constants @since 0.1.0 */
export const systemScope = "_system"

/** @category transitions @since 0.1.0 */
export const create = (world: World, scope: string): pb.CreateScopeStatus_Status => {
  const Status = pb.CreateScopeStatus_Status
  if (scope === "") throw internal()
  if (!Streams.isName(scope)) return Status.INVALID_SCOPE_NAME
  if (world.state.scopes.has(scope)) return Status.SCOPE_EXISTS
  world.state.putScope(scope, { sequence: world.state.nextSequence() })
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

/** As many as a page holds at most. */
const pageSize = 1_000

/**
 * A page of what was created after the token's element and is listed for the caller, in the order of creation. The token
 * of a page is never empty unless everything is: clients go on until a page is.
 *
 * @category getters
 * @since 0.1.0
 */
export const page = <A extends { readonly sequence: number }>(
  all: Iterable<A>,
  token: string,
  isListed: (item: A) => boolean
): { readonly items: ReadonlyArray<A>; readonly token: string } => {
  if (!/^[0-9]{0,15}$/.test(token)) {
    throw new Refusal({ code: "INVALID_ARGUMENT", details: "not a continuation token of this server" })
  }
  const after = Number(token)
  const items: Array<A> = []
  for (const item of all) {
    if (item.sequence <= after || !isListed(item)) continue
    items.push(item)
    if (items.length === pageSize) break
  }
  const last = items.at(-1)
  return { items, token: last === undefined ? token : String(last.sequence) }
}
