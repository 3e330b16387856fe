/**
 * From the plain codecs, which throw, to the values of the public ones: checked names and ids, and results.
 *
 * @internal
 */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ByteReader } from "./bytes/ByteReader.ts"
import { MalformedBytes } from "./bytes/MalformedBytes.ts"
import { MalformedValue } from "./MalformedValue.ts"
import { type ScopedStream, ScopedStreamFromText } from "./ScopedStream.ts"
import { makeId, type Segment, SegmentId } from "./Segment.ts"
import * as SegmentName from "./SegmentName.ts"
import type { Read } from "./Serialization.ts"

const decodeStream = Schema.decodeOption(ScopedStreamFromText)

/** What is wrong may be of any length: its beginning, quoted. */
const quoted = (text: string): string => `"${text.length > 300 ? `${text.slice(0, 300)}...` : text}"`

/** A stream by its full name. @category decoding @since 0.1.0 */
export const stream = (name: string): ScopedStream =>
  Option.getOrThrowWith(decodeStream(name), () => new MalformedBytes(`not a stream's full name: ${quoted(name)}`))

/** A segment's id; it may be out of range. @category decoding @since 0.1.0 */
export const segmentId = (id: bigint): SegmentId =>
  Option.getOrThrowWith(SegmentId.makeOption(id), () => new MalformedBytes(`not a segment's id: ${id}`))

/** A segment of a stream by its full name. @category decoding @since 0.1.0 */
export const segment = (name: string): Segment => {
  const parsed = Option.getOrUndefined(SegmentName.parse(name))
  if (parsed?._tag !== "StreamSegment") throw new MalformedBytes(`not a stream segment's name: ${quoted(name)}`)
  return { stream: parsed.stream, id: parsed.id }
}

/** A segment's id from its number and epoch, in decimal. @category decoding @since 0.1.0 */
export const segmentIdOf = (number: string, epoch: string): SegmentId => makeId(int31(number), int31(epoch))

/** A decimal number of 64 bits. @category decoding @since 0.1.0 */
export const long = (digits: string): bigint => {
  if (!/^-?[0-9]{1,19}$/.test(digits)) throw new MalformedBytes(`not a number: ${quoted(digits)}`)
  const value = BigInt(digits)
  if (BigInt.asIntN(64, value) !== value) throw new MalformedBytes(`${digits} takes more than 64 bits`)
  return value
}

const int31 = (digits: string): number => {
  const value = long(digits)
  if (value < 0n || value > 0x7fffffffn) throw new MalformedBytes(`not a segment's number or epoch: ${digits}`)
  return Number(value)
}

/**
 * What `read` makes of something, as a result; whatever it throws but `MalformedBytes` is a bug and passes through.
 *
 * @category decoding
 * @since 0.1.0
 */
export const attempt = <A>(
  value: string,
  form: "text" | "bytes",
  read: () => A
): Result.Result<A, MalformedValue> => {
  try {
    return Result.succeed(read())
  } catch (cause) {
    if (!(cause instanceof MalformedBytes)) throw cause
    return Result.fail(new MalformedValue({ value, form, problem: cause.message }))
  }
}

/**
 * A value that stands alone; bytes after it are ignored, since Java hands out whole buffers, zeros at their end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromBytes = <A>(value: string, bytes: Uint8Array, read: Read<A>): Result.Result<A, MalformedValue> =>
  attempt(value, "bytes", () => read(new ByteReader(bytes)))
