/**
 * Appends single events to a segment on the condition that the segment has a certain length, which is how several
 * processes agree on what comes next. An append whose reply was lost is settled by the number of the last event that the
 * store has of this appender; it is never appended twice, and never reported wrongly.
 *
 * Not for throughput: one append is in flight at a time. Writers of events have `EventWriter`.
 *
 * @see `ConditionalOutputStreamImpl` of Pravega 0.13.0
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as BackOff from "../../../core/BackOff.ts"
import * as Uuid from "../../../core/Uuid.ts"
import type { ControllerError } from "../../controller/ControllerError.ts"
import { TlsFailed } from "../../controller/TlsFailed.ts"
import * as Outage from "../../Outage.ts"
import type { ConnectionLost, ConnectionRefused } from "../../segmentstore/ConnectionError.ts"
import type { SegmentConnection } from "../../segmentstore/SegmentConnection.ts"
import {
  AccessRefused,
  NoSuchSegment,
  SegmentError,
  type SegmentErrorReason,
  SegmentSealed,
  StoreUnavailable,
  UnexpectedStoreReply
} from "../../segmentstore/SegmentError.ts"
import { nameOf } from "../../segmentstore/SegmentRefName.ts"
import type { SegmentRef, Segments } from "../../segmentstore/Segments.ts"
import type { SegmentStores } from "../../segmentstore/SegmentStores.ts"
import type { WireCommand } from "../../wire/WireCommand.ts"

/** @category models @since 0.1.0 */
export interface ConditionalAppender {
  /**
   * Appends one event, its 8-byte header added, if the segment is `expected` bytes long (truncated ones included);
   * undefined: however long it is. Answers the length afterwards; undefined: the segment has another length.
   *
   * Interrupting the wait does not take the append back: it is settled in the background, before the next one.
   */
  readonly append: (
    payload: Uint8Array,
    expected: bigint | undefined
  ) => Effect.Effect<bigint | undefined, SegmentError | ControllerError>
}

/** Opens nothing before the first append. Closing the Scope gives its connection back. @category constructors @since 0.1.0 */
export const make = Effect.fnUntraced(function*(
  services: { readonly segments: Segments["Service"]; readonly stores: SegmentStores["Service"] },
  segment: SegmentRef
): Effect.fn.Return<ConditionalAppender, never, Scope.Scope> {
  const lane = yield* services.stores.lane
  // of its own: what is appended by finalizers that run before this one's must still have a home
  const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
  const turn = yield* Semaphore.make(1)
  const appender = new Appender(services.segments, segment, { lane, scope, writerId: yield* Uuid.next })
  return {
    append: (payload, expected) =>
      Effect.flatMap(
        Effect.forkIn(turn.withPermits(1)(appender.append(payload, expected)), scope, { startImmediately: true }),
        Fiber.join
      )
  }
})

const attemptsMax = 12
const backOff = BackOff.ofRequests(attemptsMax)
const replyTimeout = Duration.seconds(30)
/** `expectedOffset` of an append that has no condition. */
const unconditional = -1n

/** Another attempt may help, after a new set-up. */
class Again extends Data.TaggedError("Again")<{
  readonly problem: string
  /** Undefined: the store answered, or nothing came. */
  readonly cause?: ConnectionRefused | ConnectionLost
}> {}

type Failure = SegmentError | ControllerError

/** A connection on which this appender is set up. */
interface Session {
  readonly connection: SegmentConnection
  readonly scope: Scope.Closeable
}

class Appender {
  private readonly segments: Segments["Service"]
  private readonly segment: SegmentRef
  private readonly segmentName: string
  private readonly lane: number
  private readonly scope: Scope.Scope
  private readonly writerId: string
  private session: Session | undefined = undefined
  /** The number of the last append that was begun. */
  private lastNumber = 0n
  /** What the store said at the last set-up. */
  private lastStored = -1n
  private refusals = 0

  constructor(
    segments: Segments["Service"],
    segment: SegmentRef,
    { lane, scope, writerId }: { readonly lane: number; readonly scope: Scope.Scope; readonly writerId: string }
  ) {
    this.writerId = writerId
    this.segments = segments
    this.segment = segment
    this.segmentName = nameOf(segment)
    this.lane = lane
    this.scope = scope
  }

  append(payload: Uint8Array, expected: bigint | undefined): Effect.Effect<bigint | undefined, Failure> {
    return Effect.suspend(() => {
      const number = ++this.lastNumber
      let attempts = 0
      let last = "no answer from the segment store"
      this.refusals = 0
      const once = Effect.suspend(() => {
        attempts++
        return this.attempt(number, payload, expected, attempts > 1)
      })
      return once.pipe(
        Effect.tapErrorTag("Again", ({ problem }) => {
          last = problem
          return this.abandon
        }),
        Effect.retry({ schedule: backOff, while: (error) => error._tag === "Again" }),
        Outage.during(() => `a conditional append to ${this.segmentName}`, () => last),
        Effect.catchTag(
          "Again",
          ({ cause, problem }) => failed(new StoreUnavailable({ segment: this.segmentName, attempts, problem, cause }))
        )
      )
    })
  }

  private readonly attempt = Effect.fnUntraced(
    { self: this },
    function*(
      this: Appender,
      number: bigint,
      payload: Uint8Array,
      expected: bigint | undefined,
      repeated: boolean
    ): Effect.fn.Return<bigint | undefined, Again | Failure> {
      const { connection } = this.session !== undefined && !this.session.connection.isLost()
        ? this.session
        : yield* this.setUp
      // what an earlier attempt sent has arrived; the store does not say where it lies, but a condition does
      if (repeated && this.lastStored >= number) {
        if (expected !== undefined) return expected + BigInt(8 + payload.length)
        return (yield* this.segments.info(this.segment)).length
      }
      const reply = yield* this.ask(connection, (requestId) => ({
        _tag: "ConditionalAppend",
        writerId: this.writerId,
        eventNumber: number,
        expectedOffset: expected ?? unconditional,
        event: payload,
        requestId
      }))
      switch (reply._tag) {
        case "DataAppended":
          if (reply.eventNumber !== number) {
            connection.fail(`append ${reply.eventNumber} was acknowledged in place of ${number}`)
            return yield* new Again({ problem: "an acknowledgement of another append" })
          }
          return expected !== undefined ? expected + BigInt(8 + payload.length) : reply.currentSegmentWriteOffset
        case "ConditionalCheckFailed":
          return undefined
        case "InvalidEventNumber":
          // what an earlier connection still carried has arrived since the set-up
          connection.fail("an append overtook the set-up that followed it")
          return yield* new Again({ problem: "an earlier attempt arrived late" })
        default:
          return yield* this.refused(connection, reply, "a conditional append")
      }
    }
  )

  private readonly setUp = Effect.suspend(() =>
    Effect.gen({ self: this }, function*(): Effect.fn.Return<Session, Again | Failure> {
      yield* this.abandon
      const scope = yield* Scope.fork(this.scope)
      const delegationToken = yield* this.segments.token(this.segment.stream, "write")
      const connection = yield* this.segments.appends(this.segment, this.lane).pipe(
        Scope.provide(scope),
        Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit)),
        Effect.catchTags({
          ConnectionRefused: (error): Effect.Effect<never, Again | Failure> =>
            error.cause instanceof TlsFailed ? failed(error.cause) : Effect.fail(again(error)),
          ConnectionLost: (error) => Effect.fail(again(error))
        })
      )
      const session = { connection, scope }
      this.session = session
      const reply = yield* this.ask(connection, (requestId) => ({
        _tag: "SetupAppend",
        requestId,
        writerId: this.writerId,
        segment: this.segmentName,
        delegationToken
      })).pipe(
        // an expired token makes the store close the connection without a word
        Effect.tapErrorTag("Again", () => this.segments.forgetToken(this.segment.stream))
      )
      if (reply._tag !== "AppendSetup") return yield* this.refused(connection, reply, "the set-up of an append")
      this.lastStored = reply.lastEventNumber
      return session
    })
  )

  /** One request and its reply. Without a reply the connection is given up: it may still carry the request out. */
  private ask(
    connection: SegmentConnection,
    request: (requestId: bigint) => WireCommand
  ): Effect.Effect<WireCommand, Again> {
    return connection.call(request).pipe(
      Effect.catchTag("ConnectionLost", (error) => Effect.fail(again(error))),
      Effect.timeoutOrElse({
        duration: replyTimeout,
        orElse: () => {
          const problem = `no reply from ${connection.endpoint} within ${Duration.format(replyTimeout)}`
          connection.fail(problem)
          return Effect.fail(new Again({ problem }))
        }
      })
    )
  }

  /** What replies mean that tell of no append: another attempt, or the end. */
  private refused(
    connection: SegmentConnection,
    reply: WireCommand,
    operation: string
  ): Effect.Effect<never, Again | Failure> {
    const segment = this.segmentName
    switch (reply._tag) {
      case "WrongHost":
        return Effect.fail(new Again({ problem: `${connection.endpoint} does not own the segment` }))
      case "SegmentIsSealed":
        return Effect.andThen(this.abandon, failed(new SegmentSealed({ segment })))
      case "NoSuchSegment":
        return Effect.andThen(this.abandon, failed(new NoSuchSegment({ segment })))
      case "AuthTokenCheckFailed":
        if (++this.refusals > 1) return failed(new AccessRefused({ segment, endpoint: connection.endpoint }))
        return Effect.andThen(
          this.segments.forgetToken(this.segment.stream),
          Effect.fail(new Again({ problem: "the delegation token was refused" }))
        )
      default:
        // nothing is known of what it did: the next append must find out
        connection.fail(`${reply._tag} is no answer to ${operation}`)
        return failed(new UnexpectedStoreReply({ segment, operation, reply: reply._tag }))
    }
  }

  /** Gives the connection back; the next attempt looks up the segment's store and sets up again. */
  private readonly abandon: Effect.Effect<void> = Effect.suspend(() => {
    const { session } = this
    this.session = undefined
    if (session === undefined) return Effect.void
    return Effect.andThen(this.segments.forget(this.segment), Scope.close(session.scope, Exit.void))
  })
}

const again = (cause: ConnectionRefused | ConnectionLost): Again => new Again({ problem: cause.message, cause })

const failed = (reason: SegmentErrorReason): Effect.Effect<never, SegmentError> =>
  Effect.fail(new SegmentError({ reason }))
