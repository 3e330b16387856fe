/**
 * What can keep an embedded server from starting, or stop one: one error, with a closed union of reasons. What clients
 * ask of a running server is answered to them over the protocols, and is none of this.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as CauseText from "../core/CauseText.ts"

/** Another process, or another server of this one, has the directory open. @category errors @since 0.1.0 */
export class DirectoryHeld extends Schema.TaggedError<DirectoryHeld>()("DirectoryHeld", {
  directory: Schema.String
}) {
  override get message(): string {
    return `${this.directory} is in use by another embedded server: stop that one, or choose another directory. ` +
      "(A server that was killed holds nothing.)"
  }
}

/** The files are not what an embedded server wrote. @category errors @since 0.1.0 */
export class DirectoryCorrupt extends Schema.TaggedError<DirectoryCorrupt>()("DirectoryCorrupt", {
  directory: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `${this.directory} can't be read: its files are damaged, or are no embedded server's (${
      CauseText.of(this.cause)
    }). Restore them from a copy, or choose another directory`
  }
}

/** The directory was written by a version of this package that lays data out differently. @category errors @since 0.1.0 */
export class DirectoryFormat extends Schema.TaggedError<DirectoryFormat>()("DirectoryFormat", {
  directory: Schema.String,
  found: Schema.Int,
  supported: Schema.Int
}) {
  override get message(): string {
    return `${this.directory} has format ${this.found}, this version of effect-pravega reads format ${this.supported}`
  }
}

/** The operating system refuses to make, open or write the files; the disk may be full. @category errors @since 0.1.0 */
export class DirectoryUnavailable extends Schema.TaggedError<DirectoryUnavailable>()("DirectoryUnavailable", {
  directory: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `${this.directory} can't be used: ${CauseText.of(this.cause)}`
  }
}

/** A port can't be listened on. @category errors @since 0.1.0 */
export class AddressUnavailable extends Schema.TaggedError<AddressUnavailable>()("AddressUnavailable", {
  host: Schema.String,
  port: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `can't listen on ${this.host}:${this.port}: ${
      CauseText.of(this.cause)
    }. Choose another port, or 0 for a free one`
  }
}

/** An option has a value that it can't have. @category errors @since 0.2.0 */
export class OptionInvalid extends Schema.TaggedError<OptionInvalid>()("OptionInvalid", {
  option: Schema.String,
  expected: Schema.String
}) {
  override get message(): string {
    return `the option ${this.option} of an embedded server must be ${this.expected}`
  }
}

/** @category errors @since 0.1.0 */
export class EmbeddedError extends Schema.TaggedError<EmbeddedError>()("EmbeddedError", {
  reason: Schema.Union([
    DirectoryHeld,
    DirectoryCorrupt,
    DirectoryFormat,
    DirectoryUnavailable,
    AddressUnavailable,
    OptionInvalid
  ])
}) {
  override readonly cause = this.reason
  override get message(): string {
    return this.reason.message
  }
}
