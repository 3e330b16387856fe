/**
 * Bytes whose order is that of the values: compared from the left, without a sign, the first that differs decides, as a
 * database and `Buffer.compare` compare them. Each value says where it ends, so that values can follow one another.
 *
 * Not a codec of keys: which value a key has where, `KeyForm` knows.
 *
 * @internal
 */
import { GrowingBytes } from "../../../core/bytes/GrowingBytes.ts"

/** What no key can be made of, or can't be read as one. Wrapped once, in `InvalidKey`. @category errors @since 0.2.0 */
export class NotOrderable extends Error {
  override readonly name = "NotOrderable"
}

/** Of a text or of bytes: a zero inside is `00 01`, so that the end comes before all that goes on. */
const escaped = 0x01
const end = 0x00

/** A magnitude of up to so many bytes has its length in its first byte; a longer one has it in four bytes more. */
const shortMagnitude = 0x7d
/** The first byte of the bigint 0. Above it are positive ones, the longer the greater. */
const zero = 0x80

/** @category models @since 0.2.0 */
export class OrderedWriter extends GrowingBytes {
  constructor() {
    super(64)
  }

  /** A copy of what was written since the last one. */
  take(): Uint8Array {
    const bytes = this.buffer.slice(0, this.length)
    this.length = 0
    return bytes
  }

  /** Forgets what was written since the last `take`. */
  clear(): void {
    this.length = 0
  }

  byte(value: number): void {
    const at = this.grow(1)
    this.buffer[at] = value
  }

  /** Negative zero is zero, and there is one NaN: behind all others. */
  number(value: number): void {
    const at = this.grow(8)
    // a NaN's bits are any of many
    if (Number.isNaN(value)) {
      this.view.setUint32(at, 0xfff80000)
      this.view.setUint32(at + 4, 0)
      return
    }
    this.view.setFloat64(at, value === 0 ? 0 : value)
    const high = this.view.getInt32(at)
    if (high >= 0) {
      this.view.setInt32(at, high ^ 0x80000000)
    } else {
      this.view.setInt32(at, ~high)
      this.view.setInt32(at + 4, ~this.view.getInt32(at + 4))
    }
  }

  bigint(value: bigint): void {
    if (value === 0n) return this.byte(zero)
    const flip = value < 0n ? 0xff : 0
    const digits = (value < 0n ? -value : value).toString(16)
    const size = (digits.length + 1) >> 1
    if (size <= shortMagnitude) {
      this.byte((zero + size) ^ flip)
    } else {
      this.byte(0xff ^ flip)
      const at = this.grow(4)
      this.view.setUint32(at, (flip === 0 ? size : ~size) >>> 0)
    }
    const even = digits.padStart(size * 2, "0")
    const at = this.grow(size)
    for (let i = 0; i < size; i++) this.buffer[at + i] = Number.parseInt(even.slice(2 * i, 2 * i + 2), 16) ^ flip
  }

  /** UTF-8, whose order is that of the code points. */
  text(value: string): void {
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i)
      if (unit === 0) {
        this.byte(0)
        this.byte(escaped)
      } else if (unit < 0x80) {
        this.byte(unit)
      } else if (unit < 0x800) {
        const at = this.grow(2)
        this.buffer[at] = 0xc0 | (unit >> 6)
        this.buffer[at + 1] = 0x80 | (unit & 0x3f)
      } else if (unit < 0xd800 || unit > 0xdfff) {
        const at = this.grow(3)
        this.buffer[at] = 0xe0 | (unit >> 12)
        this.buffer[at + 1] = 0x80 | ((unit >> 6) & 0x3f)
        this.buffer[at + 2] = 0x80 | (unit & 0x3f)
      } else {
        this.pair(unit, value.charCodeAt(++i), i - 1)
      }
    }
    this.end()
  }

  private pair(high: number, low: number, index: number): void {
    if (high > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) {
      throw new NotOrderable(`a text with half a surrogate pair, at index ${index}`)
    }
    const point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
    const at = this.grow(4)
    this.buffer[at] = 0xf0 | (point >> 18)
    this.buffer[at + 1] = 0x80 | ((point >> 12) & 0x3f)
    this.buffer[at + 2] = 0x80 | ((point >> 6) & 0x3f)
    this.buffer[at + 3] = 0x80 | (point & 0x3f)
  }

  bytes(value: Uint8Array): void {
    for (const byte of value) {
      this.byte(byte)
      if (byte === 0) this.byte(escaped)
    }
    this.end()
  }

  private end(): void {
    this.byte(0)
    this.byte(end)
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** @category models @since 0.2.0 */
export class OrderedReader {
  private readonly source: Uint8Array
  private readonly view: DataView
  private position = 0

  constructor(source: Uint8Array) {
    this.source = source
    this.view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  }

  get isAtEnd(): boolean {
    return this.position === this.source.length
  }

  private advance(length: number): number {
    const at = this.position
    if (length > this.source.length - at) {
      throw new NotOrderable(`${length} bytes needed at ${at}, ${this.source.length - at} left`)
    }
    this.position = at + length
    return at
  }

  byte(): number {
    return this.source[this.advance(1)]!
  }

  number(): number {
    const at = this.advance(8)
    const high = this.view.getInt32(at)
    const low = this.view.getInt32(at + 4)
    scratch.setInt32(0, high < 0 ? high ^ 0x80000000 : ~high)
    scratch.setInt32(4, high < 0 ? low : ~low)
    return scratch.getFloat64(0)
  }

  bigint(): bigint {
    const first = this.byte()
    if (first === zero) return 0n
    const flip = first < zero ? 0xff : 0
    let size = (first ^ flip) - zero
    if (size > shortMagnitude) size = (this.view.getUint32(this.advance(4)) ^ (flip === 0 ? 0 : -1)) >>> 0
    const at = this.advance(size)
    let digits = "0x"
    for (let i = 0; i < size; i++) digits += (this.source[at + i]! ^ flip).toString(16).padStart(2, "0")
    return flip === 0 ? BigInt(digits) : -BigInt(digits)
  }

  text(): string {
    const bytes = this.bytes()
    try {
      return utf8.decode(bytes)
    } catch (cause) {
      throw new NotOrderable("a text that is not UTF-8", { cause })
    }
  }

  bytes(): Uint8Array {
    const start = this.position
    let escapes = 0
    while (true) {
      if (this.byte() !== 0) continue
      const next = this.byte()
      if (next === end) break
      if (next !== escaped) throw new NotOrderable(`byte ${next} behind a zero at ${this.position - 1}`)
      escapes++
    }
    const raw = this.source.slice(start, this.position - 2)
    return escapes === 0 ? raw : unescaped(raw, escapes)
  }
}

const scratch = new DataView(new ArrayBuffer(8))

const unescaped = (raw: Uint8Array, escapes: number): Uint8Array => {
  const bytes = new Uint8Array(raw.length - escapes)
  let at = 0
  for (let i = 0; i < raw.length; i++) {
    bytes[at++] = raw[i]!
    if (raw[i] === 0) i++
  }
  return bytes
}
