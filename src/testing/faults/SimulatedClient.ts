/**
 * `Pravega.layerTransport`, with everything loaded: a module that is loaded while a simulation runs would take time that
 * the simulation does not see.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Controller } from "../../pravega/controller/Controller.ts"
import * as ControllerClient from "../../pravega/controller/ControllerClient.ts"
import { ControllerTransport } from "../../pravega/controller/ControllerTransport.ts"
import { type ClientOptions, Pravega } from "../../pravega/Pravega.ts"
import * as SegmentRequests from "../../pravega/segmentstore/SegmentRequests.ts"
import { Segments } from "../../pravega/segmentstore/Segments.ts"
import { SegmentStores } from "../../pravega/segmentstore/SegmentStores.ts"
import type { SegmentStoreTransport } from "../../pravega/segmentstore/SegmentStoreTransport.ts"

/** @category layers @since 0.1.0 */
export const layer = (
  options: ClientOptions = {}
): Layer.Layer<Pravega, never, ControllerTransport | SegmentStoreTransport> =>
  Layer.effect(
    Pravega,
    Effect.gen(function*() {
      return { controller: yield* Controller, segments: yield* Segments, stores: yield* SegmentStores }
    })
  ).pipe(
    Layer.provide(SegmentRequests.layer),
    Layer.provide(Layer.merge(
      Layer.effect(
        Controller,
        Effect.map(ControllerTransport, (transport) => ControllerClient.make(transport, options))
      ),
      SegmentStores.layer(options.stores)
    ))
  )
