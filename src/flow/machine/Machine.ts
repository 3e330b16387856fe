/**
 * The machine that every interpreter runs: a flow made ready, as stateless parts that are plain functions over arrays, and
 * keyed steps that are pure functions over rows of state (`Operator`).
 *
 * An engine runs it batch by batch. It reads the sources' events, and gives each partition's to `Program.source`, which may
 * be done in parallel; what comes for a step it sorts by slot, keeping the order of partitions and places. Then it takes the
 * steps in their order: of each, all slots (in parallel, if it likes), and gives what they made to the step's `after`.
 * Watermarks, clocks and rows are the engine's; there is no Effect in here but what a flow's own effectful steps bring.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as Change from "../Change.ts"
import * as Node from "../graph/Node.ts"
import type { Place } from "../Place.ts"
import * as Keys from "./Keys.ts"
import type { Operator } from "./Operator.ts"
import * as Operators from "./Operators.ts"

/** The flow can't be run as it was put together. Thrown where it is compiled. @category errors @since 0.2.0 */
export class FlowRefused extends Schema.TaggedError<FlowRefused>()("FlowRefused", { detail: Schema.String }) {
  override get message(): string {
    return `the flow can't be run: ${this.detail}`
  }
}

/** A flow made ready. @category models @since 0.2.0 */
export interface Program {
  /** In the order of their names. */
  readonly sources: ReadonlyArray<string>
  /** What is done with the events of a source before they come to a step, an effect or the end. */
  readonly source: (name: string) => Part
  /** Steps and effects: each comes after all that feed it. */
  readonly stages: ReadonlyArray<Stage>
  /**
   * Where there are no steps, no effects and one source: the whole flow, as a function over arrays.
   */
  readonly plain: ((values: ReadonlyArray<unknown>) => Array<unknown>) | undefined
  /** Whether its outputs are the same each time: it has no effects. */
  readonly isPure: boolean
}

/** A stateless part: what follows a source, a step or an effect. @category models @since 0.2.0 */
export interface Part {
  /** `places[i]` is that of `values[i]`. Not to be called from within itself. */
  readonly run: (values: ReadonlyArray<unknown>, places: ReadonlyArray<Place>, into: Collector) => void
}

/** Where a stateless part puts what it makes: in the order of its inputs. @category models @since 0.2.0 */
export interface Collector {
  /** For `Program.stages[stage]`, a step. */
  readonly step: (stage: number, port: number, key: string, value: unknown, at: Place) => void
  /** For `Program.stages[stage]`, an effect. */
  readonly effect: (stage: number, value: unknown, at: Place) => void
  readonly output: (value: unknown, at: Place) => void
}

/** @category models @since 0.2.0 */
export type Stage = StepStage | EffectStage

/** A keyed step. @category models @since 0.2.0 */
export interface StepStage {
  readonly _tag: "Step"
  readonly index: number
  /** By it, its state is found again. */
  readonly name: string
  readonly step: Node.Step
  readonly key: Keys.KeyCodec
  readonly operator: Operator
  /** Its input watermark is the least of the sources' (if "source" is in here) and of the output watermarks of these stages. */
  readonly inputs: ReadonlyArray<number | "source">
  readonly after: Part
  /** What is done with late events, where the flow has them: run with the values of `Emitted.late`. */
  readonly late: Part | undefined
}

/** Asks the world about each value; what comes back goes on, in the same order. @category models @since 0.2.0 */
export interface EffectStage {
  readonly _tag: "Effect"
  readonly index: number
  readonly name: string
  /** To be opened by each run, which then asks batch by batch. */
  readonly open: () => Node.Ask
  /** As those of a step: it holds nothing back. */
  readonly inputs: ReadonlyArray<number | "source">
  readonly after: Part
}

/** The watermark of what a stage takes in. @category getters @since 0.2.0 */
export const inputWatermark = (stage: Stage, source: number, outputs: ReadonlyArray<number>): number => {
  let least = Infinity
  for (const input of stage.inputs) least = Math.min(least, input === "source" ? source : outputs[input]!)
  return least
}

/** Makes a flow's graph ready. Throws `FlowRefused`. @category constructors @since 0.2.0 */
export const compile = (root: Node.Node): Program => {
  const nodes = ordered(root)
  refuse(nodes)
  const stages = nodes.filter((node) => node._tag === "Step" || node._tag === "Effectful")
  const consumers = consumersOf(nodes)
  const into: Held = { collector: undefined }
  const link = linker(consumers, stages, root, into)
  const inputs = origins(stages)
  const sources = nodes.filter((node) => node._tag === "Source")
  const names = [...new Set(sources.map(({ name }) => name))].sort()
  const bySource = new Map(names.map((name) => {
    const all = sources.filter((source) => source.name === name).map(link)
    return [name, part(all, into)] as const
  }))
  const [only] = sources
  return {
    sources: names,
    source: (name) => bySource.get(name)!,
    stages: stages.map((node, index): Stage =>
      node._tag === "Step"
        ? stepStage(node, index, inputs.get(node)!, nodes, link, into)
        : {
          _tag: "Effect",
          index,
          name: node.name,
          open: node.open,
          inputs: inputs.get(node)!,
          after: part([link(node)], into)
        }
    ),
    plain: stages.length === 0 && sources.length === 1 && only !== undefined ? plain(link(only), into) : undefined,
    isPure: stages.every(({ _tag }) => _tag === "Step")
  }
}

const stepStage = (
  node: Node.Step,
  index: number,
  inputs: StepStage["inputs"],
  nodes: ReadonlyArray<Node.Node>,
  link: Link,
  into: Held
): StepStage => {
  const key = Keys.make(node.inputs[0]!.schema)
  const late = nodes.find((other) => other._tag === "Late" && other.step === node)
  return {
    _tag: "Step",
    index,
    name: node.name,
    step: node,
    key,
    operator: Operators.make(node, key),
    inputs,
    after: part([link(node)], into),
    late: late === undefined ? undefined : part([link(late)], into)
  }
}

/** A value and where it came from go to all that follows. */
type Emit = (value: unknown, at: Place) => void
type Link = (node: Node.Node) => Emit
/** Whom a part collects for while it runs. */
interface Held {
  collector: Collector | undefined
}

const part = (emits: ReadonlyArray<Emit>, into: Held): Part => {
  const emit = fan(emits)
  return {
    run: (values, places, collector) => {
      into.collector = collector
      for (let i = 0; i < values.length; i++) emit(values[i], places[i]!)
      into.collector = undefined
    }
  }
}

const fan = (emits: ReadonlyArray<Emit>): Emit => {
  if (emits.length === 1) return emits[0]!
  return (value, at) => {
    for (const emit of emits) emit(value, at)
  }
}

const nowhere: Place = { time: 0, source: "", segment: 0n, offset: 0n, ordinal: 0 }

const plain = (emit: Emit, into: Held) => (values: ReadonlyArray<unknown>): Array<unknown> => {
  const outputs: Array<unknown> = []
  into.collector = { step: unused, effect: unused, output: (value) => void outputs.push(value) }
  for (let i = 0; i < values.length; i++) emit(values[i], nowhere)
  into.collector = undefined
  return outputs
}

const unused = (): void => {}

/** What follows a node, as one function: stateless steps are fused into it. */
const linker = (
  consumers: ReadonlyMap<Node.Node, ReadonlyArray<Consumer>>,
  stages: ReadonlyArray<Node.Node>,
  root: Node.Node,
  into: Held
): Link => {
  const known = new Map<Node.Node, Emit>()
  const link: Link = (node) => {
    const there = known.get(node)
    if (there !== undefined) return there
    const emits = (consumers.get(node) ?? []).map((consumer): Emit => {
      if (consumer._tag === "Node") return through(consumer.node, link, stages, into)
      return entry(consumer, stages.indexOf(consumer.step), into)
    })
    if (node === root) emits.push((value, at) => into.collector!.output(value, at))
    const emit = fan(emits)
    known.set(node, emit)
    return emit
  }
  return link
}

const through = (
  node: Node.Each | Node.Effectful | Node.Merge,
  link: Link,
  stages: ReadonlyArray<Node.Node>,
  into: Held
): Emit => {
  switch (node._tag) {
    case "Merge":
      return link(node)
    case "Effectful": {
      const stage = stages.indexOf(node)
      return (value, at) => into.collector!.effect(stage, value, at)
    }
    case "Each":
      return each(node, link(node))
  }
}

const each = (node: Node.Each, next: Emit): Emit => {
  switch (node.does) {
    case "map": {
      const { f } = node
      return (value, at) => next(f(value), at)
    }
    case "filter": {
      const { f } = node
      return (value, at) => {
        if (f(value)) next(value, at)
      }
    }
    case "filterMap": {
      const { f } = node
      return (value, at) => {
        const chosen = f(value)
        if (chosen !== undefined) next(chosen, at)
      }
    }
    case "flatMap": {
      const { f } = node
      return (value, at) => {
        for (const item of f(value)) next(item, at)
      }
    }
  }
}

/** Into a step: with the key's text, and a place of its own for each of several that were made of one event. */
const entry = ({ keyed, port, step }: Consumer & { _tag: "Step" }, stage: number, into: Held): Emit => {
  const { text } = Keys.make(step.inputs[0]!.schema)
  const { f } = keyed
  let last: Place | undefined
  let ordinal = 0
  const put = (key: unknown, value: unknown, at: Place): void => {
    ordinal = at === last ? ordinal + 1 : 0
    last = at
    const place = ordinal === 0 ? at : nth(at, ordinal)
    into.collector!.step(stage, port, text(key), value, place)
  }
  if (!keyed.isOfChanges) return (value, at) => put(f(value), value, at)
  return (value, at) => {
    const change = value as Change.Change<unknown>
    if (change._tag !== "Replaced") return put(f(change._tag === "Added" ? change.after : change.before), change, at)
    const before = f(change.before)
    const after = f(change.after)
    if (text(before) === text(after)) return put(after, change, at)
    put(before, Change.removed(change.before), at)
    put(after, Change.added(change.after), at)
  }
}

/** How many may be made of one event. */
const ordinals = 2 ** 20

const nth = ({ offset, ordinal, segment, source, time }: Place, n: number): Place => ({
  time,
  source,
  segment,
  offset,
  ordinal: ordinal * ordinals + n
})

type Consumer =
  | { readonly _tag: "Node"; readonly node: Node.Each | Node.Effectful | Node.Merge }
  | { readonly _tag: "Step"; readonly step: Node.Step; readonly keyed: Node.Keyed; readonly port: number }

/** What follows each node, in the order in which the graph was put together. */
const consumersOf = (nodes: ReadonlyArray<Node.Node>): ReadonlyMap<Node.Node, ReadonlyArray<Consumer>> => {
  const all = new Map<Node.Node, Array<Consumer>>()
  const add = (node: Node.Node, consumer: Consumer) => all.set(node, [...all.get(node) ?? [], consumer])
  for (const node of nodes) {
    if (node._tag === "Step") {
      node.inputs.forEach((keyed, port) => add(keyed.input, { _tag: "Step", step: node, keyed, port }))
    } else if (node._tag === "Merge") {
      for (const input of node.inputs) add(input, { _tag: "Node", node })
    } else if (node._tag === "Each" || node._tag === "Effectful") {
      add(node.input, { _tag: "Node", node })
    }
  }
  return all
}

/** Each node once, after all that feed it. @category getters @since 0.2.0 */
export const ordered = (root: Node.Node): ReadonlyArray<Node.Node> => {
  const found = new Set<Node.Node>()
  const visit = (node: Node.Node): void => {
    if (found.has(node)) return
    for (const input of Node.inputsOf(node)) visit(input)
    found.add(node)
  }
  visit(root)
  return [...found]
}

/** By which watermarks each stage goes. */
const origins = (stages: ReadonlyArray<Node.Node>): ReadonlyMap<Node.Node, ReadonlyArray<number | "source">> => {
  const of = (node: Node.Node): ReadonlyArray<number | "source"> => {
    if (node._tag === "Source") return ["source"]
    // Late events say nothing about time, but their step's input goes on.
    if (node._tag === "Late") return Node.inputsOf(node.step).flatMap(of)
    const stage = stages.indexOf(node)
    return stage >= 0 ? [stage] : Node.inputsOf(node).flatMap(of)
  }
  return new Map(stages.map((stage) => [stage, [...new Set(Node.inputsOf(stage).flatMap(of))]]))
}

const refuse = (nodes: ReadonlyArray<Node.Node>): void => {
  const steps = nodes.filter((node) => node._tag === "Step")
  const names = new Set<string>()
  for (const { name } of steps) {
    if (names.has(name)) {
      throw new FlowRefused({
        detail:
          `two of its steps have the name "${name}". State is found by the names of steps: give one of them another name`
      })
    }
    names.add(name)
  }
  for (const step of steps) {
    const isTaken = nodes.some((node) => node._tag === "Late" && node.step === step)
    if (step.late === "output" && !isTaken) {
      throw new FlowRefused({
        detail:
          `step "${step.name}" makes an output of its late events (late: "output"), and nothing takes it. Put Flow.late of ` +
          "the step into Flow.outputs"
      })
    }
  }
}
