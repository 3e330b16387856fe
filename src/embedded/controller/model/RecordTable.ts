/**
 * The controller's values as records of a storage: one kind of value, a name each, JSON by a Schema with a version
 * around it. It keeps nothing in memory and commits nothing.
 *
 * @internal
 */
import * as Schema from "effect/Schema"
import type { Storage } from "../../store/Storage.ts"

/** What is written; a reader of another version's would have to translate. */
const version = 1

/** The part of a storage that records need. @category models @since 0.1.0 */
export type RecordStorage = Pick<Storage, "putRecord" | "deleteRecord">

/** Others keep records in the same storage: these are the controller's. */
const prefix = "controller/"

/** @category models @since 0.1.0 */
export class RecordTable<A> {
  private readonly storage: RecordStorage
  private readonly prefix: string
  private readonly encode: (value: A) => unknown
  private readonly decode: (text: string) => { readonly value: A }

  constructor(storage: RecordStorage, kind: string, schema: Schema.Codec<A, unknown>) {
    const codec = Schema.toCodecJson(Schema.Struct({ version: Schema.Literal(version), value: schema }))
    const encode = Schema.encodeSync(codec)
    this.storage = storage
    this.prefix = `${prefix}${kind}/`
    this.encode = (value) => encode({ version, value })
    this.decode = Schema.decodeUnknownSync(Schema.fromJsonString(codec))
  }

  put(name: string, value: A): void {
    this.storage.putRecord(this.prefix + name, JSON.stringify(this.encode(value)))
  }

  delete(name: string): void {
    this.storage.deleteRecord(this.prefix + name)
  }

  /** Undefined: the record is of another kind. Throws a `SchemaError` for one of this kind that cannot be read. */
  read(key: string, text: string): { readonly name: string; readonly value: A } | undefined {
    if (!key.startsWith(this.prefix)) return undefined
    return { name: key.slice(this.prefix.length), value: this.decode(text).value }
  }
}
