/**
 * The root service: one client of one Pravega cluster (or of the embedded server). It is what user-facing modules
 * require, and what the program provides at its edge; it holds no state of its own.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { Controller } from "./controller/Controller.ts"
import type { Segments } from "./segmentstore/Segments.ts"
import type { SegmentStores } from "./segmentstore/SegmentStores.ts"

/** @category services */
export class Pravega extends Context.Service<Pravega, {
  readonly controller: Controller["Service"]
  readonly segments: Segments["Service"]
  readonly stores: SegmentStores["Service"]
}>()("effect-pravega/Pravega") {}
