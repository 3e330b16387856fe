// What a runtime must be able to do, part by part, against the packed tarball: `runtime.js FOLDER`, where FOLDER holds
// `server.crt`, `server.key` (a certificate of 127.0.0.1) and `ca.crt`. Prints a line for each part: its name, then "ok"
// or what went wrong. Each has a server of its own on sockets of 127.0.0.1.
import { Cause, Context, Data, Effect, Exit, Layer, Redacted, Schema, type Scope, Stream } from "effect"
import { Admin, Credentials, EventStream, EventWriter, Pravega } from "effect-pravega"
import { CheckpointLog, Pipeline, Sink, Source } from "effect-pravega/batch"
import { Embedded } from "effect-pravega/embedded"
import { EventReader, Query, Trigger } from "effect-pravega/stream"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const folder = process.argv[2] ?? "."
const fileOf = (name: string) => readFileSync(join(folder, name), "utf8")

/** Nothing failed, and yet it is not what it must be. */
class Wrong extends Data.TaggedError("Wrong")<{ readonly what: string }> {
  override get message(): string {
    return this.what
  }
}

const Reading = Schema.Struct({ sensor: Schema.String, celsius: Schema.Finite })
const stream = (name: string) =>
  EventStream.make(`package/${name}`, { schema: Reading, routingKey: (reading) => reading.sensor })
const readings = stream("readings")
const copies = stream("copies")

const copy = Pipeline.make("copy", {
  source: Source.microBatch(readings),
  process: (events) => Stream.map(events, ({ event }) => event),
  sink: Sink.pravega(copies, { guarantee: "exactly-once" })
})

const write = (celsius: number) =>
  Effect.scoped(Effect.flatMap(EventWriter.make(readings), (writer) => writer.write({ sensor: "roof", celsius })))

/** Two runs of a query, the second of which goes on where the log says; then what came of it, by a reader group. */
const work = (log: Layer.Layer<CheckpointLog, unknown>) =>
  Effect.gen(function*() {
    for (const { name } of [readings, copies]) {
      yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments: 2 } })
    }
    for (const celsius of [21.5, 22.5]) {
      yield* write(celsius)
      yield* Effect.scoped(Query.run(copy, { trigger: Trigger.once }))
    }
    // written last, so that a copy of the first ones too many would be read before it
    yield* Effect.scoped(
      Effect.flatMap(EventWriter.make(copies), (writer) => writer.write({ sensor: "roof", celsius: 0 }))
    )
    const read = yield* Stream.runCollect(
      EventReader.stream(copies, { readerGroup: "copies" }).pipe(
        Stream.take(3),
        Stream.map(({ event }) => event.celsius)
      )
    )
    const text = read.join()
    if (text !== "21.5,22.5,0") return yield* new Wrong({ what: `read ${text} instead of 21.5,22.5,0` })
  }).pipe(Effect.scoped, Effect.provide(Layer.fresh(log)))

type Options = Parameters<typeof Embedded.make>[0]
type Listen = Parameters<Embedded.Embedded["listen"]>[0]
type Client = Omit<Parameters<typeof Pravega.layer>[0], "controller">

interface Where {
  readonly server?: Options
  readonly listen?: Listen
  readonly client?: Client
}

/** On a server of its own. */
const on = <A, E>(
  what: Effect.Effect<A, E, Pravega>,
  { client = {}, listen, server }: Where = {}
) =>
  Effect.gen(function*() {
    const { controller } = yield* Effect.flatMap(Embedded.make(server), (embedded) => embedded.listen(listen))
    const pravega = yield* Layer.build(Pravega.layer({ controller, ...client }))
    return yield* Effect.provideService(what, Pravega, Context.get(pravega, Pravega))
  })

const as = (password: string) => ({ credentials: Credentials.basic("user", password) })

const authorization = { users: { user: { password: Redacted.make("secret"), may: "prn::*,READ_UPDATE" } } }

/** That somebody is refused, and for this reason. */
const refused = (reason: string, where: Where) =>
  Effect.gen(function*() {
    const scaling = { _tag: "Fixed", segments: 1 } as const
    const error = yield* Effect.flip(on(Admin.ensureStream(readings.name, { scaling }), where))
    const tag = error._tag === "ControllerError" ? error.reason._tag : error._tag
    if (tag !== reason) return yield* new Wrong({ what: `${tag} instead of ${reason}: ${error.message}` })
  })

const parts: Readonly<Record<string, () => Effect.Effect<void, unknown, Scope.Scope>>> = {
  sockets: () => on(work(CheckpointLog.layerMemory)),
  directory: () =>
    on(work(CheckpointLog.layerFileSystem(join(folder, "log"))), { server: { directory: join(folder, "server") } }),
  SQLite: () => on(work(CheckpointLog.layerSqlite(join(folder, "log.sqlite")))),
  TLS: () =>
    Effect.gen(function*() {
      const listen = { tls: { certificate: fileOf("server.crt"), key: fileOf("server.key") } }
      yield* on(work(CheckpointLog.layerMemory), { listen, client: { tls: { ca: fileOf("ca.crt") } } })
      yield* refused("TlsFailed", { listen })
    }),
  auth: () =>
    Effect.gen(function*() {
      yield* on(work(CheckpointLog.layerMemory), { server: { authorization }, client: as("secret") })
      yield* refused("Unauthenticated", { server: { authorization }, client: as("guess") })
    })
}

const chosen = process.argv.slice(3)
for (const [name, part] of Object.entries(parts)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  const exit = await Effect.runPromiseExit(Effect.timeout(Effect.scoped(part()), "20 seconds"))
  const text = Exit.isSuccess(exit) ? "ok" : Cause.pretty(exit.cause).replaceAll(/\s*\n\s*/g, " | ")
  console.log(`${name} ${text}`)
}
// a socket that a runtime forgot must not keep it
process.exit()
