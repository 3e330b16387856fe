/**
 * Requests on segments over the stores' shared connections: the retries, and what each reply means. See `Segments` for
 * the contract.
 *
 * @internal
 */
import * as Cache from "effect/Cache"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as BackOff from "../../core/BackOff.ts"
import * as Reading from "../../core/Reading.ts"
import { ScopedStream } from "../../core/ScopedStream.ts"
import * as Segment from "../../core/Segment.ts"
import { type AccessOperation, Controller, type StoreEndpoint } from "../controller/Controller.ts"
import type { ControllerError } from "../controller/ControllerError.ts"
import { TlsFailed } from "../controller/TlsFailed.ts"
import * as Outage from "../Outage.ts"
import type { WireCommand } from "../wire/WireCommand.ts"
import type { ConnectionLost, ConnectionRefused } from "./ConnectionError.ts"
import { usableMillis } from "./internal/DelegationToken.ts"
import {
  AccessRefused,
  NoSuchSegment,
  OffsetOutOfRange,
  SegmentError,
  type SegmentErrorReason,
  SegmentTruncated,
  StoreUnavailable,
  UnexpectedStoreReply
} from "./SegmentError.ts"
import { nameOf } from "./SegmentRefName.ts"
import { type SegmentInfo, type SegmentRead, type SegmentRef, Segments } from "./Segments.ts"
import { SegmentStores } from "./SegmentStores.ts"

/** Where segments live, least recently used first out. */
const endpointCapacity = 10_000
/** Streams times kinds of access. */
const tokenCapacity = 3_000
/** Waiting at a segment's tail is answered after 60 to 75 s (0.13.0): silence for longer is a broken connection. */
const readTimeout = Duration.minutes(2)
const infoTimeout = Duration.seconds(30)

const attemptsMax = 12
const backOff = BackOff.ofRequests(attemptsMax)

const accesses: ReadonlyArray<AccessOperation> = ["read", "write", "read-write"]

/** Another attempt may help. */
class Again extends Data.TaggedError("Again")<{
  readonly problem: string
  readonly lost: boolean
  /** Undefined: the store answered, or nothing came. */
  readonly cause: ConnectionRefused | ConnectionLost | undefined
}> {}

/** What a reply means to a request. No reason: it is none of its replies. */
type Answer<A> =
  | { readonly _tag: "Answer"; readonly value: A }
  | { readonly _tag: "Refusal"; readonly reason: SegmentErrorReason | undefined }

const answer = <A>(value: A): Answer<A> => ({ _tag: "Answer", value })
const refusal = (reason: SegmentErrorReason | undefined): Answer<never> => ({ _tag: "Refusal", reason })

/** A request, and what the replies that are its own mean. */
interface Operation<A> {
  readonly name: string
  readonly access: AccessOperation
  readonly timeout: Duration.Duration
  /** Its answer may come late, and does when all is well: only what failed tells of an outage. */
  readonly isPatient?: true
  readonly command: (requestId: bigint, token: string) => WireCommand
  readonly interpret: (reply: WireCommand) => Answer<A>
}

interface Sources {
  readonly endpoint: (segment: SegmentRef) => Effect.Effect<StoreEndpoint, ControllerError>
  readonly forget: (segment: SegmentRef) => Effect.Effect<void>
  readonly token: Segments["Service"]["token"]
  readonly forgetToken: Segments["Service"]["forgetToken"]
  readonly stores: SegmentStores["Service"]
}

const make = Effect.fnUntraced(
  function*(
    controller: Controller["Service"],
    stores: SegmentStores["Service"]
  ): Effect.fn.Return<Segments["Service"]> {
    const sources = yield* makeSources(controller, stores)
    const { endpoint, forget, forgetToken, token } = sources
    return {
      info: (segment) => request(sources, segment, info(nameOf(segment))),
      read: (segment, { length, offset }) => {
        const segmentName = nameOf(segment)
        if (offset < 0n) return failed(new OffsetOutOfRange({ segment: segmentName, offset }))
        return request(sources, segment, read(segmentName, offset, length), checkOffset(sources, segment, offset))
      },
      attribute: (segment, id) => request(sources, segment, attribute(nameOf(segment), id)),
      setAttribute: (segment, id, { expected, value }) =>
        Effect.flatMap(request(sources, segment, setAttribute(nameOf(segment), id, expected, value)), (isSet) =>
          isSet
            ? Effect.succeed(true)
            // a lost first reply makes the second attempt fail on what the first one did
            : Effect.map(request(sources, segment, attribute(nameOf(segment), id)), (now) => now === value)),
      truncate: (segment, offset) => request(sources, segment, truncate(nameOf(segment), offset)),
      appends: (segment, lane) =>
        Effect.flatMap(endpoint(segment), (store) => stores.appends(store, lane)).pipe(
          Effect.tapErrorTag("ConnectionRefused", () => forget(segment))
        ),
      forget,
      token,
      forgetToken
    }
  }
)

/**
 * Over a controller and the connections to its stores. It caches where segments live, and tokens.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer: Layer.Layer<Segments, never, Controller | SegmentStores> = Layer.effect(
  Segments,
  Effect.gen(function*() {
    return yield* make(yield* Controller, yield* SegmentStores)
  })
)

const makeSources = Effect.fnUntraced(
  function*(controller: Controller["Service"], stores: SegmentStores["Service"]): Effect.fn.Return<Sources> {
    // Keys are texts: to hash and compare values for each request was a fifth of what it cost.
    const endpoints = yield* Cache.makeWith(
      (place: string) => {
        const { id, stream } = Reading.segment(place)
        return controller.endpoint(stream, id)
      },
      { capacity: endpointCapacity, timeToLive: (exit) => Exit.isSuccess(exit) ? Duration.infinity : Duration.zero }
    )
    // A client that gets an empty token for one stream gets it for all, and need not ask again until a store refuses one.
    let areTokensOff = false
    const tokens = yield* Cache.makeWith(
      (right: string) =>
        Effect.gen(function*() {
          const token = yield* controller.delegationToken(...rightOf(right))
          if (token === "") areTokensOff = true
          return { token, usable: usableMillis(token, yield* Clock.currentTimeMillis) }
        }),
      {
        capacity: tokenCapacity,
        timeToLive: (exit) => Exit.isSuccess(exit) ? Duration.millis(exit.value.usable) : Duration.zero
      }
    )
    return {
      stores,
      endpoint: (segment) => Cache.get(endpoints, placeOf(segment)),
      forget: (segment) => Cache.invalidate(endpoints, placeOf(segment)),
      token: (stream, access) =>
        Effect.suspend(() =>
          areTokensOff
            ? Effect.succeed("")
            : Effect.map(Cache.get(tokens, rightTo(stream, access)), ({ token }) => token)
        ),
      forgetToken: (stream) =>
        Effect.suspend(() => {
          if (areTokensOff) {
            areTokensOff = false
            return Cache.invalidateAll(tokens)
          }
          return Effect.forEach(accesses, (access) => Cache.invalidate(tokens, rightTo(stream, access)), {
            discard: true
          })
        })
    }
  }
)

/** The segment without its transaction, which lives where it does. */
const placeOf = ({ id, stream }: SegmentRef): string => Segment.name(stream, id)

const rightTo = (stream: ScopedStream, access: AccessOperation): string => `${access} ${stream.toString()}`

const rightOf = (right: string): readonly [ScopedStream, AccessOperation] => {
  const access = accesses.find((one) => right.startsWith(`${one} `)) ?? "read-write"
  return [ScopedStream.fromTextUnsafe(right.slice(access.length + 1)), access]
}

const failed = (reason: SegmentErrorReason): Effect.Effect<never, SegmentError> =>
  Effect.fail(new SegmentError({ reason }))

/** Attempts until there is an answer. `onLost` looks into a lost connection before the next attempt. */
const request = <A>(
  sources: Sources,
  segment: SegmentRef,
  operation: Operation<A>,
  onLost: Effect.Effect<void, SegmentError> = Effect.void
): Effect.Effect<A, SegmentError | ControllerError> =>
  Effect.suspend(() => {
    let attempts = 0
    let refusals = 0
    let last = operation.isPatient ? undefined : "no answer from the segment store"
    const once = Effect.suspend(() => {
      attempts++
      return attempt(sources, segment, operation, () => refusals++ === 0)
    })
    return once.pipe(
      Effect.tapErrorTag("Again", ({ lost, problem }) => {
        last = problem
        return Effect.andThen(sources.forget(segment), lost ? onLost : Effect.void)
      }),
      Effect.retry({ schedule: backOff, while: (error) => error._tag === "Again" }),
      Outage.during(() => `${operation.name} of ${nameOf(segment)}`, () => last),
      Effect.catchTag("Again", ({ cause, problem }) =>
        failed(new StoreUnavailable({ segment: nameOf(segment), attempts, problem, cause })))
    )
  })

/** One request and its reply. `mayRenew`: whether a token that was refused may be renewed (once). */
const attempt = Effect.fnUntraced(
  function*<A>(
    { endpoint, forgetToken, stores, token }: Sources,
    segment: SegmentRef,
    { access, command, interpret, name, timeout }: Operation<A>,
    mayRenew: () => boolean
  ): Effect.fn.Return<A, Again | SegmentError | ControllerError | ConnectionRefused | ConnectionLost, Scope.Scope> {
    const store = yield* endpoint(segment)
    const delegationToken = yield* token(segment.stream, access)
    const connection = yield* stores.requests(store)
    const reply = yield* connection.call((requestId) => command(requestId, delegationToken)).pipe(
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () =>
          Effect.fail(new Again({ problem: `no reply from ${connection.endpoint}`, lost: false, cause: undefined }))
      })
    )
    const segmentName = nameOf(segment)
    switch (reply._tag) {
      case "WrongHost":
        return yield* new Again({
          problem: `${connection.endpoint} does not own the segment`,
          lost: false,
          cause: undefined
        })
      case "NoSuchSegment":
        return yield* failed(new NoSuchSegment({ segment: segmentName }))
      case "AuthTokenCheckFailed":
        if (!mayRenew()) {
          return yield* failed(new AccessRefused({ segment: segmentName, endpoint: connection.endpoint }))
        }
        yield* forgetToken(segment.stream)
        return yield* new Again({ problem: "the delegation token was refused", lost: false, cause: undefined })
    }
    const meaning = interpret(reply)
    if (meaning._tag === "Answer") return meaning.value
    return yield* failed(
      meaning.reason ?? new UnexpectedStoreReply({ segment: segmentName, operation: name, reply: describe(reply) })
    )
  },
  Effect.scoped,
  Effect.catchTags({
    ConnectionRefused: (error) =>
      error.cause instanceof TlsFailed
        ? failed(error.cause)
        : Effect.fail(new Again({ problem: error.message, lost: false, cause: error })),
    ConnectionLost: (error) => Effect.fail(new Again({ problem: error.message, lost: true, cause: error }))
  })
)

const info = (segment: string): Operation<SegmentInfo> => ({
  name: "info",
  access: "read",
  timeout: infoTimeout,
  command: (requestId, delegationToken) => ({
    _tag: "GetStreamSegmentInfo",
    requestId,
    segmentName: segment,
    delegationToken
  }),
  interpret: (reply) => {
    if (reply._tag !== "StreamSegmentInfo") return refusal(undefined)
    return reply.exists && !reply.isDeleted
      ? answer({ isSealed: reply.isSealed, startOffset: reply.startOffset, length: reply.writeOffset })
      : refusal(new NoSuchSegment({ segment }))
  }
})

const noBytes = new Uint8Array(0)

const read = (segment: string, offset: bigint, suggestedLength: number): Operation<SegmentRead> => ({
  name: "read",
  access: "read",
  timeout: readTimeout,
  isPatient: true,
  command: (requestId, delegationToken) => ({
    _tag: "ReadSegment",
    segment,
    offset,
    suggestedLength,
    delegationToken,
    requestId
  }),
  interpret: (reply) => {
    switch (reply._tag) {
      case "SegmentRead":
        return reply.offset === offset
          ? answer({ data: reply.data, atTail: reply.atTail, endOfSegment: reply.endOfSegment })
          : refusal(undefined)
      case "SegmentIsSealed":
        // sealed while the read waited at its tail
        return answer({ data: noBytes, atTail: true, endOfSegment: true })
      case "SegmentIsTruncated":
        return refusal(new SegmentTruncated({ segment, offset, startOffset: reply.startOffset }))
      default:
        return refusal(undefined)
    }
  }
})

/** What an attribute holds that is not set. */
const notSet = -(2n ** 63n)

const attribute = (segment: string, attributeId: string): Operation<bigint | undefined> => ({
  name: "reading an attribute",
  access: "read",
  timeout: infoTimeout,
  command: (requestId, delegationToken) => ({
    _tag: "GetSegmentAttribute",
    requestId,
    segmentName: segment,
    attributeId,
    delegationToken
  }),
  interpret: (reply) =>
    reply._tag === "SegmentAttribute"
      ? answer(reply.value === notSet ? undefined : reply.value)
      : refusal(undefined)
})

const setAttribute = (
  segment: string,
  attributeId: string,
  expected: bigint | undefined,
  value: bigint | undefined
): Operation<boolean> => ({
  name: "setting an attribute",
  access: "write",
  timeout: infoTimeout,
  command: (requestId, delegationToken) => ({
    _tag: "UpdateSegmentAttribute",
    requestId,
    segmentName: segment,
    attributeId,
    newValue: value ?? notSet,
    expectedValue: expected ?? notSet,
    delegationToken
  }),
  interpret: (reply) => reply._tag === "SegmentAttributeUpdated" ? answer(reply.success) : refusal(undefined)
})

const truncate = (segment: string, offset: bigint): Operation<void> => ({
  name: "truncating",
  access: "write",
  timeout: infoTimeout,
  command: (requestId, delegationToken) => ({
    _tag: "TruncateSegment",
    requestId,
    segment,
    truncationOffset: offset,
    delegationToken
  }),
  interpret: (reply) => {
    switch (reply._tag) {
      case "SegmentTruncated":
        return answer(undefined)
      case "SegmentIsTruncated":
        // said of an offset below the start, and of one beyond the end
        return reply.startOffset >= offset ? answer(undefined) : refusal(new OffsetOutOfRange({ segment, offset }))
      default:
        return refusal(undefined)
    }
  }
})

/**
 * A read beyond the end of a sealed segment makes the store close the connection, for every user of it: found out
 * before it is asked again. What can't be found out is left to the next attempt.
 */
const checkOffset = (sources: Sources, segment: SegmentRef, offset: bigint): Effect.Effect<void, SegmentError> =>
  attempt(sources, segment, info(nameOf(segment)), () => false).pipe(
    Effect.option,
    Effect.flatMap((found) =>
      Option.isSome(found) && found.value.isSealed && offset > found.value.length
        ? failed(new OffsetOutOfRange({ segment: nameOf(segment), offset, length: found.value.length }))
        : Effect.void
    )
  )

/** Server stack traces and data stay out of messages. */
const describe = (reply: WireCommand): string =>
  reply._tag === "ErrorMessage"
    ? `ErrorMessage: ${reply.message}`
    : reply._tag === "OperationUnsupported"
    ? `OperationUnsupported: ${reply.operationName}`
    : reply._tag
