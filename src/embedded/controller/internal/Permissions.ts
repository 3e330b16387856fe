/**
 * What each method of the controller's protocol asks of its caller: a level on a resource.
 *
 * Facts: Pravega 0.13's `ControllerServiceImpl` and `StreamAuthParams`, with their defaults.
 *
 * @internal
 */
import { type DescMessage, type DescMethodUnary, fromBinary, type MessageShape } from "@bufbuild/protobuf"
import * as ReaderGroupName from "../../../core/ReaderGroupName.ts"
import * as StreamName from "../../../core/StreamName.ts"
import type { ControllerMethod } from "../../../pravega/controller/Controller.ts"
import * as pb from "../../../pravega/controller/gen/Controller_pb.ts"
import type { Level } from "../AccessList.ts"

/** @category models @since 0.1.0 */
export interface Requirement {
  readonly resource: string
  readonly level: Level
}

/** @category constants @since 0.1.0 */
export const all = "prn::/"
/** @category getters @since 0.1.0 */
export const scope = (name: string): string => `prn::/scope:${name}`
/** @category getters @since 0.1.0 */
export const stream = (inScope: string, name: string): string => `${scope(inScope)}/stream:${name}`
/** @category getters @since 0.1.0 */
export const table = (inScope: string, name: string): string => `${scope(inScope)}/key-value-table:${name}`

/** Pravega's own streams belong to a reader group, or to the stream that they are about. */
const ownStream = (inScope: string, name: string): string =>
  name.startsWith(ReaderGroupName.streamPrefix)
    ? `${scope(inScope)}/reader-group:${name.replace(ReaderGroupName.streamPrefix, "")}`
    : stream(inScope, name.startsWith(StreamName.markPrefix) ? name.replace(StreamName.markPrefix, "") : name)

/** A user that may read may have a reader group, which writes to streams of its own. */
const levelToWrite = (name: string): Level =>
  name.startsWith(ReaderGroupName.streamPrefix) || name.startsWith(StreamName.markPrefix) ? "READ" : "READ_UPDATE"

const on = (info: pb.StreamInfo | undefined, level: Level): Requirement => ({
  resource: stream(info?.scope ?? "", info?.stream ?? ""),
  level
})

const onScope = (name: string | undefined, level: Level): Requirement => ({ resource: scope(name ?? ""), level })

/** A request for segments that asks for no token needs less. */
const levelOf = (info: pb.StreamInfo | undefined): Level =>
  info?.accessOperation === pb.StreamInfo_AccessOperation.NONE ? "READ" : "READ_UPDATE"

const Access = pb.StreamInfo_AccessOperation

const forToken = ({ accessOperation, scope: inScope, stream: name }: pb.StreamInfo): Requirement => {
  const isOwn = name.startsWith("_")
  const resource = isOwn ? ownStream(inScope, name) : stream(inScope, name)
  switch (accessOperation) {
    case Access.UNSPECIFIED:
      return { resource, level: "READ_UPDATE" }
    case Access.WRITE:
    case Access.READ_WRITE:
      return { resource, level: isOwn ? levelToWrite(name) : "READ_UPDATE" }
    default:
      return { resource, level: "READ" }
  }
}

const { method } = pb.ControllerService

const asks = <I extends DescMessage, O extends DescMessage>(
  { input }: DescMethodUnary<I, O>,
  requirement: (request: MessageShape<I>) => Requirement | undefined
) =>
(request: Uint8Array) => requirement(fromBinary(input, request))

/**
 * By the protocol's names, of a request as it came. Undefined: every user may. Throws for bytes that are no such
 * request.
 *
 * @category constants
 * @since 0.1.0
 */
export const requirements: Readonly<Record<ControllerMethod, (request: Uint8Array) => Requirement | undefined>> = {
  getControllerServerList: asks(method.getControllerServerList, () => undefined),
  createScope: asks(method.createScope, () => ({ resource: all, level: "READ_UPDATE" })),
  deleteScope: asks(method.deleteScope, () => ({ resource: all, level: "READ_UPDATE" })),
  deleteScopeRecursive: asks(method.deleteScopeRecursive, () => ({ resource: all, level: "READ_UPDATE" })),
  listScopes: asks(method.listScopes, () => ({ resource: all, level: "READ" })),
  checkScopeExists: asks(method.checkScopeExists, ({ scope }) => onScope(scope, "READ")),
  listStreamsInScope: asks(method.listStreamsInScope, ({ scope }) => onScope(scope?.scope, "READ")),
  listStreamsInScopeForTag: asks(method.listStreamsInScopeForTag, ({ scope }) => onScope(scope?.scope, "READ")),
  createStream: asks(
    method.createStream,
    ({ streamInfo }) => onScope(streamInfo?.scope, levelToWrite(streamInfo?.stream ?? ""))
  ),
  checkStreamExists: asks(method.checkStreamExists, (info) => on(info, "READ")),
  getStreamConfiguration: asks(method.getStreamConfiguration, (info) => on(info, "READ")),
  updateStream: asks(
    method.updateStream,
    ({ streamInfo }) => ({
      resource: ownStream(streamInfo?.scope ?? "", streamInfo?.stream ?? ""),
      level: "READ_UPDATE"
    })
  ),
  truncateStream: asks(method.truncateStream, ({ streamInfo }) => on(streamInfo, "READ_UPDATE")),
  sealStream: asks(method.sealStream, (info) => on(info, "READ_UPDATE")),
  deleteStream: asks(method.deleteStream, (info) => on(info, "READ_UPDATE")),
  getCurrentSegments: asks(
    method.getCurrentSegments,
    (info) => ({ resource: ownStream(info.scope, info.stream), level: levelOf(info) })
  ),
  getEpochSegments: asks(method.getEpochSegments, ({ streamInfo }) => on(streamInfo, "READ_UPDATE")),
  getSegments: asks(method.getSegments, ({ streamInfo }) => on(streamInfo, levelOf(streamInfo))),
  getSegmentsImmediatelyFollowing: asks(
    method.getSegmentsImmediatelyFollowing,
    ({ streamInfo }) => on(streamInfo, "READ")
  ),
  getSegmentsImmediatlyFollowing: asks(
    method.getSegmentsImmediatlyFollowing,
    ({ streamInfo }) => on(streamInfo, "READ")
  ),
  getSegmentsBetween: asks(method.getSegmentsBetween, ({ streamInfo }) => on(streamInfo, "READ")),
  scale: asks(method.scale, ({ streamInfo }) => on(streamInfo, "READ_UPDATE")),
  checkScale: asks(method.checkScale, ({ streamInfo }) => on(streamInfo, "READ")),
  getURI: asks(
    method.getURI,
    ({ streamInfo }) => ({ resource: ownStream(streamInfo?.scope ?? "", streamInfo?.stream ?? ""), level: "READ" })
  ),
  isSegmentValid: asks(method.isSegmentValid, ({ streamInfo }) => on(streamInfo, "READ")),
  isStreamCutValid: asks(method.isStreamCutValid, ({ streamInfo }) => on(streamInfo, "READ")),
  createTransaction: asks(method.createTransaction, ({ streamInfo }) => on(streamInfo, "READ_UPDATE")),
  commitTransaction: asks(method.commitTransaction, ({ streamInfo }) => on(streamInfo, "READ_UPDATE")),
  abortTransaction: asks(method.abortTransaction, ({ streamInfo }) => on(streamInfo, "READ_UPDATE")),
  pingTransaction: asks(method.pingTransaction, ({ streamInfo }) => on(streamInfo, "READ_UPDATE")),
  checkTransactionState: asks(method.checkTransactionState, ({ streamInfo }) => on(streamInfo, "READ")),
  listCompletedTransactions: asks(method.listCompletedTransactions, ({ streamInfo }) => on(streamInfo, "READ")),
  noteTimestampFromWriter: asks(
    method.noteTimestampFromWriter,
    ({ position }) => on(position?.streamInfo, "READ_UPDATE")
  ),
  removeWriter: asks(method.removeWriter, ({ stream }) => on(stream, "READ_UPDATE")),
  createReaderGroup: asks(method.createReaderGroup, ({ scope }) => onScope(scope, "READ")),
  updateReaderGroup: asks(method.updateReaderGroup, ({ scope }) => onScope(scope, "READ")),
  getReaderGroupConfig: asks(method.getReaderGroupConfig, ({ scope }) => onScope(scope, "READ")),
  deleteReaderGroup: asks(method.deleteReaderGroup, ({ scope }) => onScope(scope, "READ")),
  listSubscribers: asks(method.listSubscribers, (info) => on(info, "READ_UPDATE")),
  updateSubscriberStreamCut: asks(
    method.updateSubscriberStreamCut,
    ({ streamCut }) => on(streamCut?.streamInfo, "READ_UPDATE")
  ),
  createKeyValueTable: asks(method.createKeyValueTable, ({ scope }) => onScope(scope, "READ_UPDATE")),
  getCurrentSegmentsKeyValueTable: asks(
    method.getCurrentSegmentsKeyValueTable,
    ({ kvtName, scope }) => ({ resource: table(scope, kvtName), level: "READ_UPDATE" })
  ),
  getKeyValueTableConfiguration: asks(
    method.getKeyValueTableConfiguration,
    ({ kvtName, scope }) => ({ resource: table(scope, kvtName), level: "READ" })
  ),
  listKeyValueTablesInScope: asks(method.listKeyValueTablesInScope, ({ scope }) => onScope(scope?.scope, "READ")),
  deleteKeyValueTable: asks(
    method.deleteKeyValueTable,
    ({ kvtName, scope }) => ({ resource: table(scope, kvtName), level: "READ_UPDATE" })
  ),
  getDelegationToken: asks(method.getDelegationToken, forToken)
}
