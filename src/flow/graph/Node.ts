/**
 * The graph that a flow is: its steps as data, without their types. Combinators make it, and everything else reads it: the
 * machine, the model, the description. A node that two flows share is one step, run once.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { Aggregate } from "../aggregate/Aggregate.ts"
import type { Shape } from "../time/Window.ts"

/** Anything that gives events. @category models @since 0.2.0 */
export type Node = Source | Each | Effectful | Merge | Step | Late

/** What a source reads. @category models @since 0.2.0 */
export interface Source {
  readonly _tag: "Source"
  readonly name: string
}

/** A step that knows one event at a time. @category models @since 0.2.0 */
export type Each =
  & {
    readonly _tag: "Each"
    readonly input: Node
    /** Made of changes, its values are changes again. */
    readonly keepsChanges: boolean
  }
  & (
    | { readonly does: "map"; readonly f: (value: unknown) => unknown }
    | { readonly does: "filter"; readonly f: (value: unknown) => boolean }
    /** Undefined is left out. */
    | { readonly does: "filterMap"; readonly f: (value: unknown) => unknown }
    | { readonly does: "flatMap"; readonly f: (value: unknown) => Iterable<unknown> }
  )

/** A step that asks the world: its outputs may differ when it is run again. @category models @since 0.2.0 */
export interface Effectful {
  readonly _tag: "Effectful"
  readonly input: Node
  readonly name: string
  readonly kind: "mapEffect" | "lookup"
  /** As far as it is data: how many run at the same time, and what is asked at once, and remembered. */
  readonly detail: { readonly [name: string]: number }
  /** What a run asks by: it may remember answers. */
  readonly open: () => Ask
}

/** Asks about a batch's values; the answers come in their order. @category models @since 0.2.0 */
export type Ask = (
  values: ReadonlyArray<unknown>,
  given: Given
) => Effect.Effect<ReadonlyArray<unknown>, unknown, unknown>

/** What a batch's questions are given. @category models @since 0.2.0 */
export interface Given {
  /** Whether answers may be those of batches before: not where each batch must be the same each time. */
  readonly remembers: boolean
  /** The effect with what it is given by the engine, as that of the value at this index. */
  readonly apart: (
    effect: Effect.Effect<unknown, unknown, unknown>,
    index: number
  ) => Effect.Effect<unknown, unknown, unknown>
}

/** @category models @since 0.2.0 */
export interface Merge {
  readonly _tag: "Merge"
  readonly inputs: ReadonlyArray<Node>
}

/** Events with the key by which a step takes them in. @category models @since 0.2.0 */
export interface Keyed {
  readonly _tag: "Keyed"
  readonly input: Node
  readonly name: string
  readonly schema: Codec
  readonly f: (value: unknown) => unknown
  /** The values are changes, and `f` gives the key of what is before or after them. */
  readonly isOfChanges: boolean
}

/** A step that remembers something of each key. @category models @since 0.2.0 */
export interface Step {
  readonly _tag: "Step"
  readonly name: string
  /** Two of a join, the left one first. */
  readonly inputs: ReadonlyArray<Keyed>
  readonly operation: Operation
  /** What is done with events that come too late. `output`: they go to `Late`. */
  readonly late: "count" | "fail" | "output"
}

/** What came too late for a step. @category models @since 0.2.0 */
export interface Late {
  readonly _tag: "Late"
  readonly step: Step
}

/** @category models @since 0.2.0 */
export type Codec = Schema.Codec<unknown, unknown>
/** @category models @since 0.2.0 */
export type AnyAggregate = Aggregate<unknown, unknown, unknown, "merge" | "remove" | "empty">
/** @category models @since 0.2.0 */
export type Emit = "final" | "updates" | "changes" | "parts"

/** @category models @since 0.2.0 */
export type Operation =
  | Windowed
  | Running
  | Stateful
  | Deduplicated
  | TopN
  | JoinWithin
  | WindowJoin
  | TableJoin

/** @category models @since 0.2.0 */
export interface Windowed {
  readonly _tag: "Window"
  readonly window: Shape
  readonly aggregate: AnyAggregate
  readonly grace: number
  readonly emit: Emit
  readonly early: Early
}

/**
 * When a window's result is told before its end: in each batch that changed it, never, after so many new inputs, or so long
 * after the first new one.
 *
 * @category models
 * @since 0.2.0
 */
export type Early =
  | { readonly _tag: "Batch" }
  | { readonly _tag: "Never" }
  | { readonly _tag: "Count"; readonly count: number }
  | { readonly _tag: "After"; readonly after: number; readonly by: "event" | "clock" }

/** Over all time. @category models @since 0.2.0 */
export interface Running {
  readonly _tag: "Aggregate"
  readonly aggregate: AnyAggregate
  readonly emit: "updates" | "changes"
}

/** @category models @since 0.2.0 */
export interface Stateful {
  readonly _tag: "State"
  readonly state: Codec
  readonly initial: unknown
  readonly maps: Readonly<Record<string, { readonly key: Codec; readonly value: Codec }>>
  readonly event: Codec | undefined
  readonly order: "time" | "arrival"
  readonly ttl: Ttl | undefined
  readonly onEvent: (state: unknown, event: unknown, context: unknown) => Next
  readonly onTimer: ((state: unknown, timer: string, context: unknown) => Next) | undefined
  /** What it makes are changes of what it made before, or events. */
  readonly makesChanges: boolean
}

/** How long a key's state lives: after its last write (or read), by event time or the recorded clock. @category models @since 0.2.0 */
export interface Ttl {
  readonly after: number
  readonly by: "event" | "clock"
  readonly renewedBy: "write" | "read"
}

/** The state that follows (undefined: none any more), outputs, and what else is to be done. @category models @since 0.2.0 */
export type Next = readonly [
  state: unknown,
  outputs: ReadonlyArray<unknown>,
  also?: {
    readonly timers?: Readonly<Record<string, Timer>> | undefined
    readonly maps?: Readonly<Record<string, unknown>> | undefined
  } | undefined
]

/** When a timer is due; undefined: it is not set any more. @category models @since 0.2.0 */
export type Timer = { readonly at: number } | { readonly clock: number } | undefined

/** @category models @since 0.2.0 */
export interface Deduplicated {
  readonly _tag: "Deduplicate"
  readonly within: number
}

/** The `n` values of each key with the greatest ranks, over all time. @category models @since 0.2.0 */
export interface TopN {
  readonly _tag: "TopN"
  readonly n: number
  readonly value: Codec
  /** A value's rank as a text: `<` orders them from the greatest rank to the least. */
  readonly rank: (value: unknown) => string
  /** The same of a list of values. */
  readonly greatest: AnyAggregate
  readonly emit: "updates" | "changes"
}

/** @category models @since 0.2.0 */
export type JoinType = "inner" | "left" | "right" | "full" | "semi"

/** Pairs whose right time lies in `[left + lower, left + upper]`. @category models @since 0.2.0 */
export interface JoinWithin {
  readonly _tag: "JoinWithin"
  readonly type: JoinType
  readonly lower: number
  readonly upper: number
  readonly grace: number
  readonly left: Codec
  readonly right: Codec
  readonly where: ((left: unknown, right: unknown) => boolean) | undefined
}

/** Pairs of one window. @category models @since 0.2.0 */
export interface WindowJoin {
  readonly _tag: "WindowJoin"
  readonly type: JoinType
  readonly window: Shape & { readonly _tag: "Sliced" }
  readonly grace: number
  readonly left: Codec
  readonly right: Codec
  readonly where: ((left: unknown, right: unknown) => boolean) | undefined
}

/** Events with a table's row of their key: as of their time, or the one that is there when they come. @category models @since 0.2.0 */
export interface TableJoin {
  readonly _tag: "TableJoin"
  readonly type: "inner" | "left"
  readonly asOf: "time" | "arrival"
  /** How far back a table's rows are known. */
  readonly history: number
  readonly event: Codec
  readonly row: Codec
  /** Undefined: no row says so. */
  readonly isDeleted: ((row: unknown) => boolean) | undefined
}

/** The nodes that feed a node. @category getters @since 0.2.0 */
export const inputsOf = (node: Node): ReadonlyArray<Node> => {
  switch (node._tag) {
    case "Source":
      return []
    case "Each":
    case "Effectful":
      return [node.input]
    case "Merge":
      return node.inputs
    case "Late":
      return [node.step]
    case "Step":
      return node.inputs.map(({ input }) => input)
  }
}
