/**
 * What batches leave behind: a query runs many of them, of one event each, into each kind of sink. The heap after collection,
 * the handles that are open and the files of the checkpoint log are counted ten times on the way; they must stay as they
 * were after the first fifth. The server is a process of its own. Ends with 1 if something grows.
 *
 *     npm run bench:leaks -- [BATCHES] [SINK,SINK..]
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CheckpointLog, Pipeline, Sink, Source, SqliteClient } from "../src/batch/index.ts"
import * as EventCodec from "../src/core/EventCodec.ts"
import * as EventStream from "../src/core/EventStream.ts"
import { Pravega } from "../src/pravega/Pravega.ts"
import { Query } from "../src/stream/index.ts"
import { startEmbedded } from "./EmbeddedServer.ts"
import { makeStream } from "./RealServer.ts"

interface Sample {
  readonly batches: number
  readonly heapBytes: number
  readonly handles: number
  readonly logFiles: number
}

/** What one more batch may leave in the heap: less than any object that is forgotten. */
const bytesPerBatch = 64
/** What the sink in memory keeps of a batch besides: an output of a few characters, and its place. */
const bytesInMemory = 256
/** What compilers and caches take at their time. */
const heapNoise = 2 * 1024 * 1024
/** The log is longer or shorter, as it was compacted a moment or long ago. */
const logFilesNoise = 400
/** A connection more or less. */
const handlesNoise = 4

const sinks = {
  "exactly-once": (name: string) => Sink.pravega(streamOf(name), { guarantee: "exactly-once" }),
  "idempotent": (name: string) => Sink.pravega(streamOf(name), { guarantee: "idempotent" }),
  "at-least-once": (name: string) => Sink.pravega(streamOf(name), { guarantee: "at-least-once" }),
  "sql": () =>
    Sink.sql("leaks", {
      schema: Schema.String,
      write: (rows) => Effect.flatMap(SqlClient, (sql) => sql`UPDATE leaks SET n = n + ${rows.length}`)
    }),
  // It keeps its outputs, which is what it is for.
  "memory": () => Sink.memory<string>()
}
type Kind = keyof typeof sinks

const isKind = (text: string): text is Kind => Object.hasOwn(sinks, text)

const streamOf = (name: string) =>
  EventStream.make(name, { codec: EventCodec.utf8, routingKey: (event: string) => event })

/** One number per batch. Tells how many batches were planned, so that somebody can look. */
const source = (batches: number, planned: (batch: number) => void) =>
  Source.make<string, never, never, number, number, null>({
    name: "numbers",
    structure: null,
    asked: null,
    position: Schema.Natural,
    plan: Schema.Natural,
    identity: Schema.Null,
    open: Effect.succeed({
      start: Effect.succeed({ identity: null, start: 0, end: batches }),
      verify: () => Effect.void,
      latest: Effect.succeed(batches),
      plan: (from) =>
        Effect.sync(() => {
          planned(from)
          if (from >= batches) return { _tag: "ended" as const }
          return { _tag: "range" as const, plan: from, next: from + 1, isFull: true }
        }),
      partitions: (plan) => Effect.succeed([{ id: 0, predecessors: [], events: Stream.succeed(`${plan % 64}`) }])
    })
  })

const measure = async (kind: Kind, batches: number, controller: string): Promise<ReadonlyArray<Sample>> => {
  const directory = mkdtempSync(join(tmpdir(), "bench-leaks-"))
  const checkpoints = join(directory, "checkpoints")
  const samples: Array<Sample> = []
  const step = Math.max(1, Math.floor(batches / 10))
  let last = -1
  const look = (planned: number) => {
    if (planned === last || planned === 0 || planned % step !== 0) return
    last = planned
    globalThis.gc?.()
    samples.push({
      batches: planned,
      heapBytes: process.memoryUsage().heapUsed,
      handles: process.getActiveResourcesInfo().length,
      logFiles: readdirSync(checkpoints, { recursive: true }).length
    })
  }
  const stream = `leaks/${kind}`
  await makeStream(controller, stream, 4)
  const program = Effect.gen(function*() {
    const sql = yield* SqlClient
    yield* sql`CREATE TABLE leaks (n INTEGER NOT NULL)`
    yield* sql`INSERT INTO leaks VALUES (0)`
    yield* run(kind, stream, source(batches, look))
  })
  const layer = Layer.mergeAll(
    Pravega.layer({ controller }),
    CheckpointLog.layerFileSystem(checkpoints),
    SqliteClient.layer(join(directory, "sink.sqlite"))
  )
  try {
    await Effect.runPromise(Effect.provide(program, layer))
    return samples
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const run = (kind: Kind, stream: string, from: ReturnType<typeof source>) => {
  const options = { source: from, process: (events: Stream.Stream<string>) => events, deterministic: true } as const
  switch (kind) {
    case "sql":
      return Query.run(Pipeline.make("leaks", { ...options, sink: sinks.sql() }))
    case "memory":
      return Query.run(Pipeline.make("leaks", { ...options, sink: sinks.memory() }))
    default:
      return Query.run(Pipeline.make("leaks", { ...options, sink: sinks[kind](stream) }))
  }
}

/** What grew, in words; undefined: nothing did. */
const growth = (kind: Kind, samples: ReadonlyArray<Sample>): string | undefined => {
  const [from, to] = [samples[1], samples.at(-1)]
  if (from === undefined || to === undefined || from === to) return "too few batches to tell"
  const heap = to.heapBytes - from.heapBytes
  const perBatch = kind === "memory" ? bytesPerBatch + bytesInMemory : bytesPerBatch
  const allowed = heapNoise + (to.batches - from.batches) * perBatch
  if (heap > allowed) return `the heap grew by ${heap} bytes, where ${allowed} may be`
  if (to.handles - from.handles > handlesNoise) return `${to.handles} handles, where ${from.handles} were`
  if (to.logFiles - from.logFiles > logFilesNoise) return `${to.logFiles} log files, where ${from.logFiles} were`
  return undefined
}

const [batchesText = "100000", only = Object.keys(sinks).join(",")] = process.argv.slice(2)
if (globalThis.gc === undefined) throw new Error("run it with --expose-gc, as npm run bench:leaks does")
const server = await startEmbedded({ keepsData: true, code: "source", nodeOptions: ["--conditions=source"] })
try {
  for (const kind of only.split(",")) {
    if (!isKind(kind)) throw new Error(`no sink ${kind}: there are ${Object.keys(sinks).join(", ")}`)
    const cpu = process.cpuUsage()
    const samples = await measure(kind, Number(batchesText), server.controller)
    const { system, user } = process.cpuUsage(cpu)
    console.log(`${kind}: ${Math.round((user + system) / Number(batchesText))} us of CPU a batch`)
    for (const { batches, handles, heapBytes, logFiles } of samples) {
      console.log(
        `  ${batches}: heap ${(heapBytes / 1048576).toFixed(2)} MiB, ${handles} handles, ${logFiles} log files`
      )
    }
    const grew = growth(kind, samples)
    console.log(grew === undefined ? "  flat" : `  NOT FLAT: ${grew}`)
    if (grew !== undefined) process.exitCode = 1
  }
} finally {
  await server.stop()
}
