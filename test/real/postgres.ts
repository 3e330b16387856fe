/**
 * A PostgreSQL server for tests, from Debian's binaries where they are installed: a new database cluster in a temporary
 * folder, reached by a socket there. It refuses to run as root, so root starts it as `nobody`.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { findOnPath } from "./javaTools.ts"

export interface Server {
  /** The file of its socket. */
  readonly socket: string
  /** Stops all its processes where they are, as a machine that is frozen; or lets them go on. */
  readonly freeze: (isFrozen: boolean) => void
  readonly stop: () => Promise<void>
}

/** The folder of `initdb` and `postgres`: of the newest version that is installed. */
const binaries = (): string | undefined => {
  const debian = "/usr/lib/postgresql"
  const versions = Fs.existsSync(debian) ? Fs.readdirSync(debian) : []
  for (const version of versions.toSorted((a, b) => Number(b) - Number(a))) {
    const folder = Path.join(debian, version, "bin")
    if (Fs.existsSync(Path.join(folder, "initdb"))) return folder
  }
  const initdb = findOnPath("initdb")
  return initdb === undefined ? undefined : Path.dirname(Fs.realpathSync(initdb))
}

/** Why no PostgreSQL can be started on this machine, or undefined when it can. */
export const whyNot = (): string | undefined => {
  if (process.platform === "win32") return "no PostgreSQL on Windows"
  return binaries() === undefined ? "no PostgreSQL binaries (apt-get install postgresql)" : undefined
}

const isRoot = process.getuid?.() === 0
const nobody = isRoot ? { uid: 65534, gid: 65534 } : {}

/** One of its processes may have ended since it was listed. */
const tell = (pid: number, signal: NodeJS.Signals) => {
  try {
    process.kill(pid, signal)
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ESRCH")) throw cause
  }
}

export const start = async (): Promise<Server> => {
  const folder = binaries()
  if (folder === undefined) throw new Error(whyNot())
  const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "postgres-"))
  if (isRoot) Fs.chownSync(directory, 65534, 65534)
  const data = Path.join(directory, "data")
  const remove = () => Fs.rmSync(directory, { recursive: true, force: true })
  const made = spawnSync(
    Path.join(folder, "initdb"),
    ["-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
    { ...nobody, cwd: directory, encoding: "utf8" }
  )
  if (made.status !== 0) {
    remove()
    throw new Error(`initdb failed: ${made.stderr}`)
  }
  // It stands for a server that commits durably; on a disk that is thrown away nothing needs to be synced.
  const server = spawn(
    Path.join(folder, "postgres"),
    ["-D", data, "-k", directory, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60"],
    { ...nobody, cwd: directory, stdio: ["ignore", "ignore", "pipe"] }
  )
  let log = ""
  server.stderr.on("data", (chunk: Buffer) => {
    log = `${log}${chunk.toString("utf8")}`.slice(-4000)
  })
  const freeze = (isFrozen: boolean): void => {
    const signal = isFrozen ? "SIGSTOP" : "SIGCONT"
    // first the one that starts the others
    server.kill(signal)
    const children = spawnSync("ps", ["-o", "pid=", "--ppid", String(server.pid)], { encoding: "utf8" })
    for (const pid of children.stdout.split("\n").map(Number)) {
      if (pid > 0) tell(pid, signal)
    }
  }
  const stop = async (): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) {
      const ended = once(server, "exit")
      // Disconnects everybody.
      server.kill("SIGINT")
      await ended
    }
    remove()
  }
  process.once("exit", () => server.kill("SIGQUIT"))
  const socket = Path.join(directory, ".s.PGSQL.5432")
  await answers(socket, server).catch(async (error: unknown) => {
    await stop()
    throw new Error(`PostgreSQL did not start: ${log}`, { cause: error })
  })
  return { socket, freeze, stop }
}

/** Waits until it takes connections: before that it refuses them, or sends an error and closes. */
const answers = async (socket: string, server: ChildProcess): Promise<void> => {
  while (server.exitCode === null) {
    if (Fs.existsSync(socket) && await accepts(socket)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`it ended with ${server.exitCode}`)
}

/** Whether it answers to a start-up message with a request for (no) authentication, and not with an error. */
const accepts = (socket: string): Promise<boolean> =>
  new Promise((resolve) => {
    const connection = Net.connect(socket)
    const done = (answer: boolean) => {
      connection.destroy()
      resolve(answer)
    }
    const body = Buffer.concat([Buffer.from([0, 3, 0, 0]), Buffer.from("user\0test\0database\0postgres\0\0")])
    const length = Buffer.alloc(4)
    length.writeInt32BE(body.length + 4)
    connection.once("connect", () => connection.write(Buffer.concat([length, body])))
    connection.once("data", (chunk) => done(chunk[0] === "R".charCodeAt(0)))
    connection.once("error", () => done(false))
    connection.once("close", () => done(false))
  })
