/**
 * The controller's methods on the segments of a stream: which there are, where they live, and the tokens to reach
 * them. Scaling is in `ScaleCalls`.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import type { StreamCut } from "../../../core/StreamCut.ts"
import type { AccessOperation, Controller } from "../Controller.ts"
import { InvalidRequest, InvalidStreamCut, UnexpectedReply } from "../ControllerError.ts"
import * as pb from "../gen/Controller_pb.ts"
import { type Calls, failure, understand } from "./ControllerCalls.ts"
import * as Messages from "./ControllerMessages.ts"
import { about } from "./StreamCalls.ts"

const methods = pb.ControllerService.method

type SegmentMethods = Pick<
  Controller["Service"],
  | "currentSegments"
  | "epochSegments"
  | "head"
  | "successors"
  | "segmentsBetween"
  | "endpoint"
  | "isStreamCutValid"
  | "delegationToken"
>

/** @category constructors @since 0.1.0 */
export const segments = (calls: Calls): SegmentMethods => ({
  currentSegments: (stream) => {
    const context = about("getCurrentSegments", stream)
    return Effect.flatMap(
      calls.read(methods.getCurrentSegments, Messages.streamInfoWithoutToken(stream), context),
      (reply) => understand(context, () => reply.segmentRanges.map(Messages.fromSegmentRange))
    )
  },
  epochSegments: (stream, epoch) => epochSegments(calls, stream, epoch),
  head: (stream) => {
    const context = about("getSegments", stream)
    return Effect.flatMap(
      calls.read(methods.getSegments, { streamInfo: Messages.streamInfoWithoutToken(stream) }, context),
      (reply) => understand(context, () => Messages.fromLocations(stream, reply))
    )
  },
  successors: (stream, segment) => {
    const context = about("getSegmentsImmediatelyFollowing", stream)
    return Effect.flatMap(
      calls.read(methods.getSegmentsImmediatelyFollowing, Messages.segmentId(stream, segment), context),
      (reply) => understand(context, () => Messages.fromSuccessors(reply))
    )
  },
  segmentsBetween: (stream, from, to) => segmentsBetween(calls, stream, from, to),
  endpoint: (stream, segment) => {
    const context = about("getURI", stream)
    return Effect.flatMap(
      calls.read(methods.getURI, Messages.segmentId(stream, segment), context),
      ({ endpoint: host, port }) =>
        host !== "" && port > 0 && port <= 65_535
          ? Effect.succeed({ host, port })
          : Effect.fail(failure(
            new UnexpectedReply({ operation: "getURI", subject: context.subject, reply: `the address ${host}:${port}` })
          ))
    )
  },
  isStreamCutValid: (cut) =>
    calls.read(
      methods.isStreamCutValid,
      { streamInfo: Messages.streamInfo(cut.stream), cut: Messages.cutEntries(cut) },
      about("isStreamCutValid", cut.stream)
    ).pipe(
      Effect.map((reply) => reply.response),
      // 0.13.0 stumbles over a segment that is not the stream's (UNKNOWN, a NullPointerException)
      Effect.catchReason("ControllerError", "RequestFailed", () => Effect.succeed(false))
    ),
  delegationToken: (stream, access) =>
    Effect.map(
      calls.read(
        methods.getDelegationToken,
        Messages.streamInfo(stream, accessOperations[access]),
        about("getDelegationToken", stream)
      ),
      (reply) => reply.delegationToken
    )
})

const accessOperations: Readonly<Record<AccessOperation, pb.StreamInfo_AccessOperation>> = {
  read: pb.StreamInfo_AccessOperation.READ,
  write: pb.StreamInfo_AccessOperation.WRITE,
  "read-write": pb.StreamInfo_AccessOperation.READ_WRITE
}

const segmentsBetween = Effect.fnUntraced(
  function*(calls: Calls, stream: ScopedStream, from: StreamCut | undefined, to: StreamCut | undefined) {
    const context = about("getSegmentsBetween", stream)
    // the server takes an empty `from` for epoch 0, but two empty ends for a mistake
    const start = from !== undefined || to !== undefined
      ? from
      : yield* Effect.flatMap(
        calls.read(methods.getSegments, { streamInfo: Messages.streamInfoWithoutToken(stream) }, context),
        (reply) => understand(context, () => Messages.fromLocations(stream, reply))
      )
    const reply = yield* calls.read(methods.getSegmentsBetween, {
      streamInfo: Messages.streamInfo(stream),
      from: Messages.cutEntries(start),
      to: Messages.cutEntries(to)
    }, context)
    return yield* understand(context, () => reply.segments.map(Messages.fromSegmentId))
  },
  // so 0.13.0 answers when `to` lies before `from`, or a segment is not one of the stream's
  (effect, _calls, stream) =>
    Effect.catchReason(effect, "ControllerError", "RequestFailed", () =>
      Effect.fail(failure(
        new InvalidStreamCut({ stream, problem: "its end lies before its start, or a segment is not the stream's" })
      )))
)

/** 0.13.0 answers NOT_FOUND also for an epoch that the stream never had. Each has epoch 0, so that is then what is meant. */
const epochSegments = (calls: Calls, stream: ScopedStream, epoch: number) => {
  const context = about("getEpochSegments", stream)
  const reading = Effect.flatMap(
    calls.read(methods.getEpochSegments, { streamInfo: Messages.streamInfo(stream), epoch }, context),
    (reply) => understand(context, () => reply.segmentRanges.map(Messages.fromSegmentRange))
  )
  return epoch === 0 ? reading : reading.pipe(
    Effect.catchReason("ControllerError", "StreamNotFound", () =>
      Effect.andThen(
        // fails itself when it is the stream that is missing
        calls.read(methods.getCurrentSegments, Messages.streamInfoWithoutToken(stream), context),
        Effect.fail(failure(
          new InvalidRequest({
            operation: context.operation,
            subject: context.subject,
            problem: `the stream has no epoch ${epoch}`
          })
        ))
      ))
  )
}
