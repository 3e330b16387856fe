/** The SQL sink in PostgreSQL. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { PreparedSink } from "../../../src/batch/protocol/CheckpointRecord.ts"
import type * as Sink from "../../../src/batch/sink/Sink.ts"
import * as SinkLaws from "../../../src/testing/laws/SinkLaws.ts"
import { endingConnections, postgres } from "../sql/postgresClient.ts"
import { sqlSubject } from "./sqlSinkSubject.ts"

describe("Sink.sql on PostgreSQL", () => {
  const { client } = postgres()
  const fresh = Effect.flatMap(client, sqlSubject)
  for (const law of SinkLaws.laws(fresh, { runs: 15 })) it.live(law.name, () => law.check)

  const id = (batch: number) => ({ query: "q", batch })
  const prepare = Effect.fnUntraced(function*<B, E>(session: Sink.SinkSession<B, E>, batch: number, output: B) {
    const attempt = yield* session.begin(id(batch))
    yield* attempt.write(0, [output])
    const written = yield* attempt.prepare
    yield* attempt.keep
    return new PreparedSink({ ...written, handle: attempt.handle })
  })

  it.live("rule 13: of processes that commit the same batch at the same time, one does", () =>
    Effect.gen(function*() {
      const { output, sink, visible } = yield* sqlSubject(yield* client)
      const sessions = yield* Effect.forEach(Array.from({ length: 4 }), () => sink.open)
      for (let batch = 0; batch < 10; batch++) {
        const [first] = sessions
        if (first === undefined) return
        const prepared = yield* prepare(first, batch, output(batch))
        yield* Effect.forEach(sessions, (session) => session.commit(id(batch), prepared), { concurrency: "unbounded" })
      }
      assert.deepStrictEqual(yield* visible, Array.from({ length: 10 }, (_, n) => output(n)))
    }))

  it.live("rule 13: connections that the server ends at any moment lose no row and repeat none", () =>
    Effect.gen(function*() {
      const { output, sink, visible } = yield* sqlSubject(yield* client)
      const session = yield* sink.open
      let done = 0
      const ending = yield* endingConnections(yield* client, () => done)
      let failures = 0
      const insist = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.retry(Effect.tapError(effect, () => Effect.sync(() => failures++)), { while: () => true }).pipe(
          Effect.tap(() => Effect.sync(() => done++))
        )
      let batch = 0
      for (; batch < 10 || failures < 2; batch++) {
        const prepared = yield* insist(prepare(session, batch, output(batch)))
        // As the commit protocol does: after a failure it asks what became of it.
        yield* insist(Effect.gen(function*() {
          const outcome = yield* session.recover(id(batch), prepared)
          assert.include(["committed", "committable"], outcome._tag)
          if (outcome._tag === "committable") yield* session.commit(id(batch), prepared)
        }))
      }
      yield* Fiber.interrupt(ending)
      assert.deepStrictEqual(yield* insist(visible), Array.from({ length: batch }, (_, n) => output(n)))
    }))
})
