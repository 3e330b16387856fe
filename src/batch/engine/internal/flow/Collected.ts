/**
 * What a batch has made so far of a flow: for each of its stages what comes in, by slot, and the outputs. In the order that
 * steps rely on (F2): what the partitions give by partition and place, then what the steps before give, by step and slot.
 */
import type * as Machine from "../../../../flow/machine/Machine.ts"
import type { Place } from "../../../../flow/Place.ts"

/** What one stage gets, in columns: an event costs no object more. @category models @since 0.2.0 */
export interface Columns {
  readonly keys: Array<string>
  readonly values: Array<unknown>
  readonly places: Array<Place>
  readonly ports: Array<number>
}

/** @category constructors @since 0.2.0 */
export const columns = (): Columns => ({ keys: [], values: [], places: [], ports: [] })

/** By stage, then by slot; an effect has one slot. @category models @since 0.2.0 */
export type Inputs = ReadonlyArray<Map<number, Columns>>

/** What is made of a run of values. @category models @since 0.2.0 */
export class Collected implements Machine.Collector {
  readonly inputs: Inputs
  outputs: Array<unknown> = []
  private readonly slotOf: (key: string) => number

  constructor(stages: number, slotOf: (key: string) => number) {
    this.inputs = Array.from({ length: stages }, () => new Map())
    this.slotOf = slotOf
  }

  step(stage: number, port: number, key: string, value: unknown, at: Place): void {
    const into = this.into(stage, this.slotOf(key))
    into.keys.push(key)
    into.values.push(value)
    into.places.push(at)
    into.ports.push(port)
  }

  effect(stage: number, value: unknown, at: Place): void {
    const into = this.into(stage, 0)
    into.values.push(value)
    into.places.push(at)
  }

  output(value: unknown): void {
    this.outputs.push(value)
  }

  takeOutputs(): Array<unknown> {
    const { outputs } = this
    this.outputs = []
    return outputs
  }

  /** Adds what another one has, behind what is here. */
  add(other: Collected): void {
    other.inputs.forEach((slots, stage) => {
      for (const [slot, more] of slots) {
        const into = this.into(stage, slot)
        append(into.keys, more.keys)
        append(into.values, more.values)
        append(into.places, more.places)
        append(into.ports, more.ports)
      }
    })
    append(this.outputs, other.outputs)
  }

  private into(stage: number, slot: number): Columns {
    const slots = this.inputs[stage]!
    let found = slots.get(slot)
    if (found === undefined) slots.set(slot, found = columns())
    return found
  }
}

/** Not `push(...more)`, which takes its arguments from the stack. */
const append = <A>(into: Array<A>, more: ReadonlyArray<A>): void => {
  for (const item of more) into.push(item)
}
