/**
 * A flow that runs in the memory of one process, batch by batch, in one slot: what `Flow.toStream` runs, and tests. Nothing
 * lasts; the batch engine is another one.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type { Ask } from "../graph/Node.ts"
import type { Place } from "../Place.ts"
import { LateEvents } from "./EventTimeError.ts"
import * as Machine from "./Machine.ts"
import { MemoryRows } from "./MemoryRows.ts"
import { type Emitted, emitted } from "./Operator.ts"

/** An event of a source. @category models @since 0.2.0 */
export interface Event {
  readonly source: string
  readonly value: unknown
  readonly at: Place
}

/** What comes in, and what is known of time with it. @category models @since 0.2.0 */
export interface Batch {
  /** In the fixed order. */
  readonly events: ReadonlyArray<Event>
  /** W(n) of the sources. */
  readonly watermark: number
  readonly clock: number
}

/** What came out. @category models @since 0.2.0 */
export interface Outcome {
  readonly values: ReadonlyArray<unknown>
  readonly places: ReadonlyArray<Place>
  /** By step: what came too late, and what was left out because it had been seen. */
  readonly late: ReadonlyMap<string, number>
  readonly dropped: ReadonlyMap<string, number>
  /** Some that is due is left over: another batch can be made at once. */
  readonly isLeftOver: boolean
}

/** @category models @since 0.2.0 */
export interface Options {
  /** How many rows that are due are taken in a batch, at most; default 10,000 per step. */
  readonly maxFirings?: number | undefined
}

/** `E` and `R` are those of the flow's effects. @category models @since 0.2.0 */
export class MemoryRun<out E = never, out R = never> {
  private readonly program: Machine.Program
  private readonly rows: ReadonlyArray<MemoryRows | undefined>
  private readonly asks: ReadonlyArray<Ask | undefined>
  private readonly maxFirings: number
  /** Of each stage: what its input and output had come to in the batch before. */
  private readonly inputs: Array<number>
  private readonly outputs: Array<number>

  constructor(program: Machine.Program, options: Options = {}) {
    this.program = program
    this.rows = program.stages.map((stage) => stage._tag === "Step" ? new MemoryRows(stage.operator.rows) : undefined)
    this.asks = program.stages.map((stage) => stage._tag === "Effect" ? stage.open() : undefined)
    this.maxFirings = options.maxFirings ?? 10_000
    this.inputs = program.stages.map(() => -Infinity)
    this.outputs = program.stages.map(() => -Infinity)
  }

  /** The rows of a step, by its name. */
  rowsOf(step: string): MemoryRows | undefined {
    return this.rows[this.program.stages.findIndex(({ name }) => name === step)]
  }

  /** When the recorded clock, without any event, makes something due. */
  nextClock(): number | undefined {
    const times = this.rows.flatMap((rows) => rows?.nextDue("clock") ?? [])
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** One batch. It fails with what the flow's effects fail with, and then it must not go on. */
  run(batch: Batch): Effect.Effect<Outcome, E | LateEvents, R> {
    // A program's effects have lost their types.
    return Effect.suspend((): Effect.Effect<Outcome, E | LateEvents, R> => {
      const collected = new Collected(this.program.stages.length)
      for (const name of this.program.sources) {
        const events = batch.events.filter(({ source }) => source === name)
        this.program.source(name).run(events.map(({ value }) => value), events.map(({ at }) => at), collected)
      }
      return this.stages(batch, collected, 0) as Effect.Effect<Outcome, E | LateEvents, R>
    })
  }

  private stages(batch: Batch, collected: Collected, from: number): Effect.Effect<Outcome, unknown, unknown> {
    for (let index = from; index < this.program.stages.length; index++) {
      const stage = this.program.stages[index]!
      if (stage._tag === "Step") {
        const late = this.step(stage, batch, collected)
        if (late !== undefined) return Effect.fail(late)
        continue
      }
      this.outputs[index] = Machine.inputWatermark(stage, batch.watermark, this.outputs)
      const { places, values } = collected.stages[index]!
      if (values.length === 0) continue
      return Effect.flatMap(
        this.asks[index]!(values, { remembers: true, apart: (effect) => effect }),
        (results) => {
          stage.after.run(results, places, collected)
          return this.stages(batch, collected, index + 1)
        }
      )
    }
    return Effect.succeed(collected)
  }

  private step(stage: Machine.StepStage, batch: Batch, collected: Collected): LateEvents | undefined {
    const { index, operator } = stage
    const watermark = Machine.inputWatermark(stage, batch.watermark, this.outputs)
    const inputs = collected.stages[index]!
    const out = emitted()
    const before = this.inputs[index]!
    const { leftOver } = operator.run(this.rows[index]!, inputs, {
      before,
      watermark,
      clock: batch.clock,
      maxFirings: this.maxFirings
    }, out)
    const [first] = out.late
    if (stage.step.late === "fail" && first !== undefined) {
      return new LateEvents({ step: stage.name, count: out.late.length, time: first.at.time, watermark: before })
    }
    this.inputs[index] = watermark
    // What is left over is due by the next millisecond of time only.
    this.outputs[index] = operator.watermark(leftOver === undefined ? watermark : Math.min(watermark, leftOver - 1))
    collected.count(stage, out, leftOver !== undefined)
    stage.after.run(out.values, out.places, collected)
    stage.late?.run(out.late.map(({ value }) => value), out.late.map(({ at }) => at), collected)
    return undefined
  }
}

/** What a batch has made so far: for each stage, and in the end. */
class Collected implements Machine.Collector, Outcome {
  readonly stages: ReadonlyArray<{
    readonly keys: Array<string>
    readonly values: Array<unknown>
    readonly places: Array<Place>
    readonly ports: Array<number>
  }>
  readonly values: Array<unknown> = []
  readonly places: Array<Place> = []
  readonly late = new Map<string, number>()
  readonly dropped = new Map<string, number>()
  isLeftOver = false

  constructor(stages: number) {
    this.stages = Array.from({ length: stages }, () => ({ keys: [], values: [], places: [], ports: [] }))
  }

  step(stage: number, port: number, key: string, value: unknown, at: Place): void {
    const inputs = this.stages[stage]!
    inputs.keys.push(key)
    inputs.values.push(value)
    inputs.places.push(at)
    inputs.ports.push(port)
  }

  effect(stage: number, value: unknown, at: Place): void {
    const inputs = this.stages[stage]!
    inputs.values.push(value)
    inputs.places.push(at)
  }

  output(value: unknown, at: Place): void {
    this.values.push(value)
    this.places.push(at)
  }

  count({ name }: Machine.StepStage, { dropped, late }: Emitted, isLeftOver: boolean): void {
    if (late.length > 0) this.late.set(name, late.length)
    if (dropped > 0) this.dropped.set(name, dropped)
    this.isLeftOver ||= isLeftOver
  }
}
