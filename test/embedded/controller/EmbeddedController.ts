/** An embedded controller for tests: in memory or on a given storage, in process, with its parts in reach. */
import { Clock, Context, Effect, Layer } from "effect"
import * as ControllerServer from "../../../src/embedded/controller/ControllerServer.ts"
import * as InProcessTransport from "../../../src/embedded/controller/InProcessTransport.ts"
import * as ContainerState from "../../../src/embedded/store/ContainerState.ts"
import type { SegmentContainer } from "../../../src/embedded/store/SegmentContainer.ts"
import * as Storage from "../../../src/embedded/store/Storage.ts"
import type { Controller } from "../../../src/pravega/controller/Controller.ts"
import * as ControllerLayers from "../../../src/pravega/controller/ControllerLayers.ts"
import { ControllerTransport } from "../../../src/pravega/controller/ControllerTransport.ts"

export class Embedded extends Context.Service<Embedded, {
  readonly server: ControllerServer.ControllerServer
  readonly container: SegmentContainer
}>()("effect-pravega/test/EmbeddedController") {}

export type Options = Partial<
  Pick<ControllerServer.ControllerServerOptions, "limits" | "intervals" | "authorisation">
>

/** A storage in memory that keeps its records, so that a controller can be started on it again. */
export const makeRecords = () => {
  const records = new Map<string, string>()
  const storage: Storage.Storage = {
    ...Storage.makeMemory(),
    putRecord: (key, text) => {
      records.set(key, text)
    },
    deleteRecord: (key) => {
      records.delete(key)
    }
  }
  return { records, storage }
}

/** The segments outlive the controllers that are started on them. */
export const makeDisk = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const { records, storage } = makeRecords()
  const container = ContainerState.open({ storage, now: () => clock.currentTimeMillisUnsafe() })
  return { records, storage, container }
})

export interface Disk extends Effect.Success<typeof makeDisk> {}

export const endpoint = { host: "embedded", port: 12345 }

/** A controller, with a client of it, on what a former one left. */
export const layerOn = (
  { container, records, storage }: Disk,
  options: Options = {}
): Layer.Layer<Embedded | ControllerTransport | Controller> =>
  ControllerLayers.client().pipe(
    Layer.provideMerge(Layer.effectContext(Effect.gen(function*() {
      const server = yield* ControllerServer.make({
        container,
        storage,
        records: [...records],
        endpoint: () => endpoint,
        ...options
      })
      return Context.make(Embedded, { server, container }).pipe(
        Context.add(ControllerTransport, InProcessTransport.make(server))
      )
    })))
  )

export const layer = (options: Options = {}): Layer.Layer<Embedded | ControllerTransport | Controller> =>
  Layer.unwrap(Effect.map(makeDisk, (disk) => layerOn(disk, options)))
