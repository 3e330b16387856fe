/**
 * Two ends that don't agree on TLS. No other try can change that: it needs another address, another certificate, or
 * other settings. What fails so is found out by `internal/TlsProblem`.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

/**
 * No connection came about, and none will: a certificate that is not trusted, has expired or is another host's, a client
 * without the certificate that it is asked for, or one end that speaks TLS and one that does not.
 *
 * @category errors
 * @since 0.2.0
 */
export class TlsFailed extends Schema.TaggedError<TlsFailed>()("TlsFailed", {
  /** Which server, by what it is and its address: `controller host:port`. */
  server: Schema.String,
  /** What is wrong, and what to do about it. */
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `no connection to ${this.server} is possible: ${this.problem}`
  }
  get isRetryable(): boolean {
    return false
  }
}
