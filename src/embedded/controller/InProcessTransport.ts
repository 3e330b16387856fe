/**
 * The way from the controller client to the embedded controller without sockets: the client's transport seam. Time-outs
 * are the client's; a call that is interrupted has happened all the same.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { type ControllerTransport, TransportError } from "../../pravega/controller/ControllerTransport.ts"
import type { ControllerServer } from "./ControllerServer.ts"

/** @category constructors @since 0.1.0 */
export const make = (server: Pick<ControllerServer, "handle">): ControllerTransport["Service"] => ({
  unary: (method, request, { metadata }) =>
    Effect.callback<Uint8Array, TransportError>((resume) => {
      server.handle(method, request, metadata, (answer) => {
        resume(
          answer instanceof Uint8Array
            ? Effect.succeed(answer)
            : Effect.fail(new TransportError({ code: answer.code, details: answer.details, sent: true }))
        )
      })
    })
})
