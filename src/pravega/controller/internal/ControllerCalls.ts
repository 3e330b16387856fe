/**
 * Calls on the controller: one attempt, a read that is repeated until it is answered, and a change whose outcome is
 * read back when its reply was lost. It knows the protocol's methods and statuses, but not what the methods are for.
 *
 * @internal
 */
import {
  create,
  type DescEnum,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary
} from "@bufbuild/protobuf"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as BackOff from "../../../core/BackOff.ts"
import * as Outage from "../../Outage.ts"
import {
  ControllerError,
  type ControllerErrorReason,
  InvalidRequest,
  OutcomeUnknown,
  RequestFailed,
  UnexpectedReply
} from "../ControllerError.ts"
import { type ControllerTransport, type StatusCode, TransportError } from "../ControllerTransport.ts"
import type { ControllerService } from "../gen/Controller_pb.ts"
import type { Authorization } from "./Authorization.ts"
import { type CallContext, isTransient, reasonOfStatus, reasonOfTransportError } from "./ControllerStatus.ts"

/** @category models @since 0.1.0 */
export type Method = keyof typeof ControllerService.method
/** @category models @since 0.1.0 */
export type Request<M extends Method> = MessageInitShape<(typeof ControllerService.method)[M]["input"]>

export type { CallContext }

/** What a look at the server's state says about a change whose reply was lost. @category models @since 0.1.0 */
export type Settled<A> =
  | { readonly _tag: "Done"; readonly value: A }
  /** Not (yet) done: it may be sent again. */
  | { readonly _tag: "NotDone"; readonly evidence: string }

/** @category constructors @since 0.1.0 */
export const done = <A>(value: A): Settled<A> => ({ _tag: "Done", value })
/** @category constructors @since 0.1.0 */
export const notDone = (evidence: string): Settled<never> => ({ _tag: "NotDone", evidence })

/** @category models @since 0.1.0 */
export interface Change<O extends DescMessage, A> {
  /** What the reply means; `lost`: an earlier reply was lost, so "exists already" may be our own doing. */
  readonly interpret: (reply: MessageShape<O>, lost: boolean) => Effect.Effect<A, ControllerError>
  /** Reads back whether it took effect. */
  readonly settle: Effect.Effect<Settled<A>, ControllerError>
}

/** @category models @since 0.1.0 */
export interface CallsOptions {
  readonly authorization: Authorization
  readonly timeout: Duration.Duration
  readonly attempts: number
}

/** A method of the service, from its generated description. */
type Described<I extends DescMessage, O extends DescMessage> = DescMethodUnary<I, O>

/** @category models @since 0.1.0 */
export interface Calls {
  /** Repeated until it is answered: for methods that change nothing, or the same thing however often they are sent. */
  readonly read: <I extends DescMessage, O extends DescMessage>(
    method: Described<I, O>,
    request: MessageInitShape<I>,
    context: CallContext
  ) => Effect.Effect<MessageShape<O>, ControllerError>
  /** Sent again only if it was certainly not received, or is certainly not done. */
  readonly change: <I extends DescMessage, O extends DescMessage, A>(
    method: Described<I, O>,
    request: MessageInitShape<I>,
    context: CallContext,
    options: Change<O, A>
  ) => Effect.Effect<A, ControllerError>
}

/** Another attempt may help. `evidence`: what was there after a reply was lost. */
class Again extends Data.TaggedError("Again")<{
  readonly error: TransportError
  readonly attempts: number
  readonly evidence: string | undefined
}> {}

interface Policy {
  /** Longer than others: work that the server does before it answers. */
  readonly timeout?: Duration.Duration
  /** Statuses that are the user's mistake with this method, so never mended by another try (seen on 0.13.0). */
  readonly mistakes?: ReadonlyArray<StatusCode>
}

const mistakes: ReadonlyArray<StatusCode> = ["INTERNAL", "UNKNOWN"]
const slow = Duration.minutes(2)

const policiesByMethod = {
  createStream: { timeout: slow },
  updateStream: { timeout: slow },
  truncateStream: { timeout: slow },
  sealStream: { timeout: slow },
  deleteStream: { timeout: slow },
  scale: { timeout: slow },
  deleteScopeRecursive: { timeout: Duration.minutes(10) },
  getSegmentsBetween: { mistakes: ["UNKNOWN"] },
  isStreamCutValid: { mistakes: ["UNKNOWN"] },
  createTransaction: { mistakes },
  createReaderGroup: { timeout: slow, mistakes },
  deleteReaderGroup: { timeout: slow },
  updateReaderGroup: { timeout: slow, mistakes },
  getControllerServerList: { mistakes },
  getDelegationToken: { mistakes }
} satisfies { readonly [M in Method]?: Policy }

const policies: Readonly<Record<string, Policy | undefined>> = policiesByMethod

/** Attempts at most, where a status hints at something that waiting does not mend as often. */
const attemptLimits: { readonly [C in StatusCode]?: number } = { INTERNAL: 6, UNKNOWN: 6, DEADLINE_EXCEEDED: 3 }

/** @category constructors @since 0.1.0 */
export const make = (transport: ControllerTransport["Service"], options: CallsOptions): Calls =>
  new PersistentCalls(transport, options)

class PersistentCalls implements Calls {
  private readonly transport: ControllerTransport["Service"]
  private readonly options: CallsOptions
  private readonly schedule: ReturnType<typeof BackOff.ofRequests>

  constructor(transport: ControllerTransport["Service"], options: CallsOptions) {
    this.transport = transport
    this.options = options
    this.schedule = BackOff.ofRequests(options.attempts)
  }

  readonly read: Calls["read"] = (method, request, context) =>
    this.persist(method.name, context, (attempts) =>
      Effect.mapError(
        this.attempt(method, request, context),
        (error) =>
          error._tag === "ControllerError"
            ? error
            : isTransient(error)
            ? new Again({ error, attempts, evidence: undefined })
            : finalFailure(method.name, error, attempts, context)
      )).pipe(
        Effect.catchTag("Again", (last) => Effect.fail(finalFailure(method.name, last.error, last.attempts, context)))
      )

  readonly change: Calls["change"] = (method, request, context, { interpret, settle }) =>
    Effect.suspend(() => {
      let lost = false
      /** What is there now, after a lost reply; an unreadable state leaves the outcome open. */
      const readBack = Effect.catchIf(settle, hidesOutcome, (error) => Effect.succeed(notDone(error.message)))
      return this.persist(method.name, context, (attempts) =>
        this.attempt(method, request, context).pipe(
          Effect.flatMap((reply) => interpret(reply, lost)),
          Effect.catchTag("TransportError", (error) => {
            if (!isTransient(error) || isMistake(method.name, error)) {
              return Effect.fail(finalFailure(method.name, error, attempts, context))
            }
            lost = lost || error.sent
            if (!lost) return Effect.fail(new Again({ error, attempts, evidence: undefined }))
            return Effect.flatMap(readBack, (settled) =>
              settled._tag === "Done"
                ? Effect.succeed(settled.value)
                : Effect.fail(new Again({ error, attempts, evidence: settled.evidence })))
          })
        )).pipe(Effect.catchTag("Again", (last) => Effect.fail(unsettled(method.name, last, context))))
    })

  private attempt<I extends DescMessage, O extends DescMessage>(
    method: Described<I, O>,
    request: MessageInitShape<I>,
    context: CallContext
  ): Effect.Effect<MessageShape<O>, TransportError | ControllerError> {
    const { authorization } = this.options
    const timeout = policies[method.name]?.timeout ?? this.options.timeout
    return Effect.try({
      try: () => toBinary(method.input, create(method.input, request)),
      catch: (cause) => {
        const { operation, subject } = context
        return failure(new InvalidRequest({ operation, subject, problem: String(cause) }))
      }
    }).pipe(
      Effect.flatMap((bytes) => {
        const send = Effect.flatMap(
          authorization.metadata,
          (metadata) => this.transport.unary(method.name, bytes, { timeout, metadata })
        )
        return Effect.catchIf(send, ({ code }) => code === "UNAUTHENTICATED" && authorization.refused(), () => send)
      }),
      Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail(tooLate(timeout)) }),
      Effect.flatMap((bytes) => understand(context, () => fromBinary(method.output, bytes)))
    )
  }

  /** Attempts until `once` succeeds or fails for good; it says with `Again` that another attempt may help. */
  private persist<A>(
    method: string,
    { operation, subject }: CallContext,
    once: (attempts: number) => Effect.Effect<A, ControllerError | Again>
  ): Effect.Effect<A, ControllerError | Again> {
    return Effect.suspend(() => {
      let attempts = 0
      let problem = "no answer from the controller"
      return Effect.retry(Effect.suspend(() => once(++attempts)), {
        schedule: this.schedule,
        while: (error) => {
          if (error._tag !== "Again") return false
          problem = `no answer from the controller (${error.error.message})`
          return attempts < (attemptLimits[error.error.code] ?? this.options.attempts) &&
            !isMistake(method, error.error)
        }
      }).pipe(Outage.during(() => `${operation} of ${subject}`, () => problem))
    })
  }
}

/** @category errors @since 0.1.0 */
export const failure = (reason: ControllerErrorReason): ControllerError => new ControllerError({ reason })

/** Fails with what a status inside a reply means, unless it is a success. @category errors @since 0.1.0 */
export const checkStatus = (
  description: DescEnum,
  status: number,
  context: CallContext
): Effect.Effect<void, ControllerError> => {
  const reason = reasonOfStatus(description, status, context)
  return reason === undefined ? Effect.void : Effect.fail(failure(reason))
}

/** Reads a reply with a function that throws when it is nonsense. @category decoding @since 0.1.0 */
export const understand = <A>(context: CallContext, read: () => A): Effect.Effect<A, ControllerError> =>
  Effect.try({
    try: read,
    catch: (cause) => {
      const { operation, subject } = context
      return failure(new UnexpectedReply({ operation, subject, reply: problemOf(cause), cause }))
    }
  })

/** What a constructor of a Schema class throws says only in its cause what is wrong. */
const problemOf = (cause: unknown): string =>
  cause instanceof Error && SchemaIssue.isIssue(cause.cause)
    ? new Schema.SchemaError(cause.cause).message
    : String(cause)

const isMistake = (method: string, error: TransportError): boolean =>
  policies[method]?.mistakes?.includes(error.code) === true

const finalFailure = (
  method: string,
  error: TransportError,
  attempts: number,
  context: CallContext
): ControllerError => {
  const { operation, subject } = context
  return failure(
    isMistake(method, error)
      ? new RequestFailed({ operation, subject, status: error.code, details: error.details, cause: error })
      : reasonOfTransportError(error, attempts, context)
  )
}

/** A change after its last attempt: refused, or with an outcome that nobody knows. */
const unsettled = (method: string, { attempts, error, evidence }: Again, context: CallContext): ControllerError => {
  if (evidence === undefined) return finalFailure(method, error, attempts, context)
  const { operation, subject } = context
  return failure(
    new OutcomeUnknown({ operation, subject, attempts, evidence: `${error.message}; ${evidence}`, cause: error })
  )
}

/** Errors of reading back that say nothing about what was to be read. */
const hidesOutcome = ({ reason }: ControllerError): boolean =>
  reason._tag === "ControllerUnavailable" || reason._tag === "RequestFailed" || reason._tag === "UnexpectedReply" ||
  reason._tag === "Unauthenticated" || reason._tag === "PermissionDenied"

const tooLate = (timeout: Duration.Duration): TransportError =>
  new TransportError({
    code: "DEADLINE_EXCEEDED",
    details: `no reply within ${Duration.toMillis(timeout)} ms`,
    sent: true
  })
