/**
 * A real Pravega 0.13.0 as a cluster deploys it: ZooKeeper, a bookie, segment stores and a controller, each a process of
 * its own on this machine, with their data in a folder. Any part can be killed, paused and started again; segments,
 * streams and transactions survive. For tests of restarts and of segments that move between stores; standalone.ts is
 * quicker for all else. As a program:
 *
 *     node --conditions=source test/real/distributed.ts --help
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import { findJava, pravegaJars, run } from "./javaTools.ts"
import { freePorts, isServerOf, startProcess, stopProcess } from "./ServerProcess.ts"
import type { ServerProcess } from "./ServerProcess.ts"

/** A process of the cluster: "store1" is the first segment store. */
export type PartName = "zookeeper" | "bookie" | "controller" | `store${number}`

export interface DistributedOptions {
  /** Data, logs and configuration. One that was used before goes on with its data, ports and sizes. */
  readonly directory?: string
  /** Segment stores. Default 2. */
  readonly stores?: number
  /** Segment containers, spread over the stores. Default 4. */
  readonly containers?: number
  /** As in standalone.ts. Default "owner". */
  readonly lifetime?: "owner" | "detached"
}

export interface Distributed {
  /** tcp://127.0.0.1:port */
  readonly controller: string
  readonly directory: string
  /** In the order in which they start. */
  readonly parts: ReadonlyArray<PartName>
  /** Undefined while the part is down. */
  readonly pid: (part: PartName) => number | undefined
  /** 127.0.0.1:port of each segment store. */
  readonly storeAddress: (part: PartName) => string
  /** Starts a part, or all that are down, and waits until they accept connections. */
  readonly start: (part?: PartName) => Promise<void>
  /** Ends a part, or all, in order. The data are kept. */
  readonly stop: (part?: PartName) => Promise<void>
  /** kill -9 of a part. */
  readonly kill: (part: PartName) => Promise<void>
  /** Stops all and removes the folder, data included. */
  readonly remove: () => Promise<void>
}

interface State {
  readonly containers: number
  readonly ports: Readonly<Record<string, number>>
  readonly pids: Record<string, number>
}

const stateFile = (directory: string): string => Path.join(directory, "cluster.json")

const loadState = async (directory: string, options: DistributedOptions): Promise<State> => {
  if (Fs.existsSync(stateFile(directory))) return JSON.parse(Fs.readFileSync(stateFile(directory), "utf8"))
  const stores = Array.from({ length: options.stores ?? 2 }, (_, index) => `store${index + 1}`)
  const names = ["zookeeper", "bookie", ...stores, "controller"]
  const free = await freePorts(names.length)
  const ports = Object.fromEntries(names.map((name, index) => [name, free[index] ?? 0]))
  return { containers: options.containers ?? 4, ports, pids: {} }
}

const isPartName = (name: string): name is PartName => /^(zookeeper|bookie|controller|store[1-9]\d*)$/.test(name)

const properties = (values: Readonly<Record<string, string | number | boolean>>): Array<string> =>
  Object.entries(values).map(([key, value]) => `-D${key}=${value}`)

const writeConfiguration = (file: string, values: Readonly<Record<string, string | number | boolean>>): string => {
  Fs.mkdirSync(Path.dirname(file), { recursive: true })
  Fs.writeFileSync(file, Object.entries(values).map(([key, value]) => `${key}=${value}\n`).join(""))
  return file
}

/** What each part is started with. */
class Layout {
  readonly directory: string
  readonly state: State

  constructor(directory: string, state: State) {
    this.directory = directory
    this.state = state
  }

  port(part: PartName): number {
    const port = this.state.ports[part]
    if (port === undefined) {
      throw new Error(`this cluster has no ${part}: it has ${Object.keys(this.state.ports).join(", ")}`)
    }
    return port
  }

  get zooKeeperAddress(): string {
    return `127.0.0.1:${this.port("zookeeper")}`
  }

  arguments(part: PartName): Array<string> {
    switch (part) {
      case "zookeeper":
        return this.zooKeeper()
      case "bookie":
        return [
          "-Xmx512m",
          "-XX:MaxDirectMemorySize=512m",
          "org.apache.bookkeeper.server.Main",
          "--conf",
          this.bookieFile()
        ]
      case "controller":
        return this.controller()
      default:
        return this.store(this.port(part))
    }
  }

  zooKeeper(): Array<string> {
    const file = writeConfiguration(Path.join(this.directory, "conf", "zoo.cfg"), {
      tickTime: 2000,
      dataDir: Path.join(this.directory, "zookeeper"),
      clientPort: this.port("zookeeper"),
      clientPortAddress: "127.0.0.1",
      maxClientCnxns: 0,
      "admin.enableServer": false
    })
    return ["-Xmx256m", "org.apache.zookeeper.server.ZooKeeperServerMain", file]
  }

  bookieFile(): string {
    const data = Path.join(this.directory, "bookie")
    for (const folder of ["journal", "ledgers"]) Fs.mkdirSync(Path.join(data, folder), { recursive: true })
    return writeConfiguration(Path.join(this.directory, "conf", "bookie.conf"), {
      bookiePort: this.port("bookie"),
      advertisedAddress: "127.0.0.1",
      allowLoopback: true,
      metadataServiceUri: `zk://${this.zooKeeperAddress}/ledgers`,
      journalDirectories: Path.join(data, "journal"),
      ledgerDirectories: Path.join(data, "ledgers"),
      indexDirectories: Path.join(data, "ledgers"),
      httpServerEnabled: false,
      // The default kind of ledger storage needs RocksDB's native library.
      ledgerStorageClass: "org.apache.bookkeeper.bookie.InterleavedLedgerStorage",
      // A nearly full disk makes a bookie read-only: that is no concern of these tests.
      diskUsageThreshold: 0.99,
      diskUsageWarnThreshold: 0.98
    })
  }

  store(port: number): Array<string> {
    return [
      "-Xmx1g",
      "-XX:MaxDirectMemorySize=1g",
      ...properties({
        "pravega.configurationFile": Path.join(this.directory, "conf", "empty.properties"),
        "pravegaservice.container.count": this.state.containers,
        "pravegaservice.zk.connect.uri": this.zooKeeperAddress,
        // How long a killed store's containers stay without an owner.
        "pravegaservice.zk.connect.sessionTimeout.milliseconds": 5000,
        "pravegaservice.service.listener.host.nameOrIp": "127.0.0.1",
        "pravegaservice.service.listener.port": port,
        "pravegaservice.service.published.host.nameOrIp": "127.0.0.1",
        "pravegaservice.service.published.port": port,
        "pravegaservice.rest.listener.enable": false,
        "pravegaservice.admin.gateway.enable": false,
        "pravegaservice.cache.size.max": 256 * 1024 * 1024,
        "pravegaservice.threadPool.storage.size": 20,
        "pravegaservice.dataLog.impl.name": "BOOKKEEPER",
        "pravegaservice.storage.impl.name": "FILESYSTEM",
        "pravegaservice.storage.layout": "CHUNKED_STORAGE",
        "filesystem.root": Path.join(this.directory, "storage"),
        "bookkeeper.zk.connect.uri": this.zooKeeperAddress,
        "bookkeeper.ledger.path": "/ledgers",
        "bookkeeper.ensemble.size": 1,
        "bookkeeper.write.quorum.size": 1,
        "bookkeeper.ack.quorum.size": 1,
        "autoScale.controller.connect.uri": `tcp://127.0.0.1:${this.port("controller")}`
      }),
      "io.pravega.segmentstore.server.host.ServiceStarter"
    ]
  }

  controller(): Array<string> {
    const port = this.port("controller")
    return [
      "-Xmx512m",
      ...properties({
        "controller.container.count": this.state.containers,
        "controller.zk.connect.uri": this.zooKeeperAddress,
        "controller.service.rpc.listener.port": port,
        "controller.service.rpc.published.host.nameOrIp": "127.0.0.1",
        "controller.service.rpc.published.port": port,
        "controller.service.rest.listener.enable": false,
        "controller.transaction.lease.count.max": 600_000
      }),
      "io.pravega.controller.server.Main"
    ]
  }
}

/** Makes the bookie's place in ZooKeeper, once in the life of the data. */
const formatBookie = async (layout: Layout, jars: string): Promise<void> => {
  const done = Path.join(layout.directory, "bookie", "formatted")
  const configuration = layout.bookieFile()
  if (Fs.existsSync(done)) return
  await run(findJava() ?? "java", [
    `-DLOG_FILE=${Path.join(layout.directory, "bookie-format.log")}`,
    `-Dlogback.configurationFile=${Path.join(layout.directory, "conf", "logback.xml")}`,
    "-cp",
    Path.join(jars, "*"),
    "org.apache.bookkeeper.bookie.BookieShell",
    "-conf",
    configuration,
    "metaformat",
    "-nonInteractive",
    "-force"
  ])
  Fs.writeFileSync(done, "")
}

/**
 * As a supervisor would: a process that dies while it starts is started again. A controller that follows a killed one was
 * seen to end when it met the other's nodes in ZooKeeper just as they expired.
 */
const restarting = async (start: () => Promise<ServerProcess>): Promise<ServerProcess> => {
  for (let tries = 3;; tries--) {
    try {
      return await start()
    } catch (error) {
      if (tries === 1) throw error
    }
  }
}

/** The cluster of a directory, as it is: nothing is started. */
export const openDistributed = async (options: DistributedOptions = {}): Promise<Distributed> => {
  const jars = await pravegaJars()
  const directory = Path.resolve(options.directory ?? Fs.mkdtempSync(Path.join(Os.tmpdir(), "pravega-cluster-")))
  for (const folder of ["storage", "zookeeper", "conf"]) Fs.mkdirSync(Path.join(directory, folder), { recursive: true })
  const state = await loadState(directory, options)
  const layout = new Layout(directory, state)
  const parts = Object.keys(state.ports).filter(isPartName)
  const save = (): void => Fs.writeFileSync(stateFile(directory), JSON.stringify(state, undefined, 2))
  save()

  const pid = (part: PartName): number | undefined => {
    const known = state.pids[part]
    return known !== undefined && isServerOf(known, directory) ? known : undefined
  }
  const startOne = async (part: PartName): Promise<void> => {
    const port = layout.port(part)
    if (pid(part) !== undefined) return
    if (part === "bookie") await formatBookie(layout, jars)
    const server = await restarting(() =>
      startProcess({
        name: part,
        directory,
        jars,
        args: layout.arguments(part),
        ports: [port],
        readyWithinMs: 600_000,
        outlives: options.lifetime === "detached"
      })
    )
    state.pids[part] = server.pid
    save()
  }
  const stopOne = async (part: PartName, force: boolean): Promise<void> => {
    layout.port(part)
    const known = pid(part)
    if (known !== undefined) await stopProcess(known, { force })
    delete state.pids[part]
    save()
  }
  const stop = async (part?: PartName): Promise<void> => {
    for (const name of part === undefined ? parts.toReversed() : [part]) await stopOne(name, false)
  }
  return {
    controller: `tcp://127.0.0.1:${layout.port("controller")}`,
    directory,
    parts,
    pid,
    storeAddress: (part) => `127.0.0.1:${layout.port(part)}`,
    start: async (part) => {
      for (const name of part === undefined ? parts : [part]) await startOne(name)
    },
    stop,
    kill: (part) => stopOne(part, true),
    remove: async () => {
      for (const name of parts.toReversed()) await stopOne(name, true)
      Fs.rmSync(directory, { recursive: true, force: true })
    }
  }
}

/** Opens a cluster and starts all of it. When that fails, what had started is stopped again. */
export const startDistributed = async (options: DistributedOptions = {}): Promise<Distributed> => {
  const cluster = await openDistributed(options)
  try {
    await cluster.start()
  } catch (error) {
    await (options.directory === undefined ? cluster.remove() : cluster.stop())
    throw error
  }
  return cluster
}

const help = `A real Pravega 0.13.0 of separate processes, data kept in a folder.

  distributed.ts start  --directory D [--stores N] [--containers N]   start all that is down; left running
  distributed.ts stop   --directory D          stop all
  distributed.ts start|stop|kill|pid NAME --directory D      one part: zookeeper, bookie, store1.., controller
  distributed.ts status --directory D
  distributed.ts remove --directory D          stop all and delete the data`

const command = async (cluster: Distributed, name: string, part: PartName | undefined): Promise<string> => {
  switch (name) {
    case "start":
      await cluster.start(part)
      return `READY controller=${cluster.controller} directory=${cluster.directory}`
    case "stop":
      await cluster.stop(part)
      return `stopped ${part ?? "all"}`
    case "kill":
      if (part === undefined) throw new Error("kill which part?")
      await cluster.kill(part)
      return `killed ${part}`
    case "pid":
      if (part === undefined) throw new Error("the pid of which part?")
      return String(cluster.pid(part) ?? "down")
    case "status":
      return cluster.parts.map((each) => `${each} ${cluster.pid(each) ?? "down"}`).join("\n")
    case "remove":
      await cluster.remove()
      return `removed ${cluster.directory}`
    default:
      throw new Error(`${name}?\n${help}`)
  }
}

const main = async (): Promise<void> => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      directory: { type: "string" },
      stores: { type: "string" },
      containers: { type: "string" },
      help: { type: "boolean", short: "h", default: false }
    }
  })
  const [name, part] = positionals
  if (values.help || name === undefined) return console.log(help)
  if (values.directory === undefined) throw new Error("--directory is missing")
  if (part !== undefined && !isPartName(part)) throw new Error(`${part}: not zookeeper, bookie, store1.. or controller`)
  const cluster = await openDistributed({
    directory: values.directory,
    lifetime: "detached",
    ...(values.stores !== undefined && { stores: Number(values.stores) }),
    ...(values.containers !== undefined && { containers: Number(values.containers) })
  })
  console.log(await command(cluster, name, part))
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  })
}
