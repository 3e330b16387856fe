/**
 * Finds `java`, `mvn` and other programs on this machine, and keeps what they build in a cache folder. It starts no
 * server.
 */
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

/** Where fetched and compiled things are kept between runs: `~/.cache/effect-pravega`, or below XDG_CACHE_HOME. */
export const cacheDirectory = (): string =>
  Path.join(process.env["XDG_CACHE_HOME"] ?? Path.join(Os.homedir(), ".cache"), "effect-pravega")

/** The full path of a program on PATH. */
export const findOnPath = (program: string): string | undefined => {
  const names = process.platform === "win32" ? [`${program}.exe`, `${program}.cmd`] : [program]
  for (const folder of (process.env["PATH"] ?? "").split(Path.delimiter)) {
    for (const name of names) {
      const file = Path.join(folder, name)
      if (folder !== "" && Fs.existsSync(file)) return file
    }
  }
  return undefined
}

/** `java` of JAVA_HOME, else of PATH. */
export const findJava = (): string | undefined => {
  const home = process.env["JAVA_HOME"]
  const ofHome = home === undefined ? undefined : Path.join(home, "bin", "java")
  return ofHome !== undefined && Fs.existsSync(ofHome) ? ofHome : findOnPath("java")
}

/** Why a real Pravega can't be started on this machine, or undefined when it can. */
export const whyNoServer = (): string | undefined => {
  if (findJava() === undefined) return "no `java` on PATH"
  if (findOnPath("mvn") === undefined) return "no `mvn` on PATH"
  return undefined
}

/** Runs a program to its end; what it printed is the result, and the message of the error when it fails. */
export const run = (
  program: string,
  args: ReadonlyArray<string>,
  options?: {
    readonly cwd?: string
    readonly env?: NodeJS.ProcessEnv
    readonly input?: string
    readonly timeoutMs?: number
  }
): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options?.cwd,
      env: { ...process.env, ...options?.env },
      stdio: ["pipe", "pipe", "pipe"],
      ...(options?.timeoutMs !== undefined && { timeout: options.timeoutMs, killSignal: "SIGKILL" as const })
    })
    const stdout: Array<Buffer> = []
    const stderr: Array<Buffer> = []
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk))
    child.on("error", reject)
    child.on("close", (code, signal) => {
      const text = Buffer.concat(stdout).toString()
      if (code === 0) return resolve(text)
      const said = `${Buffer.concat(stderr).toString()}\n${text}`.trim().split("\n").slice(-30).join("\n")
      reject(new Error(`${program} ${args.join(" ")} ended with ${signal ?? code}:\n${said}`))
    })
    child.stdin.on("error", () => {}) // the program need not read its input; how it ended is told by "close"
    child.stdin.end(options?.input ?? "")
  })

/**
 * A folder of the cache, filled by `fill` the first time. It is filled under another name and renamed when complete, so
 * that neither an interrupted run nor two runs at once leave half of it.
 */
export const cached = async (folder: string, fill: (folder: string) => Promise<void>): Promise<string> => {
  const complete = Path.join(folder, ".complete")
  if (Fs.existsSync(complete)) return folder
  const partial = `${folder}.partial-${process.pid}`
  Fs.rmSync(partial, { recursive: true, force: true })
  Fs.mkdirSync(partial, { recursive: true })
  try {
    await fill(partial)
    Fs.writeFileSync(Path.join(partial, ".complete"), "")
    try {
      Fs.renameSync(partial, folder)
    } catch (error) {
      // another run was faster: its folder may be in use already
      if (!Fs.existsSync(complete)) throw error
    }
  } finally {
    Fs.rmSync(partial, { recursive: true, force: true })
  }
  return folder
}

const version = "0.13.0"

/**
 * The folder with the jars of Pravega 0.13.0, fetched from Maven Central (about 65 MB) the first time.
 * PRAVEGA_HOME names the folder above it; default `pravega-0.13.0` in the cache.
 */
export const pravegaJars = async (): Promise<string> => {
  const home = process.env["PRAVEGA_HOME"] ?? Path.join(cacheDirectory(), `pravega-${version}`)
  return cached(Path.join(home, "lib"), async (folder) => {
    const mvn = findOnPath("mvn")
    if (mvn === undefined) {
      throw new Error(`the jars of Pravega are not in ${home}, and there is no \`mvn\` to fetch them`)
    }
    const pom = Path.join(import.meta.dirname, "pom.xml")
    await run(mvn, [
      "-q",
      "-B",
      "-f",
      pom,
      "dependency:copy-dependencies",
      "-DincludeScope=runtime",
      `-DoutputDirectory=${folder}`
    ])
  })
}
