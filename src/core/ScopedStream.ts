/**
 * A stream's full name: its scope and its name in the scope.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ScopeName } from "./ScopeName.ts"
import { StreamName } from "./StreamName.ts"

/** @category models */
export class ScopedStream extends Schema.Class<ScopedStream>("effect-pravega/ScopedStream")({
  scope: ScopeName,
  stream: StreamName
}) {
  override toString(): string {
    return `${this.scope}/${this.stream}`
  }
}
