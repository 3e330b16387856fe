import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import fc from "fast-check"
import { MalformedValue } from "../../../src/core/MalformedValue.ts"
import { ReaderGroupConfig } from "../../../src/core/ReaderGroupConfig.ts"
import * as CheckpointState from "../../../src/pravega/readergroup/state/CheckpointState.ts"
import * as ReaderGroupUpdateCodec from "../../../src/pravega/readergroup/state/ReaderGroupUpdateCodec.ts"
import * as SynchronizerEntry from "../../../src/pravega/readergroup/state/SynchronizerEntry.ts"
import * as Arbitraries from "./arbitraries.ts"

interface Codec<A> {
  readonly toBytes: (value: A) => Uint8Array
  readonly fromBytes: (bytes: Uint8Array) => Result.Result<A, MalformedValue>
}

const laws = <A>(name: string, codec: Codec<A>, values: fc.Arbitrary<A>) => {
  describe(`the bytes of a ${name}`, () => {
    it("are read as what was written", () => {
      fc.assert(fc.property(values, (value) => {
        assert.deepStrictEqual(Result.getOrThrow(codec.fromBytes(codec.toBytes(value))), value)
      }))
    })

    it("when damaged give nothing but MalformedValue, and what is accepted can be written", () => {
      const damaged = Arbitraries.mutated(values.map((value) => Uint8Array.from(codec.toBytes(value))))
      fc.assert(
        fc.property(damaged, (bytes) => {
          const read = codec.fromBytes(bytes)
          const outcome = Result.isFailure(read) ? read.failure : codec.toBytes(read.success)
          assert.isTrue(outcome instanceof MalformedValue || outcome instanceof Uint8Array)
        }),
        { numRuns: 500 }
      )
    })
  })
}

const ignoresZeros = <A>(name: string, codec: Codec<A>, values: fc.Arbitrary<A>) => {
  it(`zeros behind a ${name} are ignored`, () => {
    fc.assert(fc.property(values, fc.nat({ max: 300 }), (value, zeros) => {
      const bytes = codec.toBytes(value)
      const padded = new Uint8Array(bytes.length + zeros)
      padded.set(bytes)
      assert.deepStrictEqual(Result.getOrThrow(codec.fromBytes(padded)), value)
    }))
  })
}

laws("ReaderGroupConfig", ReaderGroupConfig, Arbitraries.config)
laws("CheckpointState", CheckpointState, Arbitraries.checkpointState)
laws("ReaderGroupUpdate", ReaderGroupUpdateCodec, Arbitraries.update)
laws("SynchronizerEntry", SynchronizerEntry, Arbitraries.entry)
ignoresZeros("ReaderGroupConfig", ReaderGroupConfig, Arbitraries.config)
ignoresZeros("CheckpointState", CheckpointState, Arbitraries.checkpointState)
ignoresZeros("ReaderGroupUpdate", ReaderGroupUpdateCodec, Arbitraries.update)
ignoresZeros("SynchronizerEntry that is an initial state", SynchronizerEntry, Arbitraries.initEntry)

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
