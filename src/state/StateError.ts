/**
 * What can be wrong with the state of a query. Homes fail with `StateUnavailable` only; the rest is found out above them,
 * from what log and home say together. None of it is ever guessed around: a query with a log doesn't go on with other state.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

/** The home of the state could not be read or written. @category errors @since 0.2.0 */
export class StateUnavailable extends Schema.TaggedError<StateUnavailable>()("StateUnavailable", {
  query: Schema.String,
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `state of query "${this.query}": ${this.operation} failed; check the home of the state (is its disk full?)`
  }
}

/**
 * The log names a version that its home doesn't have, though it has newer ones of this log, or nothing at all.
 *
 * @category errors
 * @since 0.2.0
 */
export class StateMissing extends Schema.TaggedError<StateMissing>()("StateMissing", {
  query: Schema.String,
  /** The log's own name. */
  log: Schema.String,
  /** The object that is not there. */
  missing: Schema.String,
  /** The version that was asked for, and the newest of this log that the home has. */
  version: Schema.Int,
  newest: Schema.optionalKey(Schema.Int)
}) {
  override get message(): string {
    const there = this.newest === undefined ? "nothing of this log" : `version ${this.newest} of this log`
    return `state of query "${this.query}": log ${this.log} needs version ${this.version}, ${this.missing} is not there, ` +
      `and the home has ${there}: give the query the home that it ran with, or restore that from a copy`
  }
}

/**
 * What the home has newest of this log is older than what the log names: it is an older copy, or it was taken away and put back.
 *
 * @category errors
 * @since 0.2.0
 */
export class StateBehindLog extends Schema.TaggedError<StateBehindLog>()("StateBehindLog", {
  query: Schema.String,
  log: Schema.String,
  /** The object that is not there. */
  missing: Schema.String,
  /** The version that was asked for, and the newest of this log that the home has. */
  version: Schema.Int,
  newest: Schema.Int
}) {
  override get message(): string {
    return `state of query "${this.query}": log ${this.log} needs version ${this.version}, ${this.missing} is not there, ` +
      `and the home has version ${this.newest} of this log at most: it is an older copy. Give the query its newest state`
  }
}

/** The home has state of the query, but of another log. @category errors @since 0.2.0 */
export class ForeignState extends Schema.TaggedError<ForeignState>()("ForeignState", {
  query: Schema.String,
  log: Schema.String,
  /** The logs of which it has state. */
  found: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `state of query "${this.query}": it is that of log ${
      this.found.join(", ")
    }, and the query's log is ${this.log}: ` +
      `log and state belong together, give the query those that do`
  }
}

/**
 * The home has a delta of this log that the log can't have made yet: the log is an older copy of itself, and would commit
 * again what it committed before.
 *
 * @category errors
 * @since 0.2.0
 */
export class LogBehindState extends Schema.TaggedError<LogBehindState>()("LogBehindState", {
  query: Schema.String,
  log: Schema.String,
  /** What the log says last. */
  lastPlanned: Schema.Int,
  epoch: Schema.Int,
  /** What the home has beyond it. */
  version: Schema.Int,
  claimed: Schema.Int
}) {
  override get message(): string {
    return `state of query "${this.query}": the home has version ${this.version} of epoch ${this.claimed}, and log ${this.log} ` +
      `knows of batch ${this.lastPlanned} and epoch ${this.epoch} at most: it is an older copy. Give the query its newest log`
  }
}

/** An object of the state can't be read as what it was written as. @category errors @since 0.2.0 */
export class StateDamaged extends Schema.TaggedError<StateDamaged>()("StateDamaged", {
  query: Schema.String,
  object: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `state of query "${this.query}": ${this.object} is damaged (${this.detail}); restore it from a copy`
  }
}

/** A delta of this name is there, with other bytes: two processes have the same epoch. @category errors @since 0.2.0 */
export class DeltaTaken extends Schema.TaggedError<DeltaTaken>()("DeltaTaken", {
  query: Schema.String,
  object: Schema.String
}) {
  override get message(): string {
    return `state of query "${this.query}": ${this.object} was written before, with other bytes; nothing was replaced. ` +
      `Two processes write with the same epoch: end one of them`
  }
}

/** There are rows of steps that the flow doesn't have. @category errors @since 0.2.0 */
export class UnknownState extends Schema.TaggedError<UnknownState>()("UnknownState", {
  query: Schema.String,
  operators: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `state of query "${this.query}": there are rows of ${
      this.operators.map((name) => `"${name}"`).join(", ")
    }, and ` +
      `the flow has no such step: state is not dropped by itself`
  }
}

/** The rows of a step can't be those of the flow as it is now. Nothing was changed. @category errors @since 0.2.0 */
export class UpgradeRefused extends Schema.TaggedError<UpgradeRefused>()("UpgradeRefused", {
  query: Schema.String,
  /** By its old name. */
  step: Schema.String,
  detail: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `state of query "${this.query}", step "${this.step}": ${this.detail}. Nothing was changed`
  }
}

/** More than the working set may hold. @category errors @since 0.2.0 */
export class WorkingSetFull extends Schema.TaggedError<WorkingSetFull>()("WorkingSetFull", {
  query: Schema.String,
  bytes: Schema.Int,
  limit: Schema.Int,
  rows: Schema.Int
}) {
  override get message(): string {
    return `state of query "${this.query}": ${this.rows} rows of ${this.bytes} bytes are more than the working set may hold; ` +
      `raise heapBytes (${this.limit}) of the StateStore, or let the flow keep less`
  }
}

/** A single row is larger than any may be. @category errors @since 0.2.0 */
export class ValueTooLarge extends Schema.TaggedError<ValueTooLarge>()("ValueTooLarge", {
  query: Schema.String,
  operator: Schema.String,
  /** The bytes of the key, as hexadecimal digits. */
  key: Schema.String,
  sub: Schema.String,
  bytes: Schema.Int,
  limit: Schema.Int
}) {
  override get message(): string {
    return `state of query "${this.query}": the row "${this.sub}" of the key ${this.key} in step "${this.operator}" has ` +
      `${this.bytes} bytes, the limit is ${this.limit}; keep large collections as several rows`
  }
}

/** A value can't be written or read by its Schema. @category errors @since 0.2.0 */
export class ValueNotCodable extends Schema.TaggedError<ValueNotCodable>()("ValueNotCodable", {
  query: Schema.String,
  operator: Schema.String,
  key: Schema.String,
  sub: Schema.String,
  operation: Schema.Literals(["encode", "decode"]),
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `state of query "${this.query}": the row "${this.sub}" of the key ${this.key} in step "${this.operator}" can't be ` +
      `${this.operation}d by its Schema`
  }
}

/** @category errors @since 0.2.0 */
export class StateStoreError extends Schema.TaggedError<StateStoreError>()("StateStoreError", {
  reason: Schema.Union([
    StateUnavailable,
    StateMissing,
    StateBehindLog,
    ForeignState,
    LogBehindState,
    StateDamaged,
    DeltaTaken,
    UnknownState,
    UpgradeRefused,
    WorkingSetFull,
    ValueTooLarge,
    ValueNotCodable
  ])
}) {
  override get message(): string {
    return this.reason.message
  }
  override readonly cause = this.reason
  /** Only a home that is unavailable is worth another try. */
  get isRetryable(): boolean {
    return this.reason._tag === "StateUnavailable"
  }
}
