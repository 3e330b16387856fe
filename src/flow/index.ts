/**
 * Flows: what a pipeline computes, as a value: time, windows, state and joins.
 *
 * @since 0.2.0
 */
export * as Aggregate from "./aggregate/Aggregate.ts"
export * as Key from "./key/Key.ts"
export * as Place from "./Place.ts"
