/**
 * A real Pravega 0.13.0 in one process that keeps everything in memory: controller, segment store and ZooKeeper on free
 * ports of the loopback interface. For the tests, the benchmarks and the main job; as a program, for people:
 *
 *     node --conditions=source test/real/standalone.ts --help
 *
 * All that is ever written stays in its heap, deleted streams too: big runs take a fresh one with a big heap. Its
 * processes and files are ServerProcess.ts's business; the durable kind is distributed.ts.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import { pravegaJars } from "./javaTools.ts"
import { type Account, accountsFile, administrator, type Certificates, makeCertificates } from "./security.ts"
import { freePorts, isAlive, isServerOf, startProcess, stopProcess } from "./ServerProcess.ts"

export interface StandaloneOptions {
  /** The JVM's heap, which holds all the data. Default 3072. */
  readonly heapMiB?: number
  /**
   * The store's cache, outside of the heap. Default 1024. A burst of writes larger than this fills it before it is
   * flushed: the segment container then fails and never recovers, so Pravega's own 128 is too small for tests.
   */
  readonly cacheMiB?: number
  /** Segment containers. Default 1. */
  readonly containers?: number
  /** The longest lease that a transaction may ask for. Default 600 s. */
  readonly transactionLeaseMaxMs?: number
  /** Default: free ports. */
  readonly ports?: { readonly controller: number; readonly segmentStore: number }
  /** Logs and configuration. Default: a new folder under the system's temporary one, removed by `stop`. */
  readonly directory?: string
  /**
   * "owner": killed when this process ends, however it ends. "detached": lives on until it is stopped;
   * `findStandalone(directory)` finds it again. Default "owner".
   */
  readonly lifetime?: "owner" | "detached"
  /** Present: clients must say who they are, and segment stores ask for delegation tokens. Users besides the administrator. */
  readonly accounts?: Readonly<Record<string, Account>>
  /** True: both ports take encrypted connections only; whom to trust is in `authority`. Default false. */
  readonly tls?: boolean
  /** More JVM flags or properties. */
  readonly properties?: ReadonlyArray<string>
  /** Only ends what hangs. Default 600 s. */
  readonly readyWithinMs?: number
}

export interface StandaloneAddress {
  /** tcp://127.0.0.1:port, or tls:// */
  readonly controller: string
  /** 127.0.0.1:port */
  readonly segmentStore: string
  readonly pid: number
  readonly directory: string
  /** With `tls`: the file of the certificate to trust. */
  readonly authority?: string
}

export interface Standalone extends StandaloneAddress {
  /** Ends the server (by force if it doesn't end by itself, or at once) and removes its folder if it made it. */
  readonly stop: (options?: { readonly force: boolean }) => Promise<void>
}

interface Ports {
  readonly controller: number
  readonly segmentStore: number
  readonly zooKeeper: number
}

/** Who may come in, and how it is encrypted. */
const securityArguments = (accounts: string | undefined, tls: Certificates | undefined): Array<string> => [
  ...accounts === undefined ? [] : [
    "-Dsinglenode.security.auth.enable=true",
    `-Dsinglenode.security.auth.credentials.username=${administrator.user}`,
    `-Dsinglenode.security.auth.credentials.pwd=${administrator.password}`,
    `-Dsinglenode.security.auth.pwdAuthHandler.accountsDb.location=${accounts}`
  ],
  ...tls === undefined ? [] : [
    "-Dsinglenode.security.tls.enable=true",
    `-Dsinglenode.security.tls.privateKey.location=${tls.key}`,
    `-Dsinglenode.security.tls.certificate.location=${tls.certificate}`,
    `-Dsinglenode.security.tls.keyStore.location=${tls.keyStore}`,
    `-Dsinglenode.security.tls.keyStore.pwd.location=${tls.password}`,
    `-Dsinglenode.security.tls.trustStore.location=${tls.trustStore}`
  ]
]

const javaArguments = (options: StandaloneOptions, ports: Ports, security: ReadonlyArray<string>): Array<string> => {
  const cacheMiB = options.cacheMiB ?? 1024
  return [
    `-Xmx${options.heapMiB ?? 3072}m`,
    `-XX:MaxDirectMemorySize=${cacheMiB + 1024}m`,
    "-Dsinglenode.configurationFile=conf/empty.properties",
    `-Dsinglenode.controller.rpc.port=${ports.controller}`,
    `-Dsinglenode.segmentStore.port=${ports.segmentStore}`,
    `-Dsinglenode.zk.port=${ports.zooKeeper}`,
    "-Dsinglenode.controller.rest.enable=false",
    "-Dsinglenode.admin.gateway.enable=false",
    "-Dpravegaservice.rest.listener.enable=false",
    "-Dpravegaservice.admin.gateway.enable=false",
    `-Dpravegaservice.container.count=${options.containers ?? 1}`,
    `-Dpravegaservice.cache.size.max=${cacheMiB * 1024 * 1024}`,
    // Otherwise the store publishes the machine's name, which need not resolve.
    "-Dpravegaservice.service.published.host.nameOrIp=127.0.0.1",
    "-Dpravegaservice.service.listener.host.nameOrIp=127.0.0.1",
    `-Dcontroller.transaction.lease.count.max=${options.transactionLeaseMaxMs ?? 600_000}`,
    "-Dcontroller.transaction.execution.timeBound.days=1",
    ...security,
    ...(options.properties ?? []),
    "io.pravega.local.LocalPravegaEmulator"
  ]
}

const addressFile = (directory: string): string => Path.join(directory, "standalone.json")

/** Starts a standalone and waits until it takes requests. Rejects with the end of its log when it doesn't. */
export const startStandalone = async (options: StandaloneOptions = {}): Promise<Standalone> => {
  const jars = await pravegaJars()
  const made = options.directory === undefined
  const directory = Path.resolve(options.directory ?? Fs.mkdtempSync(Path.join(Os.tmpdir(), "pravega-standalone-")))
  let accounts: string | undefined
  if (options.accounts !== undefined) {
    accounts = Path.join(directory, "accounts")
    Fs.writeFileSync(accounts, accountsFile(options.accounts))
  }
  const tls = options.tls === true ? await makeCertificates(Path.join(directory, "tls")) : undefined
  // A free port can be taken before the server listens on it: other ports, then.
  for (let tries = 3;; tries--) {
    const [controller = 0, segmentStore = 0, zooKeeper = 0] = await freePorts(3)
    const ports = { controller, segmentStore, zooKeeper, ...options.ports }
    try {
      const server = await startProcess({
        name: "standalone",
        directory,
        jars,
        args: javaArguments(options, ports, securityArguments(accounts, tls)),
        ports: [ports.segmentStore, ports.controller],
        readyWithinMs: options.readyWithinMs ?? 600_000,
        outlives: options.lifetime === "detached",
        temporary: made
      })
      const address: StandaloneAddress = {
        controller: `${tls === undefined ? "tcp" : "tls"}://127.0.0.1:${ports.controller}`,
        segmentStore: `127.0.0.1:${ports.segmentStore}`,
        pid: server.pid,
        directory,
        ...tls !== undefined && { authority: tls.authority }
      }
      Fs.writeFileSync(addressFile(directory), JSON.stringify(address))
      return {
        ...address,
        stop: async (how) => {
          await server.stop(how)
          Fs.rmSync(made ? directory : addressFile(directory), { recursive: true, force: true })
        }
      }
    } catch (error) {
      const taken = error instanceof Error && error.message.includes("Address already in use")
      if (taken && tries > 1 && options.ports === undefined) continue
      if (made) Fs.rmSync(directory, { recursive: true, force: true })
      throw error
    }
  }
}

/** The standalone that was started with this directory and is still there. */
export const findStandalone = (directory: string): Standalone | undefined => {
  const file = addressFile(Path.resolve(directory))
  if (!Fs.existsSync(file)) return undefined
  const address: StandaloneAddress = JSON.parse(Fs.readFileSync(file, "utf8"))
  if (!isServerOf(address.pid, address.directory)) return undefined
  return {
    ...address,
    stop: async (how) => {
      await stopProcess(address.pid, how ?? { force: false })
      Fs.rmSync(file, { force: true })
    }
  }
}

const help =
  `Starts a real Pravega 0.13.0 in memory, on free ports, and stops it at Ctrl-C, SIGTERM, or when its parent is gone.
Prints one line "READY controller=tcp://127.0.0.1:P segmentStore=127.0.0.1:P pid=N directory=D".

  --heap MiB          the JVM's heap, which holds all data (3072)
  --cache MiB         the store's cache, off heap (1024)
  --containers N      segment containers (1)
  --controller-port P --segment-store-port P   instead of free ports
  --auth              ask clients who they are: ${administrator.user}, ${administrator.password} (basic)
  --tls               encrypt both ports; the certificate to trust is D/tls/ca.crt
  --directory D       logs and configuration (default: a temporary folder, removed at the end)
  --detach            leave it running and return; needs --directory
  --stop              stop the one that was left running in --directory
  --fetch             only fetch the jars into the cache

The jars come from Maven Central once, into PRAVEGA_HOME (default: ~/.cache/effect-pravega/pravega-0.13.0).
PRAVEGA_LOG=INFO makes its log talk.`

const integer = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`--${name} ${text}: not a positive whole number`)
  return Number(text)
}

const given = <K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } =>
  value === undefined ? {} : { [key]: value } as { readonly [P in K]?: V }

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      heap: { type: "string" },
      cache: { type: "string" },
      containers: { type: "string" },
      "controller-port": { type: "string" },
      "segment-store-port": { type: "string" },
      auth: { type: "boolean", default: false },
      tls: { type: "boolean", default: false },
      directory: { type: "string" },
      detach: { type: "boolean", default: false },
      stop: { type: "boolean", default: false },
      fetch: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false }
    }
  })
  const { directory } = values
  if (values.help) return console.log(help)
  if (values.fetch) return console.log(await pravegaJars())
  if ((values.stop || values.detach) && directory === undefined) throw new Error("--detach and --stop need --directory")
  if (values.stop) {
    const running = findStandalone(directory ?? "")
    await running?.stop()
    return console.log(running === undefined ? "none is running there" : `stopped ${running.pid}`)
  }
  const controller = integer("controller-port", values["controller-port"])
  const segmentStore = integer("segment-store-port", values["segment-store-port"])
  const server = await startStandalone({
    ...given("heapMiB", integer("heap", values.heap)),
    ...given("cacheMiB", integer("cache", values.cache)),
    ...given("containers", integer("containers", values.containers)),
    ...given("directory", directory),
    ...(values.auth && { accounts: {} }),
    tls: values.tls,
    ...(controller !== undefined && segmentStore !== undefined && { ports: { controller, segmentStore } }),
    lifetime: values.detach ? "detached" : "owner"
  })
  console.log(
    `READY controller=${server.controller} segmentStore=${server.segmentStore} pid=${server.pid} directory=${server.directory}`
  )
  if (values.detach) return
  const parent = process.ppid
  await new Promise<void>((resolve) => {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => resolve())
    setInterval(() => {
      if (process.ppid !== parent || !isAlive(server.pid)) resolve()
    }, 500)
  })
  await server.stop()
  process.exit()
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  })
}
