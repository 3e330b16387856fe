/**
 * The main job: US flights of 2001 into a stream, delays by airport and hour out of it, exactly once. `npm start`.
 *
 * Two queries run side by side: one loads the data set into the stream `flights`, the other reads that stream, adds the
 * flights of each airport and hour up in event-time windows, and writes each hour to the stream `delays` when it is over.
 * Both keep a checkpoint log, and the windows their state beside it; killed anywhere, they go on where they were.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Admin, Pravega, ScalingPolicy, ScopeName } from "effect-pravega"
import { CheckpointLog } from "effect-pravega/batch"
import { StateStore } from "effect-pravega/state"
import { Command, Flag } from "effect/cli"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { join } from "node:path"
import * as Audit from "./Audit.ts"
import * as DelayTable from "./DelayTable.ts"
import { delays, flights } from "./Flight.ts"
import * as FlightData from "./FlightData.ts"
import * as Jobs from "./Jobs.ts"
import * as JobState from "./JobState.ts"

class AuditFailed extends Data.TaggedError("AuditFailed")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

const number = (n: number) => n.toLocaleString("en")

/** Makes the streams, runs both queries to their end, prints what came out of it, and the audit. */
const run = Effect.fnUntraced(function*(state: JobState.JobState) {
  const { count, scope, segments, starts } = state
  const input = flights(scope)
  const output = delays(scope)
  yield* Admin.createScope(ScopeName.make(scope))
  yield* Admin.createStream(input.name, { scaling: ScalingPolicy.fixed(segments) })
  yield* Admin.createStream(output.name, { scaling: ScalingPolicy.fixed(2) })

  yield* Console.log(
    starts === 1
      ? `${number(count)} flights into ${input.name} (${segments} segments), delays into ${output.name}`
      : `start ${starts}: going on with ${input.name} and ${output.name}`
  )
  const progress = yield* Jobs.run(state)
  const audit = yield* Audit.run(scope, count)

  yield* Console.log(`\nDelays in minutes, by airport of origin and hour of departure:\n`)
  yield* Console.log(DelayTable.render(audit.table, 12))
  const { lost, repeated, wrongHours } = audit.output
  const batches = progress.loadBatches + progress.delayBatches
  yield* Console.log(`
Audit, computed from the data set and the two streams, apart from the pipeline:
  events in       ${
    number(audit.input.events)
  } flights in ${input.name}: ${audit.input.lost} lost, ${audit.input.repeated} repeated
  events out      ${
    number(audit.hours)
  } hours in ${output.name}: ${lost} flights lost, ${repeated} repeated, ${wrongHours} hours wrong
  batches         ${batches} in this start (${progress.loadBatches} to load, ${progress.delayBatches} to work out the delays)
  starts          ${starts}`)
  const wrong = audit.input.lost + audit.input.repeated + lost + repeated + wrongHours
  yield* Console.log(`\n${audit.input.lost + lost} lost, ${audit.input.repeated + repeated} repeated`)
  if (wrong > 0) return yield* new AuditFailed({ detail: "the audit found the job wrong" })
})

/** Where the job's streams are: a Pravega that runs, or one of the job's own that keeps its data beside its logs. */
const pravega = (
  controller: Option.Option<string>,
  directory: string
): Layer.Layer<Pravega, Layer.Error<ReturnType<typeof Pravega.layerConfig | typeof Pravega.layerEmbedded>>> =>
  Option.match(controller, {
    onNone: () => Pravega.layerEmbedded({ directory: join(directory, "data") }),
    // user, password and trusted certificates come from the environment
    onSome: (address) => Pravega.layerConfig({ controller: address })
  })

const command = Command.make("flights", {
  flights: Flag.Int("flights").pipe(
    Flag.withDescription(`How many flights to take, at most ${number(FlightData.size)}`),
    Flag.withDefault(200_000)
  ),
  segments: Flag.Int("segments").pipe(
    Flag.withDescription("Segments of the stream of flights"),
    Flag.withDefault(4)
  ),
  controller: Flag.String("controller").pipe(
    Flag.withDescription("A Pravega that runs, as tcp://host:9090; else PRAVEGA_CONTROLLER, else an embedded one"),
    Flag.withFallbackConfig(Config.String("PRAVEGA_CONTROLLER")),
    Flag.optional
  ),
  directory: Flag.String("directory").pipe(
    Flag.withDescription(
      "Where the checkpoint logs, the state, and an embedded Pravega's data are kept until the job is done"
    ),
    Flag.withDefault(".effect-pravega/flights")
  ),
  stop: Flag.Boolean("stop").pipe(
    Flag.withDescription("Give up an interrupted job: forget its logs and its data"),
    Flag.withDefault(false)
  )
}, ({ controller, directory, flights, segments, stop }) =>
  Effect.gen(function*() {
    if (stop) return yield* JobState.remove(directory)
    const count = Math.min(Math.max(flights, 1), FlightData.size)
    const address = Option.getOrElse(controller, () => "embedded")
    const state = yield* JobState.resume(directory, { controller: address, count, segments })
    yield* run(state).pipe(
      Effect.provide(
        Layer.mergeAll(
          pravega(controller, directory),
          CheckpointLog.layerFileSystem(join(directory, "checkpoints", state.scope)),
          StateStore.layerDirectory(join(directory, "state", state.scope))
        )
      ),
      Effect.onInterrupt(() =>
        Console.log("\ninterrupted: start it again and it goes on, or give it up with npm start -- --stop")
      )
    )
    yield* JobState.remove(directory)
  })).pipe(
    Command.withDescription("Delays of US flights by airport and hour, exactly once, on Pravega")
  )

NodeRuntime.runMain(Command.run(command, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer)))
