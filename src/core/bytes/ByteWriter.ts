/**
 * Writes Java's DataOutput encodings into a growing buffer; the mirror of `ByteReader`.
 *
 * `finish` hands out a view of the buffer: one writer makes one value.
 *
 * @internal
 */
import { MalformedBytes } from "./ByteReader.ts"
import { GrowingBytes } from "./GrowingBytes.ts"
import * as ModifiedUtf8 from "./ModifiedUtf8.ts"

/** @category models @since 0.1.0 */
export class ByteWriter extends GrowingBytes {
  constructor(capacity: number = 256) {
    super(capacity)
  }

  u8(value: number): this {
    const at = this.grow(1)
    this.view.setUint8(at, value)
    return this
  }
  i8(value: number): this {
    const at = this.grow(1)
    this.view.setInt8(at, value)
    return this
  }
  bool(value: boolean): this {
    return this.u8(value ? 1 : 0)
  }
  u16(value: number): this {
    const at = this.grow(2)
    this.view.setUint16(at, value)
    return this
  }
  i16(value: number): this {
    const at = this.grow(2)
    this.view.setInt16(at, value)
    return this
  }
  i32(value: number): this {
    const at = this.grow(4)
    this.view.setInt32(at, value)
    return this
  }
  i64(value: bigint): this {
    const at = this.grow(8)
    this.view.setBigInt64(at, value)
    return this
  }
  f64(value: number): this {
    const at = this.grow(8)
    this.view.setFloat64(at, value)
    return this
  }
  /** From the text form, in either case. */
  uuid(text: string): this {
    const digits = text.replaceAll("-", "")
    if (!/^[0-9a-fA-F]{32}$/.test(digits)) throw new MalformedBytes(`not a UUID: ${text}`)
    const at = this.grow(16)
    for (let i = 0; i < 16; i++) this.buffer[at + i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)
    return this
  }
  /** u16 length, then modified UTF-8; at most 65535 bytes. */
  utf(text: string): this {
    const size = ModifiedUtf8.byteLength(text)
    if (size > 0xffff) throw new MalformedBytes(`text of ${size} bytes, the limit is 65535`)
    this.u16(size)
    const at = this.grow(size)
    ModifiedUtf8.encodeInto(text, this.buffer, at)
    return this
  }
  bytes(value: Uint8Array): this {
    const at = this.grow(value.length)
    this.buffer.set(value, at)
    return this
  }
  /** i32 length, then the bytes. */
  bytes32(value: Uint8Array): this {
    return this.i32(value.length).bytes(value)
  }
  zeros(length: number): this {
    const at = this.grow(length)
    this.buffer.fill(0, at, this.length)
    return this
  }
  /** Overwrites four bytes that were written before: a length that is known only afterwards. */
  patchI32(at: number, value: number): this {
    this.view.setInt32(at, value)
    return this
  }
  finish(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }
}
