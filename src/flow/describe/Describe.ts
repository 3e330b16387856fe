/**
 * A flow as others see it: its graph as data, as text and as a drawing; and its structure, by which a query's state and log
 * are known again.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as Node from "../graph/Node.ts"
import * as Key from "../key/Key.ts"
import { ordered } from "../machine/Machine.ts"

/** A step of a graph. @category models @since 0.2.0 */
export interface Described {
  /** Its place in the graph, from 0: those that feed it come before it. */
  readonly id: number
  readonly kind: string
  /** Of a source, a keyed step, an effect. */
  readonly name?: string
  /** The steps that feed it; of a join, the left one first. */
  readonly inputs: ReadonlyArray<number>
  /** What it does, as far as it is data: windows, bounds, keys, aggregates, Schemas. */
  readonly detail: { readonly [name: string]: Schema.Json }
}

/** A flow's graph. @category models @since 0.2.0 */
export interface Description {
  readonly steps: ReadonlyArray<Described>
  /** By which queries know it: stateless functions are not in it. */
  readonly structure: Schema.Json
  /** A line per step. */
  readonly text: string
  /** A flowchart in the language of Mermaid. */
  readonly mermaid: string
}

/** Looks at a graph. @category inspection @since 0.2.0 */
export const describe = (root: Node.Node): Description => {
  const nodes = ordered(root)
  const steps = nodes.map((node, id): Described => ({
    id,
    ...of(node),
    inputs: Node.inputsOf(node).map((input) => nodes.indexOf(input))
  }))
  return { steps, structure: structure(nodes), text: steps.map(line).join("\n"), mermaid: mermaid(steps) }
}

const of = (node: Node.Node): Pick<Described, "kind" | "name" | "detail"> => {
  switch (node._tag) {
    case "Source":
      return { kind: "source", name: node.name, detail: {} }
    case "Each":
      return { kind: node.does, detail: {} }
    case "Effectful":
      return { kind: node.kind, name: node.name, detail: { ...node.detail, isPure: false } }
    case "Merge":
      return { kind: "merge", detail: {} }
    case "Late":
      return { kind: "late", detail: { of: node.step.name } }
    case "Step":
      return { kind: kinds[node.operation._tag], name: node.name, detail: stepDetail(node) }
  }
}

const kinds: Readonly<Record<Node.Operation["_tag"], string>> = {
  Window: "window",
  Aggregate: "aggregate",
  State: "mapState",
  Deduplicate: "deduplicate",
  TopN: "topN",
  JoinWithin: "joinWithin",
  WindowJoin: "windowJoin",
  TableJoin: "joinTable"
}

const stepDetail = ({ inputs, late, operation }: Node.Step): Described["detail"] => ({
  keys: inputs.map(({ name, schema }) => ({ name, form: Key.make(schema).fingerprint })),
  late,
  ...operationDetail(operation)
})

/** All durations in milliseconds. */
const operationDetail = (operation: Node.Operation): Described["detail"] => {
  switch (operation._tag) {
    case "Window":
      return {
        window: shapeDetail(operation.window),
        aggregate: operation.aggregate.fingerprint,
        accumulator: identity(operation.aggregate.accumulator),
        grace: operation.grace,
        emit: operation.emit,
        ...operation.early._tag === "Batch" ? {} : { early: { ...operation.early } }
      }
    case "Aggregate":
      return {
        aggregate: operation.aggregate.fingerprint,
        accumulator: identity(operation.aggregate.accumulator),
        emit: operation.emit
      }
    case "State":
      return {
        state: identity(operation.state),
        maps: Object.entries(operation.maps).map(([name, { key, value }]) => ({
          name,
          key: Key.make(key).fingerprint,
          value: identity(value)
        })),
        order: operation.order,
        ...operation.event === undefined ? {} : { event: identity(operation.event) },
        ...operation.ttl === undefined ? {} : { ttl: { ...operation.ttl } }
      }
    case "Deduplicate":
      return { within: finite(operation.within) }
    case "TopN":
      return { n: operation.n, value: identity(operation.value), emit: operation.emit }
    case "JoinWithin":
      return {
        type: operation.type,
        lower: operation.lower,
        upper: operation.upper,
        grace: operation.grace,
        left: identity(operation.left),
        right: identity(operation.right)
      }
    case "WindowJoin":
      return {
        type: operation.type,
        window: shapeDetail(operation.window),
        grace: operation.grace,
        left: identity(operation.left),
        right: identity(operation.right)
      }
    case "TableJoin":
      return {
        type: operation.type,
        asOf: operation.asOf,
        history: finite(operation.history),
        event: identity(operation.event),
        row: identity(operation.row)
      }
  }
}

const shapeDetail = (shape: Node.Windowed["window"]): { readonly [name: string]: Schema.Json } => {
  switch (shape._tag) {
    case "Sliced": {
      const { every, offset, size, time } = shape
      return { kind: every === size ? "tumbling" : "sliding", size, every, offset, time }
    }
    case "Session":
      return { kind: "session", gap: typeof shape.gap === "number" ? shape.gap : "of each input" }
    case "Count":
      return { kind: "count", size: shape.size }
    case "Calendar": {
      const { offset, unit, weekStartsOn, zone } = shape
      return { kind: `${unit}s`, zone, offset, ...unit === "week" ? { startsOn: weekStartsOn } : {} }
    }
    case "Global":
      return { kind: "global" }
  }
}

const finite = (millis: number): Schema.Json => Number.isFinite(millis) ? millis : "for ever"

/** What a Schema's values look like when they are stored. */
const identity = (schema: Node.Codec): Schema.Json =>
  Schema.decodeUnknownSync(Schema.Json)(JSON.parse(JSON.stringify(Schema.toJsonSchemaDocument(schema))))

/** Steps with state, by their names: where they stand in the graph decides nothing. */
const structure = (nodes: ReadonlyArray<Node.Node>): Schema.Json => {
  const steps = nodes.filter((node) => node._tag === "Step")
  return Object.fromEntries(
    steps.map((step) => [step.name, { kind: kinds[step.operation._tag], ...stepDetail(step) }] as const)
      .toSorted(([a], [b]) => a < b ? -1 : 1)
  )
}

const line = ({ detail, id, inputs, kind, name }: Described): string => {
  const from = inputs.length === 0 ? "" : ` of ${inputs.join(", ")}`
  return `${id} ${titleOf(kind, name)}${from}${shortOf(detail)}`
}

const titleOf = (kind: string, name: string | undefined): string => name === undefined ? kind : `${kind} "${name}"`

/** Schemas are long, and said elsewhere. */
const schemas = new Set(["accumulator", "state", "event", "left", "right", "row", "value", "maps", "keys"])

const shortOf = (detail: Described["detail"]): string => {
  const short = Object.entries(detail).filter(([name]) => !schemas.has(name))
  return short.length === 0
    ? ""
    : `: ${
      short.map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ")
    }`
}

const mermaid = (steps: ReadonlyArray<Described>): string => {
  const boxes = steps.map(({ id, kind, name }) => `  s${id}["${titleOf(kind, name).replaceAll("\"", "#quot;")}"]`)
  const arrows = steps.flatMap(({ id, inputs }) => inputs.map((input) => `  s${input} --> s${id}`))
  return ["flowchart LR", ...boxes, ...arrows].join("\n")
}
