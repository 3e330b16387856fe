/**
 * One client of the segment store: its bytes to commands, those to the container, and what comes back to frames. Replies
 * of one turn go out together, after the commit that made what they say durable.
 *
 * As a real store does, it tells mistakes by closing the connection; what was answered before still goes out.
 *
 * @internal
 */
import type { BytePipe } from "../../../pravega/segmentstore/BytePipe.ts"
import * as AppendDecoder from "../../../pravega/wire/AppendDecoder.ts"
import * as ReadBuffers from "../../../pravega/wire/ReadBuffers.ts"
import * as WireCodec from "../../../pravega/wire/WireCodec.ts"
import { type Command, highVersion, lowVersion, type WireCommand } from "../../../pravega/wire/WireCommand.ts"
import { WireError } from "../../../pravega/wire/WireError.ts"
import { ofTransientSegment } from "../../store/SegmentAttributes.ts"
import type { Poll, ReadResult, SegmentContainer } from "../../store/SegmentContainer.ts"
import type { WireShared } from "../WireServerOptions.ts"
import { ReplyQueue } from "./ReplyQueue.ts"
import { WireAppends } from "./WireAppends.ts"
import { accessOf, answer, readReply, refuseSegment, type SegmentRequest } from "./WireReplies.ts"

/** @category models @since 0.1.0 */
export class WireConnection {
  private readonly shared: WireShared
  private readonly container: SegmentContainer
  private readonly pipe: BytePipe
  private readonly onClosed: () => void
  private readonly parser: WireCodec.Parser
  private readonly decoder = AppendDecoder.make()
  private readonly replies = new ReplyQueue()
  private readonly appends: WireAppends
  /** Commands that were read and wait until there is room for their replies. */
  private readonly inbox: Array<WireCommand> = []
  private readonly polls = new Set<Poll>()
  private readonly transientSegments = new Set<string>()
  /** This connection's share of what all have. */
  incomplete = 0
  unsent = 0
  underWay = 0
  /** Which of all that was heard of connections was heard of this one last. */
  heard: number
  /** Bytes of appends in replies that wait for a commit. */
  private unacknowledged = 0
  /** Bytes of appends since the last `flush`. */
  private taken = 0
  /** What replies that wait for a commit hold. */
  private committing = 0
  private flushesUnderWay = 0
  private isFlushPlanned = false
  private takesMore = true
  private isPaused = false
  /** Nothing more is read; it closes after what is queued. */
  private isEnding = false
  private isClosed = false

  constructor(shared: WireShared, pipe: BytePipe, onClosed: () => void) {
    this.shared = shared
    this.container = shared.options.container
    this.parser = WireCodec.makeParser({
      maxPayloadSize: WireCodec.maxFrameSize - WireCodec.frameHeaderSize,
      reusesAppends: this.container.reusesAppends,
      longestList: shared.limits.listItems
    })
    this.pipe = pipe
    this.onClosed = onClosed
    this.heard = shared.heard
    this.appends = new WireAppends(this.container, this.replies, this.decoder, shared.options.now)
    pipe.listen({
      onData: (chunk) => this.onData(chunk),
      onDrain: () => {
        this.takesMore = true
        this.countUnsent(0)
        this.pump()
      },
      onClose: () => this.closed()
    })
  }

  /** At once, whatever is queued. */
  close(): void {
    if (this.isClosed) return
    this.pipe.close()
    this.closed()
  }

  /** Nothing is lost with it: what a client has open here it has to set up. */
  isIdle(): boolean {
    return this.underWay === 0 && this.unsent === 0 && this.flushesUnderWay === 0 && this.inbox.length === 0
  }

  /** Forgets what is under way on segments that are gone. */
  dropGone(): void {
    this.appends.dropGone()
    for (const segment of this.transientSegments) {
      if (this.container.attributes(segment) === undefined) this.transientSegments.delete(segment)
    }
    this.countUnderWay()
  }

  private onData(chunk: Uint8Array): void {
    if (this.isEnding) return
    this.heard = ++this.shared.heard
    try {
      this.parser.push(chunk, this.take)
    } catch (cause) {
      if (!(cause instanceof WireError)) throw cause
      // after the commands before it
      this.inbox.push(endMark)
    }
    const pending = this.parser.pending()
    this.shared.incomplete += pending - this.incomplete
    this.incomplete = pending
    if (pending > 0 && this.shared.incomplete > this.shared.limits.incomplete) this.shared.closeLargest("incomplete")
    this.pump()
  }

  private readonly take = (command: WireCommand): void => {
    if (this.inbox.length === 0 && this.hasRoom()) this.handle(command)
    else this.inbox.push(command)
  }

  /** Goes on with commands that waited, lets more come or stops them, and sees to it that replies go out. */
  private pump(): void {
    if (this.isClosed) return
    if (this.inbox.length > 0) {
      let handled = 0
      while (handled < this.inbox.length && this.hasRoom()) this.handle(this.inbox[handled++]!)
      this.inbox.splice(0, handled)
    }
    this.flush()
    const mustPause = this.inbox.length > 0 || !this.hasRoom()
    if (mustPause === this.isPaused) return
    this.isPaused = mustPause
    if (mustPause) this.pipe.pause()
    else this.pipe.resume()
  }

  private hasRoom(): boolean {
    const { unacknowledged, unsent } = this.shared.limits
    return this.takesMore && this.replies.held + this.committing < unsent &&
      this.unacknowledged + this.taken < unacknowledged
  }

  /** Has what is queued sent when it is durable. */
  private flush(): void {
    const { replies, taken } = this
    if (replies.held === 0 && taken === 0 && !this.isEnding) return
    if (this.isEnding && this.flushesUnderWay > 0 && replies.held === 0) return
    const { held } = replies
    const { parts, read } = replies.take()
    const onWritten = read.length === 0 ? undefined : () => read.forEach(ReadBuffers.give)
    this.taken = 0
    this.unacknowledged += taken
    this.committing += held
    this.flushesUnderWay++
    this.container.commit(() => {
      this.flushesUnderWay--
      this.unacknowledged -= taken
      this.committing -= held
      if (this.isClosed) return
      this.appends.settle()
      if (parts.length > 0 && !this.pipe.write(parts, onWritten)) {
        this.takesMore = false
        this.countUnsent(this.unsent + held)
        if (this.shared.unsent > this.shared.limits.allUnsent) this.shared.closeLargest("unsent")
        if (this.isClosed) return
      }
      this.countUnderWay()
      if (this.isEnding) {
        if (this.flushesUnderWay === 0 && this.replies.held === 0) this.finish()
      } else this.pump()
    })
  }

  private countUnsent(bytes: number): void {
    this.shared.unsent += bytes - this.unsent
    this.unsent = bytes
  }

  /** After what was written. */
  private finish(): void {
    this.pipe.finish()
    this.closed()
  }

  /** Ends the connection if it, or all together, have too much under way. */
  private countUnderWay(): void {
    const underWay = this.isClosed ? 0 : this.polls.size + this.decoder.writerCount + this.transientSegments.size
    const isMore = underWay > this.underWay
    this.shared.underWay += underWay - this.underWay
    this.underWay = underWay
    if (!isMore) return
    const { limits } = this.shared
    if (underWay > limits.underWay) {
      this.dropGone()
      if (this.underWay > limits.underWay) this.end()
    } else if (this.shared.underWay > limits.allUnderWay) this.shared.closeLargest("underWay")
  }

  /** For replies that come from outside of this connection's own turn. */
  private planFlush(): void {
    if (this.isFlushPlanned) return
    this.isFlushPlanned = true
    queueMicrotask(() => {
      this.isFlushPlanned = false
      if (!this.isClosed) this.flush()
    })
  }

  private end(): void {
    this.isEnding = true
    this.inbox.length = 0
  }

  private handle(command: WireCommand): void {
    if (this.isEnding) return
    if (command === endMark) return this.end()
    try {
      const decoded = this.decoder.push(command)
      if (decoded === undefined) return
      if (decoded._tag === "Append") this.append(decoded)
      else this.request(decoded)
    } catch (cause) {
      if (!(cause instanceof WireError)) throw cause
      this.end()
    }
  }

  private append(append: AppendDecoder.Append): void {
    const { owns } = this.shared.options
    if (owns !== undefined && !owns(append.segment)) return this.appends.wrongHost(append)
    this.taken += append.data.length
    if (!this.appends.append(append)) this.end()
  }

  private request(command: Exclude<WireCommand, AppendDecoder.AppendFrame>): void {
    switch (command._tag) {
      case "Hello":
        this.replies.push({ _tag: "Hello", highVersion, lowVersion })
        if (command.lowVersion > highVersion || command.highVersion < lowVersion) this.end()
        return
      case "KeepAlive":
        return this.replies.push(command)
      default: {
        const access = accessOf(command)
        // a reply, or what only an administration port takes
        if (access === undefined) return this.end()
        const check = this.check(access)
        if (check === undefined) {
          if (command._tag === "SetupAppend") this.appends.drop(command.writerId)
          return
        }
        return this.allowed(access.command, check.expiresAt)
      }
    }
  }

  private allowed(command: SegmentRequest, expiresAt: number): void {
    switch (command._tag) {
      case "SetupAppend":
        this.appends.setup(command, expiresAt)
        return this.countUnderWay()
      case "ReadSegment":
        return this.read(command)
      case "CreateTransientSegment":
        return this.createTransient(command)
      default: {
        const reply = answer(this.container, command)
        if (reply?._tag === "SegmentsMerged") this.transientSegments.delete(reply.source)
        if (reply === undefined) this.end()
        else this.replies.push(reply)
      }
    }
  }

  /** Undefined: refused, and answered. */
  private check(
    { access, command, segments }: NonNullable<ReturnType<typeof accessOf>>
  ): { readonly expiresAt: number } | undefined {
    const { owns, verifyToken } = this.shared.options
    const elsewhere = owns && segments.find((segment) => !owns(segment))
    if (elsewhere !== undefined) {
      this.replies.push(refuseSegment(command.requestId, elsewhere))
      return undefined
    }
    if (verifyToken === undefined) return { expiresAt: Infinity }
    const check = verifyToken(segments, command.delegationToken, access)
    if (check._tag === "Ok") return check
    if (check._tag === "Expired" && command._tag === "SetupAppend") this.end()
    else {
      this.replies.push({
        _tag: "AuthTokenCheckFailed",
        // as a real store has it
        requestId: command._tag === "ReadSegment" ? command.offset : command.requestId,
        serverStackTrace: "",
        errorCode: check._tag === "Expired" ? 1 : 0
      })
    }
    return undefined
  }

  private read(command: Command<"ReadSegment">): void {
    let poll: Poll | undefined = undefined
    const later = (result: ReadResult): void => {
      if (poll !== undefined) this.polls.delete(poll)
      this.readResult(command, result)
      this.planFlush()
    }
    const { offset, segment, suggestedLength } = command
    // a peer that is slow for a moment still gets all there is: only what waits for it in memory is bounded
    const hasRoom = () => this.replies.held < this.shared.limits.unsent
    const result = this.container.read(segment, Number(offset), suggestedLength, later, hasRoom)
    if (result._tag !== "Poll") return this.readResult(command, result)
    poll = result
    this.polls.add(poll)
    this.countUnderWay()
  }

  private readResult(command: Command<"ReadSegment">, result: ReadResult): void {
    const reply = readReply(command, result)
    if (reply === undefined) this.end()
    else this.replies.push(reply)
  }

  private createTransient(command: Command<"CreateTransientSegment">): void {
    const { parentSegment, requestId, writerId } = command
    const digits = writerId.replaceAll("-", "")
    const segment = `${parentSegment}#transient.${digits}.${this.shared.options.randomDigits()}`
    if (this.container.create(segment, { attributes: ofTransientSegment }) === "exists") return this.end()
    this.transientSegments.add(segment)
    this.countUnderWay()
    this.replies.push({ _tag: "SegmentCreated", requestId, segment })
  }

  private closed(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.end()
    this.shared.incomplete -= this.incomplete
    this.incomplete = 0
    this.countUnsent(0)
    this.countUnderWay()
    this.replies.take()
    for (const poll of this.polls) poll.cancel()
    this.polls.clear()
    // what was merged is not there any more, and that is fine
    for (const segment of this.transientSegments) this.container.delete(segment)
    if (this.transientSegments.size > 0) this.container.commit(() => {})
    this.onClosed()
  }
}

/** Stands for bytes that are no command: what comes before them is still served. */
const endMark: WireCommand = { _tag: "Padding", length: 0 }
