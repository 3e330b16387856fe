/**
 * The same stream, written and read by this package and by Pravega's Python client, on one server.
 *
 * The keys are ASCII: the Python client (Rust below) was seen to hash others differently from Java and from this package,
 * so that mixed writers of such a key use different segments and have no common order.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer, Schedule } from "effect"
import type { EventStream } from "../../src/core/EventStream.ts"
import * as Transaction from "../../src/pravega/transaction/Transaction.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import { randomScope } from "../real/pravega.ts"
import { type InteropServer, withClient } from "./InteropServer.ts"
import { asciiKeys, assertRoutedAlike, assertSame, makeStream, numbered, readHere } from "./InteropStream.ts"
import type { KeyedText } from "./JavaClient.ts"
import { python, whyNoPython } from "./PythonClient.ts"

const names = (stream: EventStream<string>) => [stream.name.scope, stream.name.stream]

const texts = (events: ReadonlyArray<KeyedText>) => events.map(({ text }) => text)

const readByPython = (stream: EventStream<string>, count: number) =>
  Effect.map(python(["read", ...names(stream), String(count)]), (lines) => lines.map(([, , text = ""]) => ({ text })))

const left = whyNoPython()

const seenOnTheRealServer = [
  "scope True",
  "scope again False",
  "stream True",
  "stream again False",
  "policies True",
  "tags ['a', 'b']",
  "updated True",
  "tags ['c']",
  "scopes True",
  "streams ['s', 't']",
  "sealed True",
  "sealed again True",
  "deleted True",
  "deleted again False",
  "tail 11",
  "bytes b'world'",
  "head 6",
  "open True",
  "open False",
  "scope deleted throws ValueError"
]

export const pythonCases = (name: string, server: Layer.Layer<InteropServer>): void => {
  layer(withClient(server), { excludeTestServices: true })(
    `with the Python client, on ${name}${left === undefined ? "" : ` (left out: ${left})`}`,
    (it) => {
      it.effect("each reads what the other wrote, in order, from the same segments", ({ skip }) =>
        Effect.gen(function*() {
          if (left !== undefined) skip(left)
          const stream = yield* makeStream(3)
          const [ours, theirs] = [numbered(asciiKeys, 0, 200), numbered(asciiKeys, 200, 200)]
          yield* Effect.scoped(Effect.gen(function*() {
            const writer = yield* EventWriter.make(stream)
            yield* writer.writeAll(texts(ours))
          }))
          yield* python(["write", ...names(stream)], theirs)
          const here = yield* readHere(stream)
          assertSame(here, [...ours, ...theirs])
          assertRoutedAlike(here)
          assertSame(yield* readByPython(stream, 400), [...ours, ...theirs])
        }))

      it.effect("each reads what the other wrote in a transaction", ({ skip }) =>
        Effect.gen(function*() {
          if (left !== undefined) skip(left)
          const stream = yield* makeStream(3)
          const [ours, theirs] = [numbered(asciiKeys, 0, 200), numbered(asciiKeys, 200, 200)]
          yield* Transaction.run(stream, (transaction) => transaction.write(texts(ours)))
          const [[kind] = []] = yield* python(["transaction", ...names(stream)], theirs)
          assert.strictEqual(kind, "TRANSACTION")
          // the Python client returns when the commit is decided, and has no way to wait until it is visible
          const here = yield* Effect.repeat(readHere(stream), {
            until: (read) => read.length >= 400,
            schedule: Schedule.spaced("50 millis")
          })
          assertSame(here, [...ours, ...theirs])
          assertRoutedAlike(here)
          assertSame(yield* readByPython(stream, 400), [...ours, ...theirs])
        }))

      it.effect("its other calls come to what they come to on a real server", ({ skip }) =>
        Effect.gen(function*() {
          if (left !== undefined) skip(left)
          const lines = yield* python(["everything", randomScope()])
          // the client's own log goes to the same output
          const said = lines.map(([line = ""]) => line).filter((line) => !line.includes("pravega_client::"))
          assert.deepStrictEqual(said, seenOnTheRealServer)
        }))
    }
  )
}
