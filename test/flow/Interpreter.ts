/**
 * What runs a flow moment by moment, for tests that compare: the model, the machine in memory, and, for those who have one,
 * an engine.
 */
import type { Flow } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Machine from "../../src/flow/machine/Machine.ts"
import type { MemoryRows } from "../../src/flow/machine/MemoryRows.ts"
import { MemoryRun } from "../../src/flow/machine/MemoryRun.ts"
import * as Model from "../../src/flow/model/Model.ts"
import type { Place } from "../../src/flow/Place.ts"

export interface SourceEvent {
  readonly source: string
  readonly value: unknown
  readonly at: Place
}

export interface Moment {
  readonly events: ReadonlyArray<SourceEvent>
  readonly watermark: number
  readonly clock: number
  /** What has run so far is stopped before, and goes on from what it kept. */
  readonly isRestarted?: boolean
}

export interface Outcome {
  readonly outputs: ReadonlyArray<{ readonly value: unknown; readonly at: Place }>
  /** By step. */
  readonly late: Readonly<Record<string, number>>
  /** The rows of a step, where there are any to be seen. */
  readonly rows?: (
    step: string
  ) => ReadonlyArray<{ readonly key: string; readonly sub: string; readonly value: unknown }>
}

type AnyFlow = Flow.Flow<never, unknown, Flow.Mode, never, Flow.Stateful>

export interface Interpreter {
  readonly name: string
  readonly run: (flow: AnyFlow, moments: ReadonlyArray<Moment>) => Effect.Effect<ReadonlyArray<Outcome>>
}

export const model: Interpreter = {
  name: "model",
  run: (flow, moments) =>
    Effect.sync(() => {
      const { late, outputs } = Model.meaning(flow.node, (source) =>
        moments.map(({ clock, events, watermark }, n) => ({
          events: events.filter((event) => event.source === source),
          before: moments[n - 1]?.watermark ?? -Infinity,
          watermark,
          clock
        })))
      return moments.map((_, n) => ({
        outputs: outputs[n]!,
        late: counts([...late].map(([step, counts]) => [step, counts[n]!]))
      }))
    })
}

const counts = (all: ReadonlyArray<readonly [string, number]>): Readonly<Record<string, number>> =>
  Object.fromEntries(all.filter(([, count]) => count > 0))

/** Firings beyond `maxFirings` make further batches, which belong to the same moment. */
export const machine = (options: { readonly maxFirings?: number; readonly freezes?: boolean } = {}): Interpreter => ({
  name: "machine",
  run: (flow, moments) =>
    Effect.gen(function*() {
      const program = Machine.compile(flow.node)
      const run = new MemoryRun(program, options)
      const outcomes: Array<Outcome> = []
      for (const { clock, events, isRestarted, watermark } of moments) {
        if (isRestarted === true) restart(program, run)
        const outputs: Array<Outcome["outputs"][number]> = []
        const late = new Map<string, number>()
        let batch = events
        for (;;) {
          const outcome = yield* run.run({ events: batch, watermark, clock })
          outcome.values.forEach((value, i) => outputs.push({ value, at: outcome.places[i]! }))
          for (const [step, count] of outcome.late) late.set(step, (late.get(step) ?? 0) + count)
          if (!outcome.isLeftOver) break
          batch = []
        }
        if (options.freezes === true) {
          for (const { name } of program.stages) for (const { value } of run.rowsOf(name)?.all() ?? []) freeze(value)
        }
        // As it is now: rows are changed by what follows.
        const kept = new Map(program.stages.map(({ name }) => [name, [...run.rowsOf(name)?.all() ?? []]]))
        outcomes.push({ outputs, late: Object.fromEntries(late), rows: (step) => kept.get(step) ?? [] })
      }
      return outcomes
    }).pipe(Effect.orDie)
})

/** All rows go through their Schemas, as if they had been stored and read again. */
const restart = (program: Machine.Program, run: MemoryRun): void => {
  for (const stage of program.stages) {
    if (stage._tag !== "Step") continue
    const rows: MemoryRows = run.rowsOf(stage.name)!
    // What is written while they are gone through is there already.
    for (const { key, sub, value } of rows.all()) {
      const kind = stage.operator.rows[sub[0]!]!
      const codec = Schema.fromJsonString(Schema.toCodecJson(kind.schemaOf?.(sub) ?? kind.schema))
      rows.set(key, sub, Schema.decodeSync(codec)(Schema.encodeSync(codec)(value)))
    }
  }
}

/** With all that is in it. */
export const freeze = <A>(value: A): A => {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(freeze)
  }
  return value
}
