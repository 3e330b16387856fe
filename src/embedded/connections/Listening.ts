/**
 * A server's socket: that it listens, or why it can't. What comes of connections is its user's business.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Net from "node:net"
import * as CauseText from "../../core/CauseText.ts"

/**
 * The address is taken, or not this machine's; or there is no certificate to listen with.
 *
 * @category errors
 * @since 0.1.0
 */
export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  address: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `cannot listen on ${this.address}: ${CauseText.of(this.cause)}`
  }
}

/**
 * Sockets are accepted on the address of `host` and `port`, 0 for any port that is free.
 *
 * @category models
 * @since 0.1.0
 */
export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * Has a server listen, and yields its port. `make` may throw. The caller closes the server.
 *
 * @category running
 * @since 0.1.0
 */
export const listenWith = <S extends Net.Server>(
  make: () => S,
  { host, port }: Address
): Effect.Effect<{ readonly server: S; readonly port: number }, ListenError> =>
  Effect.callback((resume) => {
    const refuse = (cause: unknown) => resume(Effect.fail(new ListenError({ address: `${host}:${port}`, cause })))
    let server: S
    try {
      server = make()
      server.once("error", refuse)
      server.listen({ host, port }, () => {
        server.removeListener("error", refuse)
        // a connection that could not be taken (no more files): the others go on
        server.on("error", () => {})
        const address = server.address()
        resume(Effect.succeed({ server, port: typeof address === "object" ? address?.port ?? port : port }))
      })
    } catch (cause) {
      return refuse(cause) // a port out of range, no certificate, or not the key's
    }
    return Effect.sync(() => server.close())
  })
