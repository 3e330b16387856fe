/**
 * One of our readers of a reader group, as a process of its own: SCOPE STREAM GROUP READER. Prints what it reads, each line
 * before it is acknowledged, so that what it was killed after is known: segment, offset, offset of the next event,
 * milliseconds since 1970, text, and after the last one of several its position. Ends when the group has read everything. The controller is PRAVEGA_CONTROLLER.
 */
import { Effect, Layer, Logger } from "effect"
import { writeSync } from "node:fs"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import { Position } from "../../src/core/Position.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as EventReader from "../../src/pravega/readergroup/EventReader.ts"

const [scope, stream, group, readerId] = process.argv.slice(2)

const events = EventStream.make(`${scope}/${stream}`, { codec: EventCodec.utf8 })

/** Returns when the pipe has it all: `process.stdout` would keep what does not fit, and lose it when the process is killed. */
const print = (lines: string): void => {
  const bytes = Buffer.from(lines)
  for (let written = 0; written < bytes.length;) written += writeSync(1, bytes, written)
}

const program = EventReader.runArrays(
  events,
  (reads) =>
    Effect.sync(() => {
      const lines = reads.map((read) => `${read.pointer.toString()}\t${Date.now()}\t${read.event}`)
      const position = Position.toBytes(EventReader.position(reads[reads.length - 1]!))
      print(`${lines.join("\n")}\t${Buffer.from(position).toString("base64")}\n`)
    }),
  { readerGroup: `${scope}/${group}`, readerId }
)

// what is logged is no event; and it would make the pipe one that does not wait
const logs = Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])

await Effect.runPromise(Effect.provide(program, Layer.merge(Pravega.layerConfig(), logs)))
process.exit(0)
