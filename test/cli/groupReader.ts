/** Joins the group air/board as "left-behind", says so when it has read an event, and goes on until it is killed. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as EventReader from "../../src/pravega/readergroup/EventReader.ts"
import { numberedStream } from "../numbered.ts"

const reading = EventReader.stream(numberedStream("air/flights"), { readerGroup: "board", readerId: "left-behind" })

Effect.runFork(
  Stream.runForEach(reading, () => Console.log("reading")).pipe(Effect.provide(Pravega.layerConfig()))
)
