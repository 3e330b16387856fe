/**
 * The wire codec beside a plain copy of the same bytes, in one process and run: `npm exec -- node --conditions=source
 * bench/codec.ts`.
 *
 * What it does not show: sockets, the store, Effect. Decoding hands out views, so payloads that lie within one chunk cost
 * nothing per byte; the rows with chunks of 64 KiB are what a socket does to large replies. The copy goes to one warm
 * buffer, the parser's to fresh ones that the collector must take back: that, and page faults, is most of the difference.
 */
import * as WireCodec from "../src/pravega/wire/WireCodec.ts"
import type { WireCommand } from "../src/pravega/wire/WireCommand.ts"

const segment = "flights/delays/3.#epoch.1"
const writerId = "01234567-89ab-cdef-0123-456789abcdef"
const socketChunkBytes = 64 * 1024
const runMillis = 400
const runs = 3

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

/** The best of some runs, in calls per second. */
const rate = (call: () => void): number => {
  let best = 0
  for (let run = 0; run < runs; run++) {
    let calls = 0
    const start = performance.now()
    while (performance.now() - start < runMillis) {
      for (let i = 0; i < 8; i++) call()
      calls += 8
    }
    best = Math.max(best, calls / (performance.now() - start) * 1000)
  }
  return best
}

const row = (name: string, frames: number, bytes: number, perSecond: number): void =>
  console.log(
    name.padEnd(56),
    `${(perSecond * frames / 1000).toFixed(0)}k frames/s`.padStart(16),
    `${(perSecond * bytes / 1e9).toFixed(2)} GB/s`.padStart(14)
  )

const repeated = (command: WireCommand, atLeastBytes: number) => {
  const one = WireCodec.encode(command)
  const frames = Math.max(1, Math.ceil(atLeastBytes / one.length))
  return { frames, bytes: new Uint8Array(Buffer.concat(Array.from({ length: frames }, () => one))) }
}

const chunked = (bytes: Uint8Array): Array<Uint8Array> => {
  const chunks: Array<Uint8Array> = []
  for (let at = 0; at < bytes.length; at += socketChunkBytes) chunks.push(bytes.subarray(at, at + socketChunkBytes))
  return chunks
}

let sink = 0

const decodeRow = (name: string, command: WireCommand, atLeastBytes: number): void => {
  const { bytes, frames } = repeated(command, atLeastBytes)
  const chunks = chunked(bytes)
  const parser = WireCodec.makeParser()
  const onCommand = (decoded: WireCommand): void => {
    sink += decoded._tag.length
  }
  row(
    name,
    frames,
    bytes.length,
    rate(() => {
      for (const chunk of chunks) parser.push(chunk, onCommand)
    })
  )
  const target = new Uint8Array(bytes.length)
  row("  plain copy, warm", frames, bytes.length, rate(() => target.set(bytes)))
  row(
    "  plain copy, each to a new buffer",
    frames,
    bytes.length,
    rate(() => {
      sink += bytes.slice().length
    })
  )
}

decodeRow("decode SegmentRead of 2 MiB in chunks of 64 KiB", segmentRead(2 * 1024 * 1024), 0)
decodeRow("decode SegmentRead of 256 KiB in chunks of 64 KiB", segmentRead(256 * 1024), 1024 * 1024)
decodeRow("decode SegmentRead of 1 KiB in chunks of 64 KiB", segmentRead(1024), 1024 * 1024)
decodeRow("decode DataAppended in chunks of 64 KiB", dataAppended, 64 * 1024)

const encodeRow = (name: string, command: WireCommand): void =>
  row(
    name,
    1,
    WireCodec.encode(command).length,
    rate(() => {
      sink += WireCodec.encodeParts(command).length
    })
  )
encodeRow("encode SegmentRead of 256 KiB as parts", segmentRead(256 * 1024))
encodeRow("encode DataAppended", dataAppended)
encodeRow("encode GetStreamSegmentInfo", segmentInfo)

const encoder = WireCodec.makeAppendEncoder(writerId)
const payload = [new Uint8Array(64 * 1024)]
row(
  "frame an append of 64 KiB",
  1,
  64 * 1024,
  rate(() => {
    const append = { payload, length: 64 * 1024, eventCount: 64, lastEventNumber: 64n, requestId: 2n ** 62n }
    sink += encoder.encode(append).length
  })
)

if (sink === 0) throw new Error("nothing was done")
