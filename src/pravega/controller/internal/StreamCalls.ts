/**
 * The controller's methods on scopes and streams as wholes. Creating and deleting look before they send: after a lost
 * reply, what is there then tells whether it was this call that did it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import { ScopeName } from "../../../core/ScopeName.ts"
import type { StreamConfiguration } from "../../../core/StreamConfiguration.ts"
import type { StreamCut } from "../../../core/StreamCut.ts"
import type { Controller } from "../Controller.ts"
import { type ControllerError, InvalidRequest, InvalidStreamCut, ScopeNotEmpty } from "../ControllerError.ts"
import * as pb from "../gen/Controller_pb.ts"
import { type CallContext, type Calls, checkStatus, done, failure, notDone, understand } from "./ControllerCalls.ts"
import * as Messages from "./ControllerMessages.ts"

const methods = pb.ControllerService.method

/** What a call on a stream is about. @category constructors @since 0.1.0 */
export const about = (operation: string, stream: ScopedStream): CallContext => ({
  operation,
  subject: stream.toString(),
  stream
})

type ScopeMethods = Pick<Controller["Service"], "createScope" | "scopeExists" | "listScopes" | "deleteScope">

/** @category constructors @since 0.1.0 */
export const scopes = (calls: Calls): ScopeMethods => {
  const exists = (scope: ScopeName) =>
    Effect.map(
      calls.read(methods.checkScopeExists, { scope }, { operation: "checkScopeExists", subject: scope }),
      (reply) => reply.exists
    )
  return {
    scopeExists: exists,
    createScope: Effect.fnUntraced(function*(scope) {
      if (yield* exists(scope)) return false
      const context = { operation: "createScope", subject: scope }
      return yield* calls.change(methods.createScope, { scope }, context, {
        interpret: ({ status }, lost) =>
          status === pb.CreateScopeStatus_Status.SCOPE_EXISTS
            ? Effect.succeed(lost)
            : Effect.as(checkStatus(pb.CreateScopeStatus_StatusSchema, status, context), true),
        settle: Effect.map(exists(scope), (there) => there ? done(true) : notDone("the scope is not there"))
      })
    }),
    listScopes: Stream.paginate("", (token) => {
      const context = { operation: "listScopes", subject: "all scopes" }
      return Effect.flatMap(
        calls.read(methods.listScopes, { continuationToken: { token } }, context),
        (page) =>
          understand(
            context,
            () => [page.scopes.map((name) => ScopeName.make(name)), nextPage(page.scopes, page)] as const
          )
      )
    }),
    deleteScope: Effect.fnUntraced(function*(scope, options) {
      if (!(yield* exists(scope))) return false
      const recursive = options?.recursive ?? false
      if (!recursive && !(yield* isEmpty(calls, scope))) return yield* failure(new ScopeNotEmpty({ scope }))
      const method = recursive ? methods.deleteScopeRecursive : methods.deleteScope
      const context = { operation: method.name, subject: scope }
      return yield* calls.change(method, { scope }, context, {
        interpret: ({ status }, lost) =>
          status === pb.DeleteScopeStatus_Status.SCOPE_NOT_FOUND
            ? Effect.succeed(lost)
            : Effect.as(checkStatus(pb.DeleteScopeStatus_StatusSchema, status, context), true),
        settle: Effect.map(exists(scope), (there) => there ? notDone("the scope is still there") : done(true))
      })
    })
  }
}

/**
 * Looked at before a scope is deleted: a request that 0.13.0 refuses because the scope is not empty has dropped the
 * scope's tag tables already, and no stream with tags can be made in it any more.
 */
const isEmpty = (calls: Calls, scope: ScopeName): Effect.Effect<boolean, ControllerError> => {
  const context = { operation: "deleteScope", subject: scope }
  const request = { scope: { scope }, continuationToken: { token: "" } }
  return Effect.gen(function*() {
    const streams = yield* calls.read(methods.listStreamsInScope, request, context)
    if (streams.streams.length > 0) return false
    return (yield* calls.read(methods.listKeyValueTablesInScope, request, context)).kvtables.length === 0
  })
}

type StreamMethods = Pick<
  Controller["Service"],
  | "createStream"
  | "streamExists"
  | "updateStream"
  | "streamConfiguration"
  | "listStreams"
  | "truncateStream"
  | "sealStream"
  | "deleteStream"
>

/** @category constructors @since 0.1.0 */
export const streams = (calls: Calls): StreamMethods => {
  const streamExists = (stream: ScopedStream) =>
    Effect.map(
      calls.read(methods.checkStreamExists, Messages.streamInfo(stream), about("checkStreamExists", stream)),
      (reply) => reply.exists
    )
  const streamConfiguration = (stream: ScopedStream) => {
    const context = about("getStreamConfiguration", stream)
    return Effect.flatMap(
      calls.read(methods.getStreamConfiguration, Messages.streamInfo(stream), context),
      (message) => understand(context, () => Messages.fromStreamConfig(message))
    )
  }
  return {
    streamExists,
    streamConfiguration,
    createStream: Effect.fnUntraced(function*(stream, configuration) {
      if (yield* streamExists(stream)) return false
      return yield* createStream(calls, streamExists, streamConfiguration, stream, configuration)
    }),
    updateStream: (stream, configuration) => {
      const context = about("updateStream", stream)
      return calls.change(methods.updateStream, Messages.streamConfig(stream, configuration), context, {
        interpret: ({ status }) => checkStatus(pb.UpdateStreamStatus_StatusSchema, status, context),
        settle: Effect.map(
          streamConfiguration(stream),
          (now) => sameConfiguration(now, configuration) ? done(undefined) : notDone("the configuration is another one")
        )
      })
    },
    listStreams: (scope, options) => listStreams(calls, scope, options?.tag),
    truncateStream: (cut) => truncateStream(calls, cut),
    // sealing twice succeeds on the server: it is simply sent again
    sealStream: (stream) => {
      const context = about("sealStream", stream)
      return Effect.flatMap(
        calls.read(methods.sealStream, Messages.streamInfo(stream), context),
        ({ status }) => checkStatus(pb.UpdateStreamStatus_StatusSchema, status, context)
      )
    },
    deleteStream: Effect.fnUntraced(function*(stream) {
      if (!(yield* streamExists(stream))) return false
      const context = about("deleteStream", stream)
      return yield* calls.change(methods.deleteStream, Messages.streamInfo(stream), context, {
        interpret: ({ status }, lost) =>
          status === pb.DeleteStreamStatus_Status.STREAM_NOT_FOUND
            ? Effect.succeed(lost)
            : Effect.as(checkStatus(pb.DeleteStreamStatus_StatusSchema, status, context), true),
        settle: Effect.map(streamExists(stream), (there) => there ? notDone("the stream is still there") : done(true))
      })
    })
  }
}

const createStream = (
  calls: Calls,
  streamExists: Controller["Service"]["streamExists"],
  streamConfiguration: Controller["Service"]["streamConfiguration"],
  stream: ScopedStream,
  configuration: StreamConfiguration
) => {
  const context = about("createStream", stream)
  /** There now, after a lost reply, though not before: ours if it has our configuration, somebody else's if not. */
  const isOurs = Effect.map(streamConfiguration(stream), (now) => sameConfiguration(now, configuration))
  return calls.change(methods.createStream, Messages.streamConfig(stream, configuration), context, {
    interpret: ({ status }, lost) =>
      status === pb.CreateStreamStatus_Status.STREAM_EXISTS
        ? lost ? isOurs : Effect.succeed(false)
        : Effect.as(checkStatus(pb.CreateStreamStatus_StatusSchema, status, context), true),
    settle: Effect.flatMap(
      streamExists(stream),
      (there) => there ? Effect.map(isOurs, done) : Effect.succeed(notDone("the stream is not there"))
    )
  })
}

const truncateStream = (calls: Calls, cut: StreamCut) => {
  const context = about("truncateStream", cut.stream)
  if (cut.positions.size === 0) {
    return Effect.fail(failure(new InvalidStreamCut({ stream: cut.stream, problem: "it names no segment" })))
  }
  const isHead = Effect.map(
    calls.read(
      methods.getSegments,
      { streamInfo: Messages.streamInfoWithoutToken(cut.stream) },
      about("getSegments", cut.stream)
    ),
    (head) => Messages.isAt(head, cut)
  )
  const request = { streamInfo: Messages.streamInfo(cut.stream), cut: Messages.cutEntries(cut) }
  return calls.change(methods.truncateStream, request, context, {
    interpret: ({ status }) =>
      status === pb.UpdateStreamStatus_Status.FAILURE
        // also said of a cut that the stream is truncated at already, by the lost first attempt for instance
        ? Effect.flatMap(isHead, (same) => same ? Effect.void : Effect.fail(failure(refusedCut(cut))))
        : checkStatus(pb.UpdateStreamStatus_StatusSchema, status, context),
    settle: Effect.map(isHead, (same) => same ? done(undefined) : notDone("the stream starts elsewhere"))
  })
}

const refusedCut = (cut: StreamCut) =>
  new InvalidStreamCut({
    stream: cut.stream,
    problem: "the controller refused to truncate there: it does not cover the stream once, an offset is outside its " +
      "segment, or it lies before the present head"
  })

const listStreams = (calls: Calls, scope: ScopeName, tag: string | undefined) => {
  if (tag === "") {
    const reason = new InvalidRequest({ operation: "listStreams", subject: scope, problem: "the tag is empty" })
    return Stream.fail(failure(reason))
  }
  const context = { operation: "listStreams", subject: scope }
  return Stream.paginate("", (token) => {
    const request = { scope: { scope }, continuationToken: { token } }
    const read = tag === undefined
      ? calls.read(methods.listStreamsInScope, request, context)
      : calls.read(methods.listStreamsInScopeForTag, { ...request, tag }, context)
    return Effect.flatMap(read, (page) =>
      Effect.andThen(
        checkStatus(pb.StreamsInScopeResponse_StatusSchema, page.status, context),
        understand(context, () => [page.streams.map(Messages.fromStreamInfo), nextPage(page.streams, page)] as const)
      ))
  })
}

/** The server's token is never empty; an empty page is the end. */
const nextPage = (
  items: ReadonlyArray<unknown>,
  page: { readonly continuationToken?: pb.ContinuationToken | undefined }
): Option.Option<string> =>
  items.length === 0 || page.continuationToken === undefined ? Option.none() : Option.some(page.continuationToken.token)

/** As the server keeps them: tags in no order. */
const sameConfiguration = (a: StreamConfiguration, b: StreamConfiguration): boolean =>
  Equal.equals(a.scaling, b.scaling) && Equal.equals(a.retention, b.retention) &&
  Equal.equals(a.timestampAggregationTimeout, b.timestampAggregationTimeout) &&
  a.rolloverSizeBytes === b.rolloverSizeBytes && a.tags.toSorted().join("\n") === b.tags.toSorted().join("\n")
