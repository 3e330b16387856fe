/**
 * The model: what a flow means, written to be read. It takes all that ever came in, moment by moment, and says what comes
 * out in each; it has no state, no slices and no rows, and is as slow as it is plain. The other interpreters are held to it.
 *
 * @since 0.2.0
 */
import type * as Node from "../graph/Node.ts"
import * as Keys from "../machine/Keys.ts"
import type { Place } from "../Place.ts"
import { type Arrival, type Event, type History, type Made, withOrdinal } from "./History.ts"
import * as JoinsModel from "./JoinsModel.ts"
import * as RunningModel from "./RunningModel.ts"
import * as StateModel from "./StateModel.ts"
import * as WindowsModel from "./WindowsModel.ts"

/** What all sources had, by name. @category models @since 0.2.0 */
export type World = (source: string) => History

/** What a flow makes, and what came too late for its steps. @category models @since 0.2.0 */
export interface Meaning {
  /** By moment, in no order. */
  readonly outputs: ReadonlyArray<ReadonlyArray<Event>>
  /** By step and moment. */
  readonly late: ReadonlyMap<string, ReadonlyArray<number>>
}

/** What a flow means in a world. @category running @since 0.2.0 */
export const meaning = (root: Node.Node, world: World): Meaning => {
  const known = new Map<Node.Node, History>()
  const lates = new Map<Node.Step, History>()
  const late = new Map<string, ReadonlyArray<number>>()

  const of = (node: Node.Node): History => {
    const history = known.get(node) ?? made(node)
    known.set(node, history)
    return history
  }

  const made = (node: Node.Node): History => {
    switch (node._tag) {
      case "Source":
        return world(node.name)
      case "Each":
        return of(node.input).map((moment) => ({
          ...moment,
          events: moment.events.flatMap((event) => each(node, event))
        }))
      case "Merge":
        return together(node.inputs.map(of))
      case "Late":
        of(node.step)
        return lates.get(node.step)!
      case "Effectful":
        throw new TypeError(
          `the model runs no effects, and step "${node.name}" has one. Leave the step out, or compare by Flow.toStream`
        )
      case "Step": {
        const inputs = node.inputs.map((keyed) => of(keyed.input))
        const input = together(inputs)
        const step = meant(node, input, arrivals(node, inputs))
        const lateBy = (n: number) => step.late.filter((arrival) => arrival.n === n)
        lates.set(node, input.map((moment, n) => ({ ...moment, events: lateBy(n) })))
        late.set(node.name, input.map((_, n) => lateBy(n).length))
        return input.map(({ before, clock, watermark }, n) => ({
          events: step.events[n]!,
          before: before - step.hold,
          watermark: watermark - step.hold,
          clock
        }))
      }
    }
  }

  return { outputs: of(root).map(({ events }) => events), late }
}

/** What a step that knows one event at a time makes of one. */
const each = (node: Node.Each, { at, value }: Event): ReadonlyArray<Event> => {
  switch (node.does) {
    case "map":
      return [{ at, value: node.f(value) }]
    case "filter":
      return node.f(value) ? [{ at, value }] : []
    case "filterMap": {
      const chosen = node.f(value)
      return chosen === undefined ? [] : [{ at, value: chosen }]
    }
    case "flatMap":
      return [...node.f(value)].map((item) => ({ at, value: item }))
  }
}

/** What comes of several is known as late as what comes of the slowest. */
const together = (histories: ReadonlyArray<History>): History =>
  histories[0]!.map((first, n) => ({
    events: histories.flatMap((history) => history[n]!.events),
    before: Math.min(...histories.map((history) => history[n]!.before)),
    watermark: Math.min(...histories.map((history) => history[n]!.watermark)),
    clock: first.clock
  }))

/** What comes into a step: in order of moments, and in each by source and place. */
const arrivals = (node: Node.Step, inputs: ReadonlyArray<History>): ReadonlyArray<Arrival> => {
  const text = Keys.make(node.inputs[0]!.schema).text
  const all = node.inputs.flatMap((keyed, port) =>
    inputs[port]!.flatMap(({ events }, n) =>
      events.flatMap(({ at, value }) =>
        keys(keyed, value).map(({ key, value }) => ({ n, port, at, value, key: text(key) }))
      )
    )
  )
  return numbered(all.toSorted((a, b) => a.n - b.n || byPlace(a.at, b.at)))
}

/** Several that were made of one event get places of their own. */
const numbered = (all: ReadonlyArray<Arrival>): ReadonlyArray<Arrival> =>
  [...Map.groupBy(all, ({ at }) => at).values()].length === all.length ? all : all.map((arrival, i) => {
    const ordinal = i - all.findIndex(({ at }) => at === arrival.at)
    return ordinal === 0
      ? arrival
      : { ...arrival, at: withOrdinal(arrival.at, arrival.at.ordinal * 2 ** 20 + ordinal) }
  })

const byPlace = (a: Place, b: Place): number => {
  if (a.source !== b.source) return a.source < b.source ? -1 : 1
  if (a.segment !== b.segment) return a.segment < b.segment ? -1 : 1
  if (a.offset !== b.offset) return a.offset < b.offset ? -1 : 1
  return a.ordinal - b.ordinal
}

/** The key of a value; a change whose key changes is two. */
const keys = (keyed: Node.Keyed, value: unknown): ReadonlyArray<{ readonly key: unknown; readonly value: unknown }> => {
  if (!keyed.isOfChanges) return [{ key: keyed.f(value), value }]
  const change = value as { readonly _tag: string; readonly before: unknown; readonly after: unknown }
  return [
    ...change._tag === "Added"
      ? []
      : [{ key: keyed.f(change.before), value: { _tag: "Removed", before: change.before } }],
    ...change._tag === "Removed" ? [] : [{ key: keyed.f(change.after), value: { _tag: "Added", after: change.after } }]
  ]
}

const meant = (node: Node.Step, history: History, arrivals: ReadonlyArray<Arrival>): Made => {
  const { inputs, name, operation } = node
  const keyOf = Keys.make(inputs[0]!.schema).key
  switch (operation._tag) {
    case "Window":
      return windowed(name, operation, keyOf, history, arrivals)
    case "Aggregate":
      return RunningModel.running(name, operation, inputs[0]!.isOfChanges, keyOf, history, arrivals)
    case "State": {
      const mapKeys = Object.entries(operation.maps).map(([map, { key }]) => [map, Keys.make(key)] as const)
      return StateModel.stateful(name, operation, keyOf, Object.fromEntries(mapKeys), history, arrivals)
    }
    case "Deduplicate":
      return StateModel.deduplicated(operation, history, arrivals)
    case "TopN":
      return RunningModel.topped(name, operation, inputs[0]!.isOfChanges, keyOf, history, arrivals)
    case "JoinWithin":
      return JoinsModel.within(name, operation, keyOf, history, arrivals)
    case "WindowJoin":
      return JoinsModel.inWindows(name, operation, keyOf, history, arrivals)
    case "TableJoin":
      return JoinsModel.withTable(operation, keyOf, history, arrivals)
  }
}

const windowed = (
  name: string,
  operation: Node.Windowed,
  keyOf: (text: string) => unknown,
  history: History,
  arrivals: ReadonlyArray<Arrival>
): Made => {
  const { window } = operation
  switch (window._tag) {
    case "Sliced":
    case "Calendar":
    case "Global":
      return WindowsModel.known(name, operation, window, keyOf, history, arrivals)
    case "Session":
      return WindowsModel.sessions(name, operation, window, keyOf, history, arrivals)
    case "Count":
      return WindowsModel.counted(name, operation, window, keyOf, history, arrivals)
  }
}
