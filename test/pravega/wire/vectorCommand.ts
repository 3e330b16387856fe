/** Turns the commands of the vectors (longs as decimal text, bytes as hex) into wire commands, by the table's types. */
import { type Fields, type FieldType, structs } from "../../../src/pravega/wire/internal/WireField.ts"
import { type CommandName, commands, type WireCommand } from "../../../src/pravega/wire/WireCommand.ts"

export interface VectorCommand {
  readonly name: string
  readonly typeCode: number
  readonly fields: Readonly<Record<string, unknown>>
  readonly frameHex: string
}

export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"))
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

export const isCommandName = (name: string): name is CommandName => name in commands

const struct = (fields: Fields, value: unknown): Record<string, unknown> => {
  const source = value as Readonly<Record<string, unknown>>
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => {
      if (!(name in source)) throw new Error(`the vector has no field ${name}`)
      return [name, convert(typeof field === "string" ? field : field.type, source[name])]
    })
  )
}

const convert = (type: FieldType, value: unknown): unknown => {
  if (type.startsWith("list<")) {
    const item = type.slice(5, -1) as FieldType
    return (value as ReadonlyArray<unknown>).map((element) => convert(item, element))
  }
  switch (type) {
    case "i64":
      return BigInt(String(value))
    case "bytes32":
    case "rest":
    case "event":
    case "TableValue":
      return hex(String(value))
    case "TableKey":
      return struct({ data: "bytes32", keyVersion: "i64" }, value)
    case "TableEntry":
    case "TableIteratorArgs":
    case "ChunkInfo":
    case "ConditionalAttributeUpdate":
    case "MergedSource":
      return struct(structs[type], value)
    default:
      return value
  }
}

export const fromVector = (name: string, fields: unknown): WireCommand => {
  if (!isCommandName(name)) throw new Error(`no such command: ${name}`)
  return { _tag: name, ...struct(commands[name].fields, fields) } as WireCommand
}
