/**
 * Reads Java's DataInput encodings from bytes: big-endian numbers, modified UTF-8, UUIDs. Not a codec of anything: the
 * wire commands and the serialisations of values are built on it.
 *
 * Plain and synchronous. What does not fit throws `MalformedBytes`, which each codec wraps once in its own error.
 *
 * @internal
 */
import { MalformedBytes } from "./MalformedBytes.ts"
import * as ModifiedUtf8 from "./ModifiedUtf8.ts"

export { MalformedBytes } from "./MalformedBytes.ts"

/** The big-endian i32 at a place, for who needs no reader. @category decoding @since 0.1.0 */
export const i32At = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!

/** @category models @since 0.1.0 */
export class ByteReader {
  readonly bytes: Uint8Array
  private readonly view: DataView
  private readonly end: number
  position: number

  constructor(bytes: Uint8Array, start: number = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.position = start
    this.end = end
  }

  get remaining(): number {
    return this.end - this.position
  }

  /** Moves past `length` bytes and returns where they start. */
  private take(length: number): number {
    const at = this.position
    if (length < 0 || length > this.end - at) {
      throw new MalformedBytes(`${length} bytes needed at ${at}, ${this.end - at} left`)
    }
    this.position = at + length
    return at
  }

  u8(): number {
    return this.view.getUint8(this.take(1))
  }
  i8(): number {
    return this.view.getInt8(this.take(1))
  }
  /** Any byte but zero reads as true, as in Java. */
  bool(): boolean {
    return this.u8() !== 0
  }
  u16(): number {
    return this.view.getUint16(this.take(2))
  }
  i16(): number {
    return this.view.getInt16(this.take(2))
  }
  i32(): number {
    return this.view.getInt32(this.take(4))
  }
  i64(): bigint {
    return this.view.getBigInt64(this.take(8))
  }
  f64(): number {
    return this.view.getFloat64(this.take(8))
  }
  /** Lower-case text form. */
  uuid(): string {
    return uuidText(this.bytes, this.take(16))
  }
  /** u16 length, then modified UTF-8. */
  utf(): string {
    const length = this.u16()
    const at = this.take(length)
    return ModifiedUtf8.decode(this.bytes, at, at + length)
  }
  /** A view, not a copy. */
  view8(length: number): Uint8Array {
    const at = this.take(length)
    return this.bytes.subarray(at, at + length)
  }
  /** i32 length, then that many bytes; a view. */
  bytes32(): Uint8Array {
    return this.view8(this.i32())
  }
  /** All that is left; a view. */
  rest(): Uint8Array {
    return this.view8(this.remaining)
  }
}

const hex = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"))

/** The text form of the UUID that starts at `at`. @category decoding @since 0.1.0 */
export const uuidText = (b: Uint8Array, at: number): string => {
  const h = (i: number) => hex[b[at + i]!]!
  return h(0) + h(1) + h(2) + h(3) + "-" + h(4) + h(5) + "-" + h(6) + h(7) + "-" + h(8) + h(9) + "-" +
    h(10) + h(11) + h(12) + h(13) + h(14) + h(15)
}
