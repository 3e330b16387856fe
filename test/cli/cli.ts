/** The program `effect-pravega` as a process, to its end. */
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"

export const program = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The program with these words, to its end. */
export const cli = (...words: ReadonlyArray<string>) => cliWith({}, ...words)

/** The same, with these variables of the environment besides. */
export const cliWith = (env: NodeJS.ProcessEnv, ...words: ReadonlyArray<string>): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const all = ["--conditions=source", "--no-warnings", program, ...words]
    const child = execFile(process.execPath, all, { env: { ...process.env, ...env } }, (_, stdout, stderr) => {
      resume(Effect.succeed({ code: child.exitCode ?? -1, stdout, stderr }))
    })
    return Effect.sync(() => void child.kill("SIGKILL"))
  })
