/**
 * Appends of one connection: which writers are set up, which event number each is at, and what an append is answered.
 *
 * A real store answers appends some time after it has read them, and what the answer changes (a set-up that is
 * complete, a failed append that takes its number back, a writer that must set up again) takes effect only then. Here
 * that is when the replies go out: `settle` is called just before.
 *
 * Facts: Pravega 0.13's `AppendProcessor` and `WriterState`.
 *
 * @internal
 */
import type { Append, AppendDecoder } from "../../../pravega/wire/AppendDecoder.ts"
import type { Command, WireCommand } from "../../../pravega/wire/WireCommand.ts"
import { notSet } from "../../store/SegmentAttributes.ts"
import type { AppendResult, SegmentContainer } from "../../store/SegmentContainer.ts"
import { type ReplyQueue, uuidBytes } from "./ReplyQueue.ts"

interface Writer {
  readonly segment: string
  readonly id: Uint8Array
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  /** Its set-up was answered. */
  isReady: boolean
  /** The number of the last append that was taken in. */
  begun: bigint
  /** The number of the last one that was acknowledged. */
  acknowledged: bigint
}

/** @category models @since 0.1.0 */
export class WireAppends {
  private readonly container: SegmentContainer
  private readonly replies: ReplyQueue
  private readonly now: () => number
  /** Knows the writers too: what is forgotten here is forgotten there. */
  private readonly decoder: AppendDecoder
  private readonly writers = new Map<string, Writer>()
  private effects: Array<() => void> = []

  constructor(container: SegmentContainer, replies: ReplyQueue, decoder: AppendDecoder, now: () => number) {
    this.container = container
    this.replies = replies
    this.decoder = decoder
    this.now = now
  }

  setup(command: Command<"SetupAppend">, expiresAt: number): void {
    const { requestId, segment, writerId } = command
    const attributes = this.container.attributes(segment)
    if (attributes === undefined) {
      this.drop(writerId)
      return this.replies.push({ _tag: "NoSuchSegment", requestId, segment, serverStackTrace: "", offset: -1n })
    }
    const lastEventNumber = attributes.get(writerId) ?? notSet
    const writer: Writer = {
      segment,
      id: uuidBytes(writerId),
      expiresAt,
      isReady: false,
      begun: lastEventNumber,
      acknowledged: lastEventNumber
    }
    this.writers.set(writerId, writer)
    this.effects.push(() => {
      writer.isReady = true
    })
    this.replies.push({ _tag: "AppendSetup", requestId, segment, writerId, lastEventNumber })
  }

  /** False: the connection must be closed, after the replies that are queued. */
  append(append: Append): boolean {
    const { eventNumber, expectedOffset, segment, writerId } = append
    const writer = this.writers.get(writerId)
    if (writer === undefined || writer.segment !== segment || !writer.isReady) return false
    if (eventNumber < writer.begun || (writer.expiresAt !== Infinity && writer.expiresAt <= this.now())) return false
    const previousEventNumber = writer.begun
    writer.begun = eventNumber
    const result = this.container.append({
      segment,
      writerId,
      eventNumber,
      previousEventNumber,
      eventCount: append.eventCount,
      expectedOffset: expectedOffset === undefined || expectedOffset < 0n ? undefined : Number(expectedOffset),
      data: append.data
    })
    if (result._tag !== "Appended") return this.failed(append, writer, result)
    if (writer.acknowledged < eventNumber) {
      this.replies.dataAppended(writer.id, eventNumber, writer.acknowledged, append.requestId, result.length)
      writer.acknowledged = eventNumber
    } // else it was appended again, which nobody is told
    return true
  }

  /** A set-up was refused: the writer is not set up, wherever it was before. */
  drop(writerId: string): void {
    this.writers.delete(writerId)
    this.decoder.forget(writerId)
  }

  /** Forgets the writers of segments that are gone: a client has one more with each transaction. */
  dropGone(): void {
    for (const [writerId, { segment }] of this.writers) {
      if (this.container.attributes(segment) === undefined) this.drop(writerId)
    }
  }

  /** Refuses an append to a segment that another store owns now. */
  wrongHost({ requestId, segment, writerId }: Append): void {
    this.forget(writerId)
    this.replies.push({ _tag: "WrongHost", requestId, segment, correctHost: "", serverStackTrace: "" })
  }

  /** The replies go out now. */
  settle(): void {
    const { effects } = this
    if (effects.length === 0) return
    this.effects = []
    for (const effect of effects) effect()
  }

  private failed(
    append: Append,
    writer: Writer,
    result: Exclude<AppendResult, { readonly _tag: "Appended" }>
  ): boolean {
    const { eventNumber, requestId, segment, writerId } = append
    switch (result._tag) {
      case "BadOffset":
        // the number may be used again
        this.effects.push(() => {
          writer.begun = writer.acknowledged
        })
        this.replies.push({ _tag: "ConditionalCheckFailed", writerId, eventNumber, requestId })
        return true
      case "BadAttribute":
        this.replies.push({ _tag: "InvalidEventNumber", writerId, requestId, serverStackTrace: "", eventNumber })
        return false
      case "TooManyAttributes":
        return false
      default:
        this.forget(writerId)
        this.replies.push(refusal(result._tag, append, segment))
        return true
    }
  }

  /** It must be set up again, once it has been told. */
  private forget(writerId: string): void {
    const writer = this.writers.get(writerId)
    this.effects.push(() => {
      if (this.writers.get(writerId) === writer) this.drop(writerId)
    })
  }
}

const refusal = (
  tag: "NoSuchSegment" | "Sealed" | "Unsupported",
  { eventNumber, requestId }: Append,
  segment: string
): WireCommand => {
  switch (tag) {
    case "NoSuchSegment":
      return { _tag: "NoSuchSegment", requestId, segment, serverStackTrace: "", offset: -1n }
    case "Sealed":
      return { _tag: "SegmentIsSealed", requestId, segment, serverStackTrace: "", offset: eventNumber }
    case "Unsupported":
      return { _tag: "OperationUnsupported", requestId, operationName: "appending data", serverStackTrace: "" }
  }
}
