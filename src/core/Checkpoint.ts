/**
 * Checkpoints of a reader group: a name, and how far each of its streams was read when it was taken, with the bytes that
 * the Java client gives them. How a group takes one is not here.
 *
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { MalformedBytes } from "./bytes/MalformedBytes.ts"
import type { MalformedValue } from "./MalformedValue.ts"
import * as Reading from "./Reading.ts"
import type { ScopedStream } from "./ScopedStream.ts"
import * as Serialization from "./Serialization.ts"
import { readStreamCut, StreamCut, writeStreamCut } from "./StreamCut.ts"

/**
 * One stream cut per stream. Their order is kept, but it means nothing.
 *
 * @category models
 * @since 0.1.0
 */
export class Checkpoint extends Schema.Class<Checkpoint>("effect-pravega/Checkpoint")({
  name: Schema.String,
  cuts: Schema.Array(StreamCut)
}) {
  /** The bytes that Java's `Checkpoint.toBytes` gives. */
  static readonly toBytes = (checkpoint: Checkpoint): Uint8Array => Serialization.toBytes(write, checkpoint)

  /** Reads the bytes of Java's `Checkpoint.toBytes`. */
  static readonly fromBytes = (bytes: Uint8Array): Result.Result<Checkpoint, MalformedValue> =>
    Reading.fromBytes("Checkpoint", bytes, read)

  /** The cut of one of the group's streams; undefined when it is none of them. */
  cutOf(stream: ScopedStream): StreamCut | undefined {
    return this.cuts.find((cut) => cut.stream.scope === stream.scope && cut.stream.stream === stream.stream)
  }
}

const version = 0

const write: Serialization.Write<Checkpoint> = (writer, { cuts, name }) =>
  Serialization.writeEnvelope(writer, version, [(body) => {
    body.utf(name)
    const byStream = new Map(cuts.map((cut) => [cut.stream.toString(), cut]))
    Serialization.writeMap(body, byStream, Serialization.writeUtf, writeStreamCut)
  }])

const read: Serialization.Read<Checkpoint> = (reader) => {
  const body = Serialization.readEnvelope(reader, [version]).revision(0)
  const name = body.utf()
  const cuts = Serialization.readMap(body, Serialization.readUtf, readStreamCut)
  for (const [stream, cut] of cuts) {
    if (cut.stream.toString() !== stream) {
      throw new MalformedBytes(`the cut of ${stream} is one of ${cut.stream.toString()}`)
    }
  }
  return new Checkpoint({ name, cuts: [...cuts.values()] })
}
