/**
 * Wire commands to bytes and back. Everything here is pure: bytes in, values out, or the other way round. Nothing opens
 * a socket, knows a version or a request id.
 *
 * A frame is `type i32, length i32, payload`; `length` counts the payload only.
 *
 * Ownership: a parser only borrows the chunks that it is given, and copies what outlives the call. The bytes in a decoded
 * command are views into a buffer made for its frame alone, which is not written again unless its user gives it back to
 * `ReadBuffers`.
 *
 * @since 0.1.0
 */
import * as Bytes from "effect/Bytes"
import { i32At, MalformedBytes } from "../../core/bytes/ByteReader.ts"
import { HotCommands } from "./internal/HotCommands.ts"
import { FieldReader, FrameWriter, layout, type LayoutField, readFields, writeFields } from "./internal/WireField.ts"
import * as ReadBuffers from "./ReadBuffers.ts"
import { type CommandName, commands, type WireCommand } from "./WireCommand.ts"
import { FrameTooLarge, MalformedFrame, UnencodableCommand, UnknownCommand, WireError } from "./WireError.ts"

/**
 * The largest payload of a frame that the Java client takes, and this one by default, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxPayloadSize = 0xff_ffff

/** The largest frame that a segment store takes, its header included, in bytes. @category constants @since 0.1.0 */
export const maxFrameSize = 0xff_ffff

/** Type and length. In bytes. @category constants @since 0.1.0 */
export const frameHeaderSize = 8

/**
 * The whole frame of a command. Throws `WireError` (`UnencodableCommand`, `FrameTooLarge`) for what has no encoding that
 * a store would take.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (command: WireCommand): Uint8Array => join(encodeParts(command))

/**
 * The same in parts that follow each other: long payloads are not copied, so they must stay as they are until the parts
 * were sent.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeParts = (command: WireCommand): Array<Uint8Array> => {
  const spec = specs[command._tag]
  const writer = new FrameWriter(128)
  writer.out.i32(spec.code).i32(0)
  try {
    writeFields(spec.fields, writer, command as Readonly<Record<string, unknown>>) // the table is what types it
  } catch (cause) {
    if (!(cause instanceof MalformedBytes)) throw cause
    throw new WireError({ reason: new UnencodableCommand({ command: command._tag, detail: cause.message }) })
  }
  const size = writer.length
  if (size > maxFrameSize) {
    throw new WireError({ reason: new FrameTooLarge({ command: command._tag, length: size, limit: maxFrameSize }) })
  }
  const parts = writer.finish()
  const head = parts[0]!
  new DataView(head.buffer, head.byteOffset, head.length).setInt32(4, size - frameHeaderSize)
  return parts
}

/**
 * Frames the appends of one writer: `AppendBlockEnd` around payloads that are not copied.
 *
 * @category encoding
 * @since 0.1.0
 */
export interface AppendEncoder {
  /** The frame as parts: header, `payload`, trailer. `payload`: framed events, `length` bytes in all. */
  readonly encode: (append: {
    readonly payload: ReadonlyArray<Uint8Array>
    readonly length: number
    readonly eventCount: number
    readonly lastEventNumber: bigint
    readonly requestId: bigint
  }) => Array<Uint8Array>
}

/** The most bytes of framed events that fit into one append. @category constants @since 0.1.0 */
export const maxAppendSize = maxFrameSize - 52

/** Throws `WireError` when `writerId` is no UUID. @category encoding @since 0.1.0 */
export const makeAppendEncoder = (writerId: string): AppendEncoder => {
  const template = encode({
    _tag: "AppendBlockEnd",
    writerId,
    sizeOfWholeEvents: 0,
    data: new Uint8Array(0),
    numEvents: 0,
    lastEventNumber: 0n,
    requestId: 0n
  })
  const headSize = 32 // frame header, writer id, size of whole events, size of data
  return {
    encode: ({ payload, length, eventCount, lastEventNumber, requestId }) => {
      if (length > maxAppendSize) {
        throw new WireError({ reason: new FrameTooLarge({ command: "AppendBlockEnd", length, limit: maxAppendSize }) })
      }
      const frame = template.slice()
      const view = new DataView(frame.buffer)
      view.setInt32(4, frame.length - frameHeaderSize + length)
      view.setInt32(24, length)
      view.setInt32(28, length)
      view.setInt32(32, eventCount)
      view.setBigInt64(36, lastEventNumber)
      view.setBigInt64(44, requestId)
      return [frame.subarray(0, headSize), ...payload, frame.subarray(headSize)]
    }
  }
}

/**
 * Turns a byte stream into commands. One per stream; not to be used from within its own callback.
 *
 * @category decoding
 * @since 0.1.0
 */
export interface Parser {
  /**
   * Takes the next bytes and hands over the commands that they complete, in order. The chunk may be written again as soon
   * as this returns. Throws `WireError` at the first frame that is wrong, after the commands before it; what was thrown is
   * thrown again by every later call.
   */
  readonly push: (chunk: Uint8Array, onCommand: (command: WireCommand) => void) => void
  /** Bytes of a frame that has not arrived whole. */
  readonly pending: () => number
}

/**
 * A parser that refuses payloads above `maxPayloadSize` bytes when it has seen their header, before it keeps any of
 * them: it never holds more than that, and a header.
 *
 * @category decoding
 * @since 0.1.0
 */
export const makeParser = (options?: ParserOptions): Parser =>
  new FrameParser(
    options?.maxPayloadSize ?? maxPayloadSize,
    options?.reusesAppends ?? false,
    options?.longestList ?? Infinity
  )

/** @category decoding @since 0.1.0 */
export interface ParserOptions {
  readonly maxPayloadSize?: number | undefined
  /** Frames with a list of more items are refused before one of them is read. By default a list may fill a frame. */
  readonly longestList?: number | undefined
  /** Large appends lie in buffers of `ReadBuffers`, each alone. By default in arrays of their own. */
  readonly reusesAppends?: boolean | undefined
}

class FrameParser implements Parser {
  private readonly limit: number
  private readonly reusesAppends: boolean
  private readonly longestList: number
  /** The header of a frame that spans chunks, and how much of it is there. */
  private readonly header = new Uint8Array(frameHeaderSize)
  private headerLength = 0
  /** The payload of a frame that spans chunks: exactly its size, made when its header was complete. */
  private payload: Uint8Array | undefined = undefined
  private payloadLength = 0
  private spec: DecodeSpec | undefined = undefined
  private failure: unknown = undefined
  private readonly hot = new HotCommands()
  /** Of the buffer that is being decoded: a chunk may hold thousands of frames. */
  private view: DataView | undefined = undefined
  private viewed: Uint8Array | undefined = undefined

  constructor(limit: number, reusesAppends: boolean, longestList: number) {
    this.limit = limit
    this.reusesAppends = reusesAppends
    this.longestList = longestList
  }

  readonly pending = (): number => this.headerLength + this.payloadLength

  readonly push = (chunk: Uint8Array, onCommand: (command: WireCommand) => void): void => {
    if (this.failure !== undefined) throw this.failure
    try {
      let at = 0
      while (at < chunk.length) {
        at = this.headerLength === 0 && chunk.length - at >= frameHeaderSize
          ? this.inPlace(chunk, at, onCommand)
          : this.gather(chunk, at, onCommand)
      }
    } catch (cause) {
      this.failure = cause
      this.payload = undefined
      throw cause
    } finally {
      this.view = undefined
      this.viewed = undefined
    }
  }

  /**
   * A frame whose header lies in the chunk: decoded at once if its payload does too. Where it is, when nothing of its
   * bytes is kept, or what is kept is copied there.
   */
  private inPlace(chunk: Uint8Array, at: number, onCommand: (command: WireCommand) => void): number {
    const { spec, length } = this.readHeader(chunk, at)
    const start = at + frameHeaderSize
    if (length <= chunk.length - start) {
      const end = start + length
      if (spec === specs.DataAppended) onCommand(this.decode(spec, chunk, start, end))
      else if (spec === specs.AppendBlockEnd) onCommand(this.append(chunk, start, end))
      else onCommand(this.decode(spec, copyOf(chunk, start, end), 0, length))
      return end
    }
    this.headerLength = frameHeaderSize
    this.begin(spec, length)
    return start
  }

  /** Takes what the chunk has of a frame that began in an earlier one, or whose header is cut. */
  private gather(chunk: Uint8Array, at: number, onCommand: (command: WireCommand) => void): number {
    let from = at
    if (this.payload === undefined) {
      const taken = Math.min(frameHeaderSize - this.headerLength, chunk.length - from)
      this.header.set(chunk.subarray(from, from + taken), this.headerLength)
      this.headerLength += taken
      from += taken
      if (this.headerLength < frameHeaderSize) return from
      const { spec, length } = this.readHeader(this.header, 0)
      this.begin(spec, length)
    }
    const payload = this.payload!
    const taken = Math.min(payload.length - this.payloadLength, chunk.length - from)
    payload.set(taken === chunk.length ? chunk : chunk.subarray(from, from + taken), this.payloadLength)
    this.payloadLength += taken
    if (this.payloadLength === payload.length) {
      const spec = this.spec!
      this.headerLength = 0
      this.payloadLength = 0
      this.payload = undefined
      onCommand(this.decode(spec, payload, 0, payload.length))
    }
    return from + taken
  }

  private decode(spec: DecodeSpec, bytes: Uint8Array, start: number, end: number): WireCommand {
    try {
      return this.decodeHot(spec, bytes, start, end) ??
        decode(spec, new FieldReader(bytes, start, end, this.longestList))
    } catch (cause) {
      if (!(cause instanceof MalformedBytes)) throw cause
      throw new WireError({ reason: new MalformedFrame({ command: spec.name, detail: cause.message }) })
    }
  }

  private decodeHot(spec: DecodeSpec, bytes: Uint8Array, start: number, end: number): WireCommand | undefined {
    switch (spec) {
      case specs.SegmentRead:
        return this.hot.segmentRead(bytes, this.viewOf(bytes), start, end)
      case specs.DataAppended:
        return this.hot.dataAppended(bytes, this.viewOf(bytes), start, end)
      case specs.AppendBlockEnd:
        return this.hot.appendBlockEnd(bytes, this.viewOf(bytes), start, end)
      default:
        return undefined
    }
  }

  /** The chunk's owner will write to it again: the append's data is copied, or the whole frame where it is unusual. */
  private append(chunk: Uint8Array, start: number, end: number): WireCommand {
    const command = this.hot.appendBlockEnd(chunk, this.viewOf(chunk), start, end)
    if (command === undefined) return this.decode(specs.AppendBlockEnd, copyOf(chunk, start, end), 0, end - start)
    const data = this.room(specs.AppendBlockEnd, command.data.length)
    data.set(command.data)
    return { ...command, data }
  }

  private viewOf(bytes: Uint8Array): DataView {
    if (this.view === undefined || this.viewed !== bytes) {
      this.viewed = bytes
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    return this.view
  }

  private begin(spec: DecodeSpec, length: number): void {
    this.spec = spec
    this.payload = this.room(spec, length)
    this.payloadLength = 0
  }

  private room(spec: DecodeSpec, length: number): Uint8Array {
    const isReused = spec === specs.SegmentRead ||
      (this.reusesAppends && spec === specs.AppendBlockEnd && length >= ReadBuffers.keptMinimum)
    return isReused ? ReadBuffers.take(length) : new Uint8Array(length)
  }

  private readHeader(bytes: Uint8Array, at: number): { readonly spec: DecodeSpec; readonly length: number } {
    const code = i32At(bytes, at)
    const length = i32At(bytes, at + 4)
    const spec = specByCode.get(code)
    if (spec === undefined) throw new WireError({ reason: new UnknownCommand({ code, length }) })
    if (length < 0 || length > this.limit) {
      throw new WireError({ reason: new FrameTooLarge({ command: spec.name, length, limit: this.limit }) })
    }
    return { spec, length }
  }
}

interface DecodeSpec {
  readonly name: CommandName
  readonly code: number
  readonly fields: ReadonlyArray<LayoutField>
}

const entries = Object.entries(commands).map(([name, { code, fields }]) => {
  const spec: DecodeSpec = { name: name as CommandName, code, fields: layout(fields) }
  return [name, spec] as const
})
const specs = Object.fromEntries(entries) as Readonly<Record<CommandName, DecodeSpec>>
const specByCode: ReadonlyMap<number, DecodeSpec> = new Map(entries.map(([, spec]) => [spec.code, spec]))

/** Bytes after the last known field are what newer peers added: passed over. Throws `MalformedBytes`. */
const decode = (spec: DecodeSpec, from: FieldReader): WireCommand => {
  const command: Record<string, unknown> = { _tag: spec.name }
  readFields(spec.fields, from, command)
  return command as WireCommand // the table is what types it
}

/** Not `slice`, which shares the memory of a Buffer. */
const copyOf = (bytes: Uint8Array, start: number, end: number): Uint8Array => new Uint8Array(bytes.subarray(start, end))

const join = (parts: ReadonlyArray<Uint8Array>): Uint8Array => parts.length === 1 ? parts[0]! : Bytes.concat(parts)
