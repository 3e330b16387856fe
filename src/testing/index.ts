/**
 * What a user needs to test their own pipelines: faults of networks and servers, a simulated world in which hours take
 * milliseconds and a seed repeats a run. For tests: nothing here is for production. `fast-check` and `vitest` are needed by
 * those parts only that name them.
 *
 * @since 0.1.0
 */
export * as FaultProxy from "./faults/FaultProxy.ts"
export * as Faults from "./faults/Faults.ts"
export * as FaultyServer from "./faults/FaultyServer.ts"
export * as AggregateLaws from "./laws/AggregateLaws.ts"
export * as CheckpointLogLaws from "./laws/CheckpointLogLaws.ts"
export * as FlowLaws from "./laws/FlowLaws.ts"
export * as PipelineLaws from "./laws/PipelineLaws.ts"
export * as SinkLaws from "./laws/SinkLaws.ts"
export * as StateStoreLaws from "./laws/StateStoreLaws.ts"
export * as Seeded from "./seeded/Seeded.ts"
export * as Turns from "./seeded/Turns.ts"
export * as SimulatedLogs from "./simulation/SimulatedLogs.ts"
export * as Simulation from "./simulation/Simulation.ts"
export * as Timeline from "./simulation/Timeline.ts"
