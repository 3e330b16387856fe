/**
 * The server's side of appending: puts the frames of a connection together into appends, and refuses what a segment store
 * refuses. It keeps no segment and acknowledges nothing.
 *
 * An append comes as one `AppendBlockEnd`, as `AppendBlock` and `AppendBlockEnd` (the block is announced before its
 * sender knows how many events it will hold), or as one of the two conditional commands.
 *
 * Facts: Pravega 0.13's `AppendDecoder`, fixed by vectors that its Java library made.
 *
 * @since 0.1.0
 */
import * as EventFrame from "../../core/bytes/EventFrame.ts"
import type { Command, WireCommand } from "./WireCommand.ts"
import { UnexpectedCommand, WireError } from "./WireError.ts"

/** One append, whole: all of its events become visible together, or none. @category models @since 0.1.0 */
export interface Append {
  readonly _tag: "Append"
  readonly segment: string
  readonly writerId: string
  /** The number of its last event. */
  readonly eventNumber: bigint
  readonly eventCount: number
  /** The length that the segment must have; undefined: any. */
  readonly expectedOffset: bigint | undefined
  readonly requestId: bigint
  /** Framed events, or for a `ConditionalBlockEnd` bytes without frame. A view where no copy was needed. */
  readonly data: Uint8Array
}

/** The commands that go into appends, and never come out of the decoder. @category models @since 0.1.0 */
export type AppendFrame = Command<
  "AppendBlock" | "AppendBlockEnd" | "PartialEvent" | "Event" | "Padding" | "ConditionalAppend" | "ConditionalBlockEnd"
>

/** @category models @since 0.1.0 */
export interface AppendDecoder {
  /**
   * Takes the connection's next command. Returns an append when it completes one, undefined when it was taken in, and
   * the command itself when it is none of an append's (a `SetupAppend` is noted, and returned).
   *
   * Throws `WireError` (`UnexpectedCommand`) for what a segment store closes the connection for.
   */
  readonly push: (command: WireCommand) => Append | Exclude<WireCommand, AppendFrame> | undefined
  /** A writer whose set-up was refused, or that must set up again: its appends are refused from now on. */
  readonly forget: (writerId: string) => void
  /** How many writers are set up. */
  readonly writerCount: number
}

/** One per connection. @category constructors @since 0.1.0 */
export const make = (): AppendDecoder => new Decoder()

interface Writer {
  readonly segment: string
  lastEventNumber: bigint
}

class Decoder implements AppendDecoder {
  private readonly writers = new Map<string, Writer>()
  private block: Command<"AppendBlock"> | undefined = undefined

  push(command: WireCommand): Append | Exclude<WireCommand, AppendFrame> | undefined {
    switch (command._tag) {
      case "SetupAppend":
        this.outsideBlock(command)
        // a second set-up of the writer redirects it, and its numbers start over
        this.writers.set(command.writerId, { segment: command.segment, lastEventNumber: 0n })
        return command
      case "AppendBlock":
        this.outsideBlock(command)
        this.writer(command)
        this.block = command
        return undefined
      case "AppendBlockEnd":
        return this.blockEnd(command)
      case "ConditionalAppend":
        return this.conditional(command, EventFrame.encode(command.event))
      case "ConditionalBlockEnd":
        return this.conditional(command, command.data)
      case "Padding":
        this.outsideBlock(command)
        return undefined
      case "PartialEvent":
      case "Event":
        return refuse(command, "it may only come inside another command")
      default:
        return command
    }
  }

  forget(writerId: string): void {
    this.writers.delete(writerId)
  }

  get writerCount(): number {
    return this.writers.size
  }

  private blockEnd(command: Command<"AppendBlockEnd">): Append {
    const { block } = this
    this.block = undefined
    const writer = this.writer(command)
    if (command.numEvents < 1) return refuse(command, `${command.numEvents} events`)
    this.advance(writer, command, command.lastEventNumber)
    return {
      _tag: "Append",
      segment: writer.segment,
      writerId: command.writerId,
      eventNumber: command.lastEventNumber,
      eventCount: command.numEvents,
      expectedOffset: undefined,
      requestId: command.requestId,
      data: block === undefined ? command.data : blockData(block, command)
    }
  }

  private conditional(
    command: Command<"ConditionalAppend"> | Command<"ConditionalBlockEnd">,
    data: Uint8Array
  ): Append {
    this.outsideBlock(command)
    const writer = this.writer(command)
    this.advance(writer, command, command.eventNumber)
    return {
      _tag: "Append",
      segment: writer.segment,
      writerId: command.writerId,
      eventNumber: command.eventNumber,
      eventCount: 1,
      expectedOffset: command.expectedOffset,
      requestId: command.requestId,
      data
    }
  }

  private outsideBlock(command: WireCommand): void {
    if (this.block !== undefined) refuse(command, "an AppendBlock waits for its AppendBlockEnd")
  }

  private writer(command: WireCommand & { readonly writerId: string }): Writer {
    return this.writers.get(command.writerId) ?? refuse(command, `writer ${command.writerId} is not set up`)
  }

  private advance(writer: Writer, command: WireCommand, eventNumber: bigint): void {
    if (eventNumber < writer.lastEventNumber) {
      refuse(command, `event number ${eventNumber} after ${writer.lastEventNumber}`)
    }
    writer.lastEventNumber = eventNumber
  }
}

const paddingCode = -1
const partialEventCode = -2

/** The block's whole events, then the event that its inner frame began and `end` completes. */
const blockData = (block: Command<"AppendBlock">, end: Command<"AppendBlockEnd">): Uint8Array => {
  if (block.writerId !== end.writerId) {
    return refuse(end, `the block is of writer ${block.writerId}, not ${end.writerId}`)
  }
  const { data } = block
  const whole = end.sizeOfWholeEvents
  if (whole < 0 || whole > data.length) return refuse(end, `${whole} bytes of events in a block of ${data.length}`)
  const started = innerFrame(data, whole, end)
  if (started.length === 0 && end.data.length === 0) return data.subarray(0, whole)
  const append = new Uint8Array(whole + started.length + end.data.length)
  append.set(data.subarray(0, whole))
  append.set(started, whole)
  append.set(end.data, whole + started.length)
  return append
}

/** What follows the whole events: nothing, padding, or the first part of an event. */
const innerFrame = (data: Uint8Array, at: number, end: Command<"AppendBlockEnd">): Uint8Array => {
  const none = data.subarray(at, at)
  if (at === data.length) return none
  if (data.length - at < 8) return refuse(end, `${data.length - at} bytes after the block's events`)
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const code = view.getInt32(at)
  const length = view.getInt32(at + 4)
  if (length < 0 || length > data.length - at - 8) return refuse(end, `inner frame of ${length} bytes at ${at}`)
  switch (code) {
    case paddingCode:
      return end.data.length === 0 ? none : refuse(end, "data after a padded block")
    case partialEventCode:
      return data.subarray(at + 8, at + 8 + length)
    default:
      return refuse(end, `inner frame of type ${code}`)
  }
}

const refuse = (command: WireCommand, detail: string): never => {
  throw new WireError({ reason: new UnexpectedCommand({ command: command._tag, detail }) })
}
