/**
 * What a reader group reads, and how it goes about it. A value only: groups are created and changed through the
 * controller, and live in their shared state.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Equal from "effect/Equal"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ByteReader } from "./bytes/ByteReader.ts"
import { MalformedBytes } from "./bytes/MalformedBytes.ts"
import type { MalformedValue } from "./MalformedValue.ts"
import * as Reading from "./Reading.ts"
import * as SegmentMaps from "./SegmentMaps.ts"
import * as Serialization from "./Serialization.ts"
import { readStreamCut, StreamCut } from "./StreamCut.ts"

/** A bound of what is read of a stream; `unbounded`: from its head on, or without end. @category schemas @since 0.1.0 */
export const ReaderGroupBound = Schema.Union([Schema.Literal("unbounded"), StreamCut])
/** @category models @since 0.1.0 */
export type ReaderGroupBound = typeof ReaderGroupBound.Type

/**
 * What the group keeps Pravega from deleting, as a subscriber of its streams. `manual`: all after the cut that the
 * application reports. `automatic`: all after the last completed checkpoint.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ReaderGroupRetention = Schema.Literals(["none", "manual", "automatic"])
/** @category models @since 0.1.0 */
export type ReaderGroupRetention = typeof ReaderGroupRetention.Type

/**
 * In the order of Java's enum, whose ordinals are written, here and in the controller's protocol. @internal
 *
 * @category constants
 * @since 0.1.0
 */
export const retentions = ["none", "manual", "automatic"] as const

/** Full stream name, `scope/stream`, to a bound. */
const StreamBounds = Schema.ReadonlyMap(Schema.String, ReaderGroupBound)

/**
 * The configuration of a reader group. The defaults, which `make` fills in, are those of Pravega's Java client.
 *
 * @see `ReaderGroupConfig` of Pravega 0.13.0
 * @category models
 * @since 0.1.0
 */
export class ReaderGroupConfig extends Schema.Class<ReaderGroupConfig>("effect-pravega/ReaderGroupConfig")({
  /** Where reading starts, by full stream name: these are the group's streams. */
  startingStreamCuts: StreamBounds,
  /** Where reading ends, by full stream name. */
  endingStreamCuts: StreamBounds,
  /** How often a reader looks for changes of the group; whole milliseconds. */
  groupRefreshTime: Schema.Duration,
  /** How often a checkpoint is taken without being asked for, whole milliseconds; undefined: never. */
  automaticCheckpointInterval: Schema.UndefinedOr(Schema.Duration),
  /** How many checkpoints may be unfinished at a time, silent ones not counted. */
  maxOutstandingCheckpoints: Schema.Int.check(Schema.isGreaterThan(0)),
  retention: ReaderGroupRetention,
  /** Counts the changes of the configuration: 0 at creation, -1 while the controller hasn't numbered it. */
  generation: Schema.BigInt,
  /** The group's UUID, given by the controller; all zeros before. */
  id: Schema.String
}) {
  /** The bytes that Java's `ReaderGroupConfig.toBytes` gives. Throws for what has none (numbers above 64 bits). */
  static readonly toBytes = (config: ReaderGroupConfig): Uint8Array => Serialization.toBytes(write, config)

  /** Reads the bytes of Java's `ReaderGroupConfig.toBytes`. */
  static readonly fromBytes = (bytes: Uint8Array): Result.Result<ReaderGroupConfig, MalformedValue> =>
    Reading.fromBytes("ReaderGroupConfig", bytes, read)
}

/** For a group that has none yet: the controller then chooses one. @internal @category constants @since 0.1.0 */
export const anyId = "00000000-0000-0000-0000-000000000000"

/** The generation and the id of a configuration that the controller hasn't seen. */
const unnumbered = { generation: -1n, id: anyId }

/**
 * A configuration with Java's defaults: refreshed every 3 seconds, a checkpoint every 30 seconds, at most 3 unfinished
 * checkpoints, no retention.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  /** By full stream name, `scope/stream`; a bound that is absent is `unbounded`. */
  readonly streams: Readonly<Record<string, { readonly start?: ReaderGroupBound; readonly end?: ReaderGroupBound }>>
  readonly groupRefreshTime?: Duration.Input | undefined
  readonly automaticCheckpoints?: Duration.Input | "off" | undefined
  readonly maxOutstandingCheckpoints?: number | undefined
  readonly retention?: ReaderGroupRetention | undefined
  /** As the controller numbered the configuration; absent: it hasn't seen it yet. */
  readonly numbered?: { readonly generation: bigint; readonly id: string } | undefined
}): ReaderGroupConfig => {
  const streams = Object.entries(options.streams)
  return new ReaderGroupConfig({
    startingStreamCuts: new Map(streams.map(([stream, { start }]) => [stream, start ?? "unbounded"] as const)),
    endingStreamCuts: new Map(streams.map(([stream, { end }]) => [stream, end ?? "unbounded"] as const)),
    groupRefreshTime: Duration.fromInputUnsafe(options.groupRefreshTime ?? Duration.seconds(3)),
    automaticCheckpointInterval: options.automaticCheckpoints === "off"
      ? undefined
      : Duration.fromInputUnsafe(options.automaticCheckpoints ?? Duration.seconds(30)),
    maxOutstandingCheckpoints: options.maxOutstandingCheckpoints ?? 3,
    retention: options.retention ?? "none",
    ...(options.numbered ?? unnumbered)
  })
}

/**
 * The configuration with other starting cuts, or as the controller numbered it.
 *
 * @category converting
 * @since 0.1.0
 */
export const change = (
  config: ReaderGroupConfig,
  changes: Partial<Pick<ReaderGroupConfig, "startingStreamCuts" | "generation" | "id">>
): ReaderGroupConfig => {
  const { automaticCheckpointInterval, endingStreamCuts, groupRefreshTime, maxOutstandingCheckpoints } = config
  const { generation, id, retention, startingStreamCuts } = config
  return new ReaderGroupConfig({
    startingStreamCuts,
    endingStreamCuts,
    groupRefreshTime,
    automaticCheckpointInterval,
    maxOutstandingCheckpoints,
    retention,
    generation,
    id,
    ...changes
  })
}

/**
 * Whether two configurations say the same, whatever their ids and generations.
 *
 * @category guards
 * @since 0.1.0
 */
export const saysTheSame = (a: ReaderGroupConfig, b: ReaderGroupConfig): boolean =>
  sameBounds(a.startingStreamCuts, b.startingStreamCuts) && sameBounds(a.endingStreamCuts, b.endingStreamCuts) &&
  Equal.equals(a.groupRefreshTime, b.groupRefreshTime) &&
  Equal.equals(a.automaticCheckpointInterval, b.automaticCheckpointInterval) &&
  a.maxOutstandingCheckpoints === b.maxOutstandingCheckpoints && a.retention === b.retention

const sameBounds = (
  a: ReaderGroupConfig["startingStreamCuts"],
  b: ReaderGroupConfig["startingStreamCuts"]
): boolean => a.size === b.size && Array.from(a).every(([stream, bound]) => sameBound(bound, b.get(stream)))

const sameBound = (a: ReaderGroupBound, b: ReaderGroupBound | undefined): boolean => {
  if (a === "unbounded" || b === "unbounded" || b === undefined) return a === b
  return a.positions.size === b.positions.size &&
    Array.from(a.positions).every(([segment, offset]) => b.positions.get(segment) === offset)
}

const version = 0
const checkpointsOff = -1n
/** Java's `Long.MAX_VALUE`, which stands for an infinite duration. */
const endless = (1n << 63n) - 1n

/** @internal @category converting @since 0.1.0 */
export const toMillis = (duration: Duration.Duration): bigint => {
  if (duration.value._tag === "Infinity") return endless
  if (!Duration.isFinite(duration)) throw new MalformedBytes("a duration of minus infinity")
  return Duration.toNanosUnsafe(duration) / 1_000_000n
}

/** @internal @category constructors @since 0.1.0 */
export const fromMillis = (millis: bigint): Duration.Duration => {
  if (millis === endless) return Duration.infinity
  // a number of milliseconds above 2^53 is not exact
  return BigInt.asIntN(53, millis) === millis ? Duration.millis(Number(millis)) : Duration.nanos(millis * 1_000_000n)
}

/** @internal @category converting @since 0.1.0 */
export const intervalToMillis = (interval: Duration.Duration | undefined): bigint =>
  interval === undefined ? checkpointsOff : toMillis(interval)

/** Java takes any negative interval for "off". @internal @category converting @since 0.1.0 */
export const intervalFromMillis = (millis: bigint): Duration.Duration | undefined =>
  millis < 0n ? undefined : fromMillis(millis)

const writeBound: Serialization.Write<ReaderGroupBound> = (writer, bound) =>
  Serialization.writeArray(writer, StreamCut.toBytes(bound))

const readBound: Serialization.Read<ReaderGroupBound> = (reader) => {
  const bytes = Serialization.readArray(reader)
  return bytes.length === 0 ? "unbounded" : readStreamCut(new ByteReader(bytes))
}

const readStream: Serialization.Read<string> = (reader) => Reading.stream(reader.utf()).toString()

const writeTimesAndCuts: Serialization.Write<ReaderGroupConfig> = (writer, config) => {
  SegmentMaps.writeI64(writer, intervalToMillis(config.automaticCheckpointInterval))
  SegmentMaps.writeI64(writer, toMillis(config.groupRefreshTime))
  Serialization.writeMap(writer, config.startingStreamCuts, Serialization.writeUtf, writeBound)
  Serialization.writeMap(writer, config.endingStreamCuts, Serialization.writeUtf, writeBound)
}

const readTimesAndCuts = (reader: ByteReader) => {
  return {
    automaticCheckpointInterval: intervalFromMillis(reader.i64()),
    groupRefreshTime: fromMillis(reader.i64()),
    startingStreamCuts: Serialization.readMap(reader, readStream, readBound),
    endingStreamCuts: Serialization.readMap(reader, readStream, readBound)
  }
}

/** @internal @category encoding @since 0.1.0 */
export const write: Serialization.Write<ReaderGroupConfig> = (writer, config) =>
  Serialization.writeEnvelope(writer, version, [
    (w) => writeTimesAndCuts(w, config),
    (w) => {
      writeTimesAndCuts(w, config)
      w.i32(config.maxOutstandingCheckpoints)
    },
    (w) => {
      Serialization.writeCompactInt(w, retentions.indexOf(config.retention))
      SegmentMaps.writeI64(w, config.generation)
      w.uuid(config.id)
    }
  ])

/** @internal @category decoding @since 0.1.0 */
export const read: Serialization.Read<ReaderGroupConfig> = (reader) => {
  const envelope = Serialization.readEnvelope(reader, [version])
  const first = readTimesAndCuts(envelope.revision(0))
  const second = envelope.laterRevision(1)
  const timesAndCuts = second === undefined ? first : readTimesAndCuts(second)
  const maxOutstandingCheckpoints = second?.i32() ?? 3
  if (maxOutstandingCheckpoints <= 0) {
    throw new MalformedBytes(`at most ${maxOutstandingCheckpoints} outstanding checkpoints`)
  }
  const third = envelope.laterRevision(2)
  return new ReaderGroupConfig({
    ...timesAndCuts,
    maxOutstandingCheckpoints,
    ...(third === undefined ? { retention: "none", ...unnumbered } : readIdentity(third))
  })
}

const readIdentity = (reader: ByteReader) => {
  const ordinal = Serialization.readCompactInt(reader)
  const retention = retentions[ordinal]
  if (retention === undefined) throw new MalformedBytes(`unknown retention ${ordinal}`)
  return { retention, generation: reader.i64(), id: reader.uuid() }
}
