/**
 * What a user needs to test their own pipelines: faults of networks and servers, a simulated world in which hours take
 * milliseconds and a seed repeats a run. For tests: nothing here is for production. `fast-check` and `vitest` are needed by
 * those parts only that name them.
 *
 * @since 0.1.0
 */
export * as CheckpointLogLaws from "./CheckpointLogLaws.ts"
export * as FaultProxy from "./FaultProxy.ts"
export * as Faults from "./Faults.ts"
export * as FaultyServer from "./FaultyServer.ts"
export * as PipelineLaws from "./PipelineLaws.ts"
export * as Seeded from "./Seeded.ts"
export * as SimulatedLogs from "./SimulatedLogs.ts"
export * as Simulation from "./Simulation.ts"
export * as SinkLaws from "./SinkLaws.ts"
export * as Timeline from "./Timeline.ts"
export * as Turns from "./Turns.ts"
