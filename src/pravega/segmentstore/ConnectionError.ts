import * as Schema from "effect/Schema"

/** The connection to a segment store could not be opened. @category errors */
export class ConnectionRefused extends Schema.TaggedError<ConnectionRefused>()("ConnectionRefused", {
  endpoint: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `cannot connect to segment store ${this.endpoint}`
  }
}

/** The connection ended: whether what was sent and not answered took effect is unknown. @category errors */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>()("ConnectionLost", {
  endpoint: Schema.String,
  reason: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `connection to segment store ${this.endpoint} lost: ${this.reason}`
  }
}
