/**
 * One of our readers of a reader group, as a process of its own: SCOPE STREAM GROUP READER. Prints what it reads, each line
 * before it is acknowledged, so that what it was killed after is known: segment, offset, offset of the next event,
 * milliseconds since 1970, text. Ends when the group has read everything. The controller is PRAVEGA_CONTROLLER.
 */
import { Effect } from "effect"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as EventReader from "../../src/stream/EventReader.ts"

const [scope, stream, group, readerId] = process.argv.slice(2)

const events = EventStream.make(`${scope}/${stream}`, { codec: EventCodec.utf8 })

const program = EventReader.runArrays(events, { readerGroup: `${scope}/${group}`, readerId }, (reads) =>
  // a pipe takes it before this returns
  Effect.sync(() =>
    process.stdout.write(
      reads.map((read) => `${read.pointer.toString()}\t${Date.now()}\t${read.event}\n`).join("")
    )
  ))

await Effect.runPromise(Effect.provide(program, Pravega.layerConfig()))
process.exit(0)
