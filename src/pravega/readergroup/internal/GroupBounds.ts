/**
 * Where a group is to start and end, looked at before it is: a controller answers mistakes in it with a failure that names
 * none of them, or ignores what does not fit.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { ReaderGroupConfig } from "../../../core/ReaderGroupConfig.ts"
import { ScopedStream } from "../../../core/ScopedStream.ts"
import type { StreamCut } from "../../../core/StreamCut.ts"
import type { Pravega } from "../../Pravega.ts"
import * as BatchPlanning from "../../read/BatchPlanning.ts"
import * as CutOfStream from "../../read/CutOfStream.ts"
import { InvalidPosition, ReadError, type ReadErrorReason } from "../../read/ReadError.ts"

/**
 * Fails with `InvalidPosition` if a bound belongs to another stream than the one that it is given for, if it is none of its
 * positions, or if a stream's end lies before its start; with `EarlierStream` if the stream was deleted and made again since.
 *
 * @category planning
 * @since 0.2.0
 */
export const check = Effect.fnUntraced(function*(
  config: ReaderGroupConfig
): Effect.fn.Return<void, ReadError, Pravega> {
  for (const [name, start] of config.startingStreamCuts) {
    const stream = ScopedStream.fromTextUnsafe(name)
    const end = config.endingStreamCuts.get(name) ?? "unbounded"
    for (const [which, bound] of [["start", start], ["end", end]] as const) {
      if (bound !== "unbounded" && bound.stream.toString() !== name) {
        return yield* invalid(stream, `the ${which} belongs to stream ${bound.stream.toString()}`)
      }
      if (bound === "unbounded" || bound.positions.size === 0) continue
      yield* Effect.mapError(CutOfStream.check(bound, which), (reason) => new ReadError({ reason }))
    }
    if (start !== "unbounded" && end !== "unbounded") yield* inOrder(start, end)
  }
})

/**
 * Fails with `InvalidPosition` if a cut is of none of the streams: it would be passed over.
 *
 * @category planning
 * @since 0.2.0
 */
export const ofStreams = (
  cuts: Iterable<StreamCut>,
  streams: ReadonlySet<string>,
  which: string
): Effect.Effect<void, ReadError> => {
  for (const { stream } of cuts) {
    if (!streams.has(stream.toString())) return invalid(stream, `the ${which} of a stream that is not read`)
  }
  return Effect.void
}

const inOrder = (start: StreamCut, end: StreamCut): Effect.Effect<void, ReadError, Pravega> =>
  BatchPlanning.ranges({ from: start, to: end }, () => Effect.void).pipe(
    Effect.asVoid,
    Effect.catch((reason) =>
      isOutOfOrder(reason)
        ? invalid(start.stream, `the end ${end.toString()} does not lie behind the start ${start.toString()}`)
        : Effect.fail(new ReadError({ reason }))
    )
  )

/** Said by what is between two cuts: a controller has no words of its own for cuts in the wrong order. */
const isOutOfOrder = (reason: ReadErrorReason): boolean =>
  reason._tag === "InvalidPosition" || (reason._tag === "ControllerError" &&
    (reason.reason._tag === "RequestFailed" || reason.reason._tag === "InvalidStreamCut"))

const invalid = (stream: ScopedStream, detail: string): Effect.Effect<never, ReadError> =>
  Effect.fail(new ReadError({ reason: new InvalidPosition({ stream, detail }) }))
