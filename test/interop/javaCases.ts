/** The same stream, written and read by this package and by Pravega's Java client, on one server. */
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer, Result, Schedule } from "effect"
import { EventPointer } from "../../src/core/EventPointer.ts"
import type { EventStream } from "../../src/core/EventStream.ts"
import { Position } from "../../src/core/Position.ts"
import { StreamCut } from "../../src/core/StreamCut.ts"
import { TransactionId } from "../../src/core/TransactionId.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import * as Transaction from "../../src/pravega/transaction/Transaction.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import { type InteropServer, withClient } from "./InteropServer.ts"
import { assertRoutedAlike, assertSame, keys, makeStream, numbered, readHere } from "./InteropStream.ts"
import { java, type KeyedText, outcomes, readOutcomes } from "./JavaClient.ts"

type TextStream = EventStream<string>

const run = (args: ReadonlyArray<string>, events?: ReadonlyArray<KeyedText>) => java("Interop", args, events)

const names = (stream: TextStream) => [stream.name.scope, stream.name.stream]

const writeHere = Effect.fnUntraced(function*(stream: TextStream, events: ReadonlyArray<KeyedText>) {
  const writer = yield* EventWriter.make(stream)
  yield* writer.writeAll(events.map(({ text }) => text))
}, Effect.scoped)

interface SeenByJava {
  readonly text: string
  readonly segment: string
  readonly pointerText: string
  readonly pointer: Uint8Array
  readonly position: Uint8Array
}

const readByJava = (stream: TextStream, count: number, from = "head", to = "tail") =>
  Effect.map(
    run(["read", ...names(stream), from, to, String(count)]),
    (lines) =>
      lines.map(([, pointerText = "", pointer = "", position = "", text = ""]): SeenByJava => ({
        text,
        segment: pointerText.split(":")[0] ?? "",
        pointerText,
        pointer: Buffer.from(pointer, "base64"),
        position: Buffer.from(position, "base64")
      }))
  )

const cutsOfJava = (stream: TextStream) =>
  Effect.map(run(["cuts", ...names(stream)]), (lines) => {
    const text = (name: string) => lines.find(([first]) => first === name)?.[1] ?? ""
    return { head: text("HEAD"), tail: text("TAIL") }
  })

/** What each case of the Java programs (java/, Cases) saw on a real server. */
const seenOnTheRealServer = readOutcomes("javaOutcomes.txt")

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64")

const parsed = (text: string): StreamCut => {
  const cut = Result.getOrThrow(StreamCut.fromText(text))
  if (cut === "unbounded") throw new Error("Java never says UNBOUNDED of a stream's head or tail")
  return cut
}

export const javaCases = (name: string, server: Layer.Layer<InteropServer>): void => {
  layer(withClient(server), { excludeTestServices: true })(
    `with the Java client, on ${name}`,
    (it) => {
      it.effect("each reads what the other wrote, in order, from the same segments", () =>
        Effect.gen(function*() {
          const stream = yield* makeStream(3)
          const [ours, theirs] = [numbered(keys, 0, 200), numbered(keys, 200, 200)]
          yield* writeHere(stream, ours)
          yield* run(["write", ...names(stream)], theirs)
          const here = yield* readHere(stream)
          const there = yield* readByJava(stream, 400)
          assertSame(here, [...ours, ...theirs])
          assertSame(there, [...ours, ...theirs])
          assertRoutedAlike(here, there)
        }))

      it.effect("in a stream that is scaled between the writes", () =>
        Effect.gen(function*() {
          const { controller } = yield* Pravega
          const stream = yield* makeStream(2)
          const events = [0, 1, 2, 3].map((part) => numbered(keys, part * 100, 100))
          const [first = [], second = [], third = [], fourth = []] = events
          yield* writeHere(stream, first)
          yield* run(["write", ...names(stream)], second)
          const active = yield* controller.currentSegments(stream.name)
          const { epoch } = yield* controller.startScale(stream.name, {
            seal: active.map(({ id }) => id),
            create: [{ low: 0, high: 0.2 }, { low: 0.2, high: 0.7 }, { low: 0.7, high: 1 }]
          })
          yield* Effect.repeat(controller.checkScale(stream.name, epoch), {
            until: (done) => done,
            schedule: Schedule.spaced("50 millis")
          })
          yield* writeHere(stream, third)
          yield* run(["write", ...names(stream)], fourth)
          assertSame(yield* readHere(stream), events.flat())
          assertSame(yield* readByJava(stream, 400), events.flat())
        }))

      it.effect("stream cuts, event pointers and positions pass between them", () =>
        Effect.gen(function*() {
          const stream = yield* makeStream(3)
          const [before, after] = [numbered(keys, 0, 100), numbered(keys, 100, 100)]
          yield* writeHere(stream, before)
          const ourCut = (yield* BatchReader.plan(stream.name)).end
          const theirCut = parsed((yield* cutsOfJava(stream)).tail)
          // the order of the positions means nothing
          assert.deepStrictEqual(new Set(theirCut.positions), new Set(ourCut.positions))
          yield* writeHere(stream, after)

          const lines = yield* run(["parse", StreamCut.toText(ourCut)])
          const positions = lines.flatMap(([kind, id, offset]) =>
            kind === "SEGMENT" ? [[BigInt(id ?? ""), BigInt(offset ?? "")] as const] : []
          )
          assert.deepStrictEqual(new Set(positions), new Set<readonly [bigint, bigint]>(ourCut.positions))
          const again = lines.find(([kind]) => kind === "CUT")?.[1] ?? ""
          assert.deepStrictEqual(new Set(parsed(again).positions), new Set(ourCut.positions))

          const there = yield* readByJava(stream, 100, StreamCut.toText(ourCut))
          assertSame(there, after)
          assertSame(yield* readHere(stream, { start: theirCut }), after)
          assertSame(yield* readHere(stream, { end: theirCut }), before)

          const theirs = there[7]
          assert.isDefined(theirs)
          const pointer = Result.getOrThrow(EventPointer.fromBytes(theirs.pointer))
          assert.strictEqual(pointer.toString(), theirs.pointerText)
          assert.deepStrictEqual(Buffer.from(EventPointer.toBytes(pointer)), theirs.pointer)
          const fetched = yield* BatchReader.fetch(stream, pointer)
          assert.strictEqual(fetched.event, theirs.text)
          const ours = base64(EventPointer.toBytes(fetched.pointer))
          assert.deepStrictEqual(yield* run(["fetch", ours]), [["EVENT", theirs.text]])

          const position = Result.getOrThrow(Position.fromBytes(theirs.position))
          // Java writes the maps of a position in an order of their own: equal positions, not equal bytes
          const [first, second] = [theirs.position, Position.toBytes(position)].map(base64)
          assert.deepStrictEqual(yield* run(["positions", first ?? "", second ?? ""]), [["SAME", "true"]])
        }))

      it.effect("transactions: of each, and one that both write", () =>
        Effect.gen(function*() {
          const stream = yield* makeStream(3)
          const [ours, theirs, both1, both2, never] = [0, 1, 2, 3, 4].map((part) => numbered(keys, part * 50, 50))
          assert(
            ours !== undefined && theirs !== undefined && both1 !== undefined && both2 !== undefined &&
              never !== undefined
          )
          const texts = (events: ReadonlyArray<KeyedText>) => events.map(({ text }) => text)
          yield* Transaction.run(stream, (transaction) => transaction.write(texts(ours)))
          const [[, id = ""] = []] = yield* run(["transaction", ...names(stream)], theirs)
          assert.strictEqual(yield* Transaction.state(stream.name, TransactionId.make(id)), "committed")
          yield* Transaction.run(stream, (transaction) =>
            Effect.gen(function*() {
              yield* transaction.write(texts(both1))
              yield* transaction.flush
              yield* run(["join", ...names(stream), transaction.id], both2)
            }))
          yield* Effect.scoped(Effect.gen(function*() {
            const transaction = yield* Transaction.begin(stream)
            yield* transaction.write(texts(never))
            yield* transaction.flush
            yield* transaction.abort
          }))
          const written = [...ours, ...theirs, ...both1, ...both2]
          const here = yield* readHere(stream)
          const there = yield* readByJava(stream, written.length)
          assertSame(here, written)
          assertSame(there, written)
          assertRoutedAlike(here, there)
        }))

      it.effect("its programs see what they see on a real server", () =>
        Effect.gen(function*() {
          assert.deepStrictEqual(outcomes(yield* java("Cases", [])), seenOnTheRealServer)
        }))
    }
  )
}
