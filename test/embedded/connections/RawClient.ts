/** One end of a pipe to a store under test: commands and bytes out, replies in, nothing hidden. */
import { Effect } from "effect"
import type { BytePipe } from "../../../src/pravega/segmentstore/BytePipe.ts"
import * as WireCodec from "../../../src/pravega/wire/WireCodec.ts"
import type { WireCommand } from "../../../src/pravega/wire/WireCommand.ts"

export class RawClient {
  isClosed = false
  readonly pipe: BytePipe
  private received: Array<WireCommand> = []
  private readonly parser = WireCodec.makeParser()

  constructor(pipe: BytePipe) {
    this.pipe = pipe
    pipe.listen({
      onData: (chunk) => this.parser.push(chunk, (reply) => this.received.push(reply)),
      onDrain: () => {},
      onClose: () => {
        this.isClosed = true
      }
    })
  }

  /** As one chunk of bytes. */
  send(...commands: ReadonlyArray<WireCommand>): void {
    this.pipe.write([Buffer.concat(commands.map(WireCodec.encode))])
  }

  bytes(bytes: Uint8Array): void {
    this.pipe.write([bytes])
  }

  /** What came since the last time. */
  take(): Array<WireCommand> {
    const { received } = this
    this.received = []
    return received
  }

  /** What comes back for the commands; nothing else may be under way. */
  ask(...commands: ReadonlyArray<WireCommand>): Effect.Effect<Array<WireCommand>> {
    return Effect.suspend(() => {
      this.send(...commands)
      return Effect.map(settled, () => this.take())
    })
  }
}

/** All that pipes in memory and a store in memory do is done: a commit takes a turn, and what it sets off another. */
export const settled: Effect.Effect<void> = Effect.callback((resume) => {
  const wait = (turns: number): unknown => setImmediate(() => turns === 0 ? resume(Effect.void) : wait(turns - 1))
  wait(6)
})

const token = { delegationToken: "" }
export const notSet = -(2n ** 63n)

export const create = (segment: string): WireCommand => ({
  _tag: "CreateSegment",
  requestId: 1n,
  segment,
  targetRate: 0,
  scaleType: 0,
  rolloverSizeBytes: 0n,
  ...token
})
export const setup = (segment: string, writerId: string): WireCommand => ({
  _tag: "SetupAppend",
  requestId: 2n,
  segment,
  writerId,
  ...token
})
export const append = (writerId: string, lastEventNumber: bigint, data: Uint8Array, numEvents = 1): WireCommand => ({
  _tag: "AppendBlockEnd",
  writerId,
  sizeOfWholeEvents: data.length,
  data,
  numEvents,
  lastEventNumber,
  requestId: 3n
})
export const conditional = (
  writerId: string,
  eventNumber: bigint,
  expectedOffset: bigint,
  data: Uint8Array
): WireCommand => ({ _tag: "ConditionalBlockEnd", writerId, eventNumber, expectedOffset, data, requestId: 4n })
export const read = (segment: string, offset: bigint, suggestedLength: number, requestId = 5n): WireCommand => ({
  _tag: "ReadSegment",
  segment,
  offset,
  suggestedLength,
  requestId,
  ...token
})
export const seal = (segment: string): WireCommand => ({ _tag: "SealSegment", requestId: 6n, segment, ...token })
export const remove = (segment: string): WireCommand => ({ _tag: "DeleteSegment", requestId: 7n, segment, ...token })
export const info = (segmentName: string): WireCommand => ({
  _tag: "GetStreamSegmentInfo",
  requestId: 8n,
  segmentName,
  ...token
})
export const truncate = (segment: string, truncationOffset: bigint): WireCommand => ({
  _tag: "TruncateSegment",
  requestId: 9n,
  segment,
  truncationOffset,
  ...token
})
export const merge = (target: string, source: string): WireCommand => ({
  _tag: "MergeSegments",
  requestId: 10n,
  target,
  source,
  attributeUpdates: [],
  ...token
})
export const mergeBatch = (targetSegmentId: string, sourceSegmentIds: ReadonlyArray<string>): WireCommand => ({
  _tag: "MergeSegmentsBatch",
  requestId: 11n,
  targetSegmentId,
  sourceSegmentIds,
  ...token
})
export const attribute = (segmentName: string, attributeId: string): WireCommand => ({
  _tag: "GetSegmentAttribute",
  requestId: 12n,
  segmentName,
  attributeId,
  ...token
})
export const updateAttribute = (
  segmentName: string,
  attributeId: string,
  newValue: bigint,
  expectedValue: bigint
): WireCommand => ({
  _tag: "UpdateSegmentAttribute",
  requestId: 13n,
  segmentName,
  attributeId,
  newValue,
  expectedValue,
  ...token
})
