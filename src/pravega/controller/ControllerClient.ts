/**
 * The controller client: the service's methods over a transport, put together.
 *
 * @internal
 */
import type { DescMethodUnary } from "@bufbuild/protobuf"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NumberOption from "../../core/NumberOption.ts"
import type { Controller, ControllerOptions } from "./Controller.ts"
import { OutcomeUnknown } from "./ControllerError.ts"
import type { ControllerTransport } from "./ControllerTransport.ts"
import { ControllerService } from "./gen/Controller_pb.ts"
import * as Authorization from "./internal/Authorization.ts"
import * as ControllerCalls from "./internal/ControllerCalls.ts"
import { readerGroups } from "./internal/ReaderGroupCalls.ts"
import { scaling } from "./internal/ScaleCalls.ts"
import { segments } from "./internal/SegmentCalls.ts"
import { scopes, streams } from "./internal/StreamCalls.ts"
import { transactions } from "./internal/TransactionCalls.ts"
import { writers } from "./internal/WriterCalls.ts"

/** @internal @category constructors @since 0.1.0 */
export const make = (transport: ControllerTransport["Service"], options: ControllerOptions): Controller["Service"] => {
  const calls = ControllerCalls.make(transport, {
    authorization: Authorization.make(options.credentials),
    timeout: Duration.fromInputUnsafe(options.timeout ?? "30 seconds"),
    attempts: NumberOption.check("attempts", options.attempts, { least: 1, most: 1_000_000, otherwise: 12 })
  })
  return {
    ...scopes(calls),
    ...streams(calls),
    ...segments(calls),
    ...scaling(calls),
    ...readerGroups(calls),
    ...transactions(calls, {
      minimum: Duration.fromInputUnsafe(options.lease?.minimum ?? "10 seconds"),
      maximum: Duration.fromInputUnsafe(options.lease?.maximum ?? "10 minutes")
    }),
    ...writers(calls),
    call: raw(calls)
  }
}

/** Methods that may be sent again after a lost reply: they read, or do the same thing however often they are sent. */
const repeatable: ReadonlySet<string> = new Set<ControllerCalls.Method>([
  "getControllerServerList",
  "checkScopeExists",
  "checkStreamExists",
  "listScopes",
  "listStreamsInScope",
  "listStreamsInScopeForTag",
  "getStreamConfiguration",
  "getCurrentSegments",
  "getEpochSegments",
  "getSegments",
  "getSegmentsImmediatlyFollowing",
  "getSegmentsImmediatelyFollowing",
  "getSegmentsBetween",
  "checkScale",
  "getURI",
  "isSegmentValid",
  "isStreamCutValid",
  "pingTransaction",
  "checkTransactionState",
  "listCompletedTransactions",
  "getDelegationToken",
  "sealStream",
  "noteTimestampFromWriter",
  "removeWriter",
  "getCurrentSegmentsKeyValueTable",
  "listKeyValueTablesInScope",
  "getKeyValueTableConfiguration",
  "listSubscribers",
  "updateSubscriberStreamCut",
  "createReaderGroup",
  "getReaderGroupConfig"
])

const raw =
  (calls: ControllerCalls.Calls): Controller["Service"]["call"] =>
  <M extends ControllerCalls.Method>(method: M, request: ControllerCalls.Request<M>) => {
    // the table's entry is named by its key, but an indexed generic does not carry that
    const description: DescMethodUnary<
      (typeof ControllerService.method)[M]["input"],
      (typeof ControllerService.method)[M]["output"]
    > = ControllerService.method[method]
    const context = { operation: method, subject: subjectOf(request) }
    if (repeatable.has(method)) return calls.read(description, request, context)
    return calls.change(description, request, context, {
      interpret: Effect.succeed,
      settle: Effect.fail(ControllerCalls.failure(
        new OutcomeUnknown({ ...context, attempts: 1, evidence: "nothing was read back for this method" })
      ))
    })
  }

/** Where the messages of the protocol keep names. */
const nameFields = new Set(["scope", "stream", "readerGroupName", "readerGroup", "kvtName", "subscriber", "writer"])
const nestedFields = new Set(["scope", "stream", "streamInfo", "streamCut", "position"])

/** What a request is about, as far as its fields tell. */
const subjectOf = (request: object): string => namesIn(request).join("/")

const namesIn = (value: object): ReadonlyArray<string> =>
  Object.entries(value).flatMap(([key, field]: [string, unknown]) => {
    if (typeof field === "string") return nameFields.has(key) ? [field] : []
    return nestedFields.has(key) && typeof field === "object" && field !== null ? namesIn(field) : []
  })
