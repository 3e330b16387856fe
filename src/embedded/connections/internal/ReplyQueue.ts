/**
 * The replies of one connection that wait for a commit, as frames. Acknowledgements, which come by the thousand, are
 * written side by side into blocks; everything else goes through the codec.
 *
 * @internal
 */
import { ByteWriter } from "../../../core/bytes/ByteWriter.ts"
import * as WireCodec from "../../../pravega/wire/WireCodec.ts"
import { commands, type WireCommand } from "../../../pravega/wire/WireCommand.ts"

/** A `DataAppended`: frame header, writer id, four numbers. */
const acknowledgementSize = 8 + 16 + 4 * 8
const blockSize = 64 * acknowledgementSize
/** What a part takes in memory beside its bytes: there may be a million tiny ones. */
const partOverhead = 256

/** The bytes of a UUID in text. @category encoding @since 0.1.0 */
export const uuidBytes = (text: string): Uint8Array => new ByteWriter(16).uuid(text).finish()

/** @category models @since 0.1.0 */
export class ReplyQueue {
  /** What was queued since the last `take` takes in memory: its bytes, and something for each part. */
  held = 0
  private parts: Array<Uint8Array> = []
  /** What was read from segments, among them. */
  private read: Array<Uint8Array> = []
  private block = new Uint8Array(0)
  private view = new DataView(this.block.buffer)
  /** What of `block` is used, and from where on it is not among the parts yet. */
  private used = 0
  private closed = 0

  push(command: WireCommand): void {
    this.closeBlock()
    if (command._tag === "SegmentRead") this.read.push(command.data)
    for (const part of WireCodec.encodeParts(command)) {
      this.parts.push(part)
      this.held += part.length + partOverhead
    }
  }

  dataAppended(
    writerId: Uint8Array,
    eventNumber: bigint,
    previousEventNumber: bigint,
    requestId: bigint,
    length: number
  ): void {
    if (this.block.length - this.used < acknowledgementSize) this.newBlock()
    const { block, used, view } = this
    // the first of the next part
    if (used === this.closed) this.held += partOverhead
    view.setInt32(used, commands.DataAppended.code)
    view.setInt32(used + 4, acknowledgementSize - WireCodec.frameHeaderSize)
    block.set(writerId, used + 8)
    view.setBigInt64(used + 24, eventNumber)
    view.setBigInt64(used + 32, previousEventNumber)
    view.setBigInt64(used + 40, requestId)
    view.setInt32(used + 48, Math.floor(length / 2 ** 32))
    view.setUint32(used + 52, length % 2 ** 32)
    this.used = used + acknowledgementSize
    this.held += acknowledgementSize
  }

  /** All that is queued, of which `read` may be used again once it has left; the queue is empty after it. */
  take(): { readonly parts: ReadonlyArray<Uint8Array>; readonly read: ReadonlyArray<Uint8Array> } {
    this.closeBlock()
    const { parts, read } = this
    this.parts = []
    this.read = []
    this.held = 0
    return { parts, read }
  }

  private closeBlock(): void {
    if (this.used === this.closed) return
    this.parts.push(this.block.subarray(this.closed, this.used))
    this.closed = this.used
  }

  private newBlock(): void {
    this.closeBlock()
    this.block = new Uint8Array(blockSize)
    this.view = new DataView(this.block.buffer)
    this.used = 0
    this.closed = 0
  }
}
