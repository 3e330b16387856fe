/** `effect-pravega log` and `savepoint`, as processes, on logs that a pipeline has left. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { CheckpointLog } from "../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../src/batch/pipeline/Pipeline.ts"
import { QueryName } from "../../src/batch/protocol/QueryName.ts"
import * as Sink from "../../src/batch/sink/Sink.ts"
import * as Source from "../../src/batch/source/Source.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import * as Query from "../../src/stream/query/Query.ts"
import * as Trigger from "../../src/stream/query/Trigger.ts"
import * as DevServer from "../embedded/DevServer.ts"
import { assertCopied, numberedEvents, numberedStream } from "../numbered.ts"
import { temporaryFolder } from "../temporary.ts"
import { cli, cliWith, program } from "./cli.ts"

const query = QueryName.make("copies")
const source = numberedStream("cli/from")
const sink = numberedStream("cli/to")
const pipeline = Pipeline.make(query, {
  source: Source.microBatch(source),
  process: (reads) => Stream.map(reads, ({ event }) => event),
  sink: Sink.pravega(sink, { guarantee: "exactly-once" })
})

/** Writes events from a number on, and copies them: one batch, records 1 to 4 the first time, after `started`. */
const copy = (from: number, count = 10) =>
  Effect.gen(function*() {
    const fixed = { scaling: { _tag: "Fixed", segments: 1 } } as const
    yield* Admin.ensureStream(source.name, fixed)
    yield* Admin.ensureStream(sink.name, fixed)
    const writer = yield* EventWriter.make(source)
    yield* writer.writeAll(numberedEvents(count, 3, from))
    yield* Query.run(pipeline, { trigger: Trigger.availableNow })
  }).pipe(Effect.scoped)

const copied = Effect.map(
  Stream.runCollect(BatchReader.stream(sink, { start: "earliest", end: "latest" })),
  (reads) => reads.map(({ event }) => event)
)

type Change = (bytes: Uint8Array) => Uint8Array
const flipped: Change = (bytes) => bytes.map((byte, i) => i === bytes.length - 2 ? byte ^ 1 : byte)
const torn: Change = (bytes) => bytes.subarray(0, 20)

/** A home of logs whose records can be changed behind its back. */
interface Place {
  readonly logs: Layer.Layer<CheckpointLog>
  readonly flags: ReadonlyArray<string>
  readonly last: () => number
  /** Puts a record there that is not what was written; answers with what was. */
  readonly change: (sequence: number, change: Change) => Uint8Array
  /** What is there, to tell that it is as it was. */
  readonly contents: () => unknown
  /** The same kind of home, which is not there. */
  readonly nowhere: { readonly flags: ReadonlyArray<string>; readonly path: string }
}

const directory = (folder: string): Place => {
  const home = Path.join(folder, "checkpoints")
  const file = (sequence: number) => Path.join(home, query, `${String(sequence).padStart(16, "0")}.record`)
  const names = () => Fs.readdirSync(Path.join(home, query)).filter((name) => name.endsWith(".record")).toSorted()
  const path = Path.join(folder, "nowhere")
  return {
    logs: CheckpointLog.layerFileSystem(home),
    flags: ["--directory", home],
    last: () => Number.parseInt(names().at(-1) ?? ""),
    change: (sequence, change) => {
      const bytes = Fs.readFileSync(file(sequence))
      Fs.writeFileSync(file(sequence), change(bytes))
      return bytes
    },
    contents: () => Fs.readdirSync(home, { recursive: true }),
    nowhere: { flags: ["--directory", path], path }
  }
}

const Bytes = Schema.Struct({ bytes: Schema.Uint8Array })
const Last = Schema.Struct({ last: Schema.Natural })

const sqlite = (folder: string): Place => {
  const file = Path.join(folder, "checkpoints.sqlite")
  const path = Path.join(folder, "nowhere.sqlite")
  const use = <A>(body: (database: DatabaseSync) => A): A => {
    const database = new DatabaseSync(file)
    try {
      return body(database)
    } finally {
      database.close()
    }
  }
  const where = "WHERE query = ? AND sequence = ?"
  return {
    logs: CheckpointLog.layerSqlite(file),
    flags: ["--sqlite", file],
    last: () =>
      use((database) =>
        Schema.decodeUnknownSync(Last)(
          database.prepare("SELECT max(sequence) AS last FROM pravega_checkpoints WHERE query = ?").get(query)
        ).last
      ),
    change: (sequence, change) =>
      use((database) => {
        const row = database.prepare(`SELECT bytes FROM pravega_checkpoints ${where}`).get(query, sequence)
        const { bytes } = Schema.decodeUnknownSync(Bytes)(row)
        database.prepare(`UPDATE pravega_checkpoints SET bytes = ? ${where}`).run(change(bytes), query, sequence)
        return bytes
      }),
    contents: () => use((database) => database.prepare("SELECT * FROM pravega_checkpoints_heads").all()),
    nowhere: { flags: ["--sqlite", path], path }
  }
}

const State = Schema.fromJsonString(Schema.Struct({
  records: Schema.Array(Schema.Struct({
    sequence: Schema.Natural,
    record: Schema.NullOr(Schema.Struct({ entries: Schema.Array(Schema.Struct({ _tag: Schema.String })) })),
    unreadable: Schema.NullOr(Schema.Struct({ isTorn: Schema.Boolean }))
  })),
  state: Schema.NullOr(Schema.Struct({ nextBatch: Schema.Natural })),
  torn: Schema.NullOr(Schema.Natural),
  problem: Schema.NullOr(Schema.Struct({ sequence: Schema.Natural }))
}))
const Repair = Schema.fromJsonString(Schema.Struct({
  query: Schema.String,
  plan: Schema.Struct({ _tag: Schema.String }),
  repaired: Schema.Boolean
}))
const Savepoints = Schema.fromJsonString(
  Schema.Array(Schema.Struct({ name: Schema.String, query: Schema.String, batch: Schema.Natural }))
)

/** Succeeds with what it printed. */
const prints = (...words: ReadonlyArray<string>) =>
  Effect.map(cli(...words), ({ code, stderr, stdout }) => {
    assert.deepStrictEqual([code, stderr], [0, ""])
    return stdout
  })

/** Fails with what it says, and prints nothing. */
const refuses = (code: number, ...words: ReadonlyArray<string>) =>
  Effect.map(cli(...words), (ended) => {
    assert.deepStrictEqual([ended.code, ended.stdout], [code, ""])
    return ended.stderr
  })

for (const [kind, makePlace] of [["--directory", directory], ["--sqlite", sqlite]] as const) {
  describe(`effect-pravega log ${kind}`, () => {
    it.live("says what is there, and repairs what can be repaired, after which the query goes on", () =>
      Effect.gen(function*() {
        const place = makePlace(yield* temporaryFolder)
        const { flags } = place
        const inspect = () =>
          Effect.flatMap(prints("log", "inspect", query, ...flags, "--json"), Schema.decodeEffect(State))
        const run = (from: number) => Effect.provide(copy(from), place.logs)
        yield* run(0)
        yield* run(10)

        const healthy = yield* inspect()
        assert.deepStrictEqual([healthy.problem, healthy.torn, healthy.state], [null, null, { nextBatch: 2 }])
        assert.deepStrictEqual(healthy.records.map(({ sequence }) => sequence), [...healthy.records.keys()])
        const text = yield* prints("log", "inspect", query, ...flags)
        assert.match(text, /^query "copies": \d+ records, \d+ bytes\n {2}0 {2}claimed; started at batch 0, /)
        assert.include(text, "committed 1")
        assert.include(
          yield* prints("log", "repair", query, ...flags),
          "not damaged: there is nothing to repair"
        )

        const last = place.last()
        const whole = place.change(last, torn)
        assert.deepStrictEqual([(yield* inspect()).torn, (yield* inspect()).problem], [last, null])
        assert.include(
          yield* prints("log", "inspect", query, ...flags),
          `record ${last} is torn: the next start of the query drops it`
        )
        place.change(last, () => whole)

        // What the query reads is said nowhere else.
        const started = place.change(0, flipped)
        const damaged = yield* inspect()
        assert.deepStrictEqual([damaged.problem, damaged.state], [{ sequence: 0 }, null])
        for (const more of [[], ["--dry-run"], ["--json"]]) {
          const said = yield* refuses(1, "log", "repair", query, ...flags, ...more)
          assert.include(
            said,
            `effect-pravega: the checkpoint log of query "copies" can't be repaired: record 0 is damaged`
          )
        }
        place.change(0, () => started)

        // The first batch is committed by a later record.
        const begun = healthy.records.findIndex(({ record }) => record?.entries.some(({ _tag }) => _tag === "begun"))
        place.change(begun, flipped)
        assert.deepStrictEqual((yield* inspect()).problem, { sequence: begun })
        const planned = yield* prints("log", "repair", query, ...flags, "--dry-run")
        assert.match(planned, /^a new record \d+ \(epoch 3\) says the state, .*\n {2}started at batch 2, /)
        assert.include(planned, "nothing was changed (--dry-run)")
        assert.deepStrictEqual((yield* inspect()).problem, { sequence: begun })
        const repaired = yield* prints("log", "repair", query, ...flags)
        assert.strictEqual(
          repaired,
          planned.replace("nothing was changed (--dry-run)", "repaired: the query can start again")
        )
        assert.deepStrictEqual([(yield* inspect()).problem, (yield* inspect()).state], [null, { nextBatch: 2 }])

        yield* run(20)
        assertCopied(yield* copied, 30)

        const then = (yield* inspect()).records.findLast(({ record }) =>
          record?.entries.some(({ _tag }) => _tag === "begun")
        )
        place.change(then?.sequence ?? -1, flipped)
        const again = yield* prints("log", "repair", query, ...flags, "--json")
        assert.deepStrictEqual(yield* Schema.decodeEffect(Repair)(again), {
          query,
          plan: { _tag: "restate" },
          repaired: true
        })
        yield* run(30)
        assertCopied(yield* copied, 40)
      }).pipe(Effect.provide(Pravega.layerEmbedded())))

    it.live("keeps savepoints, lists and forgets them", () =>
      Effect.gen(function*() {
        const place = makePlace(yield* temporaryFolder)
        const { flags } = place
        yield* Effect.provide(copy(0), place.logs)
        assert.include(yield* prints("savepoint", "list", ...flags), "there are no savepoints")
        const made = yield* prints("savepoint", "create", query, "before the upgrade", ...flags)
        assert.match(made, /^savepoint "before the upgrade" of \S+Z: query "copies", version "[^"]*", before batch 1\n/)
        assert.include(
          yield* refuses(1, "savepoint", "create", query, "before the upgrade", ...flags),
          "there is a savepoint \"before the upgrade\" already"
        )
        assert.strictEqual(yield* prints("savepoint", "list", ...flags), made)
        assert.deepStrictEqual(
          yield* Schema.decodeEffect(Savepoints)(yield* prints("savepoint", "list", ...flags, "--json")),
          [{ name: "before the upgrade", query, batch: 1 }]
        )
        const log = yield* refuses(1, "log", "inspect", "effect-pravega.savepoints", ...flags)
        assert.include(log, "it is the log that savepoints are kept in")
        yield* prints("savepoint", "delete", "before the upgrade", ...flags)
        assert.include(
          yield* refuses(1, "savepoint", "delete", "before the upgrade", ...flags),
          "there is no savepoint"
        )
      }).pipe(Effect.provide(Pravega.layerEmbedded())))

    it.live("makes nothing where nothing is", () =>
      Effect.gen(function*() {
        const place = makePlace(yield* temporaryFolder)
        yield* Effect.provide(copy(0, 1), place.logs)
        const before = place.contents()
        const nothing = "nothing is known of query \"other\": "
        assert.include(
          yield* refuses(1, "log", "inspect", "other", ...place.flags),
          `${nothing}there are the logs of ${query} in `
        )
        for (const flags of [place.flags, place.nowhere.flags]) {
          assert.include(yield* refuses(1, "log", "inspect", "other", ...flags), nothing)
          assert.include(yield* refuses(1, "log", "inspect", "other", "--json", ...flags), nothing)
          assert.include(yield* refuses(1, "log", "repair", "other", ...flags), "nothing is known of query \"other\": ")
          assert.include(yield* refuses(1, "savepoint", "create", "other", "one", ...flags), "nothing is known of")
        }
        assert.include(
          yield* prints("savepoint", "list", ...place.nowhere.flags),
          "there are no savepoints in "
        )
        assert.include(yield* refuses(1, "savepoint", "delete", "one", ...place.flags), "there is no savepoint")
        assert.deepStrictEqual(place.contents(), before)
        assert.isFalse(Fs.existsSync(place.nowhere.path))
      }).pipe(Effect.provide(Pravega.layerEmbedded())))
  })
}

describe("effect-pravega log", () => {
  it.live("--pravega: finds logs in Pravega, and makes no stream where there is none", () =>
    Effect.gen(function*() {
      const { controller } = yield* DevServer.start()
      const flags = ["--pravega", "cli/checkpoints", "--controller", controller]
      yield* Effect.gen(function*() {
        yield* Effect.provide(copy(0), CheckpointLog.layerPravega("cli/checkpoints"))
        assert.include(yield* prints("log", "inspect", query, ...flags), "committed 0")
        const { code, stdout } = yield* cliWith(
          { PRAVEGA_CONTROLLER: controller },
          "log",
          "repair",
          query,
          "--pravega",
          "cli/checkpoints"
        )
        assert.deepStrictEqual([code, stdout], [0, "the log is not damaged: there is nothing to repair\n"])
        yield* prints("savepoint", "create", query, "one", ...flags)
        assert.include(yield* prints("savepoint", "list", ...flags), "savepoint \"one\"")

        assert.include(
          yield* refuses(1, "log", "inspect", "other", ...flags),
          `nothing is known of query "other": there are the logs of ${query} in streams of prefix cli/checkpoints`
        )
        assert.isFalse(yield* Admin.streamExists("cli/checkpoints-other"))
        assert.include(
          yield* refuses(1, "log", "inspect", query, "--pravega", "nowhere/checkpoints", "--controller", controller),
          "no query has a log in streams of prefix nowhere/checkpoints"
        )
        assert.isFalse(yield* Admin.scopeExists("nowhere"))
      }).pipe(Effect.provide(Pravega.layer({ controller })))
    }))

  it.live("wants to be told where the logs are, once", () =>
    Effect.gen(function*() {
      const wrong = [
        [[], "one of --directory, --sqlite and --pravega"],
        [["--directory", "a", "--sqlite", "b"], "one of --directory, --sqlite and --pravega"],
        [["--directory", "a", "--controller", "tcp://b:1"], "--controller goes with --pravega"],
        [["--pravega", "no-scope"], "--pravega is a scope and a prefix"]
      ] as const
      for (const [flags, said] of wrong) {
        assert.include(yield* refuses(2, "log", "inspect", query, ...flags), said)
      }
      assert.include(yield* refuses(2, "log", "inspect", "no/name", "--directory", "a"), "a query's name is")
      assert.include(yield* refuses(1, "log", "inspect", query, "--sqlite", program), "file is not a database")
      assert.include(yield* prints("log", "repair", "--help"), "The query must not run")
    }))
})
