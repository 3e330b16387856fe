/** Logs and sinks in a PostgreSQL that answers nothing: behind a network that is a black hole, or frozen itself. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as SettledAppend from "../../../src/batch/log/SettledAppend.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import { PreparedSink } from "../../../src/batch/protocol/CheckpointRecord.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as CauseText from "../../../src/core/CauseText.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as QueryMetrics from "../../../src/stream/query/QueryMetrics.ts"
import { sqlSubject } from "../sink/sqlSinkSubject.ts"
import { numbersSource } from "../source/numbersSource.ts"
import * as BlackHole from "./blackHole.ts"
import { postgres } from "./postgresClient.ts"

const query = QueryName.make("q")
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const id = (batch: number) => ({ query: "q", batch })

/** Time passes, quicker than it does, until it has ended: for what waits in vain. */
const passing = <A, E, R>(effect: Effect.Effect<A, E, R>, pace: Duration.Input = "5 seconds") =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    while (fiber.pollUnsafe() === undefined) {
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 10)))
      yield* TestClock.adjust(pace)
    }
    return yield* Fiber.join(fiber)
  })

/** The same, about as quick as it does. */
const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) => passing(effect, "20 millis")

describe("a PostgreSQL that answers nothing", () => {
  const { layer, server } = postgres()
  let logs = 0

  const behindHole = Effect.gen(function*() {
    const { socket } = yield* server
    const hole = yield* Effect.acquireRelease(
      Effect.promise(() => BlackHole.make(socket)),
      (made) => Effect.promise(() => made.end())
    )
    // Not prepared: then each statement goes through the hole as its text.
    const through = yield* Layer.build(layer({ path: hole.socket, prepare: false }))
    return { hole, sql: Context.get(through, SqlClient) }
  })

  const logBehindHole = Effect.gen(function*() {
    const { hole, sql } = yield* behindHole
    const made = yield* Layer.build(
      CheckpointLog.layerSql({ table: `silent_${logs++}` }).pipe(Layer.provide(Layer.succeed(SqlClient, sql)))
    )
    return { hole, home: Context.get(made, CheckpointLog) }
  })

  it.effect("each operation of a log ends with what is known of it, and no record is there twice", () =>
    Effect.gen(function*() {
      const { hole, home } = yield* logBehindHole
      const log = yield* soon(home.open(query))
      yield* soon(log.append(0, text("0")))

      hole.close()
      const unheard = yield* passing(Effect.forEach(
        [log.append(1, text("1")), log.read(0), log.compact(0), home.open(query), home.exists(query)],
        (operation) => Effect.flip(Effect.uninterruptible(operation)),
        { concurrency: "unbounded" }
      ))
      for (const error of unheard) {
        assert.strictEqual(error.reason._tag, "LogUnavailable")
        assert.isTrue(error.isRetryable)
        assert.match(CauseText.of(error), /has not answered within 30s|timed out/)
      }
      hole.open("arrives")

      // What was said to be unavailable has appended nothing, also when it all arrives in the end.
      assert.strictEqual((yield* soon(log.read(0))).length, 1)
      for (const [when, fate] of [["before", "isLost"], ["after", "isLost"], ["after", "arrives"]] as const) {
        const next = (yield* soon(log.read(0))).length
        hole.closeAt("COMMIT", when)
        const error = yield* passing(Effect.flip(log.append(next, text("x"))))
        assert.strictEqual(error.reason._tag, "OutcomeUnknown")
        hole.open(fate)
        const settled = yield* soon(SettledAppend.settle(log, query, next, text("x")))
        assert.strictEqual(settled._tag, "appended")
        assert.strictEqual((yield* soon(log.read(0))).length, next + 1)
      }
    }))

  it.effect(
    "a commit of a sink that gets no answer is given up, and is there once after the next try",
    () =>
      Effect.gen(function*() {
        const { hole, sql } = yield* behindHole
        const { output, sink, visible } = yield* soon(sqlSubject(sql))
        const session = yield* soon(sink.open)
        let batch = 0
        for (const statement of ["BEGIN", "UPDATE", "INSERT INTO", "COMMIT"]) {
          for (const when of ["before", "after"] as const) {
            const scope = yield* Scope.make()
            const attempt = yield* soon(Scope.provide(session.begin(id(batch)), scope))
            yield* soon(attempt.write(0, [output(batch)]))
            const written = yield* attempt.prepare
            yield* attempt.keep
            const prepared = new PreparedSink({ ...written, handle: attempt.handle })
            hole.closeAt(statement, when)
            const error = yield* passing(Effect.flip(session.commit(id(batch), prepared)))
            assert.isTrue(hole.isClosed())
            assert.match(CauseText.of(error), /has not answered within 2m/)
            const looks = Effect.all([
              Effect.flip(session.recover(id(batch), prepared)),
              Effect.flip(Effect.scoped(session.begin(id(batch + 1))))
            ], { concurrency: 2 })
            for (const silent of yield* passing(looks)) {
              assert.match(CauseText.of(silent), /has not answered within|timed out/)
            }
            hole.open(batch % 2 === 0 ? "isLost" : "arrives")
            const outcome = yield* soon(session.recover(id(batch), prepared))
            if (outcome._tag === "committable") yield* soon(session.commit(id(batch), prepared))
            else assert.deepStrictEqual(outcome, { _tag: "committed" })
            yield* Scope.close(scope, Exit.void)
            batch++
          }
        }
        assert.deepStrictEqual(yield* soon(visible), Array.from({ length: batch }, (_, n) => output(n)))
      }),
    60_000
  )

  it.effect("a query whose server is frozen tells so, goes on trying, and has each row once when it goes on", () =>
    Effect.gen(function*() {
      const sql = Context.get(yield* Layer.build(layer()), SqlClient)
      const { freeze } = yield* server
      yield* sql`CREATE TABLE rows (number INTEGER NOT NULL)`
      let batches = 0
      const frozen = Deferred.makeUnsafe<void>()
      const pipeline = Pipeline.make("frozen", {
        source: numbersSource({
          available: () => 40,
          end: 40,
          perBatch: 4,
          partitions: (from, to) => [{ id: 0, predecessors: [], events: Stream.range(from, to - 1) }]
        }),
        process: (events) => events,
        sink: Sink.sql("rows", {
          schema: Schema.Int,
          write: (rows) =>
            Effect.suspend(() => {
              if (++batches === 3) {
                freeze(true)
                Deferred.doneUnsafe(frozen, Effect.void)
              }
              return Effect.forEach(rows, (number) => sql`INSERT INTO rows VALUES (${number})`, { discard: true })
            })
        })
      })
      const log = CheckpointLog.layerSql({ table: "frozen" }).pipe(Layer.provideMerge(Layer.succeed(SqlClient, sql)))
      yield* Effect.gen(function*() {
        const query = yield* Query.start(pipeline, { retry: Schedule.spaced("1 second") })
        yield* Deferred.await(frozen)
        const told = yield* passing(
          Stream.runHead(
            Stream.filter(
              query.statusChanges,
              (status) => status._tag === "stalled" && status.evidence.failure !== undefined
            )
          )
        )
        assert.match(JSON.stringify(told), /has not answered within|timed out/)
        const stalls = yield* Metric.value(Metric.withAttributes(QueryMetrics.stalls, { query: "frozen" }))
        assert.strictEqual(stalls.count, 1)
        freeze(false)
        yield* passing(query.await, "100 millis")
      }).pipe(Effect.ensuring(Effect.sync(() => freeze(false))), Effect.scoped, Effect.provide(log))
      const rows = yield* sql`SELECT number FROM rows ORDER BY number`
      assert.deepStrictEqual(rows.map(({ number }) => number), Array.from({ length: 40 }, (_, n) => n))
    }))
})
