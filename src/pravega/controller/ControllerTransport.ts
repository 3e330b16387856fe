/**
 * How requests get to a controller: method and bytes out, bytes or a status back. This is the seam below the
 * controller client: the real one is gRPC on sockets, an embedded server answers in the process, a test answers from a
 * script. A transport neither retries nor interprets; deadlines, retries and back-off are above it, on Effect's Clock.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TlsFailed } from "./TlsFailed.ts"

/** gRPC's statuses but OK, by name; the index plus one is the number. @category models @since 0.1.0 */
export const statusCodes = [
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED"
] as const

/** @category models @since 0.1.0 */
export type StatusCode = (typeof statusCodes)[number]

/** A call ended without a reply message. @category errors @since 0.1.0 */
export class TransportError extends Schema.TaggedError<TransportError>()("TransportError", {
  code: Schema.Literals(statusCodes),
  details: Schema.String,
  /** False only if the request certainly never left: then it had no effect. */
  sent: Schema.Boolean,
  /** Present: no other try can change it, and nothing was sent. */
  tls: Schema.optionalKey(TlsFailed),
  /** What is behind it. Absent for what gRPC reports itself: it gives no more than the text of `details`. */
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.code}: ${this.details}`
  }
}

/** @category models @since 0.1.0 */
export interface UnaryOptions {
  /** How long the caller will wait. The caller keeps the time itself; a transport may pass it on to the server. */
  readonly timeout: Duration.Duration
  /** Lower-case names. */
  readonly metadata: Readonly<Record<string, string>>
}

/** @category models @since 0.1.0 */
export interface TlsOptions {
  /** Certificates in PEM form that are trusted instead of the system's. */
  readonly ca?: string | Uint8Array | undefined
  /** The client's own certificate chain and key in PEM form, for servers that ask for one. */
  readonly certificate?: { readonly chain: string | Uint8Array; readonly key: string | Uint8Array } | undefined
  /** False: any host name in the server's certificate will do (the certificate itself is still checked). Default true. */
  readonly verifyHostName?: boolean | undefined
}

/** @category models @since 0.1.0 */
export interface GrpcOptions {
  /** `tcp://host:port[,host:port...]` or `tls://...`, see `ControllerAddress`. */
  readonly controller: string
  readonly tls?: TlsOptions | undefined
}

/** @category models @since 0.2.0 */
export interface ControllerConnector {
  /**
   * One call: `method` is the bare name in the controller's service (`createStream`), `request` its encoded message.
   * Interruption cancels the call; whether the server saw it is then unknown.
   *
   * @internal
   */
  readonly unary: (
    method: string,
    request: Uint8Array,
    options: UnaryOptions
  ) => Effect.Effect<Uint8Array, TransportError>
}

/** @category services @since 0.1.0 */
export class ControllerTransport
  extends Context.Service<ControllerTransport, ControllerConnector>()("effect-pravega/pravega/ControllerTransport")
{}
