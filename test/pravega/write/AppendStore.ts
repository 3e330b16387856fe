/**
 * A segment store and a controller in memory, for tests of writers: segments are arrays, connections are two queues of
 * frames, and nothing moves unless the test says so. It does with appends what a real server was seen to do: no
 * filter for duplicates on a living connection, numbers compared with what the connection knows, errors as closed
 * connections, and appends of a dead connection that still take effect later.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import type { ScopedStream } from "../../../src/core/ScopedStream.ts"
import * as Segment from "../../../src/core/Segment.ts"
import * as TransactionId from "../../../src/core/TransactionId.ts"
import { Controller, type PingStatus, type TransactionState } from "../../../src/pravega/controller/Controller.ts"
import {
  ControllerError,
  ControllerUnavailable,
  TransactionNotOpen
} from "../../../src/pravega/controller/ControllerError.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import { ConnectionLost } from "../../../src/pravega/segmentstore/ConnectionError.ts"
import type { ReplyHandler, SegmentConnection } from "../../../src/pravega/segmentstore/SegmentConnection.ts"
import { Segments } from "../../../src/pravega/segmentstore/Segments.ts"
import { SegmentStores } from "../../../src/pravega/segmentstore/SegmentStores.ts"
import * as WireCodec from "../../../src/pravega/wire/WireCodec.ts"
import type { WireCommand } from "../../../src/pravega/wire/WireCommand.ts"

const neverWritten = -(2n ** 63n)

interface StoredSegment {
  readonly events: Array<Uint8Array>
  /** Last event number by writer id. */
  readonly writers: Map<string, bigint>
  sealed: boolean
}

interface ServerWriter {
  readonly segment: string
  readonly requestId: bigint
  lastKnown: bigint
}

/** Acknowledgements of one writer that are held back, to be sent as one. */
interface HeldAck {
  readonly requestId: bigint
  readonly previous: bigint
  last: bigint
}

export class FakeConnection implements SegmentConnection {
  readonly endpoint = "fake:1"
  private readonly store: AppendStore
  private readonly handlers = new Map<bigint, ReplyHandler>()
  private readonly drains: Array<() => void> = []
  private requestIds = 0n
  /** Frames on their way to the store. */
  readonly toStore: Array<WireCommand> = []
  /** Replies on their way to the client. */
  readonly toClient: Array<WireCommand> = []
  readonly writers = new Map<string, ServerWriter>()
  readonly held = new Map<string, HeldAck>()
  lost = false
  /** The store has ended it; the client learns of it after the replies that are on their way. */
  closedByStore = false
  full = false

  constructor(store: AppendStore) {
    this.store = store
  }

  nextRequestId = (): bigint => ++this.requestIds

  subscribe = (requestId: bigint, handler: ReplyHandler): () => void => {
    if (this.lost) handler.onLost(this.error())
    else this.handlers.set(requestId, handler)
    return () => this.handlers.delete(requestId)
  }

  send = (command: WireCommand): boolean => {
    if (!this.lost) this.toStore.push(command)
    return !this.full
  }

  sendFrame = (parts: ReadonlyArray<Uint8Array>): boolean => {
    const parser = WireCodec.makeParser()
    for (const part of parts) parser.push(Uint8Array.from(part), (command) => this.send(command))
    return !this.full
  }

  onDrain = (callback: () => void): void => {
    if (this.full) this.drains.push(callback)
    else callback()
  }

  call = () => Effect.die("not used by writers")
  isLost = (): boolean => this.lost
  fail = (reason: string): void => this.kill(reason)

  drain(): void {
    this.full = false
    for (const callback of this.drains.splice(0)) if (!this.lost) callback()
  }

  /** The client loses it: replies on their way are lost, frames on their way may still arrive. */
  kill(reason = "killed"): void {
    if (this.lost) return
    this.lost = true
    this.toClient.length = 0
    const handlers = [...this.handlers.values()]
    this.handlers.clear()
    for (const handler of handlers) handler.onLost(this.error(reason))
  }

  /** The store takes the next frame. */
  deliverToStore(): void {
    const command = this.toStore.shift()
    if (command !== undefined && !this.closedByStore) this.store.process(this, command)
  }

  deliverToClient(): void {
    const reply = this.toClient.shift()
    if (reply === undefined) {
      if (this.closedByStore) this.kill("closed by the store")
      return
    }
    if ("requestId" in reply) this.handlers.get(reply.requestId)?.onReply(reply)
  }

  private error(reason = "lost"): ConnectionLost {
    return new ConnectionLost({ endpoint: this.endpoint, reason })
  }
}

interface Range {
  readonly segment: Segment.SegmentWithRange
  readonly predecessors: ReadonlyArray<Segment.SegmentId>
}

interface StoredTransaction {
  state: TransactionState
  readonly segments: ReadonlyArray<string>
  pings: number
}

export class AppendStore {
  readonly stream: ScopedStream
  readonly segments = new Map<string, StoredSegment>()
  private readonly truncated: Array<StoredSegment> = []
  readonly connections: Array<FakeConnection> = []
  /** Segments that a scale has replaced and that are not sealed yet. */
  readonly toSeal: Array<Segment.SegmentId> = []
  private readonly successors = new Map<Segment.SegmentId, ReadonlyArray<Range>>()
  active: Array<Segment.SegmentWithRange> = []
  private epoch = 0
  private nextNumber = 0
  isStreamSealed = false
  /** So many next set-ups are answered with WrongHost. */
  wrongHosts = 0
  /** So many next set-ups make the store close the connection, as an expired token does. */
  expiredTokens = 0
  /** So many next set-ups are answered with AuthTokenCheckFailed. */
  refusedTokens = 0
  connectsRefused = 0
  readonly transactions = new Map<TransactionId.TransactionId, StoredTransaction>()
  /** Controller calls that change a transaction, in order. */
  readonly calls: Array<string> = []
  /** Replies of the next calls of `commitTransaction` that are lost: "before" it takes effect, or "after". */
  readonly lostCommits: Array<"before" | "after"> = []
  /** How long a transaction takes from commit to committed; undefined: until its state was asked for once. */
  commitMillis: number | undefined
  private readonly committedAt = new Map<TransactionId.TransactionId, number>()
  statesAsked = 0
  /** So many calls of `transactionState` find no controller. */
  statesUnavailable = 0
  pingStatus: PingStatus = "ok"

  constructor(stream: ScopedStream, segments: number) {
    this.stream = stream
    for (let i = 0; i < segments; i++) this.create({ low: i / segments, high: (i + 1) / segments })
  }

  name(id: Segment.SegmentId): string {
    return Segment.name(this.stream, id)
  }

  segment(id: Segment.SegmentId): StoredSegment {
    const found = this.segments.get(this.name(id))
    if (found === undefined) throw new Error(`no segment ${id}`)
    return found
  }

  /** Splits the active segment `index` in two. */
  split(index: number): void {
    const old = this.active[index % this.active.length]!
    const middle = (old.range.low + old.range.high) / 2
    this.replace([old], [{ low: old.range.low, high: middle }, { low: middle, high: old.range.high }])
  }

  /** Merges the active segment `index` with its neighbour. */
  merge(index: number): void {
    if (this.active.length < 2) return
    const at = index % (this.active.length - 1)
    const [left, right] = [this.active[at]!, this.active[at + 1]!]
    this.replace([left, right], [{ low: left.range.low, high: right.range.high }])
  }

  sealNext(): void {
    const id = this.toSeal.shift()
    if (id !== undefined) this.segment(id).sealed = true
  }

  /** Deletes the sealed segment `index`, as a truncation does. What it had stays in `contents`. */
  truncate(index: number): void {
    const sealed = [...this.segments].filter(([, { sealed }]) => sealed)
    const found = sealed[index % Math.max(1, sealed.length)]
    if (found === undefined) return
    this.segments.delete(found[0])
    this.truncated.push(found[1])
  }

  sealStream(): void {
    this.isStreamSealed = true
    for (const { id } of this.active) this.segment(id).sealed = true
    this.active = []
  }

  /** Everything that was ever stored in the stream; in an order that keeps each key's while nothing was truncated. */
  contents(): Array<string> {
    return [...this.truncated, ...this.segments.values()]
      .flatMap(({ events }) => events.map((event) => new TextDecoder().decode(event)))
  }

  /** The events in a transaction's part of a segment. */
  transactionEvents(transaction: TransactionId.TransactionId, id: Segment.SegmentId): Array<string> {
    const stored = this.segments.get(Segment.transactionName(this.stream, id, transaction))
    return (stored?.events ?? []).map((event) => new TextDecoder().decode(event))
  }

  unusedTransactionId(): TransactionId.TransactionId {
    return TransactionId.fromHex("f".padStart(32, "0"))
  }

  process(connection: FakeConnection, command: WireCommand): void {
    if (command._tag === "SetupAppend") return this.setUp(connection, command)
    if (command._tag === "AppendBlockEnd") return this.append(connection, command)
    connection.closedByStore = true
  }

  readonly layer: Layer.Layer<Pravega> = Layer.effect(
    Pravega,
    Effect.gen({ self: this }, function*() {
      return { controller: yield* Controller, segments: yield* Segments, stores: yield* SegmentStores }
    })
  ).pipe(Layer.provide(Layer.suspend(() => Layer.mergeAll(this.controller(), this.segmentsLayer(), this.stores()))))

  private setUp(connection: FakeConnection, command: Extract<WireCommand, { _tag: "SetupAppend" }>): void {
    const { requestId, segment, writerId } = command
    if (this.expiredTokens > 0) {
      this.expiredTokens--
      connection.closedByStore = true
      return
    }
    if (this.refusedTokens > 0) {
      this.refusedTokens--
      connection.toClient.push({ _tag: "AuthTokenCheckFailed", requestId, serverStackTrace: "", errorCode: 1 })
      return
    }
    if (this.wrongHosts > 0) {
      this.wrongHosts--
      connection.toClient.push({ _tag: "WrongHost", requestId, segment, correctHost: "", serverStackTrace: "" })
      return
    }
    const stored = this.segments.get(segment)
    if (stored === undefined) {
      connection.toClient.push({ _tag: "NoSuchSegment", requestId, segment, serverStackTrace: "", offset: -1n })
      return
    }
    const lastEventNumber = stored.writers.get(writerId) ?? neverWritten
    connection.writers.set(writerId, { segment, requestId, lastKnown: lastEventNumber })
    connection.toClient.push({ _tag: "AppendSetup", requestId, segment, writerId, lastEventNumber })
  }

  private append(connection: FakeConnection, command: Extract<WireCommand, { _tag: "AppendBlockEnd" }>): void {
    const { data, lastEventNumber, numEvents, requestId, writerId } = command
    const writer = connection.writers.get(writerId)
    if (writer === undefined || numEvents < 1 || (lastEventNumber < writer.lastKnown && writer.lastKnown >= 0n)) {
      connection.closedByStore = true
      return
    }
    const { segment } = writer
    const stored = this.segments.get(segment)
    this.release(connection, writerId)
    if (stored === undefined || stored.sealed) {
      connection.writers.delete(writerId)
      const error = { requestId, segment, serverStackTrace: "", offset: lastEventNumber }
      connection.toClient.push({ _tag: stored === undefined ? "NoSuchSegment" : "SegmentIsSealed", ...error })
      return
    }
    if ((stored.writers.get(writerId) ?? neverWritten) !== writer.lastKnown) {
      connection.toClient.push({
        _tag: "InvalidEventNumber",
        writerId,
        requestId,
        serverStackTrace: "",
        eventNumber: lastEventNumber
      })
      connection.closedByStore = true
      return
    }
    const events = eventsOf(data)
    if (events.length !== numEvents) throw new Error(`${events.length} events, not ${numEvents}`)
    stored.events.push(...events)
    stored.writers.set(writerId, lastEventNumber)
    if (lastEventNumber > writer.lastKnown) {
      connection.held.set(writerId, { requestId, previous: writer.lastKnown, last: lastEventNumber })
    }
    writer.lastKnown = lastEventNumber
  }

  /** Sends the acknowledgement that is held back for a writer. */
  release(connection: FakeConnection, writerId: string): void {
    const held = connection.held.get(writerId)
    if (held === undefined) return
    connection.held.delete(writerId)
    connection.toClient.push({
      _tag: "DataAppended",
      writerId,
      eventNumber: held.last,
      previousEventNumber: held.previous,
      requestId: held.requestId,
      currentSegmentWriteOffset: -1n
    })
  }

  releaseAll(connection: FakeConnection): void {
    for (const writerId of connection.held.keys()) this.release(connection, writerId)
  }

  create(range: Segment.SegmentWithRange["range"]): Segment.SegmentWithRange {
    const segment = { id: Segment.makeId(this.nextNumber++, this.epoch), range }
    this.segments.set(this.name(segment.id), { events: [], writers: new Map(), sealed: false })
    this.active = [...this.active, segment].sort((a, b) => a.range.low - b.range.low)
    return segment
  }

  private replace(
    old: ReadonlyArray<Segment.SegmentWithRange>,
    ranges: ReadonlyArray<Segment.SegmentWithRange["range"]>
  ): void {
    this.epoch++
    this.active = this.active.filter((segment) => !old.includes(segment))
    const predecessors = old.map((segment) => segment.id)
    const created = ranges.map((range) => ({ segment: this.create(range), predecessors }))
    for (const { id } of old) {
      this.successors.set(id, created)
      this.toSeal.push(id)
    }
  }

  private controller() {
    return Layer.mock(Controller)({
      ...this.transactionCalls(),
      currentSegments: () => Effect.sync(() => this.active),
      successors: (_stream, id) =>
        Effect.sync(() =>
          (this.successors.get(id) ?? []).map(({ predecessors, segment }) => ({
            id: segment.id,
            range: segment.range,
            predecessors
          }))
        )
    })
  }

  private transactionCalls() {
    const unavailable = (operation: string) =>
      new ControllerError({
        reason: new ControllerUnavailable({ operation, subject: "t", attempts: 1, status: "UNAVAILABLE", details: "" })
      })
    return {
      createTransaction: () =>
        Effect.sync(() => {
          const digits = (this.transactions.size + 1).toString(16).padStart(24, "0")
          const id = TransactionId.fromHex(this.epoch.toString(16).padStart(8, "0") + digits)
          const segments = this.active.map(({ id: segment, range }) => ({
            id: Segment.inTransaction(segment, id),
            range
          }))
          const names = segments.map((segment) => Segment.transactionName(this.stream, segment.id, id))
          for (const name of names) this.segments.set(name, { events: [], writers: new Map(), sealed: false })
          this.transactions.set(id, { state: "open", segments: names, pings: 0 })
          return { id, segments }
        }),
      epochSegments: () => Effect.sync(() => this.active),
      pingTransaction: (_stream: ScopedStream, id: TransactionId.TransactionId) =>
        Effect.sync(() => {
          const transaction = this.transactions.get(id)
          if (transaction !== undefined) transaction.pings++
          return this.pingStatus
        }),
      commitTransaction: (_stream: ScopedStream, id: TransactionId.TransactionId) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          if (this.commitMillis !== undefined) this.committedAt.set(id, now + this.commitMillis)
          this.calls.push("commit")
          const lost = this.lostCommits.shift()
          if (lost === "before") return Effect.fail(unavailable("commitTransaction"))
          const transaction = this.transactions.get(id)
          const state = transaction?.state ?? "unknown"
          if (transaction === undefined || state === "aborted") return Effect.fail(this.notOpen(id, state))
          if (state === "open") transaction.state = "committing"
          return lost === "after" ? Effect.fail(unavailable("commitTransaction")) : Effect.void
        }),
      abortTransaction: (_stream: ScopedStream, id: TransactionId.TransactionId) =>
        Effect.suspend(() => {
          this.calls.push("abort")
          return this.abort(id)
        }),
      transactionState: (_stream: ScopedStream, id: TransactionId.TransactionId) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          this.statesAsked++
          if (this.statesUnavailable > 0) {
            this.statesUnavailable--
            return Effect.fail(unavailable("checkTransactionState"))
          }
          const transaction = this.transactions.get(id)
          const committedAt = this.committedAt.get(id)
          if (committedAt !== undefined) {
            return Effect.succeed(now < committedAt ? "committing" as const : "committed" as const)
          }
          const state = transaction?.state ?? "unknown"
          if (transaction?.state === "committing") transaction.state = "committed"
          return Effect.succeed(state)
        })
    }
  }

  /** What the controller does when asked, and when a lease runs out. */
  readonly abort = (id: TransactionId.TransactionId): Effect.Effect<void, ControllerError> => {
    const transaction = this.transactions.get(id)
    const state = transaction?.state ?? "unknown"
    if (transaction === undefined || (state !== "open" && state !== "aborted")) {
      return Effect.fail(this.notOpen(id, state))
    }
    transaction.state = "aborted"
    for (const name of transaction.segments) this.segments.delete(name)
    return Effect.void
  }

  private notOpen(transaction: TransactionId.TransactionId, state: TransactionState): ControllerError {
    return new ControllerError({ reason: new TransactionNotOpen({ stream: this.stream, transaction, state }) })
  }

  private segmentsLayer() {
    return Layer.mock(Segments)({
      token: () => Effect.succeed(""),
      forgetToken: () => Effect.void,
      forget: () => Effect.void,
      appends: () => this.connect
    })
  }

  private stores() {
    return Layer.mock(SegmentStores)({ lane: Effect.succeed(0) })
  }

  private readonly connect = Effect.suspend(() => {
    if (this.connectsRefused > 0) {
      this.connectsRefused--
      return Effect.fail(new ConnectionLost({ endpoint: "fake:1", reason: "refused" }))
    }
    const shared = this.connections.find((connection) => !connection.lost)
    if (shared !== undefined) return Effect.succeed(shared)
    const connection = new FakeConnection(this)
    this.connections.push(connection)
    return Effect.succeed(connection)
  })
}

const eventsOf = (data: Uint8Array): Array<Uint8Array> => {
  const events: Array<Uint8Array> = []
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  for (let at = 0; at < data.length;) {
    const length = view.getInt32(at + 4)
    events.push(data.slice(at + 8, at + 8 + length))
    at += 8 + length
  }
  return events
}

/** Lets every fiber and microtask run that can. */
export const settle = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** No more faults: everything on its way arrives, in order, until `done`. */
export const finish = (store: AppendStore, done: () => boolean): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let round = 0; round < 3000 && !done(); round++) {
      while (store.toSeal.length > 0) store.sealNext()
      for (const connection of store.connections) {
        connection.drain()
        connection.deliverToStore()
        store.releaseAll(connection)
        if (!connection.lost) connection.deliverToClient()
      }
      yield* settle
      yield* TestClock.adjust("50 millis")
    }
    if (!done()) throw new Error("the writer did not come to rest without faults")
  })

/** Runs an effect while everything arrives. */
export const served = <A, E, R>(store: AppendStore, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* finish(store, () => fiber.pollUnsafe() !== undefined)
    return yield* Fiber.join(fiber)
  })
