/**
 * One Java process that listens on a port: started, waited for, stopped, and killed when the process that started it
 * is gone. What the process runs is the business of standalone.ts and distributed.ts.
 */
import { spawn, spawnSync } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import { findJava } from "./javaTools.ts"

/** A port of the loopback interface that nobody listens on now; below those that the system hands to clients. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000)
    const free = await new Promise<boolean>((resolve) => {
      const server = Net.createServer()
      server.once("error", () => resolve(false))
      server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)))
    })
    if (free) return port
  }
}

/** Different free ports, for servers that are started together. */
export const freePorts = async (count: number): Promise<Array<number>> => {
  const ports = new Set<number>()
  while (ports.size < count) ports.add(await freePort())
  return [...ports]
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = Net.connect({ port, host: "127.0.0.1" })
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/**
 * Whether process `pid` is a server that was started in `directory`: a recorded pid can belong to another program by now
 * (after a reboot, say), which must neither be taken for the server nor be killed.
 */
export const isServerOf = (pid: number, directory: string): boolean => {
  if (!isAlive(pid)) return false
  const procFile = `/proc/${pid}/cmdline`
  const command = Fs.existsSync(procFile)
    ? Fs.readFileSync(procFile, "utf8")
    : spawnSync("ps", ["-ww", "-o", "args=", "-p", String(pid)], { encoding: "utf8" }).stdout
  return command.includes(`-Djava.io.tmpdir=${Path.join(directory, "tmp")}`)
}

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch {
    // it has ended already
  }
}

const ended = async (pid: number, withinMs: number): Promise<boolean> => {
  for (const until = Date.now() + withinMs; Date.now() < until; await sleep(50)) if (!isAlive(pid)) return true
  return !isAlive(pid)
}

/** Ends a process in order, then by force. A stopped (SIGSTOP) one is continued first, so that it sees the signal. */
export const stopProcess = async (pid: number, options: { readonly force: boolean }): Promise<void> => {
  if (!options.force) {
    signal(pid, "SIGTERM")
    signal(pid, "SIGCONT")
    if (await ended(pid, 5_000)) return
  }
  signal(pid, "SIGKILL")
  // a machine with much to do frees some GiB late
  if (!await ended(pid, 120_000)) throw new Error(`process ${pid} survived SIGKILL`)
}

/** What every Pravega and BookKeeper process needs opened in the JDK. */
const jvmFlags: ReadonlyArray<string> = [
  ...["lang", "nio", "util", "io", "util.concurrent", "net"].flatMap((name) => [
    "--add-opens",
    `java.base/java.${name}=ALL-UNNAMED`
  ]),
  "--add-opens",
  "java.base/sun.nio.ch=ALL-UNNAMED",
  // A server that ran out of memory lives on and fails every request: better gone.
  "-XX:+ExitOnOutOfMemoryError"
]

const logback = (level: string): string =>
  `<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>\${LOG_FILE}</file>
    <encoder><pattern>%d %p %c{0} %m%n</pattern></encoder>
  </appender>
  <logger name="io.pravega.segmentstore.server.host.handler.PravegaRequestProcessor" level="ERROR"/>
  <root level="${level}"><appender-ref ref="FILE"/></root>
</configuration>
`

export interface ServerProcessOptions {
  /** For messages and file names. */
  readonly name: string
  /** Holds the logs, the configuration and the JVM's temporary files. */
  readonly directory: string
  readonly jars: string
  /** JVM flags and properties, then the main class and its arguments. */
  readonly args: ReadonlyArray<string>
  /** It is ready when all of these accept connections. */
  readonly ports: ReadonlyArray<number>
  readonly readyWithinMs: number
  /** True: it lives on when the process that started it ends. */
  readonly outlives: boolean
  /** True: the folder goes too when the process that started it ends without having stopped it. */
  readonly temporary?: boolean
}

export interface ServerProcess {
  readonly pid: number
  readonly stop: (options?: { readonly force: boolean }) => Promise<void>
}

const watching =
  "while read -r line; do :; done; kill -9 \"$1\"; while kill -0 \"$1\"; do sleep 0.2; done; [ -z \"$2\" ] || rm -rf \"$2\""

/**
 * Kills `pid` when this process is gone, however it went: the watcher's input then ends. Then removes the folder, if any. It runs in a group of its own,
 * as the server does, so that a Ctrl-C at the terminal reaches neither before their owner had its say.
 */
const watch = (pid: number, folder: string | undefined): ChildProcess => {
  const [program, args] = process.platform === "win32"
    ? [process.execPath, ["-e", `process.stdin.resume().on("end", () => process.kill(${pid}, "SIGKILL"))`]] as const
    : ["sh", ["-c", watching, "sh", String(pid), folder ?? ""]] as const
  const watcher = spawn(program, args, { stdio: ["pipe", "ignore", "ignore"], detached: true })
  watcher.on("error", () => {}) // without a watcher the server is still stopped by its owner
  watcher.stdin?.on("error", () => {})
  watcher.unref()
  if (watcher.stdin instanceof Net.Socket) watcher.stdin.unref()
  return watcher
}

/** Starts the process and waits until its ports answer; when that fails, nothing of it is left running. */
export const startProcess = async (options: ServerProcessOptions): Promise<ServerProcess> => {
  const { directory, name } = options
  const java = findJava()
  if (java === undefined) throw new Error("a real Pravega needs `java` (11 or newer) on PATH or in JAVA_HOME")
  const conf = Path.join(directory, "conf")
  const temporary = Path.join(directory, "tmp")
  for (const folder of [conf, temporary]) Fs.mkdirSync(folder, { recursive: true })
  Fs.writeFileSync(Path.join(conf, "logback.xml"), logback(process.env["PRAVEGA_LOG"] ?? "WARN"))
  Fs.writeFileSync(Path.join(conf, "empty.properties"), "")
  const log = Path.join(directory, `${name}.log`)
  const outFile = Path.join(directory, `${name}.out`)
  const out = Fs.openSync(outFile, "a")
  const child = spawn(java, [
    ...jvmFlags,
    `-Djava.io.tmpdir=${temporary}`,
    `-DLOG_FILE=${log}`,
    `-Dlogback.configurationFile=${Path.join(conf, "logback.xml")}`,
    "-cp",
    [conf, Path.join(options.jars, "*")].join(Path.delimiter),
    ...options.args
  ], { cwd: directory, stdio: ["ignore", out, out], detached: true })
  Fs.closeSync(out)
  let failure: string | undefined
  child.on("error", (error) => (failure = error.message))
  child.on("exit", (code, by) => (failure ??= `it ended with ${by ?? code}`))
  const pid = child.pid
  if (pid === undefined) throw new Error(`${java} could not be started`)
  child.unref()
  const watcher = options.outlives ? undefined : watch(pid, options.temporary === true ? directory : undefined)
  child.on("exit", () => watcher?.kill("SIGKILL"))

  const waiting = new Set(options.ports)
  for (const until = Date.now() + options.readyWithinMs; waiting.size > 0 && failure === undefined; await sleep(50)) {
    for (const port of waiting) if (await answers(port)) waiting.delete(port)
    if (waiting.size > 0 && Date.now() > until) failure = `ports ${[...waiting].join(", ")} do not answer`
  }
  if (failure !== undefined) {
    // By force: before it is ready, Pravega's shutdown hook can wait for ever on the lock that its start holds.
    await stopProcess(pid, { force: true })
    const said = [outFile, log].filter((file) => Fs.existsSync(file)).map((file) =>
      Fs.readFileSync(file, "utf8").trim()
    )
    throw new Error(
      `${name} of Pravega did not start: ${failure}\n${said.join("\n").split("\n").slice(-20).join("\n")}`
    )
  }
  return { pid, stop: (how) => stopProcess(pid, { force: how?.force ?? false }) }
}
