/**
 * What the wire codec does all the time, as calls that can be repeated, each with a plain copy of the same bytes beside it.
 * Decoding hands out views, so payloads that lie within one chunk cost nothing per byte; chunks of 64 KiB are what a
 * socket does to large replies.
 */
import * as WireCodec from "../src/pravega/wire/WireCodec.ts"
import type { WireCommand } from "../src/pravega/wire/WireCommand.ts"

export interface CodecCall {
  readonly name: string
  /** Of one call. */
  readonly frames: number
  readonly bytes: number
  readonly call: () => number
  /** Copies as many bytes to a new array. */
  readonly copy: () => number
}

const segment = "flights/delays/3.#epoch.1"
const writerId = "01234567-89ab-cdef-0123-456789abcdef"
const socketChunkBytes = 64 * 1024

const segmentRead = (size: number): WireCommand => ({
  _tag: "SegmentRead",
  segment,
  offset: 2n ** 40n,
  atTail: false,
  endOfSegment: false,
  data: new Uint8Array(size).fill(7),
  requestId: 2n ** 62n
})
const dataAppended: WireCommand = {
  _tag: "DataAppended",
  writerId,
  eventNumber: 1_000_000n,
  previousEventNumber: 999_000n,
  requestId: 2n ** 62n,
  currentSegmentWriteOffset: 2n ** 40n
}
const segmentInfo: WireCommand = {
  _tag: "GetStreamSegmentInfo",
  requestId: 2n ** 62n,
  segmentName: segment,
  delegationToken: ""
}

const copyOf = (bytes: Uint8Array) => (): number => bytes.slice().length

const decodes = (name: string, command: WireCommand, atLeastBytes: number): CodecCall => {
  const one = WireCodec.encode(command)
  const frames = Math.max(1, Math.ceil(atLeastBytes / one.length))
  const bytes = new Uint8Array(Buffer.concat(Array.from({ length: frames }, () => one)))
  const chunks: Array<Uint8Array> = []
  for (let at = 0; at < bytes.length; at += socketChunkBytes) chunks.push(bytes.subarray(at, at + socketChunkBytes))
  const parser = WireCodec.makeParser()
  let seen = 0
  const onCommand = (decoded: WireCommand): void => {
    seen += decoded._tag.length
  }
  const call = (): number => {
    for (const chunk of chunks) parser.push(chunk, onCommand)
    return seen
  }
  return { name: `decode ${name}`, frames, bytes: bytes.length, call, copy: copyOf(bytes) }
}

const encodes = (name: string, command: WireCommand): CodecCall => {
  const bytes = WireCodec.encode(command)
  const call = (): number => WireCodec.encodeParts(command).length
  return { name: `encode ${name}`, frames: 1, bytes: bytes.length, call, copy: copyOf(bytes) }
}

const appends = (size: number): CodecCall => {
  const encoder = WireCodec.makeAppendEncoder(writerId)
  const payload = [new Uint8Array(size)]
  const append = { payload, length: size, eventCount: 64, lastEventNumber: 64n, requestId: 2n ** 62n }
  const call = (): number => encoder.encode(append).length
  return { name: `frame an append of ${size / 1024} KiB`, frames: 1, bytes: size, call, copy: copyOf(payload[0]!) }
}

export const codecCalls = (): ReadonlyArray<CodecCall> => [
  decodes("SegmentRead of 2 MiB", segmentRead(2 * 1024 * 1024), 0),
  decodes("SegmentRead of 256 KiB", segmentRead(256 * 1024), 1024 * 1024),
  decodes("SegmentRead of 1 KiB", segmentRead(1024), 1024 * 1024),
  decodes("DataAppended", dataAppended, 64 * 1024),
  encodes("SegmentRead of 256 KiB", segmentRead(256 * 1024)),
  encodes("DataAppended", dataAppended),
  encodes("GetStreamSegmentInfo", segmentInfo),
  appends(64 * 1024)
]
