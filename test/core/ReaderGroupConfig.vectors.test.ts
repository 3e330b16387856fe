/** The configuration inside each initial state and update, which the vectors give as bytes of its own too. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ReaderGroupConfig } from "../../src/core/ReaderGroupConfig.ts"
import * as ReaderGroupUpdateCodec from "../../src/pravega/readergroup/state/ReaderGroupUpdateCodec.ts"
import { readVectors } from "../vectors/vectors.ts"

const Configured = Schema.Struct({
  bytesHex: Schema.Uint8ArrayFromHex,
  configBytesHex: Schema.optionalKey(Schema.Uint8ArrayFromHex)
})
const { readerGroupInit, readerGroupStateMachine, readerGroupUpdates } = Schema.decodeUnknownSync(Schema.Struct({
  readerGroupInit: Schema.Array(Configured),
  readerGroupUpdates: Schema.Array(Configured),
  readerGroupStateMachine: Schema.Array(Schema.Struct({ steps: Schema.Array(Configured) }))
}))(readVectors("serialization"))

describe("the configuration of a reader group, inside its states and updates", () => {
  it("is the one that its own bytes read as", () => {
    const all = [...readerGroupInit, ...readerGroupUpdates, ...readerGroupStateMachine.flatMap(({ steps }) => steps)]
    const configured = all.filter(({ configBytesHex }) => configBytesHex !== undefined)
    assert.isNotEmpty(configured)
    for (const { bytesHex, configBytesHex } of configured) {
      const update = Result.getOrThrow(ReaderGroupUpdateCodec.fromBytes(bytesHex))
      if (configBytesHex === undefined) continue
      const config = "config" in update ? update.config : "state" in update ? update.state.config : undefined
      assert.deepStrictEqual(Result.getOrThrow(ReaderGroupConfig.fromBytes(configBytesHex)), config, update._tag)
    }
  })
})
