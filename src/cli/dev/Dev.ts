/** `effect-pravega dev`: an embedded server on sockets, until the process is told to end or the server fails. */
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as WayOut from "../../core/WayOut.ts"
import * as Embedded from "../../embedded/Embedded.ts"
import type { EmbeddedError } from "../../embedded/EmbeddedError.ts"

/** @category models @since 0.1.0 */
export interface Options {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** 0: a free one. */
  readonly storePort: number
  /** Undefined: in memory. */
  readonly directory: string | undefined
  readonly durability: "process" | "power"
}

/**
 * Says READY and the controller's address, in a line of its own, once clients can connect.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (options: Options): Effect.Effect<void, EmbeddedError> =>
  Effect.gen(function*() {
    const serving = yield* Effect.forkDetach(serve(options))
    const ended = yield* Effect.raceFirst(Fiber.await(serving), Effect.as(stopped, undefined))
    if (ended !== undefined) return yield* ended
    const outcome = yield* WayOut.end(serving, {
      ask: Effect.void,
      finish: Duration.zero,
      leave: closeLimit,
      tell: (step) => Console.error(`effect-pravega: ${words[step]}`)
    })
    // what holds it up holds the process up, too
    if (outcome === "left") process.exit(1)
  })

/** How long the server may take to close. What it has acknowledged is kept however it ends. */
const closeLimit = Duration.seconds(10)

const words: Readonly<Record<WayOut.Step, string>> = {
  asked: "stopping",
  interrupted: `closing takes long, and is given ${Duration.format(closeLimit)} (again Ctrl-C ends it at once)`,
  left: "ended without closing; what was acknowledged is kept"
}

const serve = ({ directory, durability, host, port, storePort }: Options): Effect.Effect<never, EmbeddedError> =>
  Effect.scoped(Effect.gen(function*() {
    const server = yield* Embedded.make({ directory, durability })
    const { controller } = yield* server.listen({ host, ports: { controller: port, segmentStore: storePort } })
    yield* Console.log(`READY ${controller}`)
    return yield* server.failure
  }))

/** The first signal to end. A second one finds Node's own handler, which ends the process at once. */
const stopped: Effect.Effect<void> = Effect.callback((resume) => {
  const forget = () => void process.off("SIGINT", stop).off("SIGTERM", stop)
  const stop = () => {
    forget()
    resume(Effect.void)
  }
  process.on("SIGINT", stop).on("SIGTERM", stop)
  return Effect.sync(forget)
})
