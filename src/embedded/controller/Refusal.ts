/**
 * How the embedded controller refuses an rpc. Not what it knows: that is `World`.
 */
import * as Data from "effect/Data"
import type { StatusCode } from "../../pravega/controller/ControllerTransport.ts"

/** An rpc that ends with a status of gRPC instead of a reply. @category errors @since 0.1.0 */
export class Refusal extends Data.TaggedError("Refusal")<{ readonly code: StatusCode; readonly details: string }> {
  override get message(): string {
    return `${this.code}: ${this.details}`
  }
}
