/**
 * What can go wrong with a connection to a segment store. What a store answers about a segment is `SegmentError.ts`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as CauseText from "../../core/CauseText.ts"
import { note } from "../controller/Proxy.ts"
import { TlsFailed } from "../controller/TlsFailed.ts"

/** The connection to a segment store could not be opened. @category errors @since 0.1.0 */
export class ConnectionRefused extends Schema.TaggedError<ConnectionRefused>()("ConnectionRefused", {
  endpoint: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `cannot connect to segment store ${this.endpoint}: ${CauseText.of(this.cause)}${note()}`
  }
  /** False: every other try would end the same way. */
  get isRetryable(): boolean {
    return !(this.cause instanceof TlsFailed)
  }
}

/** The store speaks no version of the wire protocol that this client speaks. @category errors @since 0.1.0 */
export class IncompatibleStore extends Schema.TaggedError<IncompatibleStore>()("IncompatibleStore", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * The connection ended: whether what was sent and not answered took effect is unknown. `cause`: the `WireError` of what
 * could not be understood, an `IncompatibleStore`, or the socket's error; absent when the store closed it in order.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>()("ConnectionLost", {
  endpoint: Schema.String,
  reason: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `connection to segment store ${this.endpoint} lost: ${this.reason}`
  }
  /** False: another connection to the same store would end the same way. */
  get isRetryable(): boolean {
    return !(this.cause instanceof IncompatibleStore)
  }
}
