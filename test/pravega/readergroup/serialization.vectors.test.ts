import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { ReaderGroupConfig } from "../../../src/core/ReaderGroupConfig.ts"
import * as CheckpointState from "../../../src/pravega/readergroup/state/CheckpointState.ts"
import * as ReaderGroupUpdateCodec from "../../../src/pravega/readergroup/state/ReaderGroupUpdateCodec.ts"
import * as SynchronizerEntry from "../../../src/pravega/readergroup/state/SynchronizerEntry.ts"
import * as Vectors from "./ReaderGroupVectors.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

interface Codec<A> {
  readonly toBytes: (value: A) => Uint8Array
  readonly fromBytes: (bytes: Uint8Array) => Result.Result<A, { readonly message: string }>
}

/** Java's bytes read as the value, and the value writes them; where Java's hash order decided, it reads back at least. */
const agrees = <A>(codec: Codec<A>, value: A, bytes: Uint8Array, byteExact: boolean) => {
  assert.deepStrictEqual(Result.getOrThrow(codec.fromBytes(bytes)), value)
  assert.strictEqual(codec.toBytes(value).length, bytes.length)
  if (byteExact) assert.strictEqual(hex(codec.toBytes(value)), hex(bytes))
  assert.deepStrictEqual(Result.getOrThrow(codec.fromBytes(codec.toBytes(value))), value)
}

describe("what Java's reader groups write", () => {
  it("configurations", () => {
    assert.isAbove(Vectors.configs.length, 0)
    for (const [config, { byteExact, bytesHex }] of Vectors.configs) {
      agrees(ReaderGroupConfig, Vectors.toConfig(config), bytesHex, byteExact)
    }
  })

  it("checkpoint states", () => {
    assert.isAbove(Vectors.checkpointStates.length, 0)
    for (const [state, { byteExact, bytesHex }] of Vectors.checkpointStates) {
      agrees(CheckpointState, Vectors.toCheckpoints(state), bytesHex, byteExact)
    }
  })

  it("initial states", () => {
    assert.isAbove(Vectors.inits.length, 0)
    for (const [init, { byteExact, bytesHex }] of Vectors.inits) {
      agrees(ReaderGroupUpdateCodec, Vectors.toUpdate(init), bytesHex, byteExact)
    }
  })

  it("updates", () => {
    assert.isAbove(Vectors.updates.length, 0)
    for (const [update, { byteExact, bytesHex }] of Vectors.updates) {
      agrees(ReaderGroupUpdateCodec, Vectors.toUpdate(update), bytesHex, byteExact)
    }
  })

  it("entries, with the zeros behind an initial state", () => {
    assert.isAbove(Vectors.events.length, 0)
    for (const event of Vectors.events) {
      const entry = event.kind === "init" ? initEntry(event.init) : updatesEntry(event.updates)
      // writers need not write the zeros of Java's buffer
      const written = event.kind === "init" ? event.payloadHex.subarray(0, event.meaningfulBytes) : event.payloadHex
      if (event.kind === "init") {
        assert.strictEqual(event.meaningfulBytes + event.trailingZeros, event.payloadHex.length)
      }
      assert.deepStrictEqual(Result.getOrThrow(SynchronizerEntry.fromBytes(event.payloadHex)), entry)
      agrees(SynchronizerEntry, entry, written, event.byteExact)
    }
  })
})

const initEntry = (init: Parameters<typeof Vectors.toUpdate>[0]): SynchronizerEntry.SynchronizerEntry => {
  const update = Vectors.toUpdate(init)
  if (update._tag !== "ReaderGroupStateInit" && update._tag !== "CompactReaderGroupState") {
    throw new Error(`${update._tag} as an initial state`)
  }
  return { _tag: "Init", init: update }
}

const updatesEntry = (
  updates: ReadonlyArray<Parameters<typeof Vectors.toUpdate>[0]>
): SynchronizerEntry.SynchronizerEntry => ({ _tag: "Updates", updates: updates.map(Vectors.toUpdate) })
