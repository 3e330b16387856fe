import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import fc from "fast-check"
import { MalformedValue } from "../../../src/core/MalformedValue.ts"
import * as CheckpointState from "../../../src/pravega/readergroup/CheckpointState.ts"
import { ReaderGroupConfig } from "../../../src/pravega/readergroup/ReaderGroupConfig.ts"
import * as ReaderGroupUpdateCodec from "../../../src/pravega/readergroup/ReaderGroupUpdateCodec.ts"
import * as SynchronizerEntry from "../../../src/pravega/readergroup/SynchronizerEntry.ts"
import * as Arbitraries from "./arbitraries.ts"

interface Codec<A> {
  readonly toBytes: (value: A) => Uint8Array
  readonly fromBytes: (bytes: Uint8Array) => Result.Result<A, MalformedValue>
}

const laws = <A>(name: string, codec: Codec<A>, values: fc.Arbitrary<A>, zerosAllowed: boolean) => {
  describe(name, () => {
    it("reads what it wrote", () => {
      fc.assert(fc.property(values, (value) => {
        assert.deepStrictEqual(Result.getOrThrow(codec.fromBytes(codec.toBytes(value))), value)
      }))
    })

    if (zerosAllowed) {
      it("ignores zeros behind it", () => {
        fc.assert(fc.property(values, fc.nat({ max: 300 }), (value, zeros) => {
          const bytes = codec.toBytes(value)
          const padded = new Uint8Array(bytes.length + zeros)
          padded.set(bytes)
          assert.deepStrictEqual(Result.getOrThrow(codec.fromBytes(padded)), value)
        }))
      })
    }

    it("answers damaged bytes with nothing but MalformedValue, and what it accepts it can write", () => {
      fc.assert(
        fc.property(Arbitraries.mutated(values.map((value) => Uint8Array.from(codec.toBytes(value)))), (bytes) => {
          const read = codec.fromBytes(bytes)
          if (Result.isFailure(read)) assert.instanceOf(read.failure, MalformedValue)
          else codec.toBytes(read.success)
        }),
        { numRuns: 500 }
      )
    })
  })
}

laws("ReaderGroupConfig", ReaderGroupConfig, Arbitraries.config, true)
laws("CheckpointState", CheckpointState, Arbitraries.checkpointState, true)
laws("ReaderGroupUpdate", ReaderGroupUpdateCodec, Arbitraries.update, true)
laws("SynchronizerEntry", SynchronizerEntry, Arbitraries.entry, false)

describe("what older writers leave out", () => {
  /** The first revision alone: later ones are cut off, and their number is set to 1. */
  const firstRevision = (bytes: Uint8Array, header: number): Uint8Array => {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getInt32(header + 1)
    const cut = Uint8Array.from(bytes.subarray(0, header + 5 + length))
    cut[header - 1] = 1
    return cut
  }

  it("of a configuration gets Java's defaults", () => {
    fc.assert(fc.property(Arbitraries.config, (config) => {
      const read = Result.getOrThrow(ReaderGroupConfig.fromBytes(firstRevision(ReaderGroupConfig.toBytes(config), 3)))
      assert.deepStrictEqual(
        read,
        new ReaderGroupConfig({
          startingStreamCuts: config.startingStreamCuts,
          endingStreamCuts: config.endingStreamCuts,
          groupRefreshTime: config.groupRefreshTime,
          automaticCheckpointInterval: config.automaticCheckpointInterval,
          maxOutstandingCheckpoints: 3,
          retention: "none",
          generation: -1n,
          id: "00000000-0000-0000-0000-000000000000"
        })
      )
    }))
  })

  it("of an update are ranges and last read positions", () => {
    fc.assert(fc.property(Arbitraries.update, (update) => {
      const bytes = firstRevision(ReaderGroupUpdateCodec.toBytes(update), 4)
      const read = Result.getOrThrow(ReaderGroupUpdateCodec.fromBytes(bytes))
      assert.strictEqual(read._tag, update._tag)
      if (read._tag === "UpdateDistanceToTail") assert.strictEqual(read.lastRead.size, 0)
      if (read._tag === "CompactReaderGroupState") assert.strictEqual(read.state.lastRead.size, 0)
      if (read._tag === "ReaderGroupStateInit") {
        assert.isTrue([...read.startingSegments.values()].every(({ range }) => range === undefined))
      }
    }))
  })
})
