/**
 * The wire commands of Pravega's segment store as one table: type code, direction, fields in wire order, and what a
 * field means that an older peer left out. The types of the commands follow from the table; `WireCodec.ts` turns them
 * into bytes and back. Nothing here knows when a command may be sent, or what answers it.
 *
 * Facts: Pravega 0.13 (wire version 16), which reads and writes the layouts of all versions from 5 on.
 *
 * A command is a plain object: `{ _tag: "KeepAlive" }`. Numbers of 64 bits are bigints, UUIDs lower-case text, bytes
 * `Uint8Array`s. Optional fields are always present in it.
 *
 * @since 0.1.0
 */
import { absent, type Fields, type FieldType, type FieldTypes } from "./internal/WireField.ts"

export type {
  ChunkInfo,
  ConditionalAttributeUpdate,
  MergedSource,
  TableEntry,
  TableIteratorArgs,
  TableKey
} from "./internal/WireField.ts"

/** The newest wire version that this client speaks, sent in its Hello. @category constants @since 0.1.0 */
export const highVersion = 16

/** The oldest wire version that this client understands. @category constants @since 0.1.0 */
export const lowVersion = 5

/**
 * Which side sends a command. `data`: never a frame of its own on a connection, only inside others; `admin-request`: only
 * administration tools send it.
 *
 * @category models
 * @since 0.1.0
 */
export type Direction = "both" | "request" | "reply" | "admin-request" | "data"

const command = <const D extends Direction>(direction: D) => <const F extends Fields>(code: number, fields: F) => ({
  code,
  direction,
  fields
})
const both = command("both")
const request = command("request")
const reply = command("reply")
const adminRequest = command("admin-request")
const data = command("data")

/** Every command, in the order of the type codes. @category models @since 0.1.0 */
export const commands = {
  Hello: both(-127, { highVersion: "i32", lowVersion: "i32" }),
  StorageChunksListed: reply(-6, { requestId: "i64", chunks: "list<ChunkInfo>" }),
  ListStorageChunks: adminRequest(-5, { segment: "utf", delegationToken: "utf", requestId: "i64" }),
  StorageFlushed: reply(-4, { requestId: "i64" }),
  FlushToStorage: adminRequest(-3, { containerId: "i32", delegationToken: "utf", requestId: "i64" }),
  PartialEvent: request(-2, { data: "rest" }),
  Padding: request(-1, { length: "zeros" }),
  Event: data(0, { data: "rest" }),
  SetupAppend: request(1, { requestId: "i64", writerId: "uuid", segment: "utf", delegationToken: "utf" }),
  AppendSetup: reply(2, { requestId: "i64", segment: "utf", writerId: "uuid", lastEventNumber: "i64" }),
  AppendBlock: request(3, { writerId: "uuid", data: "rest" }),
  AppendBlockEnd: request(4, {
    writerId: "uuid",
    sizeOfWholeEvents: "i32",
    data: "bytes32",
    numEvents: "i32",
    lastEventNumber: "i64",
    requestId: absent("i64", -1n)
  }),
  ConditionalAppend: request(5, {
    writerId: "uuid",
    eventNumber: "i64",
    expectedOffset: "i64",
    event: "event",
    requestId: absent("i64", -1n)
  }),
  DataAppended: reply(7, {
    writerId: "uuid",
    eventNumber: "i64",
    previousEventNumber: absent("i64", -1n),
    requestId: absent("i64", -1n),
    currentSegmentWriteOffset: absent("i64", -1n)
  }),
  ConditionalCheckFailed: reply(8, { writerId: "uuid", eventNumber: "i64", requestId: absent("i64", -1n) }),
  ReadSegment: request(9, {
    segment: "utf",
    offset: "i64",
    suggestedLength: "i32",
    delegationToken: "utf",
    requestId: absent("i64", -1n)
  }),
  SegmentRead: reply(10, {
    segment: "utf",
    offset: "i64",
    atTail: "bool",
    endOfSegment: "bool",
    data: "bytes32",
    requestId: absent("i64", -1n)
  }),
  GetStreamSegmentInfo: request(11, { requestId: "i64", segmentName: "utf", delegationToken: "utf" }),
  StreamSegmentInfo: reply(12, {
    requestId: "i64",
    segmentName: "utf",
    exists: "bool",
    isSealed: "bool",
    isDeleted: "bool",
    lastModified: "i64",
    writeOffset: "i64",
    startOffset: absent("i64", 0n)
  }),
  CreateSegment: request(20, {
    requestId: "i64",
    segment: "utf",
    targetRate: "i32",
    scaleType: "i8",
    delegationToken: "utf",
    rolloverSizeBytes: absent("i64", 0n)
  }),
  SegmentCreated: reply(21, { requestId: "i64", segment: "utf" }),
  SealSegment: request(28, { requestId: "i64", segment: "utf", delegationToken: "utf" }),
  SegmentSealed: reply(29, { requestId: "i64", segment: "utf" }),
  DeleteSegment: request(30, { requestId: "i64", segment: "utf", delegationToken: "utf" }),
  SegmentDeleted: reply(31, { requestId: "i64", segment: "utf" }),
  UpdateSegmentPolicy: request(32, {
    requestId: "i64",
    segment: "utf",
    targetRate: "i32",
    scaleType: "i8",
    delegationToken: "utf"
  }),
  SegmentPolicyUpdated: reply(33, { requestId: "i64", segment: "utf" }),
  GetSegmentAttribute: request(34, {
    requestId: "i64",
    segmentName: "utf",
    attributeId: "uuid",
    delegationToken: "utf"
  }),
  SegmentAttribute: reply(35, { requestId: "i64", value: "i64" }),
  UpdateSegmentAttribute: request(36, {
    requestId: "i64",
    segmentName: "utf",
    attributeId: "uuid",
    newValue: "i64",
    expectedValue: "i64",
    delegationToken: "utf"
  }),
  SegmentAttributeUpdated: reply(37, { requestId: "i64", success: "bool" }),
  TruncateSegment: request(38, { requestId: "i64", segment: "utf", truncationOffset: "i64", delegationToken: "utf" }),
  SegmentTruncated: reply(39, { requestId: "i64", segment: "utf" }),
  CreateTransientSegment: request(40, {
    requestId: "i64",
    writerId: "uuid",
    parentSegment: "utf",
    delegationToken: "utf"
  }),
  WrongHost: reply(50, { requestId: "i64", segment: "utf", correctHost: "utf", serverStackTrace: absent("utf", "") }),
  SegmentIsSealed: reply(51, {
    requestId: "i64",
    segment: "utf",
    serverStackTrace: absent("utf", ""),
    offset: absent("i64", -1n)
  }),
  SegmentAlreadyExists: reply(52, { requestId: "i64", segment: "utf", serverStackTrace: absent("utf", "") }),
  NoSuchSegment: reply(53, {
    requestId: "i64",
    segment: "utf",
    serverStackTrace: absent("utf", ""),
    offset: absent("i64", -1n)
  }),
  InvalidEventNumber: reply(55, {
    writerId: "uuid",
    requestId: "i64",
    serverStackTrace: absent("utf", ""),
    eventNumber: absent("i64", -1n)
  }),
  SegmentIsTruncated: reply(56, {
    requestId: "i64",
    segment: "utf",
    startOffset: "i64",
    serverStackTrace: absent("utf", ""),
    offset: absent("i64", -1n)
  }),
  OperationUnsupported: reply(57, { requestId: "i64", operationName: "utf", serverStackTrace: absent("utf", "") }),
  MergeSegments: request(58, {
    requestId: "i64",
    target: "utf",
    source: "utf",
    delegationToken: "utf",
    attributeUpdates: absent("list<ConditionalAttributeUpdate>", [])
  }),
  SegmentsMerged: reply(59, {
    requestId: "i64",
    target: "utf",
    source: "utf",
    newTargetWriteOffset: absent("i64", -1n)
  }),
  AuthTokenCheckFailed: reply(60, {
    requestId: "i64",
    serverStackTrace: absent("utf", ""),
    errorCode: absent("i32", -1)
  }),
  ErrorMessage: reply(61, { requestId: "i64", segment: "utf", message: "utf", errorCode: "i32" }),
  GetTableSegmentInfo: request(68, { requestId: "i64", segmentName: "utf", delegationToken: "utf" }),
  TableSegmentInfo: reply(69, {
    requestId: "i64",
    segmentName: "utf",
    startOffset: "i64",
    length: "i64",
    entryCount: "i64",
    keyLength: "i32"
  }),
  CreateTableSegment: request(70, {
    requestId: "i64",
    segment: "utf",
    delegationToken: "utf",
    sortedDeprecated: absent("bool", false),
    keyLength: absent("i32", 0),
    rolloverSizeBytes: absent("i64", 0n)
  }),
  DeleteTableSegment: request(71, { requestId: "i64", segment: "utf", mustBeEmpty: "bool", delegationToken: "utf" }),
  UpdateTableEntries: request(74, {
    requestId: "i64",
    segment: "utf",
    delegationToken: "utf",
    tableEntries: "list<TableEntry>",
    tableSegmentOffset: absent("i64", -1n)
  }),
  TableEntriesUpdated: reply(75, { requestId: "i64", updatedVersions: "list<i64>" }),
  RemoveTableKeys: request(76, {
    requestId: "i64",
    segment: "utf",
    delegationToken: "utf",
    keys: "list<TableKey>",
    tableSegmentOffset: absent("i64", -1n)
  }),
  TableKeysRemoved: reply(77, { requestId: "i64", segment: "utf" }),
  ReadTable: request(78, { requestId: "i64", segment: "utf", delegationToken: "utf", keys: "list<TableKey>" }),
  TableRead: reply(79, { requestId: "i64", segment: "utf", entries: "list<TableEntry>" }),
  TableSegmentNotEmpty: reply(80, { requestId: "i64", segment: "utf", serverStackTrace: "utf" }),
  TableKeyDoesNotExist: reply(81, { requestId: "i64", segment: "utf", serverStackTrace: "utf" }),
  TableKeyBadVersion: reply(82, { requestId: "i64", segment: "utf", serverStackTrace: "utf" }),
  ReadTableKeys: request(83, {
    requestId: "i64",
    segment: "utf",
    delegationToken: "utf",
    suggestedKeyCount: "i32",
    args: "TableIteratorArgs"
  }),
  TableKeysRead: reply(84, { requestId: "i64", segment: "utf", keys: "list<TableKey>", continuationToken: "bytes32" }),
  ReadTableEntries: request(85, {
    requestId: "i64",
    segment: "utf",
    delegationToken: "utf",
    suggestedEntryCount: "i32",
    args: "TableIteratorArgs"
  }),
  TableEntriesRead: reply(86, {
    requestId: "i64",
    segment: "utf",
    entries: "list<TableEntry>",
    continuationToken: "bytes32"
  }),
  TableEntriesDeltaRead: reply(87, {
    requestId: "i64",
    segment: "utf",
    entries: "list<TableEntry>",
    shouldClear: "bool",
    reachedEnd: "bool",
    lastPosition: "i64"
  }),
  ReadTableEntriesDelta: request(88, {
    requestId: "i64",
    segment: "utf",
    delegationToken: "utf",
    fromPosition: "i64",
    suggestedEntryCount: "i32"
  }),
  ConditionalBlockEnd: request(89, {
    writerId: "uuid",
    eventNumber: "i64",
    expectedOffset: "i64",
    data: "bytes32",
    requestId: "i64"
  }),
  MergeSegmentsBatch: request(90, {
    requestId: "i64",
    targetSegmentId: "utf",
    sourceSegmentIds: "list<utf>",
    delegationToken: "utf"
  }),
  SegmentsBatchMerged: reply(91, { requestId: "i64", target: "utf", merged: "list<MergedSource>" }),
  KeepAlive: both(100, {})
} as const

/** @category models @since 0.1.0 */
export type CommandName = keyof typeof commands

type ValueOf<F> = F extends FieldType ? FieldTypes[F]
  : F extends { readonly type: infer T extends FieldType } ? FieldTypes[T]
  : never

/** The command of that name, as in `Command<"ReadSegment">`. @category models @since 0.1.0 */
export type Command<N extends CommandName> = {
  readonly [K in "_tag" | keyof (typeof commands)[N]["fields"]]: K extends keyof (typeof commands)[N]["fields"]
    ? ValueOf<(typeof commands)[N]["fields"][K]>
    : N
}

/** Any command, told apart by `_tag`. @category models @since 0.1.0 */
export type WireCommand = { [N in CommandName]: Command<N> }[CommandName]
