/** What the commands print with `--json`: one line. What is not there is null, so that every key always is. */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Savepoint } from "../batch/engine/Savepoint.ts"
import type { Inspection } from "../batch/log/LogInspection.ts"
import type { UnfinishedBatch } from "../batch/log/LogState.ts"
import { type BadRecord, CheckpointRecord, Entry, FlowHead, PreparedSink } from "../batch/protocol/CheckpointRecord.ts"
import { QueryName } from "../batch/protocol/QueryName.ts"

/** By its schema, in which nothing is left that JSON has no form for. */
const printer = <A>(schema: Schema.Codec<A, unknown>): (value: A) => string =>
  Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(schema)))

const Unreadable = Schema.Struct({ isTorn: Schema.Boolean, isNewer: Schema.Boolean, detail: Schema.String })

const Unfinished = Schema.Struct({
  batch: Schema.Natural,
  /** Null: it is planned only. */
  prepared: Schema.NullOr(Schema.Record(Schema.String, PreparedSink)),
  preparedAt: Schema.NullOr(Schema.Int),
  /** Per sink: transactions that are to be aborted. */
  begun: Schema.Record(Schema.String, Schema.Array(Schema.Json))
})

const printInspection = printer(Schema.Struct({
  query: QueryName,
  records: Schema.Array(Schema.Struct({
    sequence: Schema.Natural,
    size: Schema.Natural,
    record: Schema.NullOr(CheckpointRecord),
    unreadable: Schema.NullOr(Unreadable)
  })),
  state: Schema.NullOr(Schema.Struct({
    epoch: Schema.Natural,
    owner: Schema.String,
    version: Schema.String,
    nextBatch: Schema.Natural,
    positions: Schema.Record(Schema.String, Schema.Json),
    /** Of a flow that remembers, with its time; null: there is none. */
    head: Schema.NullOr(FlowHead),
    unfinished: Schema.Array(Unfinished)
  })),
  torn: Schema.NullOr(Schema.Natural),
  problem: Schema.NullOr(
    Schema.Struct({ sequence: Schema.Natural, detail: Schema.String, isNewer: Schema.Boolean })
  ),
  awaiting: Schema.NullOr(Schema.Struct({ batch: Schema.Natural, millis: Schema.NullOr(Schema.Finite) }))
}))

/** @category encoding @since 0.1.0 */
export const inspection = ({ awaiting, problem, query, records, state, torn }: Inspection): string =>
  printInspection({
    query,
    records: records.map(({ content, sequence, size }) => ({
      sequence,
      size,
      record: Result.isSuccess(content) ? content.success : null,
      unreadable: Result.isFailure(content) ? unreadable(content.failure) : null
    })),
    state: state === undefined ? null : {
      epoch: state.epoch,
      owner: state.owner,
      version: state.started.version,
      nextBatch: state.nextBatch,
      positions: state.positions,
      head: state.head ?? null,
      unfinished: state.unfinished.map(unfinished)
    },
    torn: torn ?? null,
    problem: problem ?? null,
    awaiting: awaiting === undefined ? null : {
      batch: awaiting.batch,
      millis: awaiting.age === undefined ? null : Duration.toMillis(awaiting.age)
    }
  })

const unreadable = ({ detail, kind }: BadRecord): typeof Unreadable.Type => ({
  isTorn: kind === "torn",
  isNewer: kind === "newer",
  detail
})

const unfinished = ({ batch, begun, prepared, preparedAt }: UnfinishedBatch): typeof Unfinished.Type => ({
  batch,
  prepared: prepared === undefined ? null : Object.fromEntries(prepared),
  preparedAt: preparedAt ?? null,
  begun: Object.fromEntries(begun)
})

/** @category encoding @since 0.1.0 */
export const repair = printer(Schema.Struct({
  query: QueryName,
  plan: Schema.Union([
    Schema.TaggedStruct("nothing", {}),
    Schema.TaggedStruct("forget", { before: Schema.Natural }),
    Schema.TaggedStruct("restate", { epoch: Schema.Natural, next: Schema.Natural, entries: Schema.Array(Entry) })
  ]),
  /** False: nothing was changed. */
  repaired: Schema.Boolean
}))

/** @category encoding @since 0.1.0 */
export const savepoint = printer(Savepoint)
/** @category encoding @since 0.1.0 */
export const savepoints = printer(Schema.Array(Savepoint))
/** @category encoding @since 0.1.0 */
export const deleted = printer(Schema.Struct({ deleted: Schema.String }))

/** @category encoding @since 0.2.0 */
export const state = printer(Schema.Struct({
  query: QueryName,
  step: Schema.String,
  /** The last committed batch; -1: none was yet. */
  batch: Schema.Int,
  /** `row`: what it is, in the step's own words; `value`: the JSON that is stored, as text. */
  rows: Schema.Array(Schema.Struct({ key: Schema.String, row: Schema.String, value: Schema.String }))
}))

/** @category encoding @since 0.2.0 */
export const groups = printer(Schema.Array(Schema.String))
/** @category encoding @since 0.2.0 */
export const group = printer(Schema.Struct({
  group: Schema.String,
  /** Bounds: a stream cut as text, or `unbounded`. */
  streams: Schema.Array(Schema.Struct({ stream: Schema.String, start: Schema.String, end: Schema.String })),
  readers: Schema.Array(Schema.Struct({ reader: Schema.String, segments: Schema.Natural })),
  /** Segments that nobody reads now. */
  unassigned: Schema.Natural,
  /** As text: it may be more than a number in JSON can say. */
  unreadBytes: Schema.BigInt,
  retention: Schema.String
}))
/** @category encoding @since 0.2.0 */
export const offline = printer(Schema.Struct({ group: Schema.String, offline: Schema.String }))
