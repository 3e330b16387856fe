/**
 * What each request on a segment is answered, by what the container says to it. Appends have a file of their own.
 *
 * Facts: Pravega 0.13's `PravegaRequestProcessor`.
 *
 * @internal
 */
import type { Command, CommandName, WireCommand } from "../../../pravega/wire/WireCommand.ts"
import type { NoSuchSegment, Sealed, Unsupported } from "../../store/ContainerAnswer.ts"
import { notSet, ofStreamSegment } from "../../store/SegmentAttributes.ts"
import type { BadAttribute, ReadResult, SegmentContainer } from "../../store/SegmentContainer.ts"
import type { TableChangeRefusal, TableNotEmpty } from "../../store/TableContainer.ts"
import type { Access } from "../WireServerOptions.ts"

/** One of several commands. */
type OneOf<N extends CommandName> = { [K in N]: Command<K> }[N]

/** The requests that a store answers for clients and the controller. @category models @since 0.1.0 */
export type SegmentRequest = OneOf<
  | "SetupAppend"
  | "ReadSegment"
  | "GetStreamSegmentInfo"
  | "CreateSegment"
  | "SealSegment"
  | "DeleteSegment"
  | "UpdateSegmentPolicy"
  | "GetSegmentAttribute"
  | "UpdateSegmentAttribute"
  | "TruncateSegment"
  | "CreateTransientSegment"
  | "MergeSegments"
  | "MergeSegmentsBatch"
  | TableCommandName
>
type TableCommandName =
  | "GetTableSegmentInfo"
  | "CreateTableSegment"
  | "DeleteTableSegment"
  | "UpdateTableEntries"
  | "RemoveTableKeys"
  | "ReadTable"
  | "ReadTableKeys"
  | "ReadTableEntries"
  | "ReadTableEntriesDelta"

/**
 * Which segments a request is about, the one that is named first in its answer first, and what its token must allow of
 * each. Undefined: no request that a store answers.
 *
 * Deviation: of a merge a real store checks one segment, the source of one and the target of a batch. Whoever may write
 * to one stream could there take another's events away, or put some into it.
 *
 * @category converting
 * @since 0.1.0
 */
export const accessOf = (
  command: WireCommand
):
  | {
    readonly command: SegmentRequest
    readonly segments: readonly [string, ...Array<string>]
    readonly access: Access
  }
  | undefined =>
{
  switch (command._tag) {
    case "ReadSegment":
    case "ReadTable":
    case "ReadTableKeys":
    case "ReadTableEntries":
    case "ReadTableEntriesDelta":
      return { command, segments: [command.segment], access: "READ" }
    case "GetStreamSegmentInfo":
    case "GetSegmentAttribute":
    case "GetTableSegmentInfo":
      return { command, segments: [command.segmentName], access: "READ" }
    case "UpdateSegmentAttribute":
      return { command, segments: [command.segmentName], access: "READ_UPDATE" }
    case "SetupAppend":
    case "CreateSegment":
    case "SealSegment":
    case "DeleteSegment":
    case "UpdateSegmentPolicy":
    case "TruncateSegment":
    case "CreateTableSegment":
    case "DeleteTableSegment":
    case "UpdateTableEntries":
    case "RemoveTableKeys":
      return { command, segments: [command.segment], access: "READ_UPDATE" }
    case "CreateTransientSegment":
      return { command, segments: [command.parentSegment], access: "READ_UPDATE" }
    case "MergeSegments":
      return { command, segments: [command.target, command.source], access: "READ_UPDATE" }
    case "MergeSegmentsBatch":
      return { command, segments: [command.targetSegmentId, ...command.sourceSegmentIds], access: "READ_UPDATE" }
    default:
      return undefined
  }
}

/** @category converting @since 0.1.0 */
export const refuseSegment = (requestId: bigint, segment: string): WireCommand => ({
  _tag: "WrongHost",
  requestId,
  segment,
  correctHost: "",
  serverStackTrace: ""
})

/** Undefined: the connection must be closed. @category converting @since 0.1.0 */
export const readReply = (command: Command<"ReadSegment">, result: ReadResult): WireCommand | undefined => {
  const { offset, requestId, segment } = command
  switch (result._tag) {
    case "ReadData": {
      const { atTail, data, endOfSegment } = result
      return { _tag: "SegmentRead", segment, offset, atTail, endOfSegment, data, requestId }
    }
    case "Truncated":
      return truncated(requestId, segment, result.startOffset, offset)
    case "OutOfRange":
      return offset < 0n ? illegal(requestId, segment, "offset: offset must be a non-negative number.") : undefined
    case "NoSuchSegment":
    case "Sealed":
      return refusal(requestId, segment, result, offset)
    case "StorageFailed":
      return undefined
  }
}

type Answered = Exclude<SegmentRequest, OneOf<"SetupAppend" | "ReadSegment" | "CreateTransientSegment">>

/** Undefined: the connection must be closed. @category converting @since 0.1.0 */
export const answer = (container: SegmentContainer, command: Answered): WireCommand | undefined => {
  switch (command._tag) {
    case "GetStreamSegmentInfo":
      return info(container, command)
    case "CreateSegment":
      return create(container, command)
    case "SealSegment": {
      const { requestId, segment } = command
      const result = container.seal(segment)
      return result._tag === "Done"
        ? { _tag: "SegmentSealed", requestId, segment }
        : refusal(requestId, segment, result)
    }
    case "DeleteSegment": {
      const { requestId, segment } = command
      const result = container.delete(segment)
      return result._tag === "Done"
        ? { _tag: "SegmentDeleted", requestId, segment }
        : refusal(requestId, segment, result)
    }
    case "TruncateSegment":
      return truncate(container, command)
    case "UpdateSegmentPolicy":
      return updatePolicy(container, command)
    case "GetSegmentAttribute": {
      const { attributeId, requestId, segmentName } = command
      const attributes = container.attributes(segmentName)
      if (attributes === undefined) return refusal(requestId, segmentName, noSuchSegment(segmentName))
      return { _tag: "SegmentAttribute", requestId, value: attributes.get(attributeId) ?? notSet }
    }
    case "UpdateSegmentAttribute":
      return updateAttribute(container, command)
    case "MergeSegments":
      return merge(container, command)
    case "MergeSegmentsBatch":
      return mergeBatch(container, command)
    default:
      return answerTable(container, command)
  }
}

const info = (
  container: SegmentContainer,
  { requestId, segmentName }: Command<"GetStreamSegmentInfo">
): WireCommand => {
  const found = container.info(segmentName)
  if (found === undefined) return refusal(requestId, segmentName, noSuchSegment(segmentName))
  return {
    _tag: "StreamSegmentInfo",
    requestId,
    segmentName,
    exists: true,
    isSealed: found.isSealed,
    isDeleted: false,
    lastModified: BigInt(found.lastModified),
    writeOffset: BigInt(found.length),
    startOffset: BigInt(found.startOffset)
  }
}

const create = (container: SegmentContainer, command: Command<"CreateSegment">): WireCommand | undefined => {
  const { requestId, rolloverSizeBytes, scaleType, segment, targetRate } = command
  if (segment === "") return undefined
  const attributes = ofStreamSegment({ scaleType, targetRate, rolloverSize: rolloverSizeBytes })
  return created(container.create(segment, { attributes }), requestId, segment)
}

const created = (result: "created" | "exists", requestId: bigint, segment: string): WireCommand =>
  result === "created"
    ? { _tag: "SegmentCreated", requestId, segment }
    : { _tag: "SegmentAlreadyExists", requestId, segment, serverStackTrace: "" }

const truncate = (container: SegmentContainer, command: Command<"TruncateSegment">): WireCommand | undefined => {
  const { requestId, segment, truncationOffset } = command
  if (truncationOffset < 0n) return undefined
  const result = container.truncate(segment, Number(truncationOffset))
  switch (result._tag) {
    case "Done":
      return { _tag: "SegmentTruncated", requestId, segment }
    case "Truncated":
      return truncated(requestId, segment, result.startOffset, truncationOffset)
    case "NoSuchSegment":
      return refusal(requestId, segment, result, truncationOffset)
  }
}

const updatePolicy = (
  container: SegmentContainer,
  { requestId, scaleType, segment, targetRate }: Command<"UpdateSegmentPolicy">
): WireCommand | undefined => {
  const updates = ofStreamSegment({ scaleType, targetRate, rolloverSize: 0n }).slice(0, 2)
  const result = container.updateAttributes(
    segment,
    updates.map(([attributeId, newValue]) => ({ attributeId, attributeUpdateType: 1, newValue, oldValue: notSet }))
  )
  switch (result._tag) {
    case "Done":
      return { _tag: "SegmentPolicyUpdated", requestId, segment }
    case "NoSuchSegment":
    case "Sealed":
      return refusal(requestId, segment, result)
    default:
      return undefined
  }
}

const updateAttribute = (
  container: SegmentContainer,
  { attributeId, expectedValue, newValue, requestId, segmentName }: Command<"UpdateSegmentAttribute">
): WireCommand | undefined => {
  const result = container.updateAttributes(segmentName, [
    { attributeId, attributeUpdateType: 4, newValue, oldValue: expectedValue }
  ])
  switch (result._tag) {
    case "Done":
      return { _tag: "SegmentAttributeUpdated", requestId, success: true }
    case "TooManyAttributes":
      return undefined
    default:
      return refusal(requestId, segmentName, result)
  }
}

const merge = (
  container: SegmentContainer,
  { attributeUpdates, requestId, source, target }: Command<"MergeSegments">
): WireCommand | undefined => {
  const result = container.merge(target, source, attributeUpdates)
  switch (result._tag) {
    case "Merged":
      return { _tag: "SegmentsMerged", requestId, target, source, newTargetWriteOffset: BigInt(result.length) }
    case "TooManyAttributes":
      return undefined
    default:
      return refusal(requestId, source, result)
  }
}

const mergeBatch = (
  container: SegmentContainer,
  { requestId, sourceSegmentIds, targetSegmentId: target }: Command<"MergeSegmentsBatch">
): WireCommand => {
  const result = container.mergeBatch(target, sourceSegmentIds)
  if (result._tag !== "MergedBatch") return refusal(requestId, target, result)
  const merged = sourceSegmentIds.map((source, i) => ({ source, newTargetWriteOffset: BigInt(result.lengths[i]!) }))
  return { _tag: "SegmentsBatchMerged", requestId, target, merged }
}

const answerTable = (container: SegmentContainer, command: OneOf<TableCommandName>): WireCommand | undefined => {
  const { tables } = container
  const { requestId } = command
  switch (command._tag) {
    case "CreateTableSegment":
      return createTable(container, command)
    case "GetTableSegmentInfo": {
      const { segmentName } = command
      const result = tables.info(segmentName)
      if (result._tag !== "TableInfo") return tableRefusal(requestId, segmentName, result)
      return {
        _tag: "TableSegmentInfo",
        requestId,
        segmentName,
        startOffset: BigInt(result.startOffset),
        length: BigInt(result.length),
        entryCount: BigInt(result.entryCount),
        keyLength: result.keyLength
      }
    }
    case "DeleteTableSegment": {
      const result = tables.delete(command.segment, command.mustBeEmpty)
      if (result._tag !== "Done") return tableRefusal(requestId, command.segment, result)
      return { _tag: "SegmentDeleted", requestId, segment: command.segment }
    }
    case "UpdateTableEntries": {
      const { segment, tableEntries, tableSegmentOffset } = command
      const result = tables.update(segment, tableEntries, tableSegmentOffset)
      if (result._tag !== "Updated") return tableRefusal(requestId, segment, result, tableSegmentOffset)
      return { _tag: "TableEntriesUpdated", requestId, updatedVersions: result.versions }
    }
    case "RemoveTableKeys": {
      const { keys, segment, tableSegmentOffset } = command
      const result = tables.remove(segment, keys, tableSegmentOffset)
      if (result._tag !== "Done") return tableRefusal(requestId, segment, result, tableSegmentOffset)
      return { _tag: "TableKeysRemoved", requestId, segment }
    }
    default:
      return readTable(container, command)
  }
}

/** The longest key that a fixed-key table may have, in bytes. */
const keyLengthMaximum = 256

const createTable = (container: SegmentContainer, command: Command<"CreateTableSegment">): WireCommand | undefined => {
  const { keyLength, requestId, segment } = command
  if (segment === "" || keyLength > keyLengthMaximum) return undefined
  return created(container.create(segment, { tableKeyLength: Math.max(0, keyLength) }), requestId, segment)
}

const readTable = (
  { tables }: SegmentContainer,
  command: OneOf<"ReadTable" | "ReadTableKeys" | "ReadTableEntries" | "ReadTableEntriesDelta">
): WireCommand | undefined => {
  const { requestId, segment } = command
  switch (command._tag) {
    case "ReadTable": {
      const result = tables.get(segment, command.keys)
      if (result._tag !== "Entries") return tableRefusal(requestId, segment, result)
      return { _tag: "TableRead", requestId, segment, entries: result.entries }
    }
    case "ReadTableKeys": {
      const result = tables.page(segment, { ...command.args, suggestedCount: command.suggestedKeyCount })
      if (result._tag !== "TablePage") return tableRefusal(requestId, segment, result)
      const keys = result.entries.map(({ key }) => key)
      return { _tag: "TableKeysRead", requestId, segment, keys, continuationToken: result.continuationToken }
    }
    case "ReadTableEntries": {
      const result = tables.page(segment, { ...command.args, suggestedCount: command.suggestedEntryCount })
      if (result._tag !== "TablePage") return tableRefusal(requestId, segment, result)
      const { continuationToken, entries } = result
      return { _tag: "TableEntriesRead", requestId, segment, entries, continuationToken }
    }
    case "ReadTableEntriesDelta": {
      const result = tables.delta(segment, command.fromPosition, command.suggestedEntryCount)
      if (result._tag !== "TableDelta") return tableRefusal(requestId, segment, result)
      const { entries, reachedEnd, shouldClear } = result
      const lastPosition = BigInt(result.lastPosition)
      return { _tag: "TableEntriesDeltaRead", requestId, segment, entries, shouldClear, reachedEnd, lastPosition }
    }
  }
}

const tableRefusal = (
  requestId: bigint,
  segment: string,
  result: TableChangeRefusal | TableNotEmpty,
  tableSegmentOffset = -1n
): WireCommand | undefined => {
  switch (result._tag) {
    case "NotATable":
    case "BadToken":
      return undefined
    case "IllegalArgument":
      return illegal(requestId, segment, result.detail)
    case "Truncated":
      return truncated(requestId, segment, result.startOffset, tableSegmentOffset)
    case "KeyDoesNotExist":
      return { _tag: "TableKeyDoesNotExist", requestId, segment, serverStackTrace: "" }
    case "BadKeyVersion":
      return { _tag: "TableKeyBadVersion", requestId, segment, serverStackTrace: "" }
    case "TableNotEmpty":
      return { _tag: "TableSegmentNotEmpty", requestId, segment, serverStackTrace: "" }
    default:
      return refusal(requestId, segment, result)
  }
}

const noSuchSegment = (segment: string): NoSuchSegment => ({ _tag: "NoSuchSegment", segment })

const illegal = (requestId: bigint, segment: string, message: string): WireCommand => ({
  _tag: "ErrorMessage",
  requestId,
  segment,
  message,
  errorCode: 0
})

const truncated = (requestId: bigint, segment: string, startOffset: number, offset: bigint): WireCommand => ({
  _tag: "SegmentIsTruncated",
  requestId,
  segment,
  startOffset: BigInt(startOffset),
  serverStackTrace: "",
  offset
})

/** Replies name the segment of the request, whichever one the error is about. */
const refusal = (
  requestId: bigint,
  segment: string,
  result: NoSuchSegment | Sealed | Unsupported | BadAttribute,
  offset = -1n
): WireCommand => {
  switch (result._tag) {
    case "NoSuchSegment":
      return { _tag: "NoSuchSegment", requestId, segment, serverStackTrace: "", offset }
    case "Sealed":
      return { _tag: "SegmentIsSealed", requestId, segment, serverStackTrace: "", offset }
    case "Unsupported":
      return { _tag: "OperationUnsupported", requestId, operationName: result.operation, serverStackTrace: "" }
    case "BadAttribute":
      return { _tag: "SegmentAttributeUpdated", requestId, success: false }
  }
}
