/**
 * What stands in the stream of a query's state: parts of objects, deletions, and floors, before which nothing counts any more.
 */
import * as EventCodec from "../../core/EventCodec.ts"

/** A part of an object. An object is made by the last of its parts that one try has put there. */
interface Part {
  readonly kind: "part" | "copy"
  readonly name: string
  /** Of one try to make it: no two are the same. A copy has that of its original. */
  readonly attempt: string
  readonly index: number
  readonly count: number
  readonly bytes: Uint8Array
}

/** @category models @since 0.2.0 */
export type PravegaEntry =
  | Part
  | { readonly kind: "deleted"; readonly name: string }
  /** Parts that begin before this place don't count, of an object that is not whole yet. */
  | { readonly kind: "floor"; readonly before: bigint }

const kinds = ["part", "copy", "deleted", "floor"] as const
const attemptSize = 36
const partHeader = attemptSize + 8

/** Kind (u8), length of the name (u8), name; of a part: its try (36 letters), index and count (u32), bytes; of a floor: i64. @category encoding @since 0.2.0 */
export const codec = EventCodec.make<PravegaEntry>({
  name: "state-entry",
  copies: true,
  encode: (entry) => {
    const name = entry.kind === "floor" ? "" : entry.name
    const start = 2 + name.length
    const size = entry.kind === "floor" ? 8 : entry.kind === "deleted" ? 0 : partHeader + entry.bytes.length
    const encoded = Buffer.alloc(start + size)
    encoded[0] = kinds.indexOf(entry.kind)
    encoded[1] = name.length
    encoded.write(name, 2, "latin1")
    if (entry.kind === "floor") encoded.writeBigInt64BE(entry.before, start)
    else if (entry.kind !== "deleted") {
      encoded.write(entry.attempt, start, "latin1")
      encoded.writeUInt32BE(entry.index, start + attemptSize)
      encoded.writeUInt32BE(entry.count, start + attemptSize + 4)
      encoded.set(entry.bytes, start + partHeader)
    }
    return encoded
  },
  decode: (bytes) => {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const kind = kinds[view[0] ?? kinds.length]
    const start = 2 + (view[1] ?? 0)
    if (kind === undefined) throw new Error("it is no entry of a query's state")
    if (kind === "floor") return { kind, before: view.readBigInt64BE(start) }
    const name = view.toString("latin1", 2, start)
    if (kind === "deleted") return { kind, name }
    return {
      kind,
      name,
      attempt: view.toString("latin1", start, start + attemptSize),
      index: view.readUInt32BE(start + attemptSize),
      count: view.readUInt32BE(start + attemptSize + 4),
      bytes: new Uint8Array(view.subarray(start + partHeader))
    }
  }
})
