/**
 * The steps of a flow, run over one batch: each in turn, slot by slot, with the rows of its state, and at the time that the
 * batch's records give. What comes in was collected before; where the outputs go, and when anything of it lasts, is not known
 * here.
 */
import * as Effect from "effect/Effect"
import type { Ask, Given } from "../../../../flow/graph/Node.ts"
import * as Machine from "../../../../flow/machine/Machine.ts"
import { type Emitted, emitted, type Rows } from "../../../../flow/machine/Operator.ts"
import type { Place } from "../../../../flow/Place.ts"
import { CommitError, FlowFailed, LateEvent } from "../../../protocol/CommitError.ts"
import type { StepTime, TimeState } from "../../../protocol/TimeRecord.ts"
import * as Deterministic from "../Deterministic.ts"
import { Collected, columns } from "./Collected.ts"

/** What became of a batch's events besides outputs. @category models @since 0.2.0 */
export interface Counts {
  /** Per step: events that came too late for it. */
  readonly late: Map<string, number>
  /** Per step: events that were seen before, or timers that were set at the end of time. */
  readonly dropped: Map<string, number>
  /** Events whose time is too far ahead. */
  future: number
}

/** @category options @since 0.2.0 */
export interface Options {
  readonly query: string
  readonly batch: number
  readonly program: Machine.Program
  readonly slots: number
  readonly slotOf: (key: string) => number
  readonly rows: (step: string, slot: number) => Rows
  readonly before: TimeState | undefined
  /** W(n) of the sources. */
  readonly watermark: number
  /** The time in the batch's plan. */
  readonly clock: number
  readonly maxFirings: number
  /** The flow's effects are given the batch's time, and random numbers that follow from the place of what they are of. */
  readonly isDeterministic: boolean
  readonly counts: Counts
  /** How an effect asks: the same in all batches of the process. */
  readonly ask: (stage: Machine.EffectStage) => Ask
  /** Takes the outputs of a slot, as they come. */
  readonly write: (slot: number, outputs: ReadonlyArray<unknown>) => Effect.Effect<void, unknown, unknown>
}

/** Runs all of them; the result is how far time is in each. @category running @since 0.2.0 */
export const run = Effect.fnUntraced(function*(options: Options, collected: Collected) {
  const { before, program, watermark } = options
  const outputs: Array<number> = []
  const times: Record<string, StepTime> = {}
  for (const stage of program.stages) {
    const input = Machine.inputWatermark(stage, watermark, outputs)
    if (stage._tag === "Effect") {
      outputs[stage.index] = input
      yield* effects(options, stage, collected)
      continue
    }
    const known = before?.steps[stage.name]
    const { leftOver } = yield* step(options, stage, collected, { before: known?.input ?? -Infinity, input })
    // What is left over is due by the next millisecond of time only.
    const output = stage.operator.watermark(leftOver === undefined ? input : Math.min(input, leftOver - 1))
    outputs[stage.index] = output
    times[stage.name] = { input, output, isLeftOver: leftOver !== undefined }
  }
  return times
})

const effects = Effect.fnUntraced(function*(options: Options, stage: Machine.EffectStage, collected: Collected) {
  const input = collected.inputs[stage.index]?.get(0)
  if (input === undefined) return
  const apart = options.isDeterministic ? yield* determined(options, stage, input.places) : same
  // Answers of batches before are not recorded: what must be the same each time can't go by them.
  const results = yield* options.ask(stage)(input.values, { remembers: !options.isDeterministic, apart })
  const after = new Collected(options.program.stages.length, options.slotOf)
  yield* guarded(options, stage.name, () => stage.after.run(results, input.places, after))
  yield* hand(options, 0, after, collected)
})

/** Each value apart: several are asked about at the same time, in no order. */
const determined = ({ batch, clock, query }: Options, stage: Machine.EffectStage, places: ReadonlyArray<Place>) =>
  Effect.map(Deterministic.make(`${query}/${batch}`, clock), ({ slice }): Given["apart"] => (effect, index) => {
    const { offset, ordinal, segment, source, time } = places[index]!
    return slice(`${stage.name}/${source}/${segment}/${offset}/${ordinal}/${time}`).effect(effect)
  })

const same: Given["apart"] = (effect) => effect

const step = Effect.fnUntraced(function*(
  options: Options,
  stage: Machine.StepStage,
  collected: Collected,
  time: { readonly before: number; readonly input: number }
) {
  let first: number | undefined
  for (let slot = 0; slot < options.slots; slot++) {
    const inputs = collected.inputs[stage.index]?.get(slot) ?? columns()
    const out = emitted()
    const after = new Collected(options.program.stages.length, options.slotOf)
    const { leftOver } = yield* guarded(options, stage.name, () => {
      const ran = stage.operator.run(options.rows(stage.name, slot), inputs, {
        before: time.before,
        watermark: time.input,
        clock: options.clock,
        maxFirings: options.maxFirings
      }, out)
      stage.after.run(out.values, out.places, after)
      stage.late?.run(out.late.map(({ value }) => value), out.late.map(({ at }) => at), after)
      return ran
    })
    collected.inputs[stage.index]?.delete(slot)
    if (leftOver !== undefined) first = Math.min(first ?? Infinity, leftOver)
    yield* count(options, stage, out)
    yield* hand(options, slot, after, collected)
    // A large batch must not keep the process from its heart-beats.
    if (inputs.values.length > 0) yield* Effect.yieldNow
  }
  return { leftOver: first }
})

/** What a slot made goes on to the steps after it, and to the sinks. */
const hand = (options: Options, slot: number, made: Collected, collected: Collected) => {
  const outputs = made.takeOutputs()
  collected.add(made)
  return outputs.length === 0 ? Effect.void : options.write(slot, outputs)
}

const count = (
  { batch, counts, query }: Options,
  { name, step }: Machine.StepStage,
  { dropped, late }: Emitted
): Effect.Effect<void, CommitError> => {
  if (dropped > 0) counts.dropped.set(name, (counts.dropped.get(name) ?? 0) + dropped)
  const [first] = late
  if (first === undefined) return Effect.void
  counts.late.set(name, (counts.late.get(name) ?? 0) + late.length)
  if (step.late !== "fail") return Effect.void
  const { offset, segment, source, time } = first.at
  const place = `${source}/${segment}:${offset}`
  return Effect.fail(new CommitError({ reason: new LateEvent({ query, batch, step: name, place, time }) }))
}

/** The functions of a flow are a user's, and may throw; so may rows that can't be decoded. */
const guarded = <A>({ batch, query }: Options, step: string, f: () => A): Effect.Effect<A, CommitError> =>
  Effect.try({
    try: f,
    catch: (cause) => new CommitError({ reason: new FlowFailed({ query, batch, step, cause }) })
  })
