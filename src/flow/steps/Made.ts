/**
 * How the values of combinators are made: a node, and the face that users see. Each can be made ready to be run, so that an
 * engine needs nothing of flows before it has one.
 */
import * as Pipeable from "effect/Pipeable"
import * as Result from "effect/Result"
import * as Describe from "../describe/Describe.ts"
import type * as Node from "../graph/Node.ts"
import type { Compiled } from "../graph/Typed.ts"
import * as Key from "../key/Key.ts"
import * as Machine from "../machine/Machine.ts"

class FlowImpl {
  readonly node: Node.Node
  constructor(node: Node.Node) {
    this.node = node
  }
  "~compiled"(): Result.Result<Compiled, string> {
    try {
      const program = Machine.compile(this.node)
      return Result.succeed({ program, structure: Describe.describe(this.node).structure, slots: Key.defaultSlots })
    } catch (cause) {
      if (cause instanceof Machine.FlowRefused) return Result.fail(cause.detail)
      throw cause
    }
  }
  pipe(): unknown {
    return Pipeable.pipeArguments(this, arguments)
  }
}

class KeyedImpl {
  readonly keyed: Node.Keyed
  constructor(node: Node.Keyed) {
    this.keyed = node
  }
  pipe(): unknown {
    return Pipeable.pipeArguments(this, arguments)
  }
}

// The types are kept by the signatures above: nodes have none.
/** @category constructors @since 0.2.0 */
export const make = (node: Node.Node): never => new FlowImpl(node) as never
/** @category constructors @since 0.2.0 */
export const keyed = (node: Node.Keyed): never => new KeyedImpl(node) as never
/** @category constructors @since 0.2.0 */
export const erased = (aggregate: unknown): Node.AnyAggregate => aggregate as Node.AnyAggregate

type EachOf<E> = E extends Node.Each ? Omit<E, "_tag" | "input" | "keepsChanges"> : never

/** @category constructors @since 0.2.0 */
export const each = (self: { readonly node: Node.Node }, does: EachOf<Node.Each>, keepsChanges = true): never =>
  make({ _tag: "Each", input: self.node, keepsChanges, ...does } as Node.Each)

/** @category constructors @since 0.2.0 */
export const step = (
  name: string,
  inputs: ReadonlyArray<{ readonly keyed: Node.Keyed }>,
  options: { readonly late?: "count" | "fail" | "output" | undefined },
  operation: Node.Operation
): never =>
  make({ _tag: "Step", name, inputs: inputs.map(({ keyed }) => keyed), operation, late: options.late ?? "count" })

/** Whether a function that may be used in a pipe was given its flow. @category guards @since 0.2.0 */
export function isFlowFirst(args: IArguments): boolean {
  return args[0] instanceof FlowImpl || args[0] instanceof KeyedImpl
}
