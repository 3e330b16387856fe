/**
 * Key-value tables: their configuration, and the table segments that hold them. Keys and values are the segment store's
 * business.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import * as KeyRange from "../../../core/KeyRange.ts"
import { makeId, name as segmentName, type SegmentWithRange } from "../../../core/Segment.ts"
import * as pb from "../../../pravega/controller/gen/Controller_pb.ts"
import { Refusal } from "../Refusal.ts"
import { internal, refuseTooMany, type World } from "../World.ts"
import type { KeyValueTable } from "./Model.ts"

/** What users may name. @category guards @since 0.1.0 */
export const isUserName = (name: string): boolean => /^[A-Za-z0-9.-]+$/.test(name) && name.length <= 250

/** @category transitions @since 0.1.0 */
export const create = (
  world: World,
  scope: string,
  table: string,
  configuration: KeyValueTable
): pb.CreateKeyValueTableStatus_Status => {
  const Status = pb.CreateKeyValueTableStatus_Status
  const { partitionCount, primaryKeyLength, secondaryKeyLength } = configuration
  if (partitionCount < 1 || primaryKeyLength < 1 || secondaryKeyLength < 0) throw internal()
  if (!isUserName(table)) return Status.INVALID_TABLE_NAME
  const state = world.state.scopes.get(scope)
  if (state === undefined) return Status.SCOPE_NOT_FOUND
  if (state.tables.has(table)) return Status.TABLE_EXISTS
  refuseTooMany(world, partitionCount)
  const tableKeyLength = primaryKeyLength + secondaryKeyLength
  for (const { id } of segmentsOf(configuration)) {
    world.container.create(tableSegment(scope, table, id), { tableKeyLength })
  }
  world.state.putTable(scope, table, configuration)
  return Status.SUCCESS
}

/** @category getters @since 0.1.0 */
export const find = (world: World, scope: string, table: string): KeyValueTable | undefined =>
  world.state.scopes.get(scope)?.tables.get(table)

/** @category getters @since 0.1.0 */
export const segments = (world: World, scope: string, table: string): ReadonlyArray<SegmentWithRange> => {
  const record = find(world, scope, table)
  if (record === undefined) {
    throw new Refusal({ code: "NOT_FOUND", details: `key-value table ${scope}/${table} does not exist` })
  }
  return segmentsOf(record)
}

/** @category transitions @since 0.1.0 */
export const remove = (world: World, scope: string, table: string): pb.DeleteKVTableStatus_Status => {
  const Status = pb.DeleteKVTableStatus_Status
  const record = find(world, scope, table)
  if (record === undefined) return Status.TABLE_NOT_FOUND
  for (const { id } of segmentsOf(record)) world.container.tables.delete(tableSegment(scope, table, id), false)
  world.state.putTable(scope, table, undefined)
  return Status.SUCCESS
}

const segmentsOf = ({ partitionCount }: KeyValueTable): ReadonlyArray<SegmentWithRange> =>
  KeyRange.equal(partitionCount).map((range, i) => ({ id: makeId(i, 0), range }))

const tableSegment = (scope: string, table: string, id: SegmentWithRange["id"]): string =>
  segmentName({ scope, stream: `${table}_kvtable` }, id)
