/** Generates any wire command from the table: what the table does not say, it cannot forget. */
import fc from "fast-check"
import type { Fields, FieldType, FieldTypes } from "../../../src/pravega/wire/internal/WireField.ts"
import { type CommandName, commands, type WireCommand } from "../../../src/pravega/wire/WireCommand.ts"

const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
/** Mostly short; some just around the size from which payloads become parts of their own. */
const bytes = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(3), fc.nat(255)).map(([more, fill]) => new Uint8Array(4094 + more).fill(fill))
  }
)
/** Lone surrogates, NUL and characters above U+FFFF included. */
const utf = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((c) => String.fromCharCode(c)), maxLength: 30 })
const uuid = fc.uuid({ version: [1, 4, 7] })

const tableKey = fc.record({ data: bytes, keyVersion: i64 }).map((key) =>
  key.data.length === 0 ? { ...key, keyVersion: -(2n ** 63n) } : key
)
const tableEntry = fc.record({ key: tableKey, value: bytes })
const chunk = fc.record({
  lengthInMetadata: i64,
  lengthInStorage: i64,
  startOffset: i64,
  chunkName: utf,
  existsInStorage: fc.boolean()
})
const attributeUpdate = fc.record({
  attributeId: uuid,
  attributeUpdateType: fc.integer({ min: -128, max: 127 }),
  newValue: i64,
  oldValue: i64
})
const mergedSource = fc.record({ source: utf, newTargetWriteOffset: i64 })
const list = <A>(item: fc.Arbitrary<A>) => fc.array(item, { maxLength: 4 })

const fields: { readonly [T in keyof FieldTypes]: fc.Arbitrary<FieldTypes[T]> } = {
  i8: fc.integer({ min: -128, max: 127 }),
  i32,
  i64,
  bool: fc.boolean(),
  utf,
  uuid,
  bytes32: bytes,
  rest: bytes,
  zeros: fc.nat(100),
  event: bytes,
  TableValue: bytes,
  TableKey: tableKey,
  TableEntry: tableEntry,
  TableIteratorArgs: fc.record({ continuationToken: bytes, prefixFilter: bytes, fromKey: bytes, toKey: bytes }),
  ChunkInfo: chunk,
  ConditionalAttributeUpdate: attributeUpdate,
  MergedSource: mergedSource,
  "list<i64>": list(i64),
  "list<utf>": list(utf),
  "list<ChunkInfo>": list(chunk),
  "list<ConditionalAttributeUpdate>": list(attributeUpdate),
  "list<MergedSource>": list(mergedSource),
  "list<TableKey>": list(tableKey),
  "list<TableEntry>": list(tableEntry)
}

const arbitraryOf = (type: FieldType): fc.Arbitrary<unknown> => fields[type]

export const commandNamed = (name: CommandName): fc.Arbitrary<WireCommand> =>
  fc.record(Object.fromEntries(
    Object.entries<Fields[string]>(commands[name].fields).map(([field, type]) => [
      field,
      arbitraryOf(typeof type === "string" ? type : type.type)
    ])
  )).map((values) => ({ _tag: name, ...values }) as WireCommand)

export const commandNames = Object.keys(commands) as ReadonlyArray<CommandName>

export const anyCommand: fc.Arbitrary<WireCommand> = fc.constantFrom(...commandNames).chain(commandNamed)
