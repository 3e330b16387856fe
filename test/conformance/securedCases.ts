/** What a Pravega does that asks its clients who they are: the same on every server. */
import { assert, layer } from "@effect/vitest"
import { Context, Effect, type Layer, Schema, Stream } from "effect"
import { Admin, BatchReader, EventStream, EventWriter, type Pravega, Transaction } from "../../src/index.ts"
import { randomScope } from "../names.ts"

/** Who may do what. */
export const users = {
  admin: { password: "1111_aaaa", may: "prn::*,READ_UPDATE" },
  reader: { password: "only-reads", may: "prn::/*,READ" }
} as const

export class SecuredServer extends Context.Service<SecuredServer, {
  /** A client that says it is this user; undefined: one that says nothing. */
  readonly clientOf: (user: string | undefined, password: string) => Layer.Layer<Pravega>
}>()("effect-pravega/test/conformance/SecuredServer") {}

const asUser =
  (user: keyof typeof users | undefined, password = user === undefined ? "" : users[user].password) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.flatMap(SecuredServer, (server) => Effect.provide(effect, server.clientOf(user, password), { local: true }))

const somewhere = () =>
  EventStream.make(`${randomScope()}/readings`, { schema: Schema.Finite, routingKey: (n) => String(n % 7) })

const readBack = (stream: EventStream.EventStream<number>) =>
  BatchReader.stream(stream, { start: "earliest", end: "latest" }).pipe(
    Stream.map(({ event }) => event),
    Stream.runCollect,
    Effect.map((events) => events.toSorted((a, b) => a - b))
  )

const reasonOf = <A, E extends { readonly reason: { readonly _tag: string } }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

/** Runs the cases, all against one server; `tokensRunOut`: every second, so that a client meets it. */
export const securedCases = <E>(
  name: string,
  server: Layer.Layer<SecuredServer, E>,
  { tokensRunOut }: { readonly tokensRunOut: boolean }
): void => {
  layer(server, { excludeTestServices: true })(`who a client is: ${name}`, (it) => {
    it.effect("writes, commits, scales and reads back as a user who may", () =>
      Effect.gen(function*() {
        const stream = somewhere()
        const events = Array.from({ length: 200 }, (_, n) => n)
        yield* Admin.ensureStream(stream.name, { scaling: { _tag: "Fixed", segments: 2 } })
        yield* Effect.scoped(Effect.gen(function*() {
          const writer = yield* EventWriter.make(stream)
          yield* writer.writeAll(events.slice(0, 50))
          yield* Admin.scaleTo(stream.name, 3)
          yield* writer.writeAll(events.slice(50, 100))
        }))
        yield* Transaction.run(stream, (transaction) => transaction.write(events.slice(100)))
        assert.deepStrictEqual(yield* readBack(stream), events)
      }).pipe(asUser("admin")))

    it.effect.runIf(tokensRunOut)("goes on when tokens run out under it", () =>
      Effect.gen(function*() {
        const stream = somewhere()
        const events = Array.from({ length: 25 }, (_, n) => n)
        yield* Admin.ensureStream(stream.name, { scaling: { _tag: "Fixed", segments: 2 } })
        yield* Effect.scoped(Effect.gen(function*() {
          const writer = yield* EventWriter.make(stream)
          for (const event of events) {
            yield* writer.writeAll([event])
            yield* Effect.sleep("100 millis")
          }
        }))
        assert.deepStrictEqual(yield* readBack(stream), events)
      }).pipe(asUser("admin")))

    it.effect("nobody, and a wrong password, get an Unauthenticated", () =>
      Effect.gen(function*() {
        const create = Admin.ensureStream(somewhere().name, { scaling: { _tag: "Fixed", segments: 1 } })
        assert.strictEqual(yield* reasonOf(create).pipe(asUser(undefined)), "Unauthenticated")
        assert.strictEqual(yield* reasonOf(create).pipe(asUser("admin", "wrong")), "Unauthenticated")
      }))

    it.effect("who may read only can neither create, nor write, nor truncate", () =>
      Effect.gen(function*() {
        const stream = somewhere()
        yield* Effect.gen(function*() {
          yield* Admin.ensureStream(stream.name, { scaling: { _tag: "Fixed", segments: 1 } })
          yield* Effect.scoped(Effect.flatMap(EventWriter.make(stream), (writer) => writer.writeAll([1, 2, 3])))
        }).pipe(asUser("admin"))
        yield* Effect.gen(function*() {
          assert.deepStrictEqual(yield* readBack(stream), [1, 2, 3])
          const { tail } = yield* Admin.streamInfo(stream.name)
          assert.strictEqual(yield* reasonOf(Admin.truncateStream(tail)), "PermissionDenied")
          assert.strictEqual(yield* reasonOf(Admin.sealStream(stream.name)), "PermissionDenied")
          const written = Effect.scoped(Effect.flatMap(EventWriter.make(stream), (writer) => writer.writeAll([4])))
          const { reason } = yield* Effect.flip(written)
          assert.strictEqual(reason._tag === "ControllerError" ? reason.reason._tag : reason._tag, "PermissionDenied")
        }).pipe(asUser("reader"))
        assert.deepStrictEqual(yield* readBack(stream).pipe(asUser("admin")), [1, 2, 3])
      }))
  })
}
