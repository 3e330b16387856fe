/**
 * The records of a checkpoint log: what they say, and their bytes. It decides nothing: what a sequence of records means
 * is `LogState`'s.
 * Bytes: JSON, framed with a length, a checksum and a version (`RecordFrame`).
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type BadRecord, frame, unframe } from "./RecordFrame.ts"
import { Looks } from "./TimeRecord.ts"

export type { BadRecord } from "./RecordFrame.ts"
export { SourceLook } from "./TimeRecord.ts"

/** Where a source stands, or what a sink must remember: written and read by the source or sink itself. */
const PerName = Schema.Record(Schema.String, Schema.Json)

/**
 * What is fixed of a source when a query starts for the first time.
 *
 * @category models
 * @since 0.1.0
 */
export class SourceStart extends Schema.Class<SourceStart>("effect-pravega/SourceStart")({
  /** Tells what is read from what another time has the same name. */
  identity: Schema.Json,
  /** The start and the end as the user gave them, to tell when they were changed later. */
  asked: Schema.Json,
  start: Schema.Json,
  /** Absent: unbounded. */
  end: Schema.optionalKey(Schema.Json)
}) {}

/**
 * The state of a query with a flow after a batch. Where it is kept is the state store's affair.
 *
 * @category models
 * @since 0.2.0
 */
export class FlowHead extends Schema.Class<FlowHead>("effect-pravega/FlowHead")({
  /** The name of the newest delta; it names the one before it. */
  head: Schema.String,
  /** Of what the delta changed: a replay beside a committed sink must have the same. */
  digest: Schema.String,
  /** How far event time has come, as the flow writes and reads it. */
  watermark: Schema.optionalKey(Schema.Json)
}) {}

/**
 * The last batch that a sink has committed, as `PreparedSink` named it.
 *
 * @category models
 * @since 0.2.0
 */
export class CommittedSink extends Schema.Class<CommittedSink>("effect-pravega/CommittedSink")({
  batch: Schema.Natural,
  handle: Schema.Json,
  evidence: Schema.Json
}) {}

/**
 * Per sink: the last batch that it has committed.
 *
 * @category models
 * @since 0.2.0
 */
export class CommittedSinks extends Schema.Class<CommittedSinks>("effect-pravega/CommittedSinks")({
  /** A sink that is not named has committed nothing. False: it may have, as version 0.1 forgot it when it compacted a log. */
  isWhole: Schema.Boolean,
  last: Schema.Record(Schema.String, CommittedSink)
}) {}

/**
 * What is fixed when a query starts for the first time, with the position that it has reached. It stands in the first
 * record of a log, and again in the one from which a compacted log is read.
 *
 * @category models
 * @since 0.1.0
 */
export class Started extends Schema.TaggedClass<Started>()("started", {
  query: Schema.String,
  /** Tells this log from another one of the query, begun anew under the same name. */
  log: Schema.optionalKey(Schema.String),
  /** Given by the user. */
  version: Schema.String,
  /** Sources, sinks, codecs and guarantees; compared when the query is started again. */
  structure: Schema.Json,
  sources: Schema.Record(Schema.String, SourceStart),
  /** The number of the next batch. */
  batch: Schema.Natural,
  /** Per source: where the next batch starts. */
  positions: PerName,
  /** Before the next batch. Absent: the query has none. */
  state: Schema.optionalKey(FlowHead),
  /** Before the next batch. Absent: nothing is committed if the next batch is the first one, else it is not known. */
  sinks: Schema.optionalKey(CommittedSinks)
}) {
  /** The same, said again where the query stands later. `sinks`: left out, it is not known what they have committed. */
  restated(
    batch: number,
    positions: Started["positions"],
    state: FlowHead | undefined,
    sinks?: CommittedSinks
  ): Started {
    const { log, query, sources, structure, version } = this
    return new Started({
      query,
      ...(log === undefined ? {} : { log }),
      version,
      structure,
      sources,
      batch,
      positions,
      ...(state === undefined ? {} : { state }),
      ...(sinks === undefined ? {} : { sinks })
    })
  }
}

/**
 * An owner took the query over: the record's epoch is its own. `drops`: the number of a torn last record, which from
 * here on counts as never written.
 *
 * @category models
 * @since 0.1.0
 */
export class Claimed extends Schema.TaggedClass<Claimed>()("claimed", {
  drops: Schema.optionalKey(Schema.Natural)
}) {}

/** The batch's input is fixed for ever. @category models @since 0.1.0 */
export class Planned extends Schema.TaggedClass<Planned>()("planned", {
  batch: Schema.Natural,
  /** When; milliseconds since 1970. The time that a deterministic process sees, each time the batch is processed. */
  at: Schema.optionalKey(Schema.Int),
  /** Per source: the exact ranges, in the source's own terms. None: time alone makes the batch. */
  plans: PerName,
  /** Per source: where the next batch starts. */
  positions: PerName,
  /** Sources that `positions` leaves out stay where they are. Absent: it names all that there are. */
  isPartial: Schema.optionalKey(Schema.Literal(true)),
  /** What was found of the sources when it was planned, where a flow goes by time. */
  looks: Schema.optionalKey(Looks)
}) {
  /** The same, with the positions of all sources, by where they stood before. */
  whole(before: Planned["positions"]): Planned {
    if (this.isPartial !== true) return this
    const { at, batch, looks, plans, positions } = this
    return new Planned({
      batch,
      ...(at === undefined ? {} : { at }),
      plans,
      positions: { ...before, ...positions },
      ...(looks === undefined ? {} : { looks })
    })
  }
}

/** Sinks hold open transactions for the batch, which are aborted unless a later `Prepared` names them. @category models @since 0.1.0 */
export class Begun extends Schema.TaggedClass<Begun>()("begun", {
  batch: Schema.Natural,
  /** Per sink: its transaction. */
  sinks: PerName
}) {}

/** What a sink needs to commit, or to find out whether it did. @category models @since 0.1.0 */
export class PreparedSink extends Schema.Class<PreparedSink>("effect-pravega/PreparedSink")({
  /** As in `Begun`. */
  handle: Schema.Json,
  /** What decides an outcome that is not known otherwise. */
  evidence: Schema.Json,
  /** Identifies the outputs: a replay beside a committed sink must have the same. */
  digest: Schema.String,
  events: Schema.Natural,
  bytes: Schema.Natural
}) {}

/** An event that a batch goes on without: it becomes a dead letter. @category models @since 0.1.0 */
export class PutAside extends Schema.Class<PutAside>("effect-pravega/PutAside")({
  partition: Schema.Natural,
  /** Its place among the partition's events. */
  place: Schema.Natural,
  error: Schema.String
}) {}

/**
 * The batch's outcome is fixed: the sinks named here will be committed. Sinks without output are not named; null: a
 * sink that had output, which was lost, has none now.
 *
 * @category models
 * @since 0.1.0
 */
export class Prepared extends Schema.TaggedClass<Prepared>()("prepared", {
  batch: Schema.Natural,
  /** When; milliseconds since 1970. For those who ask how long the outcome is awaited already. */
  at: Schema.optionalKey(Schema.Int),
  sinks: Schema.Record(Schema.String, Schema.NullOr(PreparedSink)),
  /** The events that were put aside: a try for some of the sinks only puts the same aside, and no more. */
  aside: Schema.optionalKey(Schema.Array(PutAside)),
  /** What committing the batch makes current: durable already. Absent: the state stays as it is, or there is none. */
  state: Schema.optionalKey(FlowHead)
}) {}

/** Every sink of the batch is committed. @category models @since 0.1.0 */
export class Committed extends Schema.TaggedClass<Committed>()("committed", {
  batch: Schema.Natural,
  /** As `Prepared` has it; said again, so that the end of a batch tells by itself which state it left. */
  state: Schema.optionalKey(FlowHead)
}) {}

/** @category models @since 0.1.0 */
export const Entry = Schema.Union([Started, Claimed, Planned, Begun, Prepared, Committed])
/** @category models @since 0.1.0 */
export type Entry = typeof Entry.Type

/**
 * One record: what its owner says at once.
 *
 * @category models
 * @since 0.1.0
 */
export class CheckpointRecord extends Schema.Class<CheckpointRecord>("effect-pravega/CheckpointRecord")({
  epoch: Schema.Natural,
  /** The owner's nonce: tells its own records from those of others. */
  owner: Schema.String,
  entries: Schema.Array(Entry)
}) {}

const Json = Schema.fromJsonString(Schema.toCodecJson(CheckpointRecord))
const toJson = Schema.encodeSync(Json)
const fromJson = Schema.decodeUnknownResult(Json, { onExcessProperty: "error" })
const fromJsonInPart = Schema.decodeUnknownResult(Json)

/** @category encoding @since 0.1.0 */
export const encode = (record: CheckpointRecord): Uint8Array => frame(toJson(record), formatOf(record))

const formatOf = ({ entries }: CheckpointRecord) => {
  if (entries.some((entry) => entry._tag === "planned" && entry.isPartial === true)) return 3
  return entries.some((entry) => "state" in entry && entry.state !== undefined) ? 2 : 1
}

/**
 * What this version does not know, a newer one wrote: it is never passed over.
 *
 * @category encoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Result.Result<CheckpointRecord, BadRecord> =>
  Result.flatMap(unframe(bytes), (json) =>
    Result.mapError(fromJson(json), ({ message }) => ({
      kind: Result.isSuccess(fromJsonInPart(json)) || hasUnknownEntry(json) ? "newer" as const : "unreadable" as const,
      detail: message
    })))

const tags = new Set<string>(
  ["started", "claimed", "planned", "begun", "prepared", "committed"] satisfies Array<Entry["_tag"]>
)
const decodeTags = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ entries: Schema.Array(Schema.Struct({ _tag: Schema.String })) }))
)

const hasUnknownEntry = (json: string): boolean =>
  Option.match(decodeTags(json), {
    onNone: () => false,
    onSome: ({ entries }) => entries.some(({ _tag }) => !tags.has(_tag))
  })
