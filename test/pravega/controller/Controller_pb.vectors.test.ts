/** The generated code of the controller protocol, against Pravega's own descriptors and protobuf-java's bytes. */
import { type DescField, type DescMessage, fromBinary, ScalarType, toBinary } from "@bufbuild/protobuf"
import { isReflectList, isReflectMap, isReflectMessage, reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as pb from "../../../src/pravega/controller/gen/Controller_pb.ts"
import { readVectors } from "../../vectors/vectors.ts"

const Name = { name: Schema.String }
const Described = Schema.Struct({
  syntax: Schema.String,
  package: Schema.String,
  services: Schema.Record(
    Schema.String,
    Schema.Array(Schema.Struct({ ...Name, request: Schema.String, response: Schema.String, path: Schema.String }))
  ),
  messages: Schema.Record(
    Schema.String,
    Schema.Array(Schema.Struct({ ...Name, number: Schema.Int, type: Schema.String, repeated: Schema.Boolean }))
  ),
  enums: Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Int))
})
const described = Schema.decodeUnknownSync(Described)(readVectors("controller-schema"))
const { samples } = Schema.decodeUnknownSync(Schema.Struct({
  samples: Schema.Array(Schema.Struct({
    message: Schema.String,
    fields: Schema.Record(Schema.String, Schema.Unknown),
    hex: Schema.Uint8ArrayFromHex
  }))
}))(readVectors("controller"))
const Bounds = Schema.Array(Schema.Struct({
  stream: Schema.String,
  cut: Schema.Struct({
    positions: Schema.optionalKey(
      Schema.Array(Schema.Struct({ segmentId: Schema.String, offset: Schema.BigIntFromString }))
    )
  })
}))
const { readerGroupConfigs } = Schema.decodeUnknownSync(Schema.Struct({
  readerGroupConfigs: Schema.Array(Schema.Struct({
    groupRefreshTimeMillis: Schema.BigIntFromString,
    automaticCheckpointIntervalMillis: Schema.BigIntFromString,
    maxOutstandingCheckpointRequest: Schema.Int,
    retentionType: Schema.Int,
    generation: Schema.BigIntFromString,
    readerGroupId: Schema.String,
    startingStreamCuts: Bounds,
    endingStreamCuts: Bounds,
    controllerMessageHex: Schema.Uint8ArrayFromHex
  }))
}))(readVectors("serialization"))

const nested = (message: DescMessage): ReadonlyArray<DescMessage> => [
  message,
  ...message.nestedMessages.flatMap(nested)
]
const messages = pb.file_Controller.messages.flatMap(nested)
const enums = [...pb.file_Controller.enums, ...messages.flatMap((message) => message.nestedEnums)]

/** Without the package: `Outer.Inner`. */
const nameOf = ({ typeName }: { readonly typeName: string }): string =>
  typeName.slice(pb.file_Controller.proto.package.length + 1)

const schemas = new Map(messages.map((message) => [nameOf(message), message]))
const schemaOf = (name: string): DescMessage => {
  const schema = schemas.get(name)
  if (schema === undefined) throw new Error(`no message ${name}`)
  return schema
}

const scalar = (type: ScalarType): string => ScalarType[type].toLowerCase()

const typeOf = (field: DescField): string => {
  switch (field.fieldKind) {
    case "scalar":
      return scalar(field.scalar)
    case "enum":
      return nameOf(field.enum)
    case "message":
      return nameOf(field.message)
    case "list":
      if (field.listKind === "scalar") return scalar(field.scalar)
      return nameOf(field.listKind === "message" ? field.message : field.enum)
    case "map":
      return `map<${scalar(field.mapKey)}, ${field.mapKind === "scalar" ? scalar(field.scalar) : field.mapKind}>`
  }
}

/** A message's fields in the vectors' form: longs as text, enums by name, an absent message as null, maps as entries. */
const fieldsOf = (message: ReflectMessage): Record<string, unknown> =>
  Object.fromEntries(message.fields.map((field) => [field.name, valueOf(message, field)]))

const plain = (value: unknown): unknown => {
  if (isReflectMessage(value)) return fieldsOf(value)
  return typeof value === "bigint" ? value.toString() : value
}

const valueOf = (message: ReflectMessage, field: DescField): unknown => {
  const value: unknown = message.get(field)
  if (field.fieldKind === "message" && !message.isSet(field)) return null
  if (isReflectList(value)) return Array.from(value, plain)
  if (isReflectMap(value)) return Array.from(value, ([key, item]) => ({ key: plain(key), value: plain(item) }))
  return field.fieldKind === "enum" ? field.enum.values.find(({ number }) => number === value)?.name : plain(value)
}

/** By stream; an unbounded cut has no positions. */
const cutsOf = (cuts: ReadonlyArray<pb.StreamCut>): Record<string, Record<string, bigint>> =>
  Object.fromEntries(cuts.map(({ cut, streamInfo }) => [`${streamInfo?.scope}/${streamInfo?.stream}`, cut]))
const cutsIn = (bounds: typeof Bounds.Type): Record<string, Record<string, bigint>> =>
  Object.fromEntries(bounds.map(({ cut, stream }) => [
    stream,
    Object.fromEntries((cut.positions ?? []).map(({ offset, segmentId }) => [segmentId, offset]))
  ]))

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

describe("the controller protocol, against Pravega's", () => {
  it("has its methods", () => {
    const methods = pb.ControllerService.methods.map(({ input, methodKind, name, output }) => {
      assert.strictEqual(methodKind, "unary")
      const path = `/${pb.ControllerService.typeName}/${name}`
      return { name, request: nameOf(input), response: nameOf(output), path }
    })
    assert.strictEqual(pb.file_Controller.proto.package, described.package)
    assert.strictEqual(pb.file_Controller.proto.syntax, described.syntax)
    assert.deepStrictEqual({ [pb.ControllerService.typeName]: methods }, described.services)
  })

  it("has its messages and their fields", () => {
    const own = messages.map((message) =>
      [
        nameOf(message),
        message.fields.map((field) => ({
          number: field.number,
          name: field.name,
          type: typeOf(field),
          repeated: field.fieldKind === "list"
        }))
      ] as const
    )
    assert.deepStrictEqual(Object.fromEntries(own), described.messages)
  })

  it("has its enumerations", () => {
    const own = enums.map((description) =>
      [nameOf(description), Object.fromEntries(description.values.map(({ name, number }) => [name, number]))] as const
    )
    assert.deepStrictEqual(Object.fromEntries(own), described.enums)
  })

  it("reads protobuf-java's messages, and writes the same bytes", () => {
    assert.isNotEmpty(samples)
    for (const { fields, hex: bytes, message } of samples) {
      const schema = schemaOf(message)
      const read = fromBinary(schema, bytes)
      assert.deepStrictEqual(fieldsOf(reflect(schema, read)), fields, message)
      assert.strictEqual(hex(toBinary(schema, read)), hex(bytes), message)
    }
    assert.deepStrictEqual(new Set(samples.map(({ message }) => message)), new Set(schemas.keys()))
  })

  it("carries the configurations of reader groups as the Java client sends them", () => {
    assert.isNotEmpty(readerGroupConfigs)
    readerGroupConfigs.forEach((vector, i) => {
      const message = fromBinary(pb.ReaderGroupConfigurationSchema, vector.controllerMessageHex)
      assert.deepInclude(message, {
        scope: `scope${i}`,
        readerGroupName: `group${i}`,
        groupRefreshTimeMillis: vector.groupRefreshTimeMillis,
        automaticCheckpointIntervalMillis: vector.automaticCheckpointIntervalMillis,
        maxOutstandingCheckpointRequest: vector.maxOutstandingCheckpointRequest,
        retentionType: vector.retentionType,
        generation: vector.generation,
        readerGroupId: vector.readerGroupId
      })
      assert.deepStrictEqual(cutsOf(message.startingStreamCuts), cutsIn(vector.startingStreamCuts))
      assert.deepStrictEqual(cutsOf(message.endingStreamCuts), cutsIn(vector.endingStreamCuts))
    })
  })
})
