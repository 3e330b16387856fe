/** What was typed after `effect-pravega`, as a value. Pure: does nothing of it. */
import * as Result from "effect/Result"
import { parseArgs } from "node:util"

/** `effect-pravega dev`: an embedded server on sockets, until it is stopped. */
export interface Dev {
  readonly _tag: "dev"
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** 0: a free one. */
  readonly storePort: number
  /** Undefined: in memory. */
  readonly directory: string | undefined
  readonly durability: "process" | "power"
}

export type Arguments = Dev | { readonly _tag: "help" } | { readonly _tag: "version" }

export const usage = `Usage: effect-pravega dev [options]

Runs a Pravega-compatible server in this process until it is stopped (Ctrl-C, SIGTERM). Once clients can connect it
prints one line: READY and the controller's address.

  --port N          the controller's port (0, the default: a free one)
  --store-port N    the segment store's port (0, the default: a free one)
  --host NAME       where to listen, and what clients are told to connect to (127.0.0.1)
  --data DIR        keep the data in this directory; without it they are gone when the server ends
  --durability WHAT what acknowledged data survive: process (the default: kill -9) or power (also the loss of power)
  --help, --version
`

/** A problem in words, if it can't be read. */
export const parse = (words: ReadonlyArray<string>): Result.Result<Arguments, string> =>
  Result.flatMap(
    Result.try({
      try: () => parseArgs({ args: [...words], options, allowPositionals: true }),
      catch: (cause) => (cause instanceof Error ? cause.message : String(cause))
    }),
    ({ positionals, values }): Result.Result<Arguments, string> => {
      if (values.version === true) return Result.succeed({ _tag: "version" })
      if (values.help === true || positionals.length === 0) return Result.succeed({ _tag: "help" })
      const [command, ...more] = positionals
      if (command !== "dev") return Result.fail(`there is no command ${command}`)
      if (more.length > 0) return Result.fail(`${more[0]} is one word too many`)
      const { durability } = values
      if (durability !== "process" && durability !== "power") {
        return Result.fail(`--durability is process or power, not ${durability}`)
      }
      return Result.map(
        Result.all([port("--port", values.port), port("--store-port", values["store-port"])]),
        ([port, storePort]): Dev => ({
          _tag: "dev",
          host: values.host,
          port,
          storePort,
          directory: values.data,
          durability
        })
      )
    }
  )

const options = {
  port: { type: "string", default: "0" },
  "store-port": { type: "string", default: "0" },
  host: { type: "string", default: "127.0.0.1" },
  data: { type: "string" },
  durability: { type: "string", default: "process" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" }
} as const

const port = (flag: string, text: string): Result.Result<number, string> =>
  /^\d{1,5}$/.test(text) && Number(text) <= 65_535
    ? Result.succeed(Number(text))
    : Result.fail(`${flag} is a number from 0 to 65535, not ${text}`)
