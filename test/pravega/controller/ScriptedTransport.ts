/**
 * A controller transport that answers from a script: each call takes the next answer for its method, or the last one
 * again. What was asked is recorded. Time is the test's.
 */
import { create, fromBinary, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf"
import { Effect, Layer } from "effect"
import type { ControllerMethod, ControllerOptions } from "../../../src/pravega/controller/Controller.ts"
import * as ControllerLayers from "../../../src/pravega/controller/ControllerLayers.ts"
import {
  ControllerTransport,
  type StatusCode,
  TransportError
} from "../../../src/pravega/controller/ControllerTransport.ts"
import { ControllerService } from "../../../src/pravega/controller/gen/Controller_pb.ts"

type Output<M extends ControllerMethod> = MessageInitShape<(typeof ControllerService.method)[M]["output"]>

/** What becomes of one call. `lost` answers nothing, but the server has done its work. */
export type Answer = Effect.Effect<Uint8Array, TransportError>

export interface Asked {
  readonly method: string
  readonly at: number
  readonly metadata: Readonly<Record<string, string>>
  readonly bytes: Uint8Array
}

export const reply = <M extends ControllerMethod>(method: M, message: Output<M>): Answer => {
  const output: (typeof ControllerService.method)[M]["output"] = ControllerService.method[method].output
  return Effect.succeed(toBinary(output, create(output, message)))
}

export const status = (code: StatusCode, options?: { readonly sent?: boolean; readonly details?: string }): Answer =>
  Effect.fail(new TransportError({ code, details: options?.details ?? "scripted", sent: options?.sent ?? true }))

/** The connection broke after the request left. */
export const lost = status("UNAVAILABLE", { details: "connection dropped" })
/** No connection was there to take the request. */
export const unsent = status("UNAVAILABLE", { sent: false, details: "No connection established" })

export type Script = { readonly [M in ControllerMethod]?: ReadonlyArray<Answer> }

export const scripted = (script: Script, options?: ControllerOptions) => {
  const asked: Array<Asked> = []
  const positions = new Map<string, number>()
  const answers: Readonly<Record<string, ReadonlyArray<Answer> | undefined>> = script
  const transport = Layer.succeed(ControllerTransport, {
    unary: (method, bytes, { metadata }) =>
      Effect.clockWith((clock) =>
        Effect.suspend(() => {
          asked.push({ method, metadata, bytes, at: clock.currentTimeMillisUnsafe() })
          const position = positions.get(method) ?? 0
          positions.set(method, position + 1)
          const forMethod = answers[method] ?? []
          return forMethod[Math.min(position, forMethod.length - 1)] ?? status("UNIMPLEMENTED")
        })
      )
  })
  return { asked, layer: ControllerLayers.client(options).pipe(Layer.provide(transport)) }
}

export const methodsOf = (asked: ReadonlyArray<Asked>): ReadonlyArray<string> => asked.map(({ method }) => method)

export const requestOf = <M extends ControllerMethod>(
  method: M,
  asked: ReadonlyArray<Asked>
): MessageShape<(typeof ControllerService.method)[M]["input"]> | undefined => {
  const input: (typeof ControllerService.method)[M]["input"] = ControllerService.method[method].input
  const found = asked.findLast((call) => call.method === method)
  return found === undefined ? undefined : fromBinary(input, found.bytes)
}
