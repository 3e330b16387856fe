/** Pravega's Python client (PyPI `pravega` 0.3.8), as a program that writes and reads; installed once, into the cache. */
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import { cached, cacheDirectory, findOnPath, run } from "../real/javaTools.ts"
import { InteropServer } from "./InteropServer.ts"
import { asLines, fields } from "./JavaClient.ts"
import type { KeyedText } from "./JavaClient.ts"

const version = "0.3.8"

/** Why the Python client can't be used on this machine; in `.ci/run` that fails the tests instead. */
export const whyNoPython = (): string | undefined =>
  findOnPath("python3") === undefined && process.env["PRAVEGA_REAL"] !== "required" ? "no `python3` on PATH" : undefined

const installed = (): Promise<string> =>
  // Not a virtual environment: that one can't be moved, and a cached folder is filled under another name.
  cached(Path.join(cacheDirectory(), `interop-python-${version}`), async (folder) => {
    await run("python3", ["-m", "pip", "install", "--quiet", "--no-input", "--target", folder, `pravega==${version}`])
  })

/** The fields of the lines that a command of interop.py prints. */
export const python = Effect.fnUntraced(function*(
  args: ReadonlyArray<string>,
  events: ReadonlyArray<KeyedText> = []
) {
  const { controller } = yield* InteropServer
  const folder = yield* Effect.promise(installed)
  const program = Path.join(import.meta.dirname, "python", "interop.py")
  const out = yield* Effect.promise(() =>
    run("python3", [program, ...args], {
      env: { PRAVEGA_CONTROLLER: controller, PYTHONPATH: folder },
      input: asLines(events),
      timeoutMs: 720_000
    })
  )
  return fields(out)
})
