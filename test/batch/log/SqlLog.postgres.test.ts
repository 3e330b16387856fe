/** The checkpoint log in PostgreSQL. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as TestClock from "effect/testing/TestClock"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"
import * as CauseText from "../../../src/core/CauseText.ts"
import * as CheckpointLogLaws from "../../../src/testing/laws/CheckpointLogLaws.ts"
import { endingConnections, postgres } from "../sql/postgresClient.ts"
import { processes } from "./logProcesses.ts"

const query = QueryName.make("q")
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe("a log in PostgreSQL", () => {
  const { client, layer } = postgres()
  let tables = 0
  const log = (table: string) => CheckpointLog.layerSql({ table }).pipe(Layer.provide(layer({ maxConnections: 2 })))
  const fresh = Effect.suspend(() => processes(log(`law_${tables++}`)))
  for (const law of CheckpointLogLaws.laws(fresh, { runs: 6 })) it.live(law.name, () => law.check)

  it.live("connections that the server ends at any moment leave every append made, not made, or known as unknown", () =>
    Effect.gen(function*() {
      const home = yield* processes(log("ended"))
      const appender = yield* home.open(query)
      const judge = yield* home.open(query)
      const told = new Map<string, number>()
      let next = 0
      let tries = 0
      const ending = yield* endingConnections(yield* client, () => tries)
      const failures = () => (told.get("LogUnavailable") ?? 0) + (told.get("OutcomeUnknown") ?? 0)
      for (; tries < 60 || failures() < 2; tries++) {
        const exit = yield* Effect.exit(appender.append(next, text(String(tries))))
        const error = Exit.isFailure(exit) ? Cause.findErrorOption(exit.cause) : Option.none()
        const answer = Exit.isSuccess(exit) ? "made" : Option.isSome(error) ? error.value.reason._tag : "died"
        told.set(answer, (told.get(answer) ?? 0) + 1)
        const records = yield* judge.read(0).pipe(
          Effect.retry({ while: ({ reason }) => reason._tag === "LogUnavailable" })
        )
        const isThere = records.length === next + 1
        if (answer === "made") assert.isTrue(isThere)
        if (answer === "LogUnavailable") assert.isFalse(isThere)
        assert.include(["made", "LogUnavailable", "OutcomeUnknown"], answer)
        next = records.length
      }
      yield* Fiber.interrupt(ending)
      assert.isAbove(told.get("made") ?? 0, 0)
    }))

  it.live("commits durably also where the server is told not to", () =>
    Effect.gen(function*() {
      const lax = layer({ startupParameters: { synchronous_commit: "off" } })
      const context = yield* Layer.build(CheckpointLog.layerSql({ table: "lax" }).pipe(Layer.provideMerge(lax)))
      const sql = Context.get(context, SqlClient)
      // Says with which setting each record was written.
      yield* sql`CREATE TABLE seen (setting TEXT)`
      const opened = yield* Context.get(context, CheckpointLog).open(query)
      yield* sql`
        CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO seen SELECT current_setting('synchronous_commit'); RETURN NEW; END $$`
      yield* sql`CREATE TRIGGER see AFTER INSERT ON lax FOR EACH ROW EXECUTE FUNCTION see()`
      yield* opened.append(0, text("x"))
      assert.deepStrictEqual([...yield* sql`SELECT setting FROM seen`], [{ setting: "on" }])
      assert.deepStrictEqual([...yield* sql`SELECT current_setting('synchronous_commit') AS now`], [{ now: "off" }])
    }))

  /** Holds a lock, from another session, until its Scope closes. */
  const holding = (statement: (sql: SqlClient) => Effect.Effect<unknown, SqlError>) =>
    Effect.gen(function*() {
      const sql = yield* client
      const isHeld = yield* Deferred.make<void>()
      const held = Effect.andThen(statement(sql), Effect.andThen(Deferred.succeed(isHeld, undefined), Effect.never))
      yield* Effect.forkScoped(sql.withTransaction(held))
      yield* Deferred.await(isHeld)
    })

  it.live("an owner that is frozen in the middle of an append holds nobody up for long, and is told of", () =>
    Effect.gen(function*() {
      const home = yield* processes(log("frozen"))
      const owner = yield* home.open(query)
      yield* owner.append(0, text("x"))
      yield* holding((sql) => sql`UPDATE frozen_heads SET next = next + 1 WHERE query = ${query}`)
      const failures = yield* Effect.all([Effect.flip(owner.append(1, text("y"))), Effect.flip(home.open(query))], {
        concurrency: 2
      })
      for (const error of failures) {
        assert.strictEqual(error.reason._tag, "LogUnavailable")
        assert.isTrue(error.isRetryable)
        assert.match(CauseText.of(error), /a process that is frozen .*pg_terminate_backend/)
      }
    }).pipe(Effect.scoped))

  it.effect("a database that does not answer is given up, also where the append can't be interrupted", () =>
    Effect.gen(function*() {
      const home = yield* processes(log("silent"))
      const owner = yield* home.open(query)
      yield* holding((sql) => sql`LOCK TABLE silent IN ACCESS EXCLUSIVE MODE`)
      const appending = yield* Effect.forkChild(Effect.uninterruptible(Effect.flip(owner.read(0))))
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 100)))
      yield* TestClock.adjust("30 seconds")
      const error = yield* Fiber.join(appending)
      assert.strictEqual(error.reason._tag, "LogUnavailable")
      assert.match(CauseText.of(error), /has not answered within 30s/)
    }).pipe(Effect.scoped))
})
