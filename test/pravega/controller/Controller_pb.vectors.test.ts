/** The generated code of the controller protocol, against Pravega's own descriptors and protobuf-java's bytes. */
import { type DescEnum, type DescField, type DescMessage, fromBinary, ScalarType, toBinary } from "@bufbuild/protobuf"
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
    controllerMessageHex: Schema.Uint8ArrayFromHex,
    controllerMessageNote: Schema.String
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

/**
 * A message's fields in the vectors' form: longs as text, an absent message as null, maps as entries; enums by number, and
 * maps in the order of their keys.
 */
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
  return isReflectMap(value)
    ? byKey(Array.from(value, ([key, item]) => ({ key: plain(key), value: plain(item) })))
    : plain(value)
}

const isEntry = Schema.is(Schema.Struct({ key: Schema.Unknown, value: Schema.Unknown }))
const byKey = (entries: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  entries.toSorted((a, b) => isEntry(a) && isEntry(b) ? String(a.key) < String(b.key) ? -1 : 1 : 0)

/** The same form of what a vector says: it names enums, and has maps in the order of Java's. */
const expectedFields = (message: DescMessage, fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const field = message.fields.find((field) => field.name === name)
      return [name, field === undefined ? value : expectedValue(field, value)]
    })
  )

const isFields = Schema.is(Schema.Record(Schema.String, Schema.Unknown))

const expectedValue = (field: DescField, value: unknown): unknown => {
  if (field.fieldKind === "map") return Array.isArray(value) ? byKey(value) : value
  const one = (item: unknown): unknown => {
    if (field.enum !== undefined) return numberOf(field.enum, item)
    return field.message !== undefined && isFields(item) ? expectedFields(field.message, item) : item
  }
  return field.fieldKind === "list" && Array.isArray(value) ? value.map(one) : one(value)
}

/** A number without a name may stand for itself, alone or behind protobuf-java's words for it. */
const numberOf = (description: DescEnum, value: unknown): unknown => {
  const known = description.values.find(({ name }) => name === value)
  const unknown = /^(?:UNKNOWN_ENUM_VALUE_\w+_)?(-?\d+)$/.exec(String(value))
  return known?.number ?? (unknown === null ? value : Number(unknown[1]))
}

/** Whether a map in it has several entries, which Java writes in the order of its hashes. */
const hasMapOrder = (message: ReflectMessage): boolean =>
  message.fields.some((field) => {
    const value: unknown = message.get(field)
    if (isReflectMap(value)) return value.size > 1
    if (isReflectList(value)) return Array.from(value).some((item) => isReflectMessage(item) && hasMapOrder(item))
    return isReflectMessage(value) && message.isSet(field) && hasMapOrder(value)
  })

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
      const written = toBinary(schema, read)
      assert.deepStrictEqual(fieldsOf(reflect(schema, read)), expectedFields(schema, fields), message)
      if (!hasMapOrder(reflect(schema, read))) assert.strictEqual(hex(written), hex(bytes), message)
      assert.strictEqual(written.length, bytes.length, message)
      assert.deepStrictEqual(fromBinary(schema, written), read, message)
    }
  })

  it("carries the configurations of reader groups as the Java client sends them", () => {
    assert.isNotEmpty(readerGroupConfigs)
    for (const vector of readerGroupConfigs) {
      const [, scope, group] = /scope '(.*)', group '(.*)'/.exec(vector.controllerMessageNote) ?? []
      const message = fromBinary(pb.ReaderGroupConfigurationSchema, vector.controllerMessageHex)
      assert.deepInclude(message, {
        ...(scope !== undefined && group !== undefined ? { scope, readerGroupName: group } : {}),
        groupRefreshTimeMillis: vector.groupRefreshTimeMillis,
        automaticCheckpointIntervalMillis: vector.automaticCheckpointIntervalMillis,
        maxOutstandingCheckpointRequest: vector.maxOutstandingCheckpointRequest,
        retentionType: vector.retentionType,
        generation: vector.generation,
        readerGroupId: vector.readerGroupId
      })
      assert.deepStrictEqual(cutsOf(message.startingStreamCuts), cutsIn(vector.startingStreamCuts))
      assert.deepStrictEqual(cutsOf(message.endingStreamCuts), cutsIn(vector.endingStreamCuts))
    }
  })
})
