/**
 * Appends of several connections, in any order, with dead connections in between, against a model in a few lines: what
 * every client does to write each event exactly once must do it here.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import { randomUUID } from "node:crypto"
import type { WireCommand } from "../../../src/pravega/wire/WireCommand.ts"
import * as Raw from "../connections/RawClient.ts"
import { notSet, RawClient, settled } from "../connections/RawClient.ts"
import { makeStore } from "./EmbeddedStore.ts"

const writers = 3
/** How often a late append got in the way of its writer's next connection. */
let refused = 0

/**
 * `cut`: the connection dies with whatever is on its way, and its writer opens another; false: some of what is on its way
 * arrives only after the other one was set up.
 */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ writer: fc.nat(writers - 1), append: fc.integer({ min: 1, max: 4 }), size: fc.nat(3000) })
  },
  { weight: 2, arbitrary: fc.record({ writer: fc.nat(writers - 1), cut: fc.boolean() }) },
  { weight: 3, arbitrary: fc.constant({ settle: true as const }) }
)

/** A writer as every client has one: it sends again what it has no acknowledgement of. */
class Writer {
  readonly id = randomUUID()
  private readonly connect: () => RawClient
  private client: RawClient
  private isReady = false
  private next = 0n
  private pending: Array<{ readonly number: bigint; readonly data: Buffer }> = []
  private late: (() => void) | undefined = undefined
  readonly written: Array<Buffer> = []

  constructor(connect: () => RawClient) {
    this.connect = connect
    this.client = connect()
    this.client.send(Raw.setup("s", this.id))
  }

  append(count: number, size: number): void {
    this.next += BigInt(count)
    const data = Buffer.concat([Buffer.from(`${this.id}:${this.next};`), Buffer.alloc(size)])
    this.written.push(data)
    this.pending.push({ number: this.next, data })
    if (this.isReady) this.client.send(Raw.append(this.id, this.next, data, count))
  }

  cut(isWhole: boolean): void {
    const old = this.client
    const late = this.isReady ? this.pending.at(-1) : undefined
    if (isWhole || late === undefined) old.pipe.close()
    else {
      const number = late.number + 1n
      const data = Buffer.from(`${this.id}:${number};`)
      this.next = number
      this.written.push(data)
      this.pending.push({ number, data })
      this.late = () => old.send(Raw.append(this.id, number, data))
    }
    this.client = this.connect()
    this.isReady = false
    this.client.send(Raw.setup("s", this.id))
  }

  /** Looks at what came. */
  turn(): void {
    // the set-up was answered by now, and what it says is about to be out of date
    this.late?.()
    this.late = undefined
    for (const reply of this.client.take()) this.onReply(reply)
    // somebody, namely itself on its former connection, wrote since the set-up
    if (this.client.isClosed) this.cut(true)
  }

  isDone(): boolean {
    return this.isReady && this.pending.length === 0
  }

  private onReply(reply: WireCommand): void {
    switch (reply._tag) {
      case "AppendSetup":
        this.isReady = true
        this.pending = this.pending.filter(({ number }) => number > reply.lastEventNumber)
        for (const { data, number } of this.pending) this.client.send(Raw.append(this.id, number, data))
        return
      case "DataAppended":
        assert.isAbove(
          Number(reply.eventNumber),
          Number(reply.previousEventNumber === notSet ? -1n : reply.previousEventNumber)
        )
        assert.strictEqual(reply.eventNumber, this.pending[0]?.number)
        this.pending.shift()
        return
      case "InvalidEventNumber":
        refused++
        return
      default:
        assert.fail(`got ${reply._tag}`)
    }
  }
}

it.effect("whatever order: every append once, each writer's in its order", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), (steps) =>
        Effect.runPromise(Effect.gen(function*() {
          const { connect, container } = yield* makeStore()
          container.create("s")
          const all = Array.from({ length: writers }, () => new Writer(() => new RawClient(connect())))
          for (const step of steps) {
            if ("settle" in step) {
              yield* settled
              for (const writer of all) writer.turn()
            } else if ("append" in step) all[step.writer]!.append(step.append, step.size)
            else all[step.writer]!.cut(step.cut)
          }
          while (!all.every((writer) => writer.isDone())) {
            yield* settled
            for (const writer of all) writer.turn()
          }
          const chunks: Array<Uint8Array> = []
          const { length } = container.info("s")!
          for (let at = 0; at < length; at += chunks.at(-1)!.length) {
            const result = container.read("s", at, 1000, () => {})
            chunks.push(result._tag === "ReadData" ? result.data : assert.fail(result._tag))
          }
          const whole = Buffer.concat(chunks)
          assert.strictEqual(
            whole.length,
            all.flatMap(({ written }) => written).reduce((sum, { length }) => sum + length, 0)
          )
          for (const { written } of all) {
            let from = 0
            for (const data of written) {
              const at = whole.indexOf(data, from)
              assert.isAtLeast(at, 0)
              from = at + data.length
            }
          }
        }))),
      { numRuns: 200 }
    ).then(() => assert.isAbove(refused, 0))
  ))
