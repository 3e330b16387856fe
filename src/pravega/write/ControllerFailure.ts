/** How the controller's errors appear in a writer's: what concerns the stream by its own name, the rest as it is. */
import type { ControllerError, StreamNotFound, StreamSealed } from "../controller/ControllerError.ts"

/** @category converting @since 0.1.0 */
export const toReason = (error: ControllerError): StreamNotFound | StreamSealed | ControllerError => {
  const reason = error.reason
  return reason._tag === "StreamNotFound" || reason._tag === "StreamSealed" ? reason : error
}
