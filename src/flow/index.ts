/**
 * Flows: what a pipeline computes, as a value: time, windows, state and joins.
 *
 * @since 0.2.0
 */
export * as Aggregate from "./aggregate/Aggregate.ts"
export * as Change from "./Change.ts"
export * as Flow from "./Flow.ts"
export * as State from "./graph/State.ts"
export * as Key from "./key/Key.ts"
export { FutureEvent, LateEvents } from "./machine/EventTimeError.ts"
export { FlowRefused } from "./machine/Machine.ts"
export * as Place from "./Place.ts"
export * as EventTime from "./time/EventTime.ts"
export * as Watermarks from "./time/Watermarks.ts"
export * as Window from "./time/Window.ts"

// the graph that a flow is, and the rows of its steps' state: they occur in the types of flows and of their state
export type { Codec, Emit, JoinType, Keyed, Node } from "./graph/Node.ts"
export type { Holds, OnlyEvents, ServicesOf } from "./graph/Typed.ts"
export type { Due, Line, Row, RowKind, Rows } from "./machine/Operator.ts"

// what flows are shown as, and run over Effect Streams with
export type { Described, Description } from "./describe/Describe.ts"
export type { LeftOut, Options as StreamOptions, OutputOf } from "./stream/ToStream.ts"
