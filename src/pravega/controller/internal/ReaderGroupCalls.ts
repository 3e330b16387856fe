/**
 * The controller's methods on reader groups: their configurations, and how far those that are subscribers have read.
 *
 * @internal
 */
import type { MessageInitShape } from "@bufbuild/protobuf"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as ReaderGroupConfig from "../../../core/ReaderGroupConfig.ts"
import * as ReaderGroupName from "../../../core/ReaderGroupName.ts"
import { SegmentId } from "../../../core/Segment.ts"
import { StreamCut } from "../../../core/StreamCut.ts"
import type { Controller, ReaderGroupRef } from "../Controller.ts"
import * as pb from "../gen/Controller_pb.ts"
import { type CallContext, type Calls, checkStatus, done, notDone, understand } from "./ControllerCalls.ts"
import * as Messages from "./ControllerMessages.ts"
import { about } from "./StreamCalls.ts"

const methods = pb.ControllerService.method

type ReaderGroupMethods = Pick<
  Controller["Service"],
  | "createReaderGroup"
  | "readerGroupConfig"
  | "updateReaderGroup"
  | "deleteReaderGroup"
  | "subscribers"
  | "updateSubscriber"
>

const aboutGroup = (operation: string, { name, scope }: ReaderGroupRef): CallContext => ({
  operation,
  subject: `${scope}/${name}`
})

/** @category constructors @since 0.1.0 */
export const readerGroups = (calls: Calls): ReaderGroupMethods => ({ ...configurations(calls), ...positions(calls) })

const configurations = (calls: Calls): Omit<ReaderGroupMethods, "subscribers" | "updateSubscriber"> => {
  const readerGroupConfig = (group: ReaderGroupRef) => {
    const context = aboutGroup("getReaderGroupConfig", group)
    const request = { scope: group.scope, readerGroup: group.name }
    return Effect.flatMap(
      calls.read(methods.getReaderGroupConfig, request, context),
      ({ config, status }) =>
        Effect.andThen(
          checkStatus(pb.ReaderGroupConfigResponse_StatusSchema, status, context),
          understand(context, () => fromMessage(config))
        )
    )
  }
  return {
    readerGroupConfig,
    // a group that exists is the answer, so it is simply sent again
    createReaderGroup: (group, configuration) => {
      const context = aboutGroup("createReaderGroup", group)
      return Effect.flatMap(
        calls.read(methods.createReaderGroup, toMessage(group, configuration), context),
        ({ config, status }) =>
          Effect.andThen(
            checkStatus(pb.CreateReaderGroupResponse_StatusSchema, status, context),
            understand(context, () => fromMessage(config))
          )
      )
    },
    updateReaderGroup: (group, configuration) => {
      const context = aboutGroup("updateReaderGroup", group)
      const next = configuration.generation + 1n
      const settle = Effect.map(
        readerGroupConfig(group),
        (now) =>
          now.generation === next && ReaderGroupConfig.saysTheSame(now, configuration)
            ? done(next)
            : notDone(`the group's configuration is of generation ${now.generation}`)
      )
      return calls.change(methods.updateReaderGroup, toMessage(group, configuration), context, {
        interpret: ({ generation, status }, lost) =>
          status === pb.UpdateReaderGroupResponse_Status.INVALID_CONFIG && lost
            ? Effect.flatMap(settle, (settled) =>
              settled._tag === "Done"
                ? Effect.succeed(settled.value)
                : Effect.as(checkStatus(pb.UpdateReaderGroupResponse_StatusSchema, status, context), generation))
            : Effect.as(checkStatus(pb.UpdateReaderGroupResponse_StatusSchema, status, context), generation),
        settle
      })
    },
    deleteReaderGroup: (group, id) => {
      const context = aboutGroup("deleteReaderGroup", group)
      const isThere = Effect.map(readerGroupConfig(group), (now) => now.id === id).pipe(
        Effect.catchReason("ControllerError", "NotFound", () => Effect.succeed(false))
      )
      const request = { scope: group.scope, readerGroup: group.name, readerGroupId: id }
      return calls.change(methods.deleteReaderGroup, request, context, {
        interpret: ({ status }, lost) =>
          status === pb.DeleteReaderGroupStatus_Status.RG_NOT_FOUND
            ? Effect.succeed(lost)
            : Effect.as(checkStatus(pb.DeleteReaderGroupStatus_StatusSchema, status, context), true),
        settle: Effect.map(isThere, (there) => there ? notDone("the group is still there") : done(true))
      })
    }
  }
}

/** How far the groups have read that the retention of streams waits for. */
const positions = (calls: Calls): Pick<ReaderGroupMethods, "subscribers" | "updateSubscriber"> => ({
  subscribers: (stream) => {
    const context = about("listSubscribers", stream)
    return Effect.flatMap(
      calls.read(methods.listSubscribers, Messages.streamInfo(stream), context),
      ({ status, subscribers }) =>
        Effect.as(checkStatus(pb.SubscribersResponse_StatusSchema, status, context), subscribers)
    )
  },
  updateSubscriber: (group, { cut, generation, id }) => {
    const context = about("updateSubscriberStreamCut", cut.stream)
    const request = {
      subscriber: ReaderGroupName.subscriber(group.scope, group.name),
      generation,
      readerGroupId: id,
      streamCut: cutMessage(cut)
    }
    return Effect.flatMap(
      calls.read(methods.updateSubscriberStreamCut, request, context),
      ({ status }) => checkStatus(pb.UpdateSubscriberStatus_StatusSchema, status, context)
    ).pipe(
      // What 0.13.0 says, among others, when somebody told it a cut at the same time: a write conflict that it does not retry.
      Effect.retry({
        schedule: Schedule.exponential("20 millis"),
        times: 5,
        while: ({ reason }) => reason._tag === "RequestFailed" && reason.status === "FAILURE"
      })
    )
  }
})

const cutMessage = (cut: StreamCut) =>
  ({
    streamInfo: Messages.streamInfo(cut.stream),
    cut: Messages.cutEntries(cut)
  }) satisfies MessageInitShape<typeof pb.StreamCutSchema>

const fromCutMessage = (message: pb.StreamCut): readonly [string, ReaderGroupConfig.ReaderGroupBound] => {
  if (message.streamInfo === undefined) throw new Error("streamInfo is missing")
  const stream = Messages.fromStreamInfo(message.streamInfo)
  const positions = Object.entries(message.cut).map(([id, offset]) => [SegmentId.make(BigInt(id)), offset] as const)
  return [
    stream.toString(),
    positions.length === 0 ? "unbounded" : new StreamCut({ stream, positions: new Map(positions) })
  ]
}

const toMessage = (
  { name, scope }: ReaderGroupRef,
  configuration: ReaderGroupConfig.ReaderGroupConfig
): MessageInitShape<typeof pb.ReaderGroupConfigurationSchema> => {
  const bounds = (cuts: ReaderGroupConfig.ReaderGroupConfig["startingStreamCuts"]) =>
    Array.from(cuts, ([stream, bound]) => {
      if (bound !== "unbounded") return cutMessage(bound)
      const [streamScope = "", streamName = ""] = stream.split("/")
      return { streamInfo: { scope: streamScope, stream: streamName }, cut: {} }
    })
  return {
    scope,
    readerGroupName: name,
    groupRefreshTimeMillis: ReaderGroupConfig.toMillis(configuration.groupRefreshTime),
    automaticCheckpointIntervalMillis: ReaderGroupConfig.intervalToMillis(configuration.automaticCheckpointInterval),
    maxOutstandingCheckpointRequest: configuration.maxOutstandingCheckpoints,
    retentionType: ReaderGroupConfig.retentions.indexOf(configuration.retention),
    generation: configuration.generation,
    readerGroupId: configuration.id,
    startingStreamCuts: bounds(configuration.startingStreamCuts),
    endingStreamCuts: bounds(configuration.endingStreamCuts)
  }
}

const fromMessage = (message: pb.ReaderGroupConfiguration | undefined): ReaderGroupConfig.ReaderGroupConfig => {
  if (message === undefined) throw new Error("config is missing")
  const retention = ReaderGroupConfig.retentions[message.retentionType]
  if (retention === undefined) throw new Error(`retention ${message.retentionType} is not known`)
  return new ReaderGroupConfig.ReaderGroupConfig({
    startingStreamCuts: new Map(message.startingStreamCuts.map(fromCutMessage)),
    endingStreamCuts: new Map(message.endingStreamCuts.map(fromCutMessage)),
    groupRefreshTime: ReaderGroupConfig.fromMillis(message.groupRefreshTimeMillis),
    automaticCheckpointInterval: ReaderGroupConfig.intervalFromMillis(message.automaticCheckpointIntervalMillis),
    maxOutstandingCheckpoints: message.maxOutstandingCheckpointRequest,
    retention,
    generation: message.generation,
    id: message.readerGroupId
  })
}
