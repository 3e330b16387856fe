/**
 * A small world for the commit protocol: a checkpoint log, a source, sinks and state in memory, shared by the processes that
 * come and go. Every call of a process passes `act`, where the test crashes it (for good: a crash first cuts the process
 * off, nothing of it arrives later), pauses it, or lets leases run out. The world checks what must hold at every call.
 */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { CheckpointLog, QueryLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import {
  CheckpointLogError,
  LogUnavailable,
  OutcomeUnknown,
  SequenceNotNext,
  SequenceTaken
} from "../../../src/batch/protocol/CheckpointLogError.ts"
import { decode, type Entry } from "../../../src/batch/protocol/CheckpointRecord.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import type * as Flow from "../../../src/flow/Flow.ts"
import * as EventTime from "../../../src/flow/time/EventTime.ts"
import * as DeltaName from "../../../src/state/internal/DeltaName.ts"
import { StateStoreError, StateUnavailable } from "../../../src/state/StateError.ts"
import type { StateStore } from "../../../src/state/StateStore.ts"

export interface Event {
  readonly key: string
  readonly number: number
}

/** Segment 1 and 2 follow segment 0, as after a scale: key "a" is in 0 and 1, key "b" in 0 and 2, key "c" in 3. */
const segments: ReadonlyArray<{ readonly after: ReadonlyArray<number>; readonly keys: ReadonlyArray<string> }> = [
  { after: [], keys: ["a", "b"] },
  { after: [0], keys: ["a"] },
  { after: [0], keys: ["b"] },
  { after: [], keys: ["c"] }
]

export class ModelError extends Schema.TaggedError<ModelError>()("ModelError", { detail: Schema.String }) {}

type State = "open" | "committed" | "aborted" | "forgotten"

interface Transaction {
  readonly sink: string
  readonly id: string
  readonly process: Process
  state: State
  /** What became of it, whatever its state says. */
  wasCommitted: boolean
  readonly events: Array<Event>
}

export interface Process {
  readonly name: string
  readonly crashed: Deferred.Deferred<void>
  alive: boolean
  calls: number
  /** Interrupts its fiber, whose finalizers then run: another fault than a crash. */
  interrupt: () => void
  /** What happens at a call, by its number. */
  readonly at: (call: number, what: string) => Happening
}

/**
 * "unknown-*": the log's answer says that it can't know whether it appended; "unavailable": that it did not. "expire": all
 * leases have run out. "crash-torn": it dies while it appends, and a part of the record is there. "reply-lost": it is done,
 * and the caller hears of a failure.
 */
export type Happening =
  | "nothing"
  | "crash-before"
  | "crash-after"
  | "crash-torn"
  | "reply-lost"
  | "expire-before"
  | "interrupt"
  | "unknown-not-done"
  | "unknown-done"
  | "unavailable"
  | Effect.Effect<void>

export interface World {
  readonly visible: Map<string, Array<Event>>
  readonly transactions: Map<string, Transaction>
  readonly log: Array<Uint8Array>
  readonly history: Array<string>
  readonly expire: () => void
  readonly forget: () => void
  /** What the state's home has of this version is gone; says how much that was. */
  readonly loseState: (version: number) => number
  /** Whether a durable record says that this transaction will be committed. */
  readonly isNamedByPrepared: (id: string) => boolean
  readonly process: (name: string, at: Process["at"]) => Process
  readonly logOf: (process: Process) => CheckpointLog["Service"]
  /** The state of flows: a home whose calls are those of the process. */
  readonly stateOf: (process: Process) => StateStore["Service"]
  readonly pipeline: (
    process: Process,
    options?: PipelineOptions
  ) => Pipeline.Pipeline<Event, Event, ModelError, ModelError | StateStoreError, StateStore>
  readonly input: ReadonlyArray<ReadonlyArray<Event>>
}

/** Deliberate mistakes, which the tests must notice. */
export type Bug = "none" | "no fence" | "lost, whatever its state" | "predecessors ignored" | "keep ignored"

export interface PipelineOptions {
  readonly sinks?: ReadonlyArray<string>
  /** What an attempt makes of an event; to model processes that are not deterministic. */
  readonly change?: (event: Event) => Event
  /** In the place of `change`. */
  readonly flow?: Flow.Flow<{ readonly events: Event }, Event, "events", never, Flow.Stateful | Flow.Effectful>
  /** Which outputs are for a sink; all, if not given. */
  readonly isFor?: (sink: string, event: Event) => boolean
  /** Whether the sinks' outputs may be seen before they are committed. */
  readonly mayBeSeenEarly?: true
  /** Of a flow with effects. */
  readonly deterministic?: boolean
}

const query = "model"
const Position = Schema.Array(Schema.Natural)
const Plan = Schema.Array(Schema.Struct({ segment: Schema.Natural, from: Schema.Natural, to: Schema.Natural }))

export const make = (
  options: { readonly eventsPerSegment: number; readonly limit: number; readonly bug?: Bug }
): World => {
  let number = 0
  const input = segments.map(({ keys }) =>
    Array.from(
      { length: options.eventsPerSegment },
      (_, i): Event => ({ key: keys[i % keys.length]!, number: number++ })
    )
  )
  const transactions = new Map<string, Transaction>()
  const visible = new Map<string, Array<Event>>()
  const log: Array<Uint8Array> = []
  const history: Array<string> = []

  const act = <A>(process: Process, what: string, run: (happening: Happening) => A): Effect.Effect<A> =>
    Effect.gen(function*() {
      if (!process.alive) return yield* Effect.never
      const happening = process.at(process.calls++, what)
      history.push(
        `${process.name}.${process.calls - 1} ${what}${
          typeof happening === "string" && happening !== "nothing" ? ` (${happening})` : ""
        }`
      )
      if (typeof happening !== "string") yield* happening
      if (happening === "expire-before") expire()
      if (happening === "interrupt") process.interrupt()
      if (happening === "crash-before") return yield* crash(process)
      const result = run(happening)
      if (happening === "crash-after" || happening === "crash-torn") return yield* crash(process)
      yield* Effect.yieldNow
      return result
    })

  /** A call of a sink, whose reply can be lost. */
  const call = <A>(process: Process, what: string, run: () => A): Effect.Effect<A, ModelError> =>
    Effect.flatMap(
      act(process, what, (happening) => ({ result: run(), isLost: happening === "reply-lost" })),
      ({ isLost, result }) =>
        isLost ? Effect.fail(new ModelError({ detail: `no reply to ${what}` })) : Effect.succeed(result)
    )

  const crash = (process: Process): Effect.Effect<never> => {
    process.alive = false
    return Effect.andThen(Deferred.succeed(process.crashed, undefined), Effect.never)
  }

  const expire = () => {
    for (const transaction of transactions.values()) if (transaction.state === "open") transaction.state = "aborted"
  }

  /** What the log says, kept decoded. */
  const recorded: Array<Entry> = []
  const entries = () => recorded
  /** Rule: only what a durable `prepared` names is committed, and that is never aborted (I6). */
  const isNamedByPrepared = (id: string) =>
    entries().some((entry) =>
      entry._tag === "prepared" && Object.values(entry.sinks).some((sink) => sink?.handle === id)
    )

  const logOf = (process: Process): CheckpointLog["Service"] => {
    const queryLog: QueryLog = {
      append: (sequence, bytes) => {
        const record = decode(bytes)
        const what = Result.isSuccess(record)
          ? record.success.entries.map((entry) => `${entry._tag}${"batch" in entry ? `(${entry.batch})` : ""}`).join(
            " "
          )
          : "?"
        return Effect.flatMap(
          act(process, `log ${what}`, (happening) => {
            if (happening === "unavailable") return new LogUnavailable({ query, operation: "append", cause: "full" })
            if (happening === "unknown-not-done") return new OutcomeUnknown({ query, sequence, cause: "lost" })
            if (sequence < log.length && options.bug !== "no fence") return new SequenceTaken({ query, sequence })
            if (sequence > log.length) return new SequenceNotNext({ query, sequence, next: log.length })
            if (happening === "crash-torn") {
              log.push(bytes.slice(0, bytes.length >> 1))
              return undefined
            }
            log.push(bytes.slice())
            if (Result.isSuccess(record)) recorded.push(...record.success.entries)
            return happening === "unknown-done" || happening === "reply-lost"
              ? new OutcomeUnknown({ query, sequence, cause: "lost" })
              : undefined
          }),
          (reason) => reason === undefined ? Effect.void : Effect.fail(new CheckpointLogError({ reason }))
        )
      },
      read: (from) =>
        act(
          process,
          "log read",
          () => log.map((bytes, sequence) => ({ sequence, bytes })).filter(({ sequence }) => sequence >= from)
        ),
      compact: () => Effect.void
    }
    return {
      open: () => Effect.succeed(queryLog),
      // there are no savepoints
      exists: (name) => Effect.sync(() => name === query && log.length > 0),
      list: Effect.die("nobody asks which queries there are")
    }
  }

  const objects = new Map<string, Uint8Array>()
  const stateOf = (process: Process): StateStore["Service"] => {
    /** A call of the home, whose reply can be lost: then it is as if it were away. */
    const home = <A>(what: string, run: () => A): Effect.Effect<A, StateStoreError> =>
      Effect.flatMap(
        act(process, `state ${what}`, (happening) => ({ result: run(), isLost: happening === "reply-lost" })),
        ({ isLost, result }) =>
          isLost
            ? Effect.fail(
              new StateStoreError({ reason: new StateUnavailable({ query, operation: "create", cause: "lost" }) })
            )
            : Effect.succeed(result)
      )
    return {
      heapBytes: 2 ** 20,
      open: () =>
        Effect.succeed({
          create: (name, bytes) =>
            home(`create ${name.slice(-24)}`, () => {
              if (objects.has(name)) return "exists" as const
              objects.set(name, bytes.slice())
              return "created" as const
            }),
          read: (name) => home(`read ${name.slice(-24)}`, () => objects.get(name)?.slice()),
          list: home("list", () => [...objects.keys()]),
          delete: (name) => home(`delete ${name}`, () => void objects.delete(name))
        })
    }
  }

  const source = (process: Process) =>
    Source.make<Event, ModelError, never, ReadonlyArray<number>, typeof Plan.Type, string>({
      name: "events",
      structure: "model",
      asked: "earliest",
      time: EventTime.from(({ number }) => number, { disorder: input.length * options.eventsPerSegment }),
      position: Position,
      plan: Plan,
      identity: Schema.String,
      open: Effect.succeed({
        start: Effect.succeed({ identity: "one", start: segments.map(() => 0), end: undefined }),
        verify: () => Effect.void,
        latest: Effect.succeed(input.map((events) => events.length)),
        plan: (from) =>
          act(process, "source plan", () => {
            const next = [...from]
            const plan: Array<typeof Plan.Type[number]> = []
            let left = options.limit
            for (const [segment, { after }] of segments.entries()) {
              if (after.some((before) => next[before]! < input[before]!.length)) continue
              const to = Math.min(input[segment]!.length, from[segment]! + Math.ceil(left / 2))
              if (to === from[segment]!) continue
              left -= to - from[segment]!
              next[segment] = to
              plan.push({ segment, from: from[segment]!, to })
            }
            return plan.length === 0 ? { _tag: "ended" as const } : { _tag: "range" as const, plan, next }
          }),
        partitions: (plan) =>
          Effect.succeed(plan.map(({ from, segment, to }) => ({
            id: segment,
            predecessors: options.bug === "predecessors ignored" ? [] : segments[segment]!.after,
            events: Stream.fromArray(input[segment]!.slice(from, to)).pipe(Stream.rechunk(2))
          })))
      })
    })

  const sink = (process: Process, name: string) => {
    const find = (id: string) => {
      const transaction = transactions.get(id)
      assert.isDefined(transaction)
      return transaction
    }
    return Sink.make<Event, ModelError, never, string, number>({
      name,
      structure: "model",
      handle: Schema.String,
      evidence: Schema.Natural,
      open: Effect.succeed({
        begin: ({ batch }) =>
          Effect.gen(function*() {
            const transaction = yield* Effect.acquireRelease(
              call(process, `${name} begin ${batch}`, () => {
                const id = `${name}-${batch}-${transactions.size}`
                const begun: Transaction = { sink: name, id, process, state: "open", wasCommitted: false, events: [] }
                transactions.set(id, begun)
                return begun
              }),
              ({ id, state }) => kept.has(id) || state !== "open" ? Effect.void : Effect.ignore(abort(id))
            )
            const { id } = transaction
            const perPartition = new Map<number, Array<Event>>()
            const write = (what: string, run: () => void) =>
              Effect.flatMap(
                call(process, `${name} ${what}`, () => {
                  if (transaction.state === "open") run()
                  return transaction.state
                }),
                (state) => state === "open" ? Effect.void : Effect.fail(new ModelError({ detail: `${id} is ${state}` }))
              )
            return {
              handle: id,
              write: (partition: number, events: ReadonlyArray<Event>) =>
                write(`write ${partition}`, () => {
                  assert.isTrue(
                    entries().some((entry) => entry._tag === "begun" && Object.values(entry.sinks).includes(id)),
                    "nothing is written before the log names the transaction"
                  )
                  transaction.events.push(...events)
                  perPartition.set(partition, [...(perPartition.get(partition) ?? []), ...events])
                }),
              flush: (partition: number) => write(`flush ${partition}`, () => {}),
              prepare: Effect.map(write("prepare", () => {}), () => ({
                evidence: transaction.events.length,
                digest: JSON.stringify([...perPartition].toSorted(([a], [b]) => a - b)),
                events: transaction.events.length,
                bytes: 0
              })),
              keep: Effect.sync(() => void (options.bug === "keep ignored" ? undefined : kept.add(id)))
            }
          }),
        commit: ({ handle }) =>
          Effect.flatMap(
            call(process, `${name} commit ${handle}`, () => {
              assert.isTrue(isNamedByPrepared(handle), `${handle} is committed, and no durable record names it`)
              const transaction = find(handle)
              if (transaction.state === "open") {
                transaction.state = "committed"
                transaction.wasCommitted = true
                visible.set(name, [...(visible.get(name) ?? []), ...transaction.events])
              }
              return transaction.state
            }),
            (state) =>
              state === "committed" ? Effect.void : Effect.fail(new ModelError({ detail: `${handle} is ${state}` }))
          ),
        abort: (id) => abort(id),
        recover: ({ handle }) =>
          call(process, `${name} state ${handle}`, (): Sink.Outcome => {
            const { state } = find(handle)
            if (options.bug === "lost, whatever its state") return { _tag: "lost" }
            switch (state) {
              case "open":
                return { _tag: "committable" }
              case "committed":
                return { _tag: "committed" }
              case "aborted":
                return { _tag: "lost" }
              case "forgotten":
                return { _tag: "unknown", detail: "the model forgot" }
            }
          })
      })
    })

    function abort(id: string) {
      return call(process, `${name} abort ${id}`, () => {
        assert.isFalse(isNamedByPrepared(id), `${id} is aborted, and a durable record names it`)
        const transaction = find(id)
        if (transaction.state === "open") transaction.state = "aborted"
        return transaction.wasCommitted ? "committed" as const : "aborted" as const
      })
    }
  }
  const kept = new Set<string>()

  return {
    visible,
    transactions,
    log,
    history,
    input,
    expire,
    isNamedByPrepared,
    loseState: (version) => {
      const lost = [...objects.keys()].filter((name) => DeltaName.parse(name)?.version === version)
      for (const name of lost) objects.delete(name)
      return lost.length
    },
    forget: () => {
      for (const transaction of transactions.values()) transaction.state = "forgotten"
    },
    process: (name, at) => ({ name, crashed: Deferred.makeUnsafe(), alive: true, calls: 0, interrupt: () => {}, at }),
    logOf,
    stateOf,
    pipeline: (
      process,
      {
        change = (event: Event) => event,
        deterministic,
        flow,
        isFor = () => true,
        mayBeSeenEarly,
        sinks: names = ["out"]
      } = {}
    ) => {
      const sinks = names.map((name) => ({
        ...Sink.filterMapInput(sink(process, name), (event: Event) => isFor(name, event) ? event : undefined),
        mayBeSeenEarly
      }))
      if (flow === undefined) {
        return Pipeline.make("model", {
          source: source(process),
          process: (events) => Stream.map(events, change),
          sinks,
          deterministic: true
        })
      }
      const [only, ...others] = sinks
      return inFewSlots(
        only !== undefined && others.length === 0
          ? Pipeline.make("model", { source: source(process), flow, sink: only, deterministic })
          : Pipeline.make("model", { source: source(process), flow, sinks, deterministic: true })
      )
    }
  }
}

/** Slots cost time, and a few are as good as many. */
const inFewSlots = <A, B, ES, E, R>(pipeline: Pipeline.Pipeline<A, B, ES, E, R>): Pipeline.Pipeline<A, B, ES, E, R> =>
  pipeline.flow === undefined ? pipeline : { ...pipeline, flow: { ...pipeline.flow, slots: 3 } }
