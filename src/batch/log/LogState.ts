/**
 * What a checkpoint log says: the pure fold of its records. Every record is checked against what came before it; a
 * record that contradicts it means that the log is corrupt. Nothing is read or written here.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { CheckpointCorrupt, CheckpointLogError, NewerRecord } from "../protocol/CheckpointLogError.ts"
import {
  type BadRecord,
  type CheckpointRecord,
  CommittedSink,
  CommittedSinks,
  decode,
  type Entry,
  type FlowHead,
  type Planned,
  type PreparedSink,
  type PutAside,
  type Started
} from "../protocol/CheckpointRecord.ts"
import type { StoredRecord } from "./LogContract.ts"

/** A batch that is planned and not committed. @category models @since 0.1.0 */
export interface UnfinishedBatch {
  readonly batch: number
  /** With the positions of all sources. */
  readonly planned: Planned
  /** Per sink: transactions begun since its last `prepared`. None of them can be committed any more. */
  readonly begun: ReadonlyMap<string, ReadonlyArray<Schema.Json>>
  /** Per sink with output: what will be committed. Undefined: nothing was prepared yet. */
  readonly prepared: ReadonlyMap<string, PreparedSink> | undefined
  /** When it was first prepared, milliseconds since 1970; undefined: not yet, or not recorded. */
  readonly preparedAt: number | undefined
  /** What committing it makes current; undefined: it changes no state, or nothing was prepared yet. */
  readonly head: FlowHead | undefined
  /** The events that the last try put aside. */
  readonly aside: ReadonlyArray<PutAside>
}

/** @category models @since 0.1.0 */
export interface LogState {
  readonly epoch: number
  readonly owner: string
  readonly started: Started
  /** The number of the next batch to plan. */
  readonly nextBatch: number
  /** Per source: where the next batch starts. */
  readonly positions: Readonly<Record<string, Schema.Json>>
  /** Of the query after the last committed batch; undefined: it has none. */
  readonly head: FlowHead | undefined
  /** What the sinks have committed last, by the last committed batch. */
  readonly sinks: CommittedSinks
  /** In order. */
  readonly unfinished: ReadonlyArray<UnfinishedBatch>
}

/** The log so far: empty, or a state. @category models @since 0.1.0 */
export interface ReadLog {
  readonly state: LogState | undefined
  /** The first number that is free. */
  readonly next: number
  /** The number of a torn last record: the next claim drops it. */
  readonly torn: number | undefined
  /** The number of the record that the log can be read from. */
  readonly base: number
}

/** @category models @since 0.1.0 */
export interface Contradiction {
  readonly sequence: number
  readonly detail: string
  /** A newer version wrote the record: the log is not damaged, and this version can't read it. */
  readonly isNewer: boolean
}

/** What a query ends with that meets it. @category converting @since 0.2.0 */
export const refusal = (query: string, { detail, isNewer, sequence }: Contradiction): CheckpointLogError =>
  new CheckpointLogError({
    reason: isNewer
      ? new NewerRecord({ query, sequence, detail })
      : new CheckpointCorrupt({ query, sequence, detail })
  })

/** Folds the records of a log, from its first one. @category folding @since 0.1.0 */
export const fromRecords = (records: ReadonlyArray<StoredRecord>): Result.Result<ReadLog, Contradiction> => {
  const { contradiction, read } = fold(records)
  return contradiction === undefined ? Result.succeed(read) : Result.fail(contradiction)
}

/** What a stored record says. A missing one says nothing. @category decoding @since 0.2.0 */
export const contentOf = ({ bytes, isMissing }: StoredRecord): Result.Result<CheckpointRecord, BadRecord> =>
  isMissing === true ? Result.fail({ kind: "unreadable", detail: "the record is missing" }) : decode(bytes)

/**
 * The same for those who look into a log that may be damaged: `read` is what it says before the record that contradicts
 * it, if there is one.
 *
 * @category folding
 * @since 0.1.0
 */
export const fold = (
  records: ReadonlyArray<StoredRecord>
): { readonly read: ReadLog; readonly contradiction: Contradiction | undefined } => {
  let state: LogState | undefined
  let bad: (BadRecord & { readonly sequence: number }) | undefined
  let base = records[0]?.sequence ?? 0
  const next = (records.at(-1)?.sequence ?? -1) + 1
  const stop = (contradiction: Contradiction) => ({ read: { state, next, torn: undefined, base }, contradiction })
  for (const stored of records) {
    const { sequence } = stored
    const decoded = contentOf(stored)
    if (Result.isFailure(decoded)) {
      if (bad !== undefined || decoded.failure.kind !== "torn") {
        const { detail, kind } = bad ?? decoded.failure
        return stop({ sequence: bad?.sequence ?? sequence, detail, isNewer: kind === "newer" })
      }
      bad = { ...decoded.failure, sequence }
      continue
    }
    const record = decoded.success
    const dropped = record.entries.find((entry) => entry._tag === "claimed")?.drops
    if (dropped !== bad?.sequence) {
      const { detail } = bad ?? { detail: `it drops record ${dropped}, which is whole` }
      return stop({ sequence: bad?.sequence ?? sequence, detail, isNewer: false })
    }
    bad = undefined
    const applied = apply(state, record)
    if (Result.isFailure(applied)) return stop({ sequence, detail: applied.failure, isNewer: false })
    state = applied.success
    if (record.entries.some((entry) => entry._tag === "started")) base = sequence
  }
  return { read: { state, next, torn: bad?.sequence, base }, contradiction: undefined }
}

/** One record more; the failure says what it contradicts. @category folding @since 0.1.0 */
export const apply = (
  state: LogState | undefined,
  record: CheckpointRecord
): Result.Result<LogState | undefined, string> => {
  if (state !== undefined && !record.entries.some((entry) => entry._tag === "claimed")) {
    if (record.epoch !== state.epoch || record.owner !== state.owner) {
      return Result.fail(
        `it is ${record.owner}'s (epoch ${record.epoch}), but the log is ${state.owner}'s (epoch ${state.epoch})`
      )
    }
  }
  let next = state
  for (const entry of record.entries) {
    const applied = applyEntry(next, record, entry)
    if (Result.isFailure(applied)) return applied
    next = applied.success
  }
  return Result.succeed(next)
}

type Applied = Result.Result<LogState | undefined, string>

const applyEntry = (state: LogState | undefined, record: CheckpointRecord, entry: Entry): Applied => {
  if (entry._tag === "started") return applyStarted(state, record, entry)
  if (state === undefined) {
    return entry._tag === "claimed" ? Result.succeed(undefined) : Result.fail(`"${entry._tag}" before "started"`)
  }
  switch (entry._tag) {
    case "claimed":
      return record.epoch <= state.epoch
        ? Result.fail(`epoch ${record.epoch} was claimed after epoch ${state.epoch}`)
        : Result.succeed({ ...state, epoch: record.epoch, owner: record.owner })
    case "planned":
      return applyPlanned(state, entry)
    case "begun":
      return changeBatch(state, entry.batch, (batch) => {
        const begun = new Map(batch.begun)
        for (const [sink, handle] of Object.entries(entry.sinks)) begun.set(sink, [...(begun.get(sink) ?? []), handle])
        return { ...batch, begun }
      })
    case "prepared":
      // Sticky: a later one replaces only the sinks that it names (rule 5).
      return changeBatch(state, entry.batch, (batch) => {
        const prepared = new Map(batch.prepared)
        const begun = new Map(batch.begun)
        for (const [sink, value] of Object.entries(entry.sinks)) {
          if (value === null) prepared.delete(sink)
          else prepared.set(sink, value)
          begun.delete(sink)
        }
        return {
          ...batch,
          prepared,
          begun,
          preparedAt: batch.preparedAt ?? entry.at,
          head: entry.state ?? batch.head,
          aside: entry.aside ?? []
        }
      })
    case "committed": {
      const [first, ...rest] = state.unfinished
      if (first?.batch !== entry.batch || first.prepared === undefined) {
        return Result.fail(`batch ${entry.batch} is committed, which is not the oldest prepared one`)
      }
      const head = first.head ?? state.head
      return entry.state !== undefined && entry.state.head !== head?.head
        ? Result.fail(
          `batch ${entry.batch} is committed with state ${entry.state.head}, but left ${head?.head ?? "none"}`
        )
        : Result.succeed({ ...state, head, sinks: sinksAfter(state.sinks, first), unfinished: rest })
    }
  }
}

const sinksAfter = ({ isWhole, last }: CommittedSinks, { batch, prepared = new Map() }: UnfinishedBatch) => {
  const now = Array.from(
    prepared,
    ([sink, { evidence, handle }]) => [sink, new CommittedSink({ batch, handle, evidence })] as const
  )
  return new CommittedSinks({ isWhole, last: { ...last, ...Object.fromEntries(now) } })
}

/**
 * What a sink has committed last, as far as the log tells: null: nothing; undefined: that is not known.
 *
 * @category getters
 * @since 0.2.0
 */
export const lastCommitted = (
  { sinks: { isWhole, last } }: LogState,
  sink: string
): CommittedSink | null | undefined => last[sink] ?? (isWhole ? null : undefined)

const applyStarted = (state: LogState | undefined, record: CheckpointRecord, entry: Started): Applied => {
  if (state !== undefined && (state.unfinished.length > 0 || entry.batch !== state.nextBatch)) {
    return Result.fail(`it restates the query at batch ${entry.batch}, which is not where it stands`)
  }
  // Who claims the query with it may go on with a copy of its state.
  const isRestored = record.entries.some(({ _tag }) => _tag === "claimed")
  if (state !== undefined && !isRestored && state.head?.head !== entry.state?.head) {
    return Result.fail(
      `it restates the query with state ${entry.state?.head ?? "none"}, which has ${state.head?.head ?? "none"}`
    )
  }
  return Result.succeed({
    epoch: record.epoch,
    owner: record.owner,
    started: entry,
    nextBatch: entry.batch,
    positions: entry.positions,
    head: entry.state,
    sinks: entry.sinks ?? new CommittedSinks({ isWhole: entry.batch === 0, last: {} }),
    unfinished: []
  })
}

const applyPlanned = (state: LogState, entry: Planned): Applied => {
  if (entry.batch !== state.nextBatch) {
    return Result.fail(`batch ${entry.batch} is planned, the next one is ${state.nextBatch}`)
  }
  const planned = entry.whole(state.positions)
  return Result.succeed({
    ...state,
    nextBatch: entry.batch + 1,
    positions: planned.positions,
    unfinished: [...state.unfinished, {
      batch: entry.batch,
      planned,
      begun: new Map(),
      prepared: undefined,
      preparedAt: undefined,
      head: undefined,
      aside: []
    }]
  })
}

const changeBatch = (
  state: LogState,
  number: number,
  change: (batch: UnfinishedBatch) => UnfinishedBatch
): Applied =>
  state.unfinished.some((batch) => batch.batch === number)
    ? Result.succeed({
      ...state,
      unfinished: state.unfinished.map((batch) => batch.batch === number ? change(batch) : batch)
    })
    : Result.fail(`batch ${number} is not planned, or is committed`)
