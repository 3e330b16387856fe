/**
 * One simulated Pravega, the logs of queries, and processes that run them, come and go: what swarms and laws are made of.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { CheckpointLog } from "../../batch/log/CheckpointLog.ts"
import * as CheckpointRecord from "../../batch/protocol/CheckpointRecord.ts"
import { PartFailed } from "../../batch/protocol/CommitError.ts"
import { savepoints } from "../../batch/protocol/QueryName.ts"
import * as Later from "../../core/Later.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import { Pravega } from "../../pravega/Pravega.ts"
import { StateStore } from "../../state/StateStore.ts"
import * as Faults from "../faults/Faults.ts"
import * as FaultyServer from "../faults/FaultyServer.ts"
import type { Seeded } from "../seeded/Seeded.ts"
import { ProtocolMonitor, type Violation } from "./internal/ProtocolMonitor.ts"
import * as SimulatedLogs from "./SimulatedLogs.ts"
import * as SimulatedStates from "./SimulatedStates.ts"
import type { Process, Simulation } from "./Simulation.ts"

/** One life of a query's process. @category models @since 0.1.0 */
export interface Incarnation<E> {
  readonly process: Process
  readonly faults: Faults.Faults
  /** How it ended: undefined as long as it has not, "crashed", or its Exit. */
  readonly ended: () => "crashed" | Exit.Exit<void, E> | undefined
  /** Waits for that. */
  readonly awaitEnd: Effect.Effect<"crashed" | Exit.Exit<void, E>>
  /** Interrupts it: finalizers run. That is no crash. */
  readonly interrupt: Effect.Effect<void>
}

/** @category models @since 0.1.0 */
export interface WorldOptions {
  /** The streams that the query writes to. Others of its sinks are not looked at. */
  readonly sinks: ReadonlyArray<{ readonly name: ScopedStream }>
  /** Which of them show nothing of a batch before it is prepared. Default: none is asked. */
  readonly transactional?: ((sink: ScopedStream) => boolean) | undefined
  /** Puts something between the query and its log: mistakes that a test makes on purpose. */
  readonly wrapLog?: ((log: CheckpointLog["Service"]) => CheckpointLog["Service"]) | undefined
  readonly wrapClient?: ((pravega: Pravega["Service"]) => Pravega["Service"]) | undefined
}

/** Rates of what befalls a process. @category models @since 0.1.0 */
export interface Rates {
  readonly network: Faults.Rates
  readonly log: SimulatedLogs.LogRates
}

/**
 * What pipelines load when they run. Run it before a simulation: loading takes real time, which is none of a simulated world's,
 * and which process of its has gone how far meanwhile would differ from run to run.
 *
 * @category constructors
 * @since 0.2.0
 */
export const preload: Effect.Effect<void> = Later.loadAll

/** @category models @since 0.1.0 */
export class QueryWorld {
  readonly server: FaultyServer.FaultyServer
  readonly logs: SimulatedLogs.SimulatedLogs
  readonly states: SimulatedStates.SimulatedStates
  readonly monitor: ProtocolMonitor
  readonly violations: Array<Violation> = []
  /** Is called when what outlives processes has changed: what the server keeps, the logs, and state. */
  onChange: () => void = () => {}
  readonly simulation: Simulation
  readonly seeded: Seeded
  rates: Rates = { network: {}, log: {} }
  /** Of each stream, how many of its events were truncated; undefined while it is being done. @internal */
  readonly truncated = new Map<string, number | undefined>()
  private readonly options: WorldOptions
  /** Whose log was appended to last. */
  private query: string | undefined = undefined
  private watchers: Array<{ readonly tag: CheckpointRecord.Entry["_tag"]; readonly tell: () => void }> = []

  static make(
    simulation: Simulation,
    options: WorldOptions
  ): Effect.Effect<QueryWorld, never, Scope.Scope> {
    return Effect.gen(function*() {
      const seed = simulation.seeded.seed
      const { timeline } = simulation
      let world: QueryWorld | undefined
      const server = yield* Effect.orDie(FaultyServer.make({
        seed,
        onChange: () => world?.onChange(),
        onCall: (call) => {
          if (call.transaction !== undefined) {
            timeline.add(">", "server", `${call.method} ${short(call.transaction.id)}`)
          }
          world?.monitor.call(call)
        }
      }))
      world = new QueryWorld(simulation, server, options)
      return world
    })
  }

  private constructor(simulation: Simulation, server: FaultyServer.FaultyServer, options: WorldOptions) {
    this.simulation = simulation
    this.seeded = simulation.seeded.fork("world")
    this.server = server
    this.options = options
    this.logs = SimulatedLogs.make({
      onAppend: (query, record, process) => {
        if (query !== savepoints && query !== (this.query ??= query)) {
          this.query = query
          this.monitor.goOnAsAnother()
        }
        this.appended(record, process)
      }
    })
    this.states = SimulatedStates.make({
      onCreate: (_, name, process) => {
        this.simulation.timeline.add("L", process, `state ${name}`)
        this.onChange()
      }
    })
    this.monitor = new ProtocolMonitor({
      onViolation: (violation) => this.violated(violation),
      sinks: new Set(options.sinks.map(({ name }) => name.toString())),
      transactional: new Set(
        options.sinks.filter(({ name }) => options.transactional?.(name) === true).map(({ name }) => name.toString())
      ),
      visible: (stream) => server.isRunning() ? this.visible(stream) : undefined
    })
  }

  /** How many events a stream shows to everybody, or has shown; undefined: nobody can tell. @internal */
  visible(stream: string): number | undefined {
    const truncated = this.truncated.has(stream) ? this.truncated.get(stream) : 0
    return truncated === undefined ? undefined : truncated + this.server.peek(stream).length
  }

  /** A record has become durable. */
  appended(record: { readonly sequence: number; readonly bytes: Uint8Array }, process: string): void {
    this.simulation.timeline.add("L", process, describe(record))
    this.monitor.append(record)
    this.onChange()
    if (this.watchers.length === 0) return
    const decoded = CheckpointRecord.decode(record.bytes)
    if (Result.isFailure(decoded)) return
    const tags = decoded.success.entries.map(({ _tag }) => _tag)
    const due = this.watchers.filter(({ tag }) => tags.includes(tag))
    this.watchers = this.watchers.filter(({ tag }) => !tags.includes(tag))
    for (const { tell } of due) tell()
  }

  /** Waits until the log gets a record with such an entry. */
  afterRecord(tag: CheckpointRecord.Entry["_tag"]): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const watcher = { tag, tell: () => resume(Effect.void) }
      this.watchers.push(watcher)
      return Effect.sync(() => {
        this.watchers = this.watchers.filter((other) => other !== watcher)
      })
    })
  }

  violated(violation: Violation): void {
    this.violations.push(violation)
    this.simulation.timeline.add("X", violation.invariant, violation.detail)
  }

  /** Runs a query in a process of its own, until it ends or is crashed. */
  start<E>(name: string, effect: Effect.Effect<void, E, Pravega | CheckpointLog | StateStore>): Incarnation<E> {
    const { options, server, simulation } = this
    const { timeline } = simulation
    const process = simulation.process(name)
    const faults = new Faults.Network({
      seed: this.seeded.between(0, 2 ** 31),
      rates: this.rates.network,
      onFault: (fault) => timeline.add("~", name, fault)
    }, process.turns)
    process.onDeath(() => {
      faults.cutOff()
      timeline.add("!", name, "crashes")
    })
    const logFaults = { seeded: this.seeded.fork(`log of ${name}`), rates: () => this.rates.log }
    const log = this.logs.of(process, logFaults)
    const layer = Layer.mergeAll(
      wrapped(server.client(faults), options.wrapClient),
      Layer.succeed(CheckpointLog, options.wrapLog?.(log) ?? log),
      Layer.succeed(StateStore, this.states.of(process))
    )
    let ended: "crashed" | Exit.Exit<void, E> | undefined
    const waiting: Array<() => void> = []
    const end = (how: "crashed" | Exit.Exit<void, E>) => {
      if (ended !== undefined) return
      ended = how
      if (how !== "crashed") timeline.add("=", name, describeExit(how))
      for (const tell of waiting) tell()
    }
    process.onDeath(() => end("crashed"))
    const fiber = process.fork(
      Effect.provide(effect, layer, { local: true }).pipe(
        Effect.provideService(References.MinimumLogLevel, "None"),
        Effect.withTracerEnabled(false)
      )
    )
    fiber.addObserver(end)
    return {
      process,
      faults,
      ended: () => ended,
      awaitEnd: Effect.callback((resume) => {
        const tell = () => resume(Effect.sync(() => ended ?? "crashed"))
        if (ended !== undefined) tell()
        else waiting.push(tell)
      }),
      interrupt: Effect.suspend(() => {
        if (ended !== undefined) return Effect.void
        process.turns.later(() => fiber.interruptUnsafe())
        return Effect.void
      })
    }
  }
}

const wrapped = (
  client: Layer.Layer<Pravega>,
  wrap: WorldOptions["wrapClient"]
): Layer.Layer<Pravega> =>
  wrap === undefined
    ? client
    : Layer.effectContext(Effect.map(Layer.build(client), (context) => mapPravega(context, wrap)))

const mapPravega = (
  context: Context.Context<Pravega>,
  wrap: (pravega: Pravega["Service"]) => Pravega["Service"]
): Context.Context<Pravega> => Context.make(Pravega, wrap(Context.get(context, Pravega)))

/** The end of a transaction's id: what tells it from others. */
const short = (handle: Schema.Json): string => (typeof handle === "string" ? handle : JSON.stringify(handle)).slice(-12)

/** `3: prepared(1) market/totals 0000001`. */
const describe = ({ bytes, sequence }: { readonly sequence: number; readonly bytes: Uint8Array }): string => {
  const decoded = CheckpointRecord.decode(bytes)
  if (Result.isFailure(decoded)) return `${sequence}: not readable: ${decoded.failure.detail}`
  const { entries, epoch } = decoded.success
  const described = entries.map((entry) => {
    switch (entry._tag) {
      case "claimed":
        return `claimed epoch ${epoch}`
      case "started":
        return "started"
      case "begun":
        return `begun(${entry.batch}) ${Object.values(entry.sinks).map((handle) => short(handle)).join(" ")}`
      case "prepared":
        return `prepared(${entry.batch}) ${
          Object.entries(entry.sinks).map(([sink, prepared]) =>
            prepared === null
              ? `${sink}: nothing`
              : `${sink}: ${short(prepared.handle)} ${prepared.events} events`
          ).join(", ")
        }`
      case "planned":
      case "committed":
        return `${entry._tag}(${entry.batch})`
    }
  })
  return `${sequence}: ${described.join(", ")}`
}

/** @category formatting @since 0.1.0 */
export const describeExit = (exit: Exit.Exit<void, unknown>): string => {
  if (Exit.isSuccess(exit)) return "done"
  if (Cause.hasInterruptsOnly(exit.cause)) return "interrupted"
  const reason = exit.cause.reasons.find(({ _tag }) => _tag !== "Interrupt")
  if (reason?._tag === "Fail") {
    const { error } = reason
    const message = error instanceof Error ? error.message : String(error)
    return `failed with ${tagOf(error)}: ${message}`
  }
  return `died: ${Cause.pretty(exit.cause)}`
}

/** Of an error with a reason, the reason's; of one of a worker, the one that the worker had. @category formatting @since 0.1.0 */
export const tagOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return String(error)
  if (error instanceof PartFailed) return error.tag
  if ("reason" in error) return tagOf(error.reason)
  return "_tag" in error ? String(error._tag) : error instanceof Error ? error.name : "unknown"
}
