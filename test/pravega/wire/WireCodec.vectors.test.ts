import { assert, describe, it } from "@effect/vitest"
import * as AppendDecoder from "../../../src/pravega/wire/AppendDecoder.ts"
import type { Fields } from "../../../src/pravega/wire/internal/WireField.ts"
import * as WireCodec from "../../../src/pravega/wire/WireCodec.ts"
import { commands, type WireCommand } from "../../../src/pravega/wire/WireCommand.ts"
import { readVectors } from "../../vectors/vectors.ts"
import { fromVector, hex, toHex, type VectorCommand } from "./vectorCommand.ts"

interface Vectors {
  readonly commands: ReadonlyArray<VectorCommand>
  readonly legacyShortFrames: ReadonlyArray<{
    readonly name: string
    readonly typeCode: number
    readonly missingFrom: string
    readonly decodesTo: unknown
    readonly frameHex: string
  }>
  readonly appends: ReadonlyArray<{
    readonly name: string
    readonly streamHex: string
    readonly frames: ReadonlyArray<VectorCommand>
    readonly serverSees: ReadonlyArray<{
      readonly segment: string
      readonly writerId: string
      readonly eventNumber: string
      readonly eventCount: number
      readonly expectedOffset: string | null
      readonly requestId: string
      readonly dataHex: string
    }>
  }>
}

interface WireSchema {
  readonly commands: unknown
}

const vectors = readVectors("wirecommands") as Vectors

const decodeAll = (bytes: Uint8Array): Array<WireCommand> => {
  const decoded: Array<WireCommand> = []
  const parser = WireCodec.makeParser()
  parser.push(bytes, (command) => decoded.push(command))
  assert.strictEqual(parser.pending(), 0)
  return decoded
}

describe("wire command vectors", () => {
  it("each frame of the Java library decodes to its fields, and they encode to that frame", () => {
    assert.isNotEmpty(vectors.commands)
    for (const { name, fields, frameHex, typeCode } of vectors.commands) {
      const command = fromVector(name, fields)
      assert.strictEqual(commands[command._tag].code, typeCode, name)
      assert.deepStrictEqual(decodeAll(hex(frameHex)), [command], name)
      assert.strictEqual(toHex(WireCodec.encode(command)), frameHex, name)
    }
  })

  it("frames of older peers decode to what a missing field means", () => {
    assert.isNotEmpty(vectors.legacyShortFrames)
    for (const { name, missingFrom, decodesTo, frameHex, typeCode } of vectors.legacyShortFrames) {
      assert.strictEqual(Buffer.from(frameHex, "hex").readInt32BE(0), typeCode, name)
      assert.deepStrictEqual(decodeAll(hex(frameHex)), [fromVector(name, decodesTo)], `${name} without ${missingFrom}`)
    }
  })

  it("append streams of the Java encoder become the appends that the Java server sees", () => {
    assert.isNotEmpty(vectors.appends)
    for (const { frames, name, serverSees, streamHex } of vectors.appends) {
      const decoded = decodeAll(hex(streamHex))
      assert.deepStrictEqual(decoded, frames.map((frame) => fromVector(frame.name, frame.fields)), name)
      assert.deepStrictEqual(
        decoded.map(({ _tag }) => commands[_tag].code),
        frames.map(({ typeCode }) => typeCode),
        name
      )
      assert.strictEqual(frames.map(({ frameHex }) => frameHex).join(""), streamHex, name)
      assert.strictEqual(toHex(Buffer.concat(decoded.map(WireCodec.encode))), streamHex, name)
      const decoder = AppendDecoder.make()
      const appends = decoded.map((command) => decoder.push(command)).filter((item) => item?._tag === "Append")
      const expected = serverSees.map((append) => ({
        _tag: "Append",
        segment: append.segment,
        writerId: append.writerId,
        eventNumber: BigInt(append.eventNumber),
        eventCount: append.eventCount,
        expectedOffset: append.expectedOffset === null ? undefined : BigInt(append.expectedOffset),
        requestId: BigInt(append.requestId),
        data: hex(append.dataHex)
      }))
      assert.deepStrictEqual(appends, expected, name)
    }
  })

  it("the table says what the schema of the Java library says", () => {
    const schema = (readVectors("wire-schema") as WireSchema).commands
    const described: unknown = Object.fromEntries(
      Object.entries(commands).map(([name, { code, direction, fields }]) => [name, {
        typeCode: code,
        direction,
        fields: Object.entries<Fields[string]>(fields).map(([field, type]) =>
          typeof type === "string" ? { name: field, type } : {
            name: field,
            type: type.type,
            absentMeans: typeof type.absent === "object" ? JSON.stringify(type.absent) : String(type.absent)
          }
        )
      }])
    )
    assert.deepStrictEqual(described, schema)
  })
})
