/**
 * The checkpoint logs of simulated processes: they outlive them, each process reaches them in its own turns, and what a
 * dead one was about to write is not written. With faults: unavailable, slow, an append whose outcome nobody can tell.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { CheckpointLog, QueryLog, StoredRecord } from "../../batch/log/CheckpointLog.ts"
import {
  CheckpointLogError,
  LogUnavailable,
  OutcomeUnknown,
  SequenceNotNext,
  SequenceTaken
} from "../../batch/protocol/CheckpointLogError.ts"
import { QueryName } from "../../batch/protocol/QueryName.ts"
import type * as Seeded from "../seeded/Seeded.ts"
import type { Process } from "./Simulation.ts"

/** How often what happens to an operation, from 0 to 1. @category models @since 0.1.0 */
export interface LogRates {
  /** Nothing is stored or read, and the caller knows it. */
  readonly unavailable?: number | undefined
  /** Appends only: stored, and the caller can't tell. */
  readonly unknownDone?: number | undefined
  /** Appends only: not stored, and the caller can't tell. */
  readonly unknownNotDone?: number | undefined
  /** Appends only: the caller can't tell; what it wrote comes up to five seconds later, and is stored if it then fits. */
  readonly unknownLate?: number | undefined
  /** Up to a second late. */
  readonly delay?: number | undefined
}

/** @category models @since 0.1.0 */
export interface LogFaults {
  readonly seeded: Seeded.Seeded
  readonly rates: () => LogRates
}

/** @category models @since 0.1.0 */
export interface Options {
  /** Told of each record that has become durable, at once. */
  readonly onAppend?: ((query: string, record: StoredRecord, process: string) => void) | undefined
}

/** @category models @since 0.1.0 */
export interface SimulatedLogs {
  /** The logs, as a process reaches them. */
  readonly of: (process: Process, faults?: LogFaults) => CheckpointLog["Service"]
  /** What is durable, in order. */
  readonly records: (query: string) => ReadonlyArray<StoredRecord>
  /**
   * Puts other bytes in the place of a record's, as a damaged disk does. Gives those that were there.
   *
   * @since 0.2.0
   */
  readonly damage: (query: string, sequence: number, bytes: Uint8Array) => Uint8Array
  /**
   * Deletes a query's log, numbers too.
   *
   * @since 0.2.0
   */
  readonly forget: (query: string) => void
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ onAppend = () => {} }: Options = {}): SimulatedLogs => {
  const logs = new Map<string, Stored>()
  const stored = (query: string): Stored => {
    let found = logs.get(query)
    if (found === undefined) logs.set(query, found = { records: [], floor: 0, next: 0 })
    return found
  }
  return {
    records: (query) => stored(query).records,
    damage: (query, sequence, bytes) => {
      const { records } = stored(query)
      const place = records.findIndex((record) => record.sequence === sequence)
      const found = records[place]
      if (found === undefined) throw new RangeError(`the log of ${query} has no record ${sequence}`)
      records[place] = { sequence, bytes }
      return found.bytes
    },
    forget: (query) => void logs.delete(query),
    of: (process, faults) => ({
      open: (query) =>
        Effect.sync(() =>
          open(stored(query), {
            query,
            process,
            faults,
            onAppend: (record) => onAppend(query, record, process.name)
          })
        ),
      exists: (query) => inTurns(process, () => (logs.get(query)?.next ?? 0) > 0),
      list: inTurns(
        process,
        () => [...logs].flatMap(([query, { next }]) => next > 0 ? [QueryName.make(query)] : []).toSorted()
      )
    })
  }
}

/** One turn to the logs, and one back. */
const inTurns = <A>(process: Process, look: () => A): Effect.Effect<A> =>
  Effect.callback((resume) => {
    process.turns.later(() => {
      const found = look()
      process.turns.later(() => resume(Effect.succeed(found)))
    })
  })

interface Stored {
  readonly records: Array<StoredRecord>
  /** Numbers below it were forgotten. */
  floor: number
  next: number
}

interface Access {
  readonly query: string
  readonly process: Process
  readonly faults: LogFaults | undefined
  readonly onAppend: (record: StoredRecord) => void
}

const open = (log: Stored, { faults, onAppend, process, query }: Access): QueryLog => {
  const fail = (reason: CheckpointLogError["reason"]) => Effect.fail(new CheckpointLogError({ reason }))
  const happens = (rate: keyof LogRates): boolean =>
    faults !== undefined && faults.seeded.chance(faults.rates()[rate] ?? 0)
  /** One turn to the log, and one back. */
  const act = <A>(
    operation: string,
    run: () => Effect.Effect<A, CheckpointLogError>
  ): Effect.Effect<A, CheckpointLogError> =>
    Effect.callback((resume) => {
      const delay = happens("delay") ? faults!.seeded.between(1, 1000) : 0
      process.turns.after(delay, () => {
        const result = happens("unavailable")
          ? fail(new LogUnavailable({ query, operation, cause: new Error("a fault of the log") }))
          : run()
        process.turns.later(() => resume(result))
      })
    })
  return {
    append: (sequence, bytes) =>
      act("append", () => {
        const unknown = () => fail(new OutcomeUnknown({ query, sequence, cause: new Error("a fault of the log") }))
        const store = () => {
          if (sequence < log.next) return fail(new SequenceTaken({ query, sequence }))
          if (sequence > log.next) return fail(new SequenceNotNext({ query, sequence, next: log.next }))
          const record = { sequence, bytes: bytes.slice() }
          log.records.push(record)
          log.next++
          onAppend(record)
          return Effect.void
        }
        if (happens("unknownNotDone")) return unknown()
        if (happens("unknownLate")) {
          process.turns.after(faults!.seeded.between(1, 5000), store)
          return unknown()
        }
        const stored = store()
        return happens("unknownDone") ? unknown() : stored
      }),
    read: (from) => act("read", () => Effect.succeed(log.records.filter(({ sequence }) => sequence >= from))),
    compact: (before) =>
      act("compact", () => {
        if (before > log.next) return fail(new SequenceNotNext({ query, sequence: before, next: log.next }))
        log.floor = Math.max(log.floor, before)
        while (log.records[0] !== undefined && log.records[0].sequence < log.floor) log.records.shift()
        return Effect.void
      })
  }
}
