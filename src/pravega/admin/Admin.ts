/**
 * Administration: scopes and streams, scaling, truncation, and what there is to know about a stream. The functions need
 * a `Pravega`. They keep nothing open and cache nothing. Events are written and read elsewhere.
 *
 * Streams are named by `ScopedStream` or by their text, `"scope/stream"`. A name that Pravega would refuse fails with
 * `InvalidName` before anything is sent.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as BackOff from "../../core/BackOff.ts"
import type { KeyRange } from "../../core/KeyRange.ts"
import * as ScalingPolicy from "../../core/ScalingPolicy.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import * as ScopeName from "../../core/ScopeName.ts"
import type { SegmentId, SegmentWithRange } from "../../core/Segment.ts"
import { StreamConfiguration } from "../../core/StreamConfiguration.ts"
import type { StreamCut } from "../../core/StreamCut.ts"
import * as StreamCutOrder from "../../core/StreamCutOrder.ts"
import * as StreamName from "../../core/StreamName.ts"
import { ControllerError, InvalidRequest, InvalidStreamCut } from "../controller/ControllerError.ts"
import * as Outage from "../Outage.ts"
import { Pravega } from "../Pravega.ts"
import * as StreamCuts from "../read/StreamCuts.ts"
import type { SegmentError } from "../segmentstore/SegmentError.ts"
import { existingScope, existingStream, newScope, newStream } from "./internal/Names.ts"
import * as ScalePlan from "./internal/ScalePlan.ts"

/** A stream, or its name as `"scope/stream"`. @category models @since 0.1.0 */
export type StreamLike = ScopedStream | string

/** A configuration, or the fields to make one of. @category models @since 0.1.0 */
export type ConfigurationLike = StreamConfiguration | (typeof StreamConfiguration)["~type.make.in"]

/** What there is to know about a stream. @category models @since 0.1.0 */
export interface StreamInfo {
  readonly stream: ScopedStream
  readonly configuration: StreamConfiguration
  /** The stream's head: the first events that have not been truncated. */
  readonly head: StreamCut
  /** The end, read segment by segment. That of a sealed stream consists of its last segments and their lengths. */
  readonly tail: StreamCut
  readonly isSealed: boolean
}

/** The segments of a stream between two scalings. @category models @since 0.1.0 */
export interface StreamEpoch {
  readonly epoch: number
  readonly segments: ReadonlyArray<SegmentWithRange>
}

/**
 * Creates a scope. Returns whether it was created: false, if it existed already.
 *
 * **Example**
 *
 * ```ts
 * import { Admin, ScalingPolicy } from "effect-pravega"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   yield* Admin.createScope("market")
 *   yield* Admin.createStream("market/trades", { scaling: ScalingPolicy.fixed(4), tags: ["prices"] })
 * })
 * ```
 *
 * @category scopes
 * @since 0.1.0
 */
export const createScope = Effect.fn("Admin.createScope")(
  function*(name: string): Effect.fn.Return<boolean, ControllerError, Pravega> {
    return yield* (yield* Pravega).controller.createScope(yield* newScope(name))
  }
)

/** @category scopes @since 0.1.0 */
export const scopeExists = Effect.fn("Admin.scopeExists")(
  function*(name: string): Effect.fn.Return<boolean, ControllerError, Pravega> {
    return yield* (yield* Pravega).controller.scopeExists(yield* existingScope(name))
  }
)

/**
 * The scopes, page by page. Pravega's own (`_system`) are left out unless `internal` is true.
 *
 * **Example**
 *
 * ```ts
 * import { Admin } from "effect-pravega"
 * import { Console, Stream } from "effect"
 *
 * const show = Admin.listScopes().pipe(
 *   Stream.flatMap((scope) => Admin.listStreams(scope)),
 *   Stream.runForEach((stream) => Console.log(stream.toString()))
 * )
 * ```
 *
 * @category scopes
 * @since 0.1.0
 */
export const listScopes = (
  options?: { readonly internal?: boolean | undefined }
): Stream.Stream<ScopeName.ScopeName, ControllerError, Pravega> =>
  Stream.unwrap(Pravega.useSync(({ controller }) => controller.listScopes)).pipe(
    Stream.filter((name) => options?.internal === true || !ScopeName.isInternal(name))
  )

/**
 * Deletes a scope. Returns whether it was deleted: false, if there was none. Fails with `ScopeNotEmpty` if something is in it.
 * With `recursive` all that is deleted too: streams with their events, reader groups and tables. It may take minutes.
 *
 * @category scopes
 * @since 0.1.0
 */
export const deleteScope = Effect.fn("Admin.deleteScope")(
  function*(
    name: string,
    options?: { readonly recursive?: boolean | undefined }
  ): Effect.fn.Return<boolean, ControllerError, Pravega> {
    return yield* (yield* Pravega).controller.deleteScope(yield* existingScope(name), options)
  }
)

/**
 * Creates a stream. Returns whether it was created: false, if it existed already, and then it keeps the configuration that it
 * has. Its scope must exist; `ensureStream` creates that too.
 *
 * @category streams
 * @since 0.1.0
 */
export const createStream = Effect.fn("Admin.createStream")(
  function*(
    name: StreamLike,
    configuration: ConfigurationLike
  ): Effect.fn.Return<boolean, ControllerError, Pravega> {
    const stream = yield* newStream(name)
    return yield* (yield* Pravega).controller.createStream(
      stream,
      yield* configured("createStream", stream, configuration)
    )
  }
)

/**
 * Creates a stream and its scope where they are missing. Returns whether the stream was created. One that exists keeps the
 * configuration that it has.
 *
 * @category streams
 * @since 0.1.0
 */
export const ensureStream = Effect.fn("Admin.ensureStream")(
  function*(
    name: StreamLike,
    configuration: ConfigurationLike
  ): Effect.fn.Return<boolean, ControllerError, Pravega> {
    const { controller } = yield* Pravega
    const stream = yield* newStream(name)
    const create = createStream(stream, configuration)
    yield* createScope(stream.scope)
    return yield* create.pipe(
      // It is there before it can hold streams: somebody else makes it just now, or was stopped in the middle. Asked for it
      // once more, 0.13.0 makes what is missing before it answers.
      Effect.catchReason(
        "ControllerError",
        "ScopeNotFound",
        () => Effect.andThen(controller.call("createScope", { scope: stream.scope }), create)
      )
    )
  }
)

/** @category streams @since 0.1.0 */
export const streamExists = Effect.fn("Admin.streamExists")(
  function*(name: StreamLike): Effect.fn.Return<boolean, ControllerError, Pravega> {
    return yield* (yield* Pravega).controller.streamExists(yield* existingStream(name))
  }
)

/** @category streams @since 0.1.0 */
export const configuration = Effect.fn("Admin.configuration")(
  function*(name: StreamLike): Effect.fn.Return<StreamConfiguration, ControllerError, Pravega> {
    return yield* (yield* Pravega).controller.streamConfiguration(yield* existingStream(name))
  }
)

/**
 * Replaces a stream's configuration as a whole: what is left out goes back to its default.
 *
 * **Details**
 *
 * The controller scales the stream before it answers: to the number of segments of a fixed policy, or up to the minimum of an
 * automatic one.
 *
 * **Gotchas**
 *
 * Pravega 0.13.0 can't scale a stream from or to 49, 98, 103, ... equal ranges: it would try without end. Such a policy fails
 * with `InvalidRequest`. Scale such a stream by hand, with `scaleTo`, under an automatic policy with a low minimum.
 *
 * @category streams
 * @since 0.1.0
 */
export const updateStream = Effect.fn("Admin.updateStream")(
  function*(
    name: StreamLike,
    configuration: ConfigurationLike
  ): Effect.fn.Return<void, ControllerError, Pravega> {
    const { controller } = yield* Pravega
    const target = yield* existingStream(name)
    const wanted = yield* configured("updateStream", target, configuration)
    if (ScalePlan.sticks(yield* controller.currentSegments(target), wanted.scaling)) {
      const count = ScalingPolicy.initialSegments(wanted.scaling)
      return yield* refuse("updateStream", target, `the controller can't scale the stream to ${count} equal segments`)
    }
    yield* controller.updateStream(target, wanted)
  }
)

/** @category streams @since 0.1.0 */
export const tags = (name: StreamLike): Effect.Effect<ReadonlyArray<string>, ControllerError, Pravega> =>
  Effect.map(configuration(name), ({ tags }) => tags)

/**
 * Replaces a stream's tags, and leaves the rest of its configuration as it is.
 *
 * **Gotchas**
 *
 * It reads the configuration and writes it back: an update that somebody makes in between is overwritten.
 *
 * @category streams
 * @since 0.1.0
 */
export const setTags = Effect.fn("Admin.setTags")(
  function*(name: StreamLike, tags: ReadonlyArray<string>): Effect.fn.Return<void, ControllerError, Pravega> {
    const { retention, rolloverSizeBytes, scaling, timestampAggregationTimeout } = yield* configuration(name)
    const rest = { rolloverSizeBytes, scaling, timestampAggregationTimeout }
    yield* updateStream(name, retention === undefined ? { ...rest, tags } : { ...rest, tags, retention })
  }
)

/**
 * The streams of a scope, or those of its streams that have a tag, page by page. Pravega's own, which start with an
 * underscore, are left out unless `internal` is true.
 *
 * @category streams
 * @since 0.1.0
 */
export const listStreams = (
  scopeName: string,
  options?: { readonly tag?: string | undefined; readonly internal?: boolean | undefined }
): Stream.Stream<ScopedStream, ControllerError, Pravega> =>
  Stream.unwrap(Effect.gen(function*() {
    const { controller } = yield* Pravega
    return controller.listStreams(
      yield* existingScope(scopeName),
      options?.tag === undefined ? {} : { tag: options.tag }
    )
  })).pipe(Stream.filter(({ stream }) => options?.internal === true || !StreamName.isInternal(stream)))

/**
 * Seals a stream, for ever. No event can be written any more, open transactions are aborted, and readers reach an end.
 * Sealing it again succeeds.
 *
 * @category streams
 * @since 0.1.0
 */
export const sealStream = Effect.fn("Admin.sealStream")(
  function*(name: StreamLike): Effect.fn.Return<void, ControllerError, Pravega> {
    yield* (yield* Pravega).controller.sealStream(yield* existingStream(name))
  }
)

/**
 * Deletes a stream with its events. Returns whether it was deleted: false, if there was none. Fails with `StreamNotSealed` if
 * it is not sealed; with `seal` it is sealed first.
 *
 * **Gotchas**
 *
 * A stream that is created again under the same name has other segments. Cuts and pointers of the old one don't fit it.
 *
 * @category streams
 * @since 0.1.0
 */
export const deleteStream = Effect.fn("Admin.deleteStream")(
  function*(
    name: StreamLike,
    options?: { readonly seal?: boolean | undefined }
  ): Effect.fn.Return<boolean, ControllerError, Pravega> {
    const { controller } = yield* Pravega
    const target = yield* existingStream(name)
    if (options?.seal === true) {
      yield* Effect.catchReason(controller.sealStream(target), "ControllerError", "StreamNotFound", () => Effect.void)
    }
    return yield* controller.deleteStream(target)
  }
)

/** The segments that take events now. A sealed stream has none. @category segments @since 0.1.0 */
export const segments = Effect.fn("Admin.segments")(
  function*(name: StreamLike): Effect.fn.Return<ReadonlyArray<SegmentWithRange>, ControllerError, Pravega> {
    return yield* (yield* Pravega).controller.currentSegments(yield* existingStream(name))
  }
)

/** The epochs of a stream, from the first one on: its segments before, between and after the scalings. @category segments @since 0.1.0 */
export const epochs = (name: StreamLike): Stream.Stream<StreamEpoch, ControllerError, Pravega> =>
  Stream.unwrap(Effect.gen(function*() {
    const { controller } = yield* Pravega
    const target = yield* existingStream(name)
    return Stream.paginate(0, (epoch) =>
      controller.epochSegments(target, epoch).pipe(
        Effect.map((segments) => [[{ epoch, segments }], Option.some(epoch + 1)] as const),
        // the controller tells the number of epochs only so
        Effect.catchReason("ControllerError", "InvalidRequest", () =>
          Effect.succeed([[], Option.none<number>()] as const))
      ))
  }))

/**
 * Scales a stream by hand: seals segments, and puts new ones in their place whose key ranges cover exactly those of the sealed
 * ones. Returns the new segments when it is done. If it is interrupted, the scaling goes on.
 *
 * Fails with `ScalePreconditionFailed` if a segment is not active, and with `InvalidScale` if the ranges don't fit.
 *
 * **Example**
 *
 * ```ts
 * import { Admin } from "effect-pravega"
 * import { Effect } from "effect"
 *
 * // split the first segment in the middle
 * const split = Effect.gen(function*() {
 *   const [first] = yield* Admin.segments("market/trades")
 *   if (first === undefined) return []
 *   const { high, low } = first.range
 *   const middle = (low + high) / 2
 *   const create = [{ low, high: middle }, { low: middle, high }]
 *   return yield* Admin.scale("market/trades", { seal: [first.id], create })
 * })
 * ```
 *
 * @category scaling
 * @since 0.1.0
 */
export const scale = Effect.fn("Admin.scale")(
  function*(
    name: StreamLike,
    plan: { readonly seal: ReadonlyArray<SegmentId>; readonly create: ReadonlyArray<KeyRange> }
  ): Effect.fn.Return<ReadonlyArray<SegmentWithRange>, ControllerError, Pravega> {
    const { controller } = yield* Pravega
    const target = yield* existingStream(name)
    const started = yield* controller.startScale(target, plan)
    yield* Effect.repeat(controller.checkScale(target, started.epoch), {
      until: (done) => done,
      schedule: BackOff.doubling("20 millis", "1 second")
    }).pipe(Outage.during(() => `scaling ${target.toString()}`, () => "the controller has not finished it"))
    return started.segments
  }
)

/**
 * Scales a stream to `count` segments of equal key ranges. Segments that have such a range already stay. Returns the segments
 * that are active when it is done.
 *
 * Fails with `InvalidRequest` if `count` is less than the scaling policy's number of segments, which is a minimum, also of a
 * fixed policy.
 *
 * **Example**
 *
 * ```ts
 * import { Admin } from "effect-pravega"
 *
 * const wider = Admin.scaleTo("market/trades", 8)
 * ```
 *
 * @category scaling
 * @since 0.1.0
 */
export const scaleTo = Effect.fn("Admin.scaleTo")(
  function*(
    name: StreamLike,
    count: number
  ): Effect.fn.Return<ReadonlyArray<SegmentWithRange>, ControllerError, Pravega> {
    const target = yield* existingStream(name)
    if (!Number.isInteger(count) || count < 1) {
      return yield* refuse("scale", target, `a stream has 1 segment or more, not ${count}`)
    }
    const minimum = ScalingPolicy.initialSegments((yield* configuration(target)).scaling)
    if (count < minimum) {
      const problem = `its scaling policy keeps at least ${minimum} segments: update the policy first, to have ${count}`
      return yield* refuse("scale", target, problem)
    }
    const plan = ScalePlan.toEqual(yield* segments(target), count)
    if (plan.create.length > 0) yield* scale(target, plan)
    return yield* segments(target)
  }
)

/**
 * Deletes the events before a cut. Fails with `InvalidStreamCut` if the cut lies before the present head or does not fit the
 * stream, and with `StreamSealed` if the stream is sealed: Pravega 0.13.0 does not truncate it.
 *
 * **Example**
 *
 * ```ts
 * import { Admin } from "effect-pravega"
 * import { Effect } from "effect"
 *
 * // forget all that is there now
 * const emptied = Effect.flatMap(Admin.latestCut("market/trades"), Admin.truncateStream)
 * ```
 *
 * @category truncation
 * @since 0.1.0
 */
export const truncateStream = Effect.fn("Admin.truncateStream")(
  function*(cut: StreamCut): Effect.fn.Return<void, ControllerError | SegmentError, Pravega> {
    const { controller, segments } = yield* Pravega
    // the server accepts an offset beyond a segment's end, and then starts the stream where nothing is yet
    for (const [id, offset] of cut.positions) {
      const { length } = yield* segments.info({ stream: cut.stream, id })
      if (offset > length) {
        const problem = `offset ${offset} lies beyond the end of segment ${id} (${length})`
        return yield* new ControllerError({ reason: new InvalidStreamCut({ stream: cut.stream, problem }) })
      }
    }
    yield* controller.truncateStream(cut)
  }
)

/** The first events that are still there. @category cuts @since 0.1.0 */
export const earliestCut = Effect.fn("Admin.earliestCut")(
  function*(name: StreamLike): Effect.fn.Return<StreamCut, ControllerError, Pravega> {
    return yield* (yield* Pravega).controller.head(yield* existingStream(name))
  }
)

/**
 * The stream's end at this moment. That of a sealed stream consists of its last segments and their lengths.
 *
 * **Gotchas**
 *
 * The offsets are read segment by segment, so this is no snapshot. Of two events that were written one after the other to
 * different segments, the second may lie before the cut and the first after it.
 *
 * @category cuts
 * @since 0.1.0
 */
export const latestCut = Effect.fn("Admin.latestCut")(
  function*(name: StreamLike): Effect.fn.Return<StreamCut, ControllerError | SegmentError, Pravega> {
    return (yield* StreamCuts.tail(yield* existingStream(name))).cut
  }
)

/**
 * @category cuts @since 0.1.0
 *
 * **Example**
 *
 * ```ts
 * import { Admin } from "effect-pravega"
 * import { Console, Effect } from "effect"
 *
 * const show = Effect.gen(function*() {
 *   const { head, isSealed, tail } = yield* Admin.streamInfo("market/trades")
 *   yield* Console.log(`${yield* Admin.distance(head, tail)} bytes${isSealed ? ", sealed" : ""}`)
 * })
 * ```
 */
export const streamInfo = Effect.fn("Admin.streamInfo")(
  function*(name: StreamLike): Effect.fn.Return<StreamInfo, ControllerError | SegmentError, Pravega> {
    const { controller } = yield* Pravega
    const target = yield* existingStream(name)
    const configuration = yield* controller.streamConfiguration(target)
    const head = yield* controller.head(target)
    const tail = yield* StreamCuts.tail(target)
    return { stream: target, configuration, head, tail: tail.cut, isSealed: tail.isSealed }
  }
)

/**
 * The bytes between two cuts of a stream, headers of events (8 bytes each) included. It asks the stores for the lengths of the
 * segments in between, and fails with a `SegmentError` if one of them was truncated away.
 *
 * **Example**
 *
 * ```ts
 * import { Admin, type StreamCut } from "effect-pravega"
 * import { Effect } from "effect"
 *
 * // how many bytes a consumer at this position has not read
 * const lag = (position: StreamCut) =>
 *   Effect.flatMap(Admin.latestCut(position.stream), (tail) => Admin.distance(position, tail))
 * ```
 *
 * @category cuts
 * @since 0.1.0
 */
export const distance = Effect.fn("Admin.distance")(
  function*(
    start: StreamCut,
    end: StreamCut
  ): Effect.fn.Return<bigint, ControllerError | SegmentError | StreamCutOrder.StreamCutOrderError, Pravega> {
    const between = start.stream.toString() === end.stream.toString() ? yield* StreamCuts.extents(start, end) : []
    return yield* Effect.fromResult(StreamCutOrder.distance(start, end, between))
  }
)

const refuse = (operation: string, subject: ScopedStream, problem: string): Effect.Effect<never, ControllerError> =>
  Effect.fail(new ControllerError({ reason: new InvalidRequest({ operation, subject: subject.toString(), problem }) }))

const configured = (operation: string, subject: ScopedStream, input: ConfigurationLike) =>
  StreamConfiguration.makeEffect(input).pipe(
    Effect.catch((issue) => refuse(operation, subject, new Schema.SchemaError(issue).message))
  )
