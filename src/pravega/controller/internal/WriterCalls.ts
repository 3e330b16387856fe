/**
 * The controller's methods on writers: what they note of their events' times, from which the server makes a stream's
 * watermarks.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { Controller } from "../Controller.ts"
import * as pb from "../gen/Controller_pb.ts"
import { type Calls, checkStatus } from "./ControllerCalls.ts"
import * as Messages from "./ControllerMessages.ts"
import { about } from "./StreamCalls.ts"

const methods = pb.ControllerService.method

/** Both do the same thing however often they are sent. @category constructors @since 0.1.0 */
export const writers = (calls: Calls): Pick<Controller["Service"], "noteTime" | "removeWriter"> => ({
  noteTime: (position, { time, writerId }) => {
    const context = about("noteTimestampFromWriter", position.stream)
    return Effect.flatMap(
      calls.read(methods.noteTimestampFromWriter, {
        writer: writerId,
        timestamp: time,
        position: { streamInfo: Messages.streamInfo(position.stream), cut: Messages.cutEntries(position) }
      }, context),
      ({ result }) => checkStatus(pb.TimestampResponse_StatusSchema, result, context)
    )
  },
  removeWriter: (stream, writerId) => {
    const context = about("removeWriter", stream)
    return Effect.flatMap(
      calls.read(methods.removeWriter, { writer: writerId, stream: Messages.streamInfo(stream) }, context),
      ({ result }) =>
        result === pb.RemoveWriterResponse_Status.UNKNOWN_WRITER
          ? Effect.succeed(false)
          : Effect.as(checkStatus(pb.RemoveWriterResponse_StatusSchema, result, context), true)
    )
  }
})
