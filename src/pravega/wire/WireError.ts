/**
 * What can be wrong with bytes from a segment store, or with a command that is to be sent to one. It says nothing about
 * connections: `ConnectionError.ts` does.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** A frame with a type code that Pravega 0.13 does not have. @category errors @since 0.1.0 */
export class UnknownCommand extends Schema.TaggedError<UnknownCommand>()("UnknownCommand", {
  code: Schema.Int,
  length: Schema.Int
}) {
  override get message(): string {
    return `unknown wire command: type code ${this.code}, ${this.length} bytes of payload`
  }
}

/**
 * A frame whose announced length is negative or above the limit; nothing of it was kept. Sizes in bytes.
 *
 * @category errors
 * @since 0.1.0
 */
export class FrameTooLarge extends Schema.TaggedError<FrameTooLarge>()("FrameTooLarge", {
  command: Schema.String,
  length: Schema.Int,
  limit: Schema.Int
}) {
  override get message(): string {
    return `${this.command} of ${this.length} bytes, the limit is ${this.limit}`
  }
}

/** A frame that does not hold what its command must hold. @category errors @since 0.1.0 */
export class MalformedFrame extends Schema.TaggedError<MalformedFrame>()("MalformedFrame", {
  command: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `malformed ${this.command}: ${this.detail}`
  }
}

/**
 * A command that cannot be written: a number out of its range, a text that is too long, no UUID.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnencodableCommand extends Schema.TaggedError<UnencodableCommand>()("UnencodableCommand", {
  command: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `cannot encode ${this.command}: ${this.detail}`
  }
}

/** A well-formed command that may not come here, or contradicts the ones before it. @category errors @since 0.1.0 */
export class UnexpectedCommand extends Schema.TaggedError<UnexpectedCommand>()("UnexpectedCommand", {
  command: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `unexpected ${this.command}: ${this.detail}`
  }
}

/**
 * The one error of the wire codec. A connection on which it happened is out of step with its peer and must be closed.
 *
 * @category errors
 * @since 0.1.0
 */
export class WireError extends Schema.TaggedError<WireError>()("WireError", {
  reason: Schema.Union([
    UnknownCommand,
    FrameTooLarge,
    MalformedFrame,
    UnencodableCommand,
    UnexpectedCommand
  ])
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
}
