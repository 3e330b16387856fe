/**
 * The AppendBlockEnd frame in its simple form (no AppendBlock before it, see `AppendProcessor` and `AppendDecoder` of
 * Pravega 0.13.0), made without touching the events: a few bytes before them, a few after. All other commands go through
 * the wire codec; this one has a form of its own because its payload is most of what a writer sends.
 */

const appendBlockEnd = 4
/** type, length, writer id, sizeOfWholeEvents, length of the data */
const headBytes = 4 + 4 + 16 + 4 + 4
/** numEvents, lastEventNumber, requestId */
const tailBytes = 4 + 8 + 8
/** Below this, one copy is cheaper than three buffers handed to the socket. */
const copyLimitBytes = 4096

export interface AppendFrameOptions {
  readonly writerId: Uint8Array
  readonly data: Uint8Array
  readonly count: number
  readonly lastEventNumber: number
  readonly requestId: bigint
}

/** The parts of the frame, in order. Large data is one of them as it is; small data is copied. */
export const encode = (options: AppendFrameOptions): ReadonlyArray<Uint8Array> => {
  const { data } = options
  const copied = data.length <= copyLimitBytes
  const frame = new Uint8Array(headBytes + tailBytes + (copied ? data.length : 0))
  const tail = copied ? headBytes + data.length : headBytes
  const view = new DataView(frame.buffer)
  view.setInt32(0, appendBlockEnd)
  view.setInt32(4, headBytes - 8 + data.length + tailBytes)
  frame.set(options.writerId, 8)
  view.setInt32(24, data.length)
  view.setInt32(28, data.length)
  view.setInt32(tail, options.count)
  view.setBigInt64(tail + 4, BigInt(options.lastEventNumber))
  view.setBigInt64(tail + 12, options.requestId)
  if (!copied) return [frame.subarray(0, headBytes), data, frame.subarray(headBytes)]
  frame.set(data, headBytes)
  return [frame]
}

/** The 16 bytes of a UUID in text form. */
export const uuidBytes = (uuid: string): Uint8Array => {
  const hex = uuid.replaceAll("-", "")
  return Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}
