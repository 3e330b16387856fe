/**
 * The values that combinators take and give: flows, and flows with keys. All of a flow's types are here; what it does is in
 * its node, and how values of them are made is known to the steps.
 *
 * @since 0.2.0
 */
import type * as Pipeable from "effect/Pipeable"
import type * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import type { Says } from "../../core/Says.ts"
import type * as Change from "../Change.ts"
import type { Program } from "../machine/Machine.ts"
import type * as Node from "./Node.ts"

const TypeId = "~effect-pravega/flow/Flow"
const KeyedId = "~effect-pravega/flow/Keyed"

/**
 * What a flow's values are: `events`, each of its own; `updates`, of which the last of a key (and window) counts; `changes`
 * of results that were told before.
 *
 * @category models
 * @since 0.2.0
 */
export type Mode = "events" | "updates" | "changes"

/**
 * Among what a flow needs: its steps remember something of each key. A pipeline asks for a `StateStore` instead; on a Stream
 * it is in memory, and nothing is asked for. No service of this name is ever provided.
 *
 * @category models
 * @since 0.2.0
 */
export interface Stateful {
  readonly "~the steps of this flow remember: Pipeline.make asks for a StateStore instead": true
}

/**
 * Among what a flow needs: it asks the world (`Flow.mapEffect`), and so may have other outputs when it is run again. No
 * service of this name is ever provided.
 *
 * @category models
 * @since 0.2.0
 */
export interface Effectful {
  readonly "~this flow asks the world: Pipeline.make wants to know whether it is deterministic": true
}

/** What is to be provided of what a flow needs. @category utility types @since 0.2.0 */
export type ServicesOf<R> = Exclude<R, Stateful | Effectful>

/** A flow as an engine runs it. @category models @since 0.2.0 */
export interface Compiled {
  readonly program: Program
  /** By which queries know it. */
  readonly structure: Schema.Json
  /** How many slots its keys lie in, where nobody says otherwise. */
  readonly slots: number
}

/**
 * Computes `A` from what the sources `In` read, by name; the one source of a flow that has one is called `events`. `E` and
 * `R` are what its effects fail with and need; `R` says, too, whether its steps remember (`Stateful`), and whether it has
 * effects at all (`Effectful`): without them it is pure.
 *
 * @category models
 * @since 0.2.0
 */
export interface Flow<in In, out A, out M extends Mode = "events", out E = never, out R = never>
  extends Pipeable.Pipeable
{
  readonly [TypeId]: {
    readonly In: Types.Contravariant<In>
    readonly A: Types.Covariant<A>
    readonly M: M | undefined
    readonly E: Types.Covariant<E>
    readonly R: Types.Covariant<R>
  }
  /** Its steps, as data without types. */
  readonly node: Node.Node
  /** @internal Makes it ready to run, or says why it can't be. It is here so that a program without flows loads none of this. */
  readonly "~compiled": () => Result.Result<Compiled, string>
  /** @internal */
  readonly "~a keyed flow goes on with a step of keys: Flow.window, aggregate, mapState, deduplicate or a join": true
}

/** What a flow's effects fail with. @category utility types @since 0.2.0 */
export type Error<F> = F extends Flow<never, unknown, Mode, infer E, unknown> ? E : never

/** What a flow's effects need. @category utility types @since 0.2.0 */
export type Services<F> = F extends Flow<never, unknown, Mode, unknown, infer R> ? ServicesOf<R> : never

/**
 * The values of a flow with their keys: what a step that remembers takes in.
 *
 * @category models
 * @since 0.2.0
 */
export interface Keyed<in In, out K, out A, out M extends Mode = "events", out E = never, out R = never>
  extends Pipeable.Pipeable
{
  readonly [KeyedId]: {
    readonly In: Types.Contravariant<In>
    readonly K: Types.Covariant<K>
    readonly A: Types.Covariant<A>
    readonly M: M | undefined
    readonly E: Types.Covariant<E>
    readonly R: Types.Covariant<R>
  }
  readonly keyed: Node.Keyed
  /** @internal */
  readonly "~this step needs a key: put Flow.keyBy before it": true
}

/** A step whose late events can be had: `Flow.late`. @category models @since 0.2.0 */
export interface Step<in In, out A, out L, out M extends Mode = "events", out E = never, out R = never>
  extends Flow<In, A, M, E, R>
{
  readonly lateOf: Types.Covariant<L>
}

/** What comes out of a flow, as a sink or a Stream gets it. @category utility types @since 0.2.0 */
export type Output<F> = F extends Flow<never, infer A, infer M, infer _E, infer _R>
  ? M extends "changes" ? Change.Change<A> : A
  : never

/** Reads as a sentence where it does not hold: a property of this name is missing. @category utility types @since 0.2.0 */
export type Holds<Ok, Sentence extends string> = Ok extends true ? unknown : Says<Sentence>

/** @category utility types @since 0.2.0 */
export type OnlyEvents<M> = Holds<
  [M] extends ["events"] ? true : false,
  "this step can't take back what it was told: it takes events, not updates or changes"
>

/** Whether a node's values are changes. @category guards @since 0.2.0 */
export const isOfChanges = (node: Node.Node): boolean => {
  switch (node._tag) {
    case "Source":
    case "Late":
    case "Effectful":
      return false
    case "Merge":
      return node.inputs.some(isOfChanges)
    case "Each":
      // Those that make changes of changes; expand, updates and outputs are ends of them.
      return node.keepsChanges && isOfChanges(node.input)
    case "Step":
      return makesChanges(node.operation)
  }
}

const makesChanges = (operation: Node.Operation): boolean => {
  switch (operation._tag) {
    case "Window":
    case "Aggregate":
    case "TopN":
      return operation.emit === "changes"
    case "State":
      return operation.makesChanges
    default:
      return false
  }
}
