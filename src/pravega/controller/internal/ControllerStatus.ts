/**
 * The one place that knows what the controller's statuses mean: those inside replies (every enum of the protocol) and
 * gRPC's own, as reasons of `ControllerError`. Pure.
 *
 * @internal
 */
import type { DescEnum } from "@bufbuild/protobuf"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import * as Reason from "../ControllerError.ts"
import type { StatusCode, TransportError } from "../ControllerTransport.ts"
import type * as pb from "../gen/Controller_pb.ts"

/** What a call was about, for messages and reasons. @category models @since 0.1.0 */
export interface CallContext {
  readonly operation: string
  readonly subject: string
  readonly stream?: ScopedStream | undefined
}

/**
 * Every status name that a reply of the protocol can carry; TxnState and PingTxnStatus are values, not failures.
 *
 * @category models
 * @since 0.1.0
 */
export type StatusName = NamesOf<StatusEnums[number]>

type NamesOf<Enum> = Enum extends unknown ? keyof Enum : never

type StatusEnums = [
  typeof pb.CreateScopeStatus_Status,
  typeof pb.DeleteScopeStatus_Status,
  typeof pb.CreateStreamStatus_Status,
  typeof pb.UpdateStreamStatus_Status,
  typeof pb.DeleteStreamStatus_Status,
  typeof pb.StreamsInScopeResponse_Status,
  typeof pb.ScaleResponse_ScaleStreamStatus,
  typeof pb.ScaleStatusResponse_ScaleStatus,
  typeof pb.TxnStatus_Status,
  typeof pb.RemoveWriterResponse_Status,
  typeof pb.TimestampResponse_Status,
  typeof pb.CreateReaderGroupResponse_Status,
  typeof pb.ReaderGroupConfigResponse_Status,
  typeof pb.UpdateReaderGroupResponse_Status,
  typeof pb.DeleteReaderGroupStatus_Status,
  typeof pb.SubscribersResponse_Status,
  typeof pb.UpdateSubscriberStatus_Status,
  typeof pb.CreateKeyValueTableStatus_Status,
  typeof pb.KeyValueTableConfigResponse_Status,
  typeof pb.KVTablesInScopeResponse_Status,
  typeof pb.DeleteKVTableStatus_Status
]

type Failure = (context: CallContext) => Reason.ControllerErrorReason

const scopeOf = (context: CallContext): string => context.stream?.scope ?? context.subject.split("/")[0] ?? ""

const failed = (status: StatusName): Failure => (context) =>
  new Reason.RequestFailed({ operation: context.operation, subject: context.subject, status, details: "" })

const aboutStream = (make: (stream: ScopedStream) => Reason.ControllerErrorReason): Failure => (context) =>
  context.stream === undefined
    ? new Reason.NotFound({ kind: "scope or stream", subject: context.subject })
    : make(context.stream)

const invalidName = (kind: Reason.InvalidName["kind"]): Failure => (context) =>
  new Reason.InvalidName({ kind, value: context.subject.split("/").at(-1) ?? "" })

const notFound = (kind: Reason.NotFound["kind"]): Failure => ({ subject }) => new Reason.NotFound({ kind, subject })

const exists = (kind: Reason.AlreadyExists["kind"]): Failure => ({ subject }) =>
  new Reason.AlreadyExists({ kind, subject })

const outdated = (problem: string): Failure => ({ subject }) => new Reason.Outdated({ subject, problem })

const invalidCut: Failure = aboutStream((stream) =>
  new Reason.InvalidStreamCut({
    stream,
    problem: "it does not cover the stream, an offset is outside its segment, or it lies before the present head"
  })
)

/** Undefined: no failure. */
const meanings: Readonly<Record<StatusName, Failure | undefined>> = {
  SUCCESS: undefined,
  STARTED: undefined,
  IN_PROGRESS: undefined,
  FAILURE: failed("FAILURE"),
  INTERNAL_ERROR: failed("INTERNAL_ERROR"),
  SCOPE_NOT_FOUND: (context) => new Reason.ScopeNotFound({ scope: scopeOf(context) }),
  SCOPE_NOT_EMPTY: (context) => new Reason.ScopeNotEmpty({ scope: scopeOf(context) }),
  SCOPE_EXISTS: exists("scope"),
  INVALID_SCOPE_NAME: invalidName("scope"),
  STREAM_NOT_FOUND: aboutStream((stream) => new Reason.StreamNotFound({ stream })),
  STREAM_DOES_NOT_EXIST: aboutStream((stream) => new Reason.StreamNotFound({ stream })),
  STREAM_SEALED: aboutStream((stream) => new Reason.StreamSealed({ stream })),
  STREAM_NOT_SEALED: aboutStream((stream) => new Reason.StreamNotSealed({ stream })),
  STREAM_EXISTS: exists("stream"),
  INVALID_STREAM_NAME: invalidName("stream"),
  STREAM_CUT_NOT_VALID: invalidCut,
  INVALID_POSITION: invalidCut,
  PRECONDITION_FAILED: aboutStream((stream) => new Reason.ScalePreconditionFailed({ stream })),
  INVALID_INPUT: aboutStream((stream) =>
    new Reason.InvalidScale({ stream, problem: "the stream never had the epoch that was asked about" })
  ),
  TRANSACTION_NOT_FOUND: failed("TRANSACTION_NOT_FOUND"),
  UNKNOWN_WRITER: notFound("writer"),
  INVALID_TIME: outdated("the time noted goes back"),
  RG_NOT_FOUND: notFound("reader group"),
  INVALID_RG_NAME: invalidName("reader group"),
  INVALID_CONFIG: outdated("the group's id or generation is not the stored one: fetch its configuration again"),
  SUBSCRIBER_NOT_FOUND: notFound("subscriber"),
  GENERATION_MISMATCH: outdated("the subscriber's generation is not the stored one: fetch its configuration again"),
  TABLE_EXISTS: exists("key-value table"),
  TABLE_NOT_FOUND: notFound("key-value table"),
  INVALID_TABLE_NAME: invalidName("key-value table")
}

const isStatusName = (name: string): name is StatusName => Object.hasOwn(meanings, name)

/** What a status inside a reply means; undefined: success. @category errors @since 0.1.0 */
export const reasonOfStatus = (
  description: DescEnum,
  status: number,
  context: CallContext
): Reason.ControllerErrorReason | undefined => {
  const name = description.value[status]?.name
  if (name === undefined || !isStatusName(name)) {
    return new Reason.UnexpectedReply({
      operation: context.operation,
      subject: context.subject,
      reply: `status ${status} of ${description.typeName}`
    })
  }
  return meanings[name]?.(context)
}

/** Statuses that another try may mend. INTERNAL and UNKNOWN too, but for methods that report users' mistakes so. */
const transient: ReadonlySet<StatusCode> = new Set<StatusCode>([
  "CANCELLED",
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS"
])

/** @category guards @since 0.1.0 */
export const isTransient = (error: TransportError): boolean => error.tls === undefined && transient.has(error.code)

/** What a gRPC status means when it is final. @category errors @since 0.1.0 */
export const reasonOfTransportError = (
  error: TransportError,
  attempts: number,
  context: CallContext
): Reason.ControllerErrorReason => {
  const { operation, subject } = context
  const details = error.details
  if (error.tls !== undefined) return error.tls
  switch (error.code) {
    case "UNAUTHENTICATED":
      return new Reason.Unauthenticated({ operation, subject, details })
    case "PERMISSION_DENIED":
      return new Reason.PermissionDenied({ operation, subject, details })
    case "NOT_FOUND":
      return context.stream === undefined
        ? new Reason.NotFound({ kind: "scope or stream", subject })
        : new Reason.StreamNotFound({ stream: context.stream })
    case "ALREADY_EXISTS":
      return new Reason.AlreadyExists({ kind: "scope or stream", subject })
    case "INVALID_ARGUMENT":
    case "OUT_OF_RANGE":
      return new Reason.InvalidRequest({ operation, subject, problem: details })
    case "UNIMPLEMENTED":
      return new Reason.RequestFailed({ operation, subject, status: error.code, details, cause: error })
    default:
      return new Reason.ControllerUnavailable({
        operation,
        subject,
        attempts,
        status: error.code,
        details,
        cause: error
      })
  }
}
