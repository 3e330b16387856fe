/**
 * The controller's methods for scaling a stream by hand.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { KeyRange } from "../../../core/KeyRange.ts"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import { epoch, type SegmentId, type SegmentWithRange } from "../../../core/Segment.ts"
import type { Controller } from "../Controller.ts"
import { type ControllerError, InvalidScale, ScalePreconditionFailed, StreamSealed } from "../ControllerError.ts"
import * as pb from "../gen/Controller_pb.ts"
import { type Calls, checkStatus, done, failure, notDone, type Settled, understand } from "./ControllerCalls.ts"
import * as Messages from "./ControllerMessages.ts"
import { segments } from "./SegmentCalls.ts"
import { about } from "./StreamCalls.ts"

const methods = pb.ControllerService.method

interface Scale {
  readonly seal: ReadonlyArray<SegmentId>
  readonly create: ReadonlyArray<KeyRange>
}

/** The epoch before the scale: the one to ask about. */
interface Started {
  readonly epoch: number
  readonly segments: ReadonlyArray<SegmentWithRange>
}

/** @category constructors @since 0.1.0 */
export const scaling = (calls: Calls): Pick<Controller["Service"], "startScale" | "checkScale"> => ({
  startScale: (stream, scale) => startScale(calls, stream, scale),
  checkScale: (stream, epoch) => {
    const context = about("checkScale", stream)
    const Status = pb.ScaleStatusResponse_ScaleStatus
    return Effect.flatMap(
      calls.read(methods.checkScale, { streamInfo: Messages.streamInfo(stream), epoch }, context),
      ({ status }) =>
        status === Status.SUCCESS || status === Status.IN_PROGRESS
          ? Effect.succeed(status === Status.SUCCESS)
          : Effect.as(checkStatus(pb.ScaleStatusResponse_ScaleStatusSchema, status, context), false)
    )
  }
})

const startScale = Effect.fnUntraced(function*(calls: Calls, stream: ScopedStream, scale: Scale) {
  const context = about("scale", stream)
  const problem = shapeProblem(scale)
  if (problem !== undefined) return yield* failure(new InvalidScale({ stream, problem }))
  const readBack = settle(calls, stream, scale)
  const request = {
    streamInfo: Messages.streamInfo(stream),
    sealedSegments: [...scale.seal],
    newKeyRanges: scale.create.map(({ high, low }) => ({ start: low, end: high })),
    scaleTimestamp: BigInt(yield* Clock.currentTimeMillis)
  }
  const Status = pb.ScaleResponse_ScaleStreamStatus
  return yield* calls.change(methods.scale, request, context, {
    settle: readBack,
    interpret: (reply, lost): Effect.Effect<Started, ControllerError> => {
      if (reply.status === Status.FAILURE) return refused(calls, stream)
      if (reply.status === Status.PRECONDITION_FAILED && lost) {
        return Effect.flatMap(readBack, (settled) =>
          settled._tag === "Done"
            ? Effect.succeed(settled.value)
            : Effect.fail(failure(new ScalePreconditionFailed({ stream }))))
      }
      return Effect.andThen(
        checkStatus(pb.ScaleResponse_ScaleStreamStatusSchema, reply.status, context),
        understand(context, () => ({ epoch: reply.epoch, segments: reply.segments.map(Messages.fromSegmentRange) }))
      )
    }
  })
})

/** The server checks the rest, against the ranges that it knows. */
const shapeProblem = ({ create, seal }: Scale): string | undefined => {
  if (seal.length === 0 || create.length === 0) return "it needs segments to seal and key ranges to create"
  if (new Set(seal).size !== seal.length) return "a segment to seal is named twice"
  const bad = create.find(({ high, low }) => !(low >= 0 && low < high && high <= 1))
  return bad === undefined ? undefined : `[${bad.low}, ${bad.high}) is not a range within [0, 1)`
}

/** The server does not say why it answers FAILURE. */
const refused = (calls: Calls, stream: ScopedStream): Effect.Effect<never, ControllerError> =>
  Effect.flatMap(segments(calls).currentSegments(stream), (current) =>
    Effect.fail(failure(
      current.length === 0
        ? new StreamSealed({ stream })
        : new InvalidScale({ stream, problem: "the new key ranges do not cover exactly those of the segments to seal" })
    )))

/**
 * A repeated request joins a scale that is under way, so it may be sent again as long as the segments to seal are
 * active. If they are not, their successors tell whose scale it was: the same ranges are the same scale.
 */
const settle = Effect.fnUntraced(
  function*(calls: Calls, stream: ScopedStream, { create, seal }: Scale): Effect.fn.Return<
    Settled<Started>,
    ControllerError
  > {
    const { currentSegments, successors } = segments(calls)
    const active = new Set((yield* currentSegments(stream)).map(({ id }) => id))
    if (seal.every((id) => active.has(id))) return notDone("the segments to seal are still active")
    const made = new Map<SegmentId, SegmentWithRange>()
    for (const id of seal) {
      for (const { id: successor, range } of yield* successors(stream, id)) {
        made.set(successor, { id: successor, range })
      }
    }
    const after = [...made.values()].toSorted((a, b) => Number(a.id - b.id))
    const key = (ranges: ReadonlyArray<KeyRange>) => ranges.map(({ high, low }) => `${low}-${high}`).toSorted().join()
    if (after[0] === undefined || key(after.map(({ range }) => range)) !== key(create)) {
      return yield* failure(new ScalePreconditionFailed({ stream }))
    }
    return done({ epoch: epoch(after[0].id) - 1, segments: after })
  }
)
