/**
 * The Pravega that the main job runs on when no other is named: a standalone that keeps its data in memory, so it
 * outlives an interrupted job (Ctrl-C, kill -9) and is stopped when the job is done.
 */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { findStandalone, startStandalone } from "../../test/real/standalone.ts"

export class ServerError extends Data.TaggedError("ServerError")<{ readonly cause: unknown }> {
  override get message(): string {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `no Pravega could be started: ${why}\nIt needs Java 11 or later and Maven. Or name one that runs: `
      + "PRAVEGA_CONTROLLER=tcp://host:9090 npm start"
  }
}

/** The controller's address of the standalone in `directory`, which is started if it doesn't run. */
export const start = Effect.fnUntraced(function*(directory: string) {
  const running = findStandalone(directory)
  if (running !== undefined) return running.controller
  yield* Console.log("starting a Pravega 0.13.0 (the first time its jars are fetched from Maven Central, about 80 MB)")
  const server = yield* Effect.tryPromise({
    try: () => startStandalone({ directory, lifetime: "detached", heapMiB: 6144 }),
    catch: (cause) => new ServerError({ cause })
  })
  return server.controller
})

/** True: one was running, and is stopped. */
export const stop = (directory: string): Effect.Effect<boolean, ServerError> =>
  Effect.tryPromise({
    try: async () => {
      const running = findStandalone(directory)
      await running?.stop()
      return running !== undefined
    },
    catch: (cause) => new ServerError({ cause })
  })
