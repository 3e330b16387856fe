/**
 * Every method of the controller's protocol: what a request asks of the controller's parts, and how their answers look
 * as a reply. Bytes in, bytes out; throws `Refusal` where a real server ends the call with a status of gRPC.
 *
 * Facts: Pravega 0.13.
 *
 * @internal
 */
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary
} from "@bufbuild/protobuf"
import type { ControllerMethod } from "../../../pravega/controller/Controller.ts"
import * as pb from "../../../pravega/controller/gen/Controller_pb.ts"
import * as Cuts from "../model/Cuts.ts"
import * as Epochs from "../model/Epochs.ts"
import * as KeyValueTables from "../model/KeyValueTables.ts"
import * as ReaderGroups from "../model/ReaderGroups.ts"
import * as Scopes from "../model/Scopes.ts"
import * as Streams from "../model/Streams.ts"
import * as Transactions from "../model/Transactions.ts"
import * as WriterTimes from "../model/WriterTimes.ts"
import { Refusal } from "../Refusal.ts"
import { findStream, internal, streamOrRefuse, type World } from "../World.ts"
import * as Messages from "./Messages.ts"
import * as Permissions from "./Permissions.ts"

/** What the replies need beside the world. @category models @since 0.1.0 */
export interface RpcContext {
  readonly world: World
  /** Where all segments live. */
  readonly endpoint: () => { readonly host: string; readonly port: number }
  /** The empty string: authorisation is off. */
  readonly token: (stream: Messages.Name, access: pb.StreamInfo_AccessOperation) => string
  /** Whether the caller may read a resource: lists leave out the others. */
  readonly mayRead: (resource: string) => boolean
}

/** @category models @since 0.1.0 */
export type Rpc = (context: RpcContext, request: Uint8Array) => Uint8Array

const rpc = <I extends DescMessage, O extends DescMessage>(
  { input, output }: DescMethodUnary<I, O>,
  answer: (context: RpcContext, request: MessageShape<I>) => MessageInitShape<O>
): Rpc =>
(context, request) => toBinary(output, create(output, answer(context, decode(input, request))))

const decode = <I extends DescMessage>(description: I, bytes: Uint8Array): MessageShape<I> => {
  try {
    return fromBinary(description, bytes)
  } catch (cause) {
    throw internal(`Invalid protobuf byte sequence: ${String(cause)}`)
  }
}

const { method } = pb.ControllerService
const Access = pb.StreamInfo_AccessOperation

const scopes = {
  createScope: rpc(method.createScope, ({ world }, { scope }) => ({ status: Scopes.create(world, scope) })),
  checkScopeExists: rpc(method.checkScopeExists, ({ world }, { scope }) => ({ exists: world.state.scopes.has(scope) })),
  deleteScope: rpc(method.deleteScope, ({ world }, { scope }) => ({ status: Scopes.remove(world, scope) })),
  deleteScopeRecursive: rpc(
    method.deleteScopeRecursive,
    ({ world }, { scope }) => ({ status: Scopes.removeRecursive(world, scope) })
  ),
  listScopes: rpc(method.listScopes, ({ mayRead, world }, { continuationToken }) => {
    const isListed = (name: string) => mayRead(Permissions.scope(name))
    const { names, token } = world.state.scopeList.page(continuationToken?.token ?? "", isListed)
    return { scopes: [...names], continuationToken: { token } }
  }),
  listStreamsInScope: rpc(
    method.listStreamsInScope,
    (context, { continuationToken, scope }) => streamPage(context, scope?.scope, undefined, continuationToken?.token)
  ),
  listStreamsInScopeForTag: rpc(
    method.listStreamsInScopeForTag,
    (context, { continuationToken, scope, tag }) => streamPage(context, scope?.scope, tag, continuationToken?.token)
  )
}

const streamPage = ({ mayRead, world }: RpcContext, scope = "", tag: string | undefined, token = "") => {
  const state = world.state.scopes.get(scope)
  if (state === undefined) return { status: pb.StreamsInScopeResponse_Status.SCOPE_NOT_FOUND }
  const isTagged = (stream: string) =>
    tag === undefined || state.streams.get(stream)?.record.settings.tags.includes(tag) === true
  const page = state.streamList.page(
    token,
    (stream) => isTagged(stream) && mayRead(Permissions.stream(scope, stream))
  )
  return {
    streams: page.names.map((stream) => Messages.streamInfo({ scope, stream })),
    continuationToken: { token: page.token }
  }
}

const streams = {
  createStream: rpc(method.createStream, ({ world }, config) => {
    const { scope, stream } = Messages.nameOf(config.streamInfo)
    return { status: Streams.create(world, scope, stream, Messages.settingsOf(config)) }
  }),
  updateStream: rpc(method.updateStream, ({ world }, config) => {
    const { scope, stream } = Messages.nameOf(config.streamInfo)
    return { status: Streams.update(world, scope, stream, Messages.settingsOf(config)) }
  }),
  getStreamConfiguration: rpc(
    method.getStreamConfiguration,
    ({ world }, { scope, stream }) =>
      Messages.streamConfig({ scope, stream }, streamOrRefuse(world, scope, stream).record.settings)
  ),
  checkStreamExists: rpc(
    method.checkStreamExists,
    ({ world }, { scope, stream }) => ({ exists: findStream(world, scope, stream) !== undefined })
  ),
  truncateStream: rpc(method.truncateStream, ({ world }, { cut, streamInfo }) => {
    const { scope, stream } = Messages.nameOf(streamInfo)
    return { status: Streams.truncate(world, scope, stream, Messages.cutOf(cut)) }
  }),
  sealStream: rpc(
    method.sealStream,
    ({ world }, { scope, stream }) => ({ status: Streams.seal(world, scope, stream) })
  ),
  deleteStream: rpc(
    method.deleteStream,
    ({ world }, { scope, stream }) => ({ status: Streams.remove(world, scope, stream) })
  ),
  scale: rpc(method.scale, ({ world }, { newKeyRanges, sealedSegments, streamInfo }) => {
    const Status = pb.ScaleResponse_ScaleStreamStatus
    const name = Messages.nameOf(streamInfo)
    const ranges = newKeyRanges.map(({ end, start }) => ({ low: start, high: end }))
    const result = Streams.scale(world, name.scope, name.stream, sealedSegments, ranges)
    if (result._tag === "Failure") return { status: Status.FAILURE }
    if (result._tag === "PreconditionFailed") return { status: Status.PRECONDITION_FAILED }
    const segments = result.created.map((segment) => Messages.segmentRange(name, segment))
    return { status: Status.STARTED, epoch: result.epoch, segments }
  }),
  checkScale: rpc(method.checkScale, ({ world }, { epoch, streamInfo }) => {
    const Status = pb.ScaleStatusResponse_ScaleStatus
    if (epoch < 0) throw internal()
    const { scope, stream } = Messages.nameOf(streamInfo)
    const state = findStream(world, scope, stream)
    if (state === undefined) return { status: Status.INVALID_INPUT }
    const active = Epochs.active(state.record.epochs)
    if (epoch > active.epoch) return { status: Status.INVALID_INPUT }
    // the copies that rolling transactions make are no scale
    const isCurrent = epoch === active.epoch || epoch === active.reference
    return { status: isCurrent ? Status.IN_PROGRESS : Status.SUCCESS }
  })
}

const segments = {
  getCurrentSegments: rpc(method.getCurrentSegments, ({ token, world }, { accessOperation, scope, stream }) => {
    const { isSealed, epochs } = streamOrRefuse(world, scope, stream).record
    const name = { scope, stream }
    return {
      segmentRanges: isSealed ? [] : ranges(name, Epochs.active(epochs)),
      delegationToken: olderToken(token, name, accessOperation)
    }
  }),
  getEpochSegments: rpc(method.getEpochSegments, ({ token, world }, { epoch, streamInfo }) => {
    if (epoch < 0) throw internal()
    const name = Messages.nameOf(streamInfo)
    const record = streamOrRefuse(world, name.scope, name.stream).record.epochs[epoch]
    if (record === undefined) throw noEpoch(epoch)
    return { segmentRanges: ranges(name, record), delegationToken: token(name, Access.READ_WRITE) }
  }),
  getSegments: rpc(method.getSegments, ({ token, world }, { streamInfo }) => {
    const name = Messages.nameOf(streamInfo)
    const head = Streams.head(streamOrRefuse(world, name.scope, name.stream))
    return {
      segments: Array.from(head, ([id, offset]) => ({ segmentId: Messages.segmentId(name, id), offset })),
      delegationToken: olderToken(token, name, streamInfo?.accessOperation)
    }
  }),
  getSegmentsImmediatlyFollowing: rpc(
    method.getSegmentsImmediatlyFollowing,
    (context, request) => successors(context, request)
  ),
  getSegmentsImmediatelyFollowing: rpc(
    method.getSegmentsImmediatelyFollowing,
    (context, request) => successors(context, request)
  ),
  getSegmentsBetween: rpc(method.getSegmentsBetween, ({ token, world }, { from, streamInfo, to }) => {
    const name = Messages.nameOf(streamInfo)
    const [start, end] = [Messages.cutOf(from), Messages.cutOf(to)]
    if (start.size === 0 && end.size === 0) throw internal()
    const { epochs } = streamOrRefuse(world, name.scope, name.stream).record
    refuseLaterEpochs(epochs, start)
    refuseLaterEpochs(epochs, end)
    const between = Cuts.between(epochs, start, end)
    if (between === "reversed") throw new Refusal({ code: "UNKNOWN", details: "" })
    if (between === "foreign") throw neverHad
    return {
      segments: between.map(({ id }) => Messages.segmentId(name, id)),
      delegationToken: token(name, Access.READ)
    }
  }),
  getURI: rpc(method.getURI, ({ endpoint }) => {
    const { host, port } = endpoint()
    return { endpoint: host, port }
  }),
  isSegmentValid: rpc(method.isSegmentValid, ({ world }, { segmentId, streamInfo }) => {
    const { scope, stream } = Messages.nameOf(streamInfo)
    const { epochs, isSealed } = streamOrRefuse(world, scope, stream).record
    return { response: !isSealed && Epochs.active(epochs).segments.some(({ id }) => id === segmentId) }
  }),
  isStreamCutValid: rpc(method.isStreamCutValid, ({ world }, { cut, streamInfo }) => {
    const { scope, stream } = Messages.nameOf(streamInfo)
    const { epochs } = streamOrRefuse(world, scope, stream).record
    const positions = Messages.cutOf(cut)
    if (positions.size === 0) throw internal()
    if (Cuts.place(epochs, positions) === undefined) {
      throw neverHad
    }
    return { response: Cuts.covers(epochs, positions) }
  })
}

/** As on a real server, where each of the cut's epochs is looked up. */
const refuseLaterEpochs = (epochs: Epochs.Epochs, cut: Cuts.Cut): void => {
  const named = Array.from(cut.keys(), (id) => Number(id >> 32n))
  const later = named.find((epoch) => epoch >= epochs.length)
  if (later !== undefined) throw named.every((epoch) => epoch >= epochs.length) ? noEpoch(later) : neverHad
}

const noEpoch = (epoch: number) => new Refusal({ code: "NOT_FOUND", details: `epoch ${epoch} does not exist` })

const neverHad = new Refusal({ code: "UNKNOWN", details: "the cut names a segment that the stream never had" })

const ranges = (name: Messages.Name, { segments }: Epochs.Epoch) =>
  segments.toSorted((a, b) => a.range.low - b.range.low).map((segment) => Messages.segmentRange(name, segment))

/** A real server gives no token with them. */
const successors = ({ world }: RpcContext, { segmentId, streamInfo }: pb.SegmentId) => {
  const name = Messages.nameOf(streamInfo)
  const { epochs, isSealed } = streamOrRefuse(world, name.scope, name.stream).record
  const isLast = isSealed && Epochs.active(epochs).segments.some(({ id }) => id === segmentId)
  return {
    segments: (isLast ? [] : Epochs.successors(epochs, segmentId)).map(({ predecessors, ...segment }) => ({
      segment: Messages.segmentRange(name, segment),
      value: [...predecessors]
    }))
  }
}

/**
 * What older clients read and write with. Tokens allow what `Permissions` asked for the call, whatever access the request
 * names: READ_UPDATE here, and of who wants none less was asked.
 */
const olderToken = (
  token: RpcContext["token"],
  name: Messages.Name,
  wanted: pb.StreamInfo_AccessOperation | undefined
): string => wanted === Access.NONE ? "" : token(name, Access.READ_WRITE)

const transactions = {
  createTransaction: rpc(method.createTransaction, ({ token, world }, { lease, streamInfo }) => {
    const name = Messages.nameOf(streamInfo)
    const begun = Transactions.begin(world, name.scope, name.stream, lease)
    return {
      txnId: Messages.transactionId(begun.id),
      activeSegments: begun.segments.map((segment) => Messages.segmentRange(name, segment)),
      delegationToken: token(name, Access.READ_WRITE)
    }
  }),
  pingTransaction: rpc(method.pingTransaction, ({ world }, { lease, streamInfo, txnId }) => {
    const { scope, stream } = Messages.nameOf(streamInfo)
    return { status: Transactions.ping(world, scope, stream, Messages.transactionIdOf(txnId), lease) }
  }),
  commitTransaction: rpc(method.commitTransaction, ({ world }, { streamInfo, timestamp, txnId, writerId }) => {
    const { scope, stream } = Messages.nameOf(streamInfo)
    const isTimed = writerId !== "" && timestamp !== noTimestamp
    const mark = { writer: writerId, timestamp: isTimed ? timestamp : undefined }
    return { status: Transactions.commit(world, scope, stream, Messages.transactionIdOf(txnId), mark) }
  }),
  abortTransaction: rpc(method.abortTransaction, ({ world }, { streamInfo, txnId }) => {
    const { scope, stream } = Messages.nameOf(streamInfo)
    return { status: Transactions.abort(world, scope, stream, Messages.transactionIdOf(txnId)) }
  }),
  checkTransactionState: rpc(method.checkTransactionState, ({ world }, { streamInfo, txnId }) => {
    const { scope, stream } = Messages.nameOf(streamInfo)
    return { state: Transactions.stateOf(world, scope, stream, Messages.transactionIdOf(txnId)) }
  }),
  listCompletedTransactions: rpc(method.listCompletedTransactions, ({ world }, { streamInfo }) => {
    const Status = pb.TxnResponse_Status
    const { scope, stream } = Messages.nameOf(streamInfo)
    return {
      response: Transactions.completed(world, scope, stream).map(({ id, outcome }) => ({
        txnId: Messages.transactionId(id),
        status: outcome === "committed" ? Status.COMMITTED : Status.ABORTED
      }))
    }
  })
}

/** Java's Long.MIN_VALUE: the transaction says nothing about time. */
const noTimestamp = -(1n << 63n)

const writers = {
  noteTimestampFromWriter: rpc(method.noteTimestampFromWriter, ({ world }, { position, timestamp, writer }) => {
    const { scope, stream } = Messages.nameOf(position?.streamInfo)
    const state = streamOrRefuse(world, scope, stream)
    return { result: WriterTimes.note(world, state, writer, timestamp, Messages.cutOf(position?.cut ?? {})) }
  }),
  removeWriter: rpc(
    method.removeWriter,
    ({ world }, { stream, writer }) => {
      const name = Messages.nameOf(stream)
      return { result: WriterTimes.remove(world, name.scope, name.stream, writer) }
    }
  )
}

const readerGroups = {
  createReaderGroup: rpc(method.createReaderGroup, ({ world }, config) => {
    const Status = pb.CreateReaderGroupResponse_Status
    const { readerGroupName: name, scope } = config
    const created = ReaderGroups.create(world, scope, name, Messages.readerGroupOf(config))
    return created._tag === "Refused"
      ? { status: created.status }
      : { status: Status.SUCCESS, config: Messages.readerGroup(scope, name, created.group) }
  }),
  getReaderGroupConfig: rpc(method.getReaderGroupConfig, ({ world }, { readerGroup, scope }) => {
    const Status = pb.ReaderGroupConfigResponse_Status
    const group = ReaderGroups.find(world, scope, readerGroup)
    return group === undefined
      ? { status: Status.RG_NOT_FOUND, config: {} }
      : { status: Status.SUCCESS, config: Messages.readerGroup(scope, readerGroup, group) }
  }),
  updateReaderGroup: rpc(
    method.updateReaderGroup,
    ({ world }, config) =>
      ReaderGroups.update(world, config.scope, config.readerGroupName, Messages.readerGroupOf(config))
  ),
  deleteReaderGroup: rpc(
    method.deleteReaderGroup,
    ({ world }, { readerGroup, readerGroupId, scope }) => ({
      status: ReaderGroups.remove(world, scope, readerGroup, readerGroupId)
    })
  ),
  listSubscribers: rpc(method.listSubscribers, ({ world }, { scope, stream }) => {
    const Status = pb.SubscribersResponse_Status
    const state = findStream(world, scope, stream)
    return state === undefined
      ? { status: Status.STREAM_NOT_FOUND }
      : { status: Status.SUCCESS, subscribers: [...state.subscribers.keys()] }
  }),
  updateSubscriberStreamCut: rpc(
    method.updateSubscriberStreamCut,
    ({ world }, { generation, readerGroupId, streamCut, subscriber }) => ({
      status: ReaderGroups.updateSubscriber(world, subscriber, {
        ...Messages.nameOf(streamCut?.streamInfo),
        cut: Messages.cutOf(streamCut?.cut ?? {}),
        groupId: readerGroupId,
        generation
      })
    })
  )
}

const tables = {
  createKeyValueTable: rpc(
    method.createKeyValueTable,
    ({ world }, { kvtName, partitionCount, primaryKeyLength, rolloverSizeBytes, scope, secondaryKeyLength }) => ({
      status: KeyValueTables.create(world, scope, kvtName, {
        partitionCount,
        primaryKeyLength,
        secondaryKeyLength,
        rolloverSizeBytes
      })
    })
  ),
  getKeyValueTableConfiguration: rpc(method.getKeyValueTableConfiguration, ({ world }, { kvtName, scope }) => {
    const Status = pb.KeyValueTableConfigResponse_Status
    const table = KeyValueTables.find(world, scope, kvtName)
    return table === undefined
      ? { status: Status.TABLE_NOT_FOUND }
      : { status: Status.SUCCESS, config: Messages.tableConfig(scope, kvtName, table) }
  }),
  getCurrentSegmentsKeyValueTable: rpc(
    method.getCurrentSegmentsKeyValueTable,
    ({ token, world }, { kvtName, scope }) => {
      const name = { scope, stream: kvtName }
      return {
        segmentRanges: KeyValueTables.segments(world, scope, kvtName).map((s) => Messages.segmentRange(name, s)),
        delegationToken: token({ scope, stream: `${kvtName}_kvtable` }, Access.READ_WRITE)
      }
    }
  ),
  listKeyValueTablesInScope: rpc(
    method.listKeyValueTablesInScope,
    ({ mayRead, world }, { continuationToken, scope }) => {
      const name = scope?.scope ?? ""
      const state = world.state.scopes.get(name)
      if (state === undefined) return { status: pb.KVTablesInScopeResponse_Status.SCOPE_NOT_FOUND }
      const isListed = (table: string) => mayRead(Permissions.table(name, table))
      const { names, token } = state.tableList.page(continuationToken?.token ?? "", isListed)
      const kvtables = names.map((kvtName) => ({ scope: name, kvtName }))
      return { kvtables, continuationToken: { token } }
    }
  ),
  deleteKeyValueTable: rpc(
    method.deleteKeyValueTable,
    ({ world }, { kvtName, scope }) => ({ status: KeyValueTables.remove(world, scope, kvtName) })
  )
}

/** By the protocol's names. @category constants @since 0.1.0 */
export const rpcs: Readonly<Record<ControllerMethod, Rpc>> = {
  ...scopes,
  ...streams,
  ...segments,
  ...transactions,
  ...writers,
  ...readerGroups,
  ...tables,
  getDelegationToken: rpc(method.getDelegationToken, ({ token }, { accessOperation, scope, stream }) => ({
    delegationToken: token({ scope, stream }, accessOperation)
  })),
  getControllerServerList: rpc(method.getControllerServerList, () => {
    throw new Refusal({ code: "UNKNOWN", details: "Controller cluster not initialized" })
  })
}
