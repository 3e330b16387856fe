/** Programs of this project as processes of their own, which tests kill. None outlives the Effect that runs it. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"

export interface Life {
  /** What it wrote to both of its pipes. */
  readonly output: string
  /** Null if a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** From its start to its first word, and to its end. */
  readonly millis: { readonly toFirstWord: number; readonly toEnd: number }
}

export interface Options {
  readonly env?: NodeJS.ProcessEnv | undefined
  /** Told all that it has said whenever it has said more, and how it is ended: once, so many milliseconds from now. */
  readonly onOutput?: ((output: string, end: (signal: NodeJS.Signals, millis: number) => void) => void) | undefined
}

/** Runs it to its end, whatever that is. Words: the program's file, and its own. */
export const run = (words: ReadonlyArray<string>, { env, onOutput }: Options = {}): Effect.Effect<Life> =>
  Effect.callback((resume) => {
    const started = performance.now()
    let toFirstWord = 0
    let output = ""
    let timer: NodeJS.Timeout | undefined
    const child = spawn(process.execPath, ["--conditions=source", "--no-warnings", ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env }
    })
    const end = (signal: NodeJS.Signals, millis: number) => {
      timer ??= setTimeout(() => child.kill(signal), millis)
    }
    for (const pipe of [child.stdout, child.stderr]) {
      pipe.setEncoding("utf8").on("data", (text: string) => {
        if (output === "") toFirstWord = performance.now() - started
        output += text
        onOutput?.(output, end)
      })
    }
    child.once("error", (error) => resume(Effect.die(error)))
    child.once("close", (code, signal) => {
      clearTimeout(timer)
      resume(Effect.succeed({ output, code, signal, millis: { toFirstWord, toEnd: performance.now() - started } }))
    })
    return Effect.callback<void>((done) => {
      clearTimeout(timer)
      if (child.exitCode !== null || child.signalCode !== null) return done(Effect.void)
      child.once("exit", () => done(Effect.void))
      child.kill("SIGKILL")
    })
  })
