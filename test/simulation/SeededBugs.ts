/**
 * Mistakes made on purpose, so that it is known that the suite would find them: each is put between the engine and what it
 * works with, or is another algorithm in its place. Nothing in `src` knows of them.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { run as runAsSpark } from "../../examples/why-not-one-transaction-per-task/SparkAlgorithm.ts"
import type { CheckpointLog, QueryLog } from "../../src/batch/log/CheckpointLog.ts"
import { CheckpointLogError, LogUnavailable } from "../../src/batch/protocol/CheckpointLogError.ts"
import {
  CheckpointRecord,
  decode,
  encode,
  type Entry,
  type Started
} from "../../src/batch/protocol/CheckpointRecord.ts"
import type * as Sink from "../../src/batch/sink/Sink.ts"
import type * as Source from "../../src/batch/source/Source.ts"
import type * as EventStream from "../../src/core/EventStream.ts"
import { ControllerError } from "../../src/pravega/controller/ControllerError.ts"
import type { Pravega } from "../../src/pravega/Pravega.ts"
import type { SegmentConnection } from "../../src/pravega/segmentstore/SegmentConnection.ts"
import { hasRemoteWork, type SwarmPlan } from "./SwarmPlan.ts"
import type { WorkersBug } from "./SwarmWorkers.ts"

/** What is put between the engine and what it works with. */
export interface Bug {
  readonly name: string
  /** In which histories it can do any harm: the others need not be run to find it. */
  readonly needs?: (plan: SwarmPlan) => boolean
  readonly log?: (log: QueryLog) => QueryLog
  readonly client?: (pravega: Pravega["Service"]) => Pravega["Service"]
  readonly source?: SourceChange
  readonly sink?: SinkChange
  /** What the driver makes of its workers' answers. */
  readonly workers?: WorkersBug
  /** Runs in place of the engine. */
  readonly algorithm?: <A>(streams: {
    readonly source: EventStream.EventStream<A>
    readonly sink: EventStream.EventStream<A>
    readonly process: (event: A) => ReadonlyArray<A>
  }) => Effect.Effect<void, unknown, Pravega | CheckpointLog>
}

type SourceChange = <A, E>(session: Source.SourceSession<A, E>) => Source.SourceSession<A, E>
type SinkChange = <B, E>(session: Sink.SinkSession<B, E>) => Sink.SinkSession<B, E>
type Attempt<B, E> = Sink.Attempt<B, E, Schema.Json, Schema.Json>

/** The suite as it is. */
export const none: Bug = { name: "none" }

export const wrapSource = <A, E, R>(bug: Bug, source: Source.Source<A, E, R>): Source.Source<A, E, R> => {
  const change = bug.source
  return change === undefined
    ? source
    : { ...source, open: Effect.map(source.open, (session) => change(session)) }
}

export const wrapSink = <B, E, R>(bug: Bug, sink: Sink.Sink<B, E, R>): Sink.Sink<B, E, R> => {
  const change = bug.sink
  return change === undefined ? sink : { ...sink, open: Effect.map(sink.open, (session) => change(session)) }
}

export const wrapLog = (bug: Bug) => {
  const change = bug.log
  if (change === undefined) return undefined
  return (logs: CheckpointLog["Service"]): CheckpointLog["Service"] => ({
    ...logs,
    open: (query) => Effect.map(logs.open(query), change)
  })
}

// -----------------------------------------------------------------------------
// the log
// -----------------------------------------------------------------------------

const has = (bytes: Uint8Array, tag: Entry["_tag"]): boolean => {
  const record = decode(bytes)
  return Result.isSuccess(record) && record.success.entries.some((entry) => entry._tag === tag)
}

/** The first record with `prepared` is said to be written, and is written together with the next one. */
const lateDecision = (log: QueryLog): QueryLog => {
  let held: { readonly sequence: number; readonly bytes: Uint8Array } | undefined
  return {
    ...log,
    append: (sequence, bytes) => {
      const before = held
      held = undefined
      const rest = before === undefined ? Effect.void : log.append(before.sequence, before.bytes)
      if (!has(bytes, "prepared")) return Effect.andThen(rest, log.append(sequence, bytes))
      held = { sequence, bytes: bytes.slice() }
      return rest
    }
  }
}

const hasLogFaults = ({ log }: SwarmPlan): boolean => log > 0

const logBugs: ReadonlyArray<Bug> = [
  { name: "prepared is not durable before the commits (I6)", log: lateDecision },
  {
    name: "the fence is skipped: a number that is taken is passed over",
    log: (log) => {
      let shift = 0
      const append = (sequence: number, bytes: Uint8Array): Effect.Effect<void, CheckpointLogError> =>
        Effect.catchReason(log.append(sequence + shift, bytes), "CheckpointLogError", "SequenceTaken", () => {
          shift++
          return append(sequence, bytes)
        })
      return { ...log, append }
    }
  },
  {
    name: "two writes are swapped: committed(n) before prepared(n)",
    log: (log) => {
      let held: { readonly sequence: number; readonly bytes: Uint8Array } | undefined
      return {
        ...log,
        append: (sequence, bytes) => {
          if (held === undefined && has(bytes, "prepared")) {
            held = { sequence, bytes: bytes.slice() }
            return Effect.void
          }
          const before = held
          held = undefined
          return before === undefined
            ? log.append(sequence, bytes)
            : Effect.andThen(log.append(before.sequence, bytes), log.append(sequence, before.bytes))
        }
      }
    }
  },
  {
    name: "an append whose outcome is unknown counts as done",
    needs: hasLogFaults,
    log: (log) => ({
      ...log,
      append: (sequence, bytes) =>
        Effect.catchReason(log.append(sequence, bytes), "CheckpointLogError", "OutcomeUnknown", () => Effect.void)
    })
  },
  {
    name: "an append whose outcome is unknown counts as not done",
    needs: hasLogFaults,
    log: (log) => ({
      ...log,
      append: (sequence, bytes) =>
        Effect.catchReason(
          log.append(sequence, bytes),
          "CheckpointLogError",
          "OutcomeUnknown",
          ({ cause, query }) =>
            Effect.fail(new CheckpointLogError({ reason: new LogUnavailable({ query, operation: "append", cause }) }))
        )
    })
  },
  {
    name: "a compacted log says that the query begins where it began first",
    log: (log) => {
      let first: Started | undefined
      return {
        ...log,
        append: (sequence, bytes) => {
          const { entries, ...record } = Result.getOrThrow(decode(bytes))
          const forgetful = entries.map((entry) => {
            if (entry._tag !== "started") return entry
            first ??= entry
            return entry.restated(entry.batch, first.positions, entry.state)
          })
          return log.append(sequence, encode(new CheckpointRecord({ ...record, entries: forgetful })))
        }
      }
    }
  },
  {
    name: "compaction forgets the record from which the log is to be read",
    log: (log) => ({ ...log, compact: (before) => log.compact(before + 1) })
  },
  {
    name: "the last record is not read",
    log: (log) => ({ ...log, read: (from) => Effect.map(log.read(from), (records) => records.slice(0, -1)) })
  }
]

// -----------------------------------------------------------------------------
// what the controller says
// -----------------------------------------------------------------------------

type Controller = Pravega["Service"]["controller"]
const controller = (change: (controller: Controller) => Partial<Controller>) => (pravega: Pravega["Service"]) => ({
  ...pravega,
  controller: { ...pravega.controller, ...change(pravega.controller) }
})

const hasLongOutage = ({ blows }: SwarmPlan): boolean =>
  blows.some(({ what }) => what._tag === "outage" && what.hours > 24)

/** One state of a transaction is taken for another. */
const mistaken = (
  from: Effect.Success<ReturnType<Controller["transactionState"]>>,
  to: Effect.Success<ReturnType<Controller["transactionState"]>>
): Bug => ({
  name: `a transaction that is ${from} counts as ${to}`,
  // only after a day nobody remembers
  ...from === "unknown" ? { needs: hasLongOutage } : {},
  client: controller(({ transactionState }) => ({
    transactionState: (stream, id) => Effect.map(transactionState(stream, id), (state) => (state === from ? to : state))
  }))
})

const controllerBugs: ReadonlyArray<Bug> = [
  mistaken("aborted", "committed"),
  mistaken("aborted", "open"),
  mistaken("unknown", "committed"),
  mistaken("unknown", "aborted"),
  mistaken("committed", "aborted"),
  {
    name: "a transaction is begun and forgotten beside each one that is used",
    client: controller(({ createTransaction }) => ({
      createTransaction: (...options) => Effect.andThen(createTransaction(...options), createTransaction(...options))
    }))
  },
  {
    name: "a commit that is refused is only logged (Flink's connector)",
    client: controller(({ commitTransaction, transactionState }) => ({
      commitTransaction: (stream, id, options) =>
        Effect.catchIf(
          commitTransaction(stream, id, options),
          (error) => error instanceof ControllerError && error.reason._tag === "TransactionNotOpen",
          () => Effect.void
        ),
      transactionState: (stream, id) =>
        Effect.map(transactionState(stream, id), (state) => (state === "aborted" ? "committed" : state))
    }))
  }
]

// -----------------------------------------------------------------------------
// sinks
// -----------------------------------------------------------------------------

/** Changes each attempt. */
const attempts = (
  change: <B, E>(attempt: Attempt<B, E>, session: Sink.SinkSession<B, E>, batch: Sink.BatchId) => Attempt<B, E>
): SinkChange =>
(session) => ({
  ...session,
  begin: (batch, past) => Effect.map(session.begin(batch, past), (attempt) => change(attempt, session, batch))
})

const recovers = (name: string, outcome: Sink.Outcome): Bug => ({
  name,
  sink: (session) => ({ ...session, recover: () => Effect.succeed(outcome) })
})

const sinkBugs: ReadonlyArray<Bug> = [
  {
    name: "what is prepared is aborted by the end of its Scope (keep is dropped)",
    sink: attempts((attempt) => ({ ...attempt, keep: Effect.void }))
  },
  {
    name: "a sink commits when it is flushed, before prepared is sent",
    sink: attempts((attempt, session, batch) => ({
      ...attempt,
      prepare: Effect.tap(
        attempt.prepare,
        (written) => Effect.ignore(session.commit(batch, { handle: attempt.handle, ...written }))
      )
    }))
  },
  {
    name: "a commit is not waited for",
    sink: (session) => ({
      ...session,
      commit: (batch, prepared) =>
        Effect.asVoid(Effect.forkDetach(Effect.delay(Effect.ignore(session.commit(batch, prepared)), "2 seconds")))
    })
  },
  {
    name: "writes are not waited for",
    sink: attempts((attempt) => ({
      ...attempt,
      write: (partition, outputs) =>
        Effect.asVoid(Effect.forkDetach(Effect.delay(Effect.ignore(attempt.write(partition, outputs)), "1 second"))),
      flush: () => Effect.void
    }))
  },
  recovers("what is prepared counts as committed, unasked", { _tag: "committed" }),
  recovers("what is prepared counts as lost, unasked", { _tag: "lost" }),
  recovers("what is prepared counts as committable, unasked", { _tag: "committable" }),
  recovers("what became of what is prepared is not known, unasked", { _tag: "unknown", detail: "nobody asked" }),
  {
    name: "a forgotten batch that may be in the sink counts as lost",
    needs: hasLongOutage,
    sink: (session) => ({
      ...session,
      recover: (batch, prepared) =>
        Effect.map(
          session.recover(batch, prepared),
          (outcome): Sink.Outcome => outcome._tag === "unknown" ? { _tag: "lost" } : outcome
        )
    })
  },
  {
    name: "a second try writes into the transaction of the first",
    sink: (session) => {
      const first = new Map<number, Effect.Success<ReturnType<typeof session.begin>>>()
      return {
        ...session,
        begin: (batch, past) => {
          const before = first.get(batch.batch)
          if (before !== undefined) return Effect.succeed(before)
          return Scope.make().pipe(
            Effect.flatMap((scope) => Scope.provide(session.begin(batch, past), scope)),
            Effect.tap((attempt) => Effect.sync(() => first.set(batch.batch, attempt)))
          )
        },
        abort: () => Effect.succeed("aborted")
      }
    }
  },
  {
    name: "the last output of a write is dropped where there are several",
    sink: attempts((attempt) => ({
      ...attempt,
      write: (partition, [first, ...rest]) => attempt.write(partition, [first, ...rest.slice(0, -1)])
    }))
  }
]

// -----------------------------------------------------------------------------
// sources
// -----------------------------------------------------------------------------

const sourceBugs: ReadonlyArray<Bug> = [
  {
    name: "predecessors are ignored",
    source: (session) => ({
      ...session,
      partitions: (plan) =>
        Effect.map(
          session.partitions(plan),
          (partitions) => partitions.toReversed().map((partition) => ({ ...partition, predecessors: [] }))
        )
    })
  },
  {
    name: "the next batch starts at the tail, not where this one ends",
    source: (session) => ({
      ...session,
      plan: (from, ends) =>
        Effect.map(
          Effect.all([session.plan(from, ends), session.latest]),
          ([range, next]) => range._tag === "range" ? { ...range, next } : range
        )
    })
  },
  {
    name: "a range is not fixed when it is planned: what it holds is looked up when it is read",
    source: (session) => ({
      ...session,
      plan: (from, ends) =>
        Effect.map(
          session.plan(from, ends),
          (range) => (range._tag === "range" ? { ...range, plan: { from } } : range)
        ),
      partitions: (plan) => {
        const from = typeof plan === "object" && plan !== null && "from" in plan ? plan.from : null
        return Effect.flatMap(
          session.plan(from, []),
          (range) => range._tag === "range" ? session.partitions(range.plan) : Effect.succeed([])
        )
      },
      skipped: () => Effect.succeed([])
    })
  },
  {
    name: "the next batch starts where this one starts",
    source: (session) => {
      const isFirst = new Set<string>()
      return {
        ...session,
        plan: (from, ends) =>
          Effect.map(session.plan(from, ends), (range) => {
            if (range._tag !== "range" || isFirst.size > 0) return range
            isFirst.add("asked")
            return { ...range, next: from }
          })
      }
    }
  }
]

// -----------------------------------------------------------------------------
// writers
// -----------------------------------------------------------------------------

/** Changes the connections that appends go over. */
const appends = (change: (connection: SegmentConnection) => SegmentConnection) => (pravega: Pravega["Service"]) => ({
  ...pravega,
  segments: {
    ...pravega.segments,
    appends: (...[segment, lane]: Parameters<typeof pravega.segments.appends>) =>
      Effect.map(pravega.segments.appends(segment, lane), change)
  }
})

const writerBugs: ReadonlyArray<Bug> = [
  {
    name: "all partitions write under one writer id",
    client: appends((connection) => ({
      ...connection,
      send: (command) => connection.send(command._tag === "SetupAppend" ? { ...command, writerId: one } : command),
      subscribe: (id, handler) => connection.subscribe(id, handler),
      sendFrame: (parts) => {
        const [head, ...rest] = parts
        if (head === undefined || head.length < 24) return connection.sendFrame(parts)
        const changed = new Uint8Array(head)
        // type and length, then the writer's id
        if (changed[3] === 3 || changed[3] === 4) changed.fill(0x11, 8, 24)
        return connection.sendFrame([changed, ...rest])
      }
    }))
  }
]

const one = "11111111-1111-1111-1111-111111111111"

const algorithms: ReadonlyArray<Bug> = [
  {
    name: "one transaction per task, as the Spark connector does it",
    algorithm: (streams) => runAsSpark({ query: "swarm", ...streams })
  }
]

const workerBugs: ReadonlyArray<Bug> = ([
  "takes the answer of another try",
  "takes no answer for nothing read",
  "names the transactions of the first try"
] as const).map((workers) => ({ name: `a driver ${workers}`, needs: hasRemoteWork, workers }))

export const seededBugs: ReadonlyArray<Bug> = [
  ...algorithms,
  ...logBugs,
  ...controllerBugs,
  ...sinkBugs,
  ...sourceBugs,
  ...writerBugs,
  ...workerBugs
]
