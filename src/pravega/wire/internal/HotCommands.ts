/**
 * Decodes what comes by the thousand without going through the table: read data and acknowledgements, and on a server's
 * side appends.
 * Only whole frames of the newest layout: for all else, short frames of older peers and broken ones, these return
 * undefined, and the table's decoder says what they are.
 *
 * @internal
 */
import { ByteReader, uuidText } from "../../../core/bytes/ByteReader.ts"
import type { Command } from "../WireCommand.ts"

/**
 * Decodes commands of one connection, on which names repeat: each is made into a string when it changes.
 *
 * @category models
 * @since 0.1.0
 */
export class HotCommands {
  private readonly segment = new LastText()
  private readonly writerId = new LastText()

  /** i64 offset, 2 bools, i32 length, data, i64 request id; before them u16 length and name of the segment. */
  segmentRead(bytes: Uint8Array, view: DataView, start: number, end: number): Command<"SegmentRead"> | undefined {
    if (end - start < 2) return undefined
    const nameLength = view.getUint16(start)
    const at = start + 2 + nameLength
    if (end - at < 14) return undefined
    const length = view.getInt32(at + 10)
    if (length < 0 || end - at - 14 < length + 8) return undefined
    return {
      _tag: "SegmentRead",
      segment: this.segment.at(bytes, start + 2, nameLength) ??
        this.segment.set(bytes, start + 2, nameLength, new ByteReader(bytes, start, end).utf()),
      offset: view.getBigInt64(at),
      atTail: bytes[at + 8] !== 0,
      endOfSegment: bytes[at + 9] !== 0,
      data: bytes.subarray(at + 14, at + 14 + length),
      requestId: view.getBigInt64(at + 14 + length)
    }
  }

  dataAppended(bytes: Uint8Array, view: DataView, start: number, end: number): Command<"DataAppended"> | undefined {
    if (end - start < 48) return undefined
    return {
      _tag: "DataAppended",
      writerId: this.writerId.at(bytes, start, 16) ?? this.writerId.set(bytes, start, 16, uuidText(bytes, start)),
      eventNumber: view.getBigInt64(start + 16),
      previousEventNumber: view.getBigInt64(start + 24),
      requestId: view.getBigInt64(start + 32),
      currentSegmentWriteOffset: view.getBigInt64(start + 40)
    }
  }

  /** Writer id, i32 size of whole events, i32 length, data, i32 count, i64 event number, i64 request id. */
  appendBlockEnd(bytes: Uint8Array, view: DataView, start: number, end: number): Command<"AppendBlockEnd"> | undefined {
    if (end - start < 44) return undefined
    const length = view.getInt32(start + 20)
    if (length < 0 || end - start - 44 < length) return undefined
    const at = start + 24
    return {
      _tag: "AppendBlockEnd",
      writerId: this.writerId.at(bytes, start, 16) ?? this.writerId.set(bytes, start, 16, uuidText(bytes, start)),
      sizeOfWholeEvents: view.getInt32(start + 16),
      data: bytes.subarray(at, at + length),
      numEvents: view.getInt32(at + length),
      lastEventNumber: view.getBigInt64(at + length + 4),
      requestId: view.getBigInt64(at + length + 12)
    }
  }
}

/** The text that certain bytes stood for the last time. */
class LastText {
  private bytes: Uint8Array = new Uint8Array(0)
  private text: string | undefined = undefined

  at(bytes: Uint8Array, start: number, length: number): string | undefined {
    const known = this.bytes
    if (known.length !== length) return undefined
    for (let i = 0; i < length; i++) if (known[i] !== bytes[start + i]) return undefined
    return this.text
  }

  set(bytes: Uint8Array, start: number, length: number, text: string): string {
    this.bytes = bytes.slice(start, start + length)
    this.text = text
    return text
  }
}
