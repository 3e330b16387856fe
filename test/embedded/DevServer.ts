/** `effect-pravega dev` as a process of its own: started, waited for, killed. */
import { Data, Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))

/** The program ended before it was ready; what it printed. */
export class DevServerEnded extends Data.TaggedError("DevServerEnded")<{ readonly message: string }> {}

export interface DevServer {
  /** `tcp://host:port` */
  readonly controller: string
  /** Sends a signal and waits until the process is gone: its exit code, or null if the signal ended it. */
  readonly end: (signal: "SIGKILL" | "SIGTERM" | "SIGINT") => Effect.Effect<number | null>
}

const gone = (child: ChildProcess): Effect.Effect<number | null> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) resume(Effect.succeed(child.exitCode))
    else child.once("exit", (code) => resume(Effect.succeed(code)))
  })

/** Fails with what the program printed if it ends before it is ready. Killed with the Scope if it still runs. */
export const start = (...options: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--conditions=source", "--no-warnings", program, "dev", ...options], {
          stdio: ["ignore", "pipe", "pipe"]
        })
      ),
      (child) => {
        child.kill("SIGKILL")
        return gone(child)
      }
    )
    const controller = yield* Effect.callback<string, DevServerEnded>((resume) => {
      let output = ""
      for (const pipe of [child.stdout, child.stderr]) {
        pipe.setEncoding("utf8").on("data", (text: string) => {
          output += text
          const ready = /^READY (\S+)\n/m.exec(output)
          if (ready !== null) resume(Effect.succeed(ready[1]!))
        })
      }
      child.once("close", (code) =>
        resume(Effect.fail(new DevServerEnded({ message: `the server ended with ${code}: ${output}` }))))
    })
    return {
      controller,
      end: (signal) =>
        Effect.suspend(() => {
          child.kill(signal)
          return gone(child)
        })
    } satisfies DevServer
  })
