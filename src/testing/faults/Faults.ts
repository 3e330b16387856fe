/**
 * The faults of a network between a client and a Pravega: calls that are refused, lost before or after they were done,
 * done twice, late; connections that are refused, dropped, half closed, cut in the middle of a frame. Each is
 * injected by hand, or at a rate, drawn from a seed.
 *
 * It lies between the client and its transports, so it works over the embedded server in process, under a test's clock, and
 * over sockets. Faults of the server itself are in `FaultyServer`. `FaultProxy` is for clients of other programs.
 *
 * **Example**
 *
 * ```ts
 * import { Pravega } from "effect-pravega"
 * import { Embedded } from "effect-pravega/embedded"
 * import { Faults } from "effect-pravega/testing"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const program = Effect.gen(function*() {
 *   const faults = yield* Faults.make({ seed: 1, rates: { loseReply: 0.1, dropConnection: 0.01 } })
 *   faults.once({ _tag: "LoseReply" }, { method: "commitTransaction" })
 *   return Pravega.layerTransport().pipe(Layer.provide(faults.layer), Layer.provide(Embedded.layerTransport()))
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NumberOption from "../../core/NumberOption.ts"
import { ControllerTransport, TransportError, type UnaryOptions } from "../../pravega/controller/ControllerTransport.ts"
import type { BytePipe } from "../../pravega/segmentstore/BytePipe.ts"
import { ConnectionRefused } from "../../pravega/segmentstore/ConnectionError.ts"
import { formatEndpoint, SegmentStoreTransport } from "../../pravega/segmentstore/SegmentStoreTransport.ts"
import * as Seeded from "../seeded/Seeded.ts"
import * as Turns from "../seeded/Turns.ts"
import { bridge, type End, FaultyLink, type PieceFate, type Side } from "./internal/FaultyLink.ts"

/**
 * How often each fault happens, from 0 to 1. What is not named has 0. The rates of calls are per call, that of
 * `refuseConnection` is per connection that is opened, and the other rates of connections are per piece of bytes that is
 * written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rates {
  /** The server is not reached, and the caller knows it. */
  readonly refuseCall?: number | undefined
  /** The server does not hear the call, and the caller can't tell. */
  readonly loseRequest?: number | undefined
  /** The server does what it is asked, and the caller can't tell. */
  readonly loseReply?: number | undefined
  /** The server does what it is asked twice. */
  readonly duplicateCall?: number | undefined
  readonly delayCall?: number | undefined
  readonly refuseConnection?: number | undefined
  /** The connection breaks, with all that is under way. */
  readonly dropConnection?: number | undefined
  /** A part of a frame arrives, and then the connection breaks. */
  readonly cutFrame?: number | undefined
  /** The receiver is told that the connection has ended, the sender is not: what it sends goes nowhere. */
  readonly halfClose?: number | undefined
  /** Whole frames arrive twice, which TCP never does: a peer, or something between, is at fault. */
  readonly duplicateFrame?: number | undefined
  readonly delayFrame?: number | undefined
}

/** A fault of one call. @category models @since 0.1.0 */
export type CallFault =
  | { readonly _tag: "RefuseCall" }
  /** If silently, the caller hears nothing until it gives up. Otherwise it is told that the connection broke. */
  | { readonly _tag: "LoseRequest"; readonly silently?: boolean | undefined }
  | { readonly _tag: "LoseReply"; readonly silently?: boolean | undefined }
  | { readonly _tag: "DuplicateCall" }
  /** The request comes so late, and so does the reply. */
  | { readonly _tag: "DelayCall"; readonly by: Duration.Input }

/** A fault of one connection: when it is opened, or with the next bytes on any connection. @category models @since 0.1.0 */
export type ConnectionFault =
  | { readonly _tag: "RefuseConnection" }
  | { readonly _tag: "DropConnection" }
  | { readonly _tag: "CutFrame" }
  | { readonly _tag: "HalfClose" }
  | { readonly _tag: "DuplicateFrame" }
  | { readonly _tag: "DelayFrame"; readonly by: Duration.Input }

/** @category models @since 0.1.0 */
export type Fault = CallFault | ConnectionFault

/** Which call or which bytes a fault by hand is for. Any, if nothing is said. @category models @since 0.1.0 */
export interface Where {
  /** The rpc's bare name, such as `commitTransaction`. */
  readonly method?: string | undefined
  /** The side that would receive the bytes. */
  readonly to?: "client" | "server" | undefined
  /** How many calls or pieces that fit are passed over first. Default: 0. */
  readonly skip?: number | undefined
}

/** @category models @since 0.1.0 */
export interface Options {
  /** The seed that faults are drawn from. Default: 0. */
  readonly seed?: number | undefined
  readonly rates?: Rates | undefined
  /** The longest delay that is drawn. Default: 1 second. */
  readonly maxDelay?: Duration.Input | undefined
  /** Is called with each fault. */
  readonly onFault?: ((fault: string) => void) | undefined
}

/** @internal @category constants @since 0.1.0 */
export const network: unique symbol = Symbol("effect-pravega/testing/Faults/network")

/** The network of one client. Only `make` makes one. @category models @since 0.1.0 */
export interface Faults {
  /**
   * What does it: `FaultyServer` and `FaultProxy` need more of it than its user.
   *
   * @internal
   */
  readonly [network]: Network
  /** Puts the faults between a client and its transports. */
  readonly layer: Layer.Layer<
    ControllerTransport | SegmentStoreTransport,
    never,
    ControllerTransport | SegmentStoreTransport
  >
  /** Injects a fault by hand: it happens once, to the next call or bytes that it fits. */
  readonly once: (fault: Fault, where?: Where) => void
  /** Sets the rates from now on. What is not named has 0. */
  readonly setRates: (rates: Rates) => void
  /** Ends all faults: rates are 0, faults by hand that did not happen yet are forgotten, and nothing is held up any more. */
  readonly stop: () => void
  /** Breaks all connections that are open now. */
  readonly dropConnections: () => void
  /** Nothing passes in either direction, and nobody is told, until it is resumed. */
  readonly pause: () => void
  readonly resume: () => void
  /**
   * The client is gone for good, as when its process was killed: nothing that it sends arrives any more, it hears
   * nothing, and servers see its connections break.
   */
  readonly cutOff: () => void
  /** How many connections the client has open. */
  readonly connections: () => number
  /** The faults that happened, in order. A run that is repeated from its seed has the same. */
  readonly injected: () => ReadonlyArray<string>
}

/**
 * Makes a network. It uses the clock and the scheduler of the fiber that runs it, a test's too. Throws `RangeError` for a rate
 * that is not between 0 and 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Faults> =>
  Effect.map(Turns.make, (turns) => new Network(options, turns))

/**
 * What `Faults` is made of, for those who put it between other ends.
 *
 * @internal
 * @category models
 * @since 0.1.0
 */
export class Network implements Faults {
  readonly [network] = this
  readonly layer: Faults["layer"]
  private readonly turns: Turns.Turns
  private readonly draws: Seeded.Seeded
  private readonly maxDelay: number
  private readonly links = new Set<FaultyLink>()
  private readonly log: Array<string> = []
  private readonly onFault: (fault: string) => void
  private rates: Rates = {}
  private byHand: Array<{ readonly fault: Fault; readonly where: Where; skip: number }> = []
  private isPaused = false
  /** Of `FaultyServer`: what is under way does not arrive either. */
  isCutOff = false
  private waiting: Array<() => void> = []

  constructor({ maxDelay, onFault, rates, seed }: Options, turns: Turns.Turns) {
    this.turns = turns
    this.draws = Seeded.make(seed ?? 0)
    this.maxDelay = Duration.toMillis(Duration.fromInputUnsafe(maxDelay ?? Duration.seconds(1)))
    this.onFault = onFault ?? (() => {})
    if (rates !== undefined) this.setRates(rates)
    this.layer = Layer.merge(
      Layer.effect(ControllerTransport, Effect.map(ControllerTransport, ({ unary }) => ({ unary: this.calls(unary) }))),
      Layer.effect(
        SegmentStoreTransport,
        Effect.map(SegmentStoreTransport, ({ open }) => ({
          open: (endpoint) =>
            Effect.flatMap(
              this.refusal(formatEndpoint(endpoint)),
              () => Effect.flatMap(open(endpoint), (inner) => this.between(inner))
            )
        }))
      )
    )
  }

  readonly once = (fault: Fault, where: Where = {}): void => {
    this.byHand.push({ fault, where, skip: skipOf(where) })
  }

  readonly setRates = (rates: Rates): void => {
    for (const [name, rate] of Object.entries(rates)) {
      if (!(rate === undefined || (rate >= 0 && rate <= 1))) throw new RangeError(`Faults: ${name} is ${rate}`)
    }
    this.rates = rates
  }

  readonly stop = (): void => {
    this.rates = {}
    this.byHand = []
    this.resume()
  }

  readonly dropConnections = (): void => {
    for (const link of Array.from(this.links)) link.break(new Error("the connection was dropped"))
  }

  readonly pause = (): void => {
    this.isPaused = true
  }

  readonly resume = (): void => {
    if (!this.isPaused) return
    this.isPaused = false
    const { waiting } = this
    this.waiting = []
    for (const go of waiting) go()
    for (const link of this.links) link.wake()
  }

  readonly cutOff = (): void => {
    this.isCutOff = true
    this.waiting = []
    for (const link of Array.from(this.links)) link.orphan()
  }

  readonly connections = (): number => this.links.size

  readonly injected = (): ReadonlyArray<string> => this.log

  /** The calls of a transport, with faults. */
  readonly calls =
    (unary: ControllerTransport["Service"]["unary"]): ControllerTransport["Service"]["unary"] =>
    (method, request, options) =>
      Effect.suspend(() => {
        const fault = this.callFault(method)
        if (fault !== undefined) this.note(`${fault._tag} ${method}`)
        return this.call(fault, method, () => unary(method, request, options), options)
      })

  /** A connection with faults in front of a pipe; closed with the Scope. */
  readonly between = (inner: BytePipe) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const link = this.link(this.turns)
        bridge(link.server, inner)
        return link.client
      }),
      (end) => Effect.sync(() => end.close())
    )

  /** A connection between this client and a server in this process. */
  readonly link = (server: Turns.Turns): { readonly client: End; readonly server: End } => {
    const link = new FaultyLink(
      { fate: this.pieceFate, isStalled: () => this.isPaused },
      { client: this.turns, server },
      (closed) => this.links.delete(closed)
    )
    this.links.add(link)
    return link
  }

  readonly refusal = (endpoint: string): Effect.Effect<void, ConnectionRefused> =>
    Effect.suspend(() => {
      if (this.isCutOff) return Effect.never
      const isByHand = this.take(({ _tag }) => _tag === "RefuseConnection", {}) !== undefined
      if (!isByHand && !this.draws.chance(this.rates.refuseConnection ?? 0)) return Effect.void
      this.note("RefuseConnection")
      return Effect.fail(new ConnectionRefused({ endpoint, cause: new Error("refused by a fault") }))
    })

  private call(
    fault: CallFault | undefined,
    method: string,
    send: () => Effect.Effect<Uint8Array, TransportError>,
    { timeout }: UnaryOptions
  ): Effect.Effect<Uint8Array, TransportError> {
    const passes = Effect.suspend(() => this.isCutOff ? Effect.never : this.isPaused ? this.resumed : Effect.void)
    const sent = Effect.andThen(passes, Effect.suspend(send))
    // no finalizer: a caller that waits for an answer can be interrupted
    const answered = Effect.flatMap(Effect.exit(sent), (exit) => Effect.andThen(passes, exit))
    switch (fault?._tag) {
      case undefined:
        return answered
      case "RefuseCall":
        return Effect.fail(new TransportError({ code: "UNAVAILABLE", details: "refused by a fault", sent: false }))
      case "LoseRequest":
        return fault.silently === true ? Effect.never : Effect.fail(lost(method))
      case "LoseReply":
        return Effect.andThen(
          Effect.exit(answered),
          fault.silently === true ? Effect.never : Effect.fail(lost(method))
        )
      case "DuplicateCall":
        return Effect.flatMap(Effect.exit(sent), (first) => Effect.andThen(Effect.exit(sent), first))
      case "DelayCall": {
        const by = Duration.min(Duration.fromInputUnsafe(fault.by), timeout)
        return Effect.andThen(
          Effect.sleep(by),
          Effect.flatMap(Effect.exit(answered), (exit) => Effect.andThen(Effect.sleep(by), exit))
        )
      }
    }
  }

  private get resumed(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      this.waiting.push(() => resume(Effect.void))
    })
  }

  private callFault(method: string): CallFault | undefined {
    const byHand = this.take(isCallFault, { method })
    if (byHand !== undefined) return byHand
    const { draws, rates } = this
    if (draws.chance(rates.refuseCall ?? 0)) return { _tag: "RefuseCall" }
    if (draws.chance(rates.loseRequest ?? 0)) return { _tag: "LoseRequest", silently: draws.chance(0.5) }
    if (draws.chance(rates.loseReply ?? 0)) return { _tag: "LoseReply", silently: draws.chance(0.5) }
    if (draws.chance(rates.duplicateCall ?? 0)) return { _tag: "DuplicateCall" }
    if (draws.chance(rates.delayCall ?? 0)) return { _tag: "DelayCall", by: this.delay() }
    return undefined
  }

  private readonly pieceFate = (to: Side, bytes: number, isWhole: boolean): PieceFate => {
    const fault = this.connectionFault(to, bytes, isWhole)
    if (fault === undefined) return pass
    this.note(`${fault._tag} to ${to}`)
    switch (fault._tag) {
      case "RefuseConnection":
      case "DropConnection":
        return { _tag: "Drop" }
      case "CutFrame":
        return { _tag: "Cut", at: this.draws.next() }
      case "HalfClose":
        return { _tag: "HalfClose" }
      case "DuplicateFrame":
        return { _tag: "Pass", delay: 0, times: 2 }
      case "DelayFrame":
        return { _tag: "Pass", delay: Duration.toMillis(Duration.fromInputUnsafe(fault.by)), times: 1 }
    }
  }

  private connectionFault(to: Side, bytes: number, isWhole: boolean): ConnectionFault | undefined {
    const byHand = this.take((fault) => isPieceFault(fault, bytes, isWhole), { to })
    if (byHand !== undefined) return byHand
    const { draws, rates } = this
    if (draws.chance(rates.dropConnection ?? 0)) return { _tag: "DropConnection" }
    if (bytes > 1 && draws.chance(rates.cutFrame ?? 0)) return { _tag: "CutFrame" }
    if (draws.chance(rates.halfClose ?? 0)) return { _tag: "HalfClose" }
    if (isWhole && draws.chance(rates.duplicateFrame ?? 0)) return { _tag: "DuplicateFrame" }
    if (draws.chance(rates.delayFrame ?? 0)) return { _tag: "DelayFrame", by: this.delay() }
    return undefined
  }

  /** The first by hand that fits, unless it is to be passed over. */
  private take<F extends Fault>(fits: (fault: Fault) => fault is F, here: Where): F | undefined
  private take(fits: (fault: Fault) => boolean, here: Where): Fault | undefined
  private take(fits: (fault: Fault) => boolean, here: Where): Fault | undefined {
    for (const [index, entry] of this.byHand.entries()) {
      const { fault, where } = entry
      if (!fits(fault) || (where.method ?? here.method) !== here.method || (where.to ?? here.to) !== here.to) continue
      if (entry.skip-- > 0) continue
      this.byHand.splice(index, 1)
      return fault
    }
    return undefined
  }

  private delay(): Duration.Duration {
    return Duration.millis(1 + Math.floor(this.draws.next() * this.maxDelay))
  }

  private note(fault: string): void {
    this.log.push(fault)
    this.onFault(fault)
  }
}

const pass: PieceFate = { _tag: "Pass", delay: 0, times: 1 }

const isCallFault = (fault: Fault): fault is CallFault => {
  switch (fault._tag) {
    case "RefuseCall":
    case "LoseRequest":
    case "LoseReply":
    case "DuplicateCall":
    case "DelayCall":
      return true
    default:
      return false
  }
}

const skipOf = ({ skip }: Where): number =>
  NumberOption.check("skip", skip, { least: 0, most: Number.MAX_SAFE_INTEGER, otherwise: 0 })

/** Whether it can be done to these bytes. */
const isPieceFault = (fault: Fault, bytes: number, isWhole: boolean): fault is ConnectionFault =>
  !isCallFault(fault) && fault._tag !== "RefuseConnection" && (fault._tag !== "DuplicateFrame" || isWhole) &&
  (fault._tag !== "CutFrame" || bytes > 1)

const lost = (method: string): TransportError =>
  new TransportError({ code: "UNAVAILABLE", details: `the connection broke during ${method}, by a fault`, sent: true })
