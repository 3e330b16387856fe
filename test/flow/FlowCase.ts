/** A case of `cases/README.md`: what it says of time, as moments, and what it expects of each. */
import * as Schema from "effect/Schema"
import type { Moment, SourceEvent } from "./Interpreter.ts"

const Json = Schema.Unknown
const CaseEvent = Schema.Struct({
  time: Schema.Union([Schema.Number, Schema.Literals(["first"])]),
  key: Schema.optionalKey(Json),
  value: Schema.optionalKey(Json),
  input: Schema.optionalKey(Schema.String),
  op: Schema.optionalKey(Schema.String)
})

const Row = Schema.Record(Schema.String, Json)

const Step = Schema.Struct({
  event: Schema.optionalKey(CaseEvent),
  batch: Schema.optionalKey(Schema.Array(CaseEvent)),
  watermark: Schema.optionalKey(Schema.Union([Schema.Number, Schema.Literals(["end"])])),
  input: Schema.optionalKey(Schema.String),
  clock: Schema.optionalKey(Schema.Union([Schema.Number, Schema.String])),
  restart: Schema.optionalKey(Schema.Boolean),
  idle: Schema.optionalKey(Schema.String),
  active: Schema.optionalKey(Schema.String),
  put: Schema.optionalKey(Row),
  get: Schema.optionalKey(Row),
  gives: Schema.optionalKey(Json),
  expect: Schema.optionalKey(Schema.Array(Row)),
  ordered: Schema.optionalKey(Schema.Boolean),
  expectLast: Schema.optionalKey(Schema.Array(Row)),
  expectLate: Schema.optionalKey(Schema.Array(Row)),
  expectDropped: Schema.optionalKey(Schema.Number),
  unit: Schema.optionalKey(Schema.String),
  expectState: Schema.optionalKey(Row),
  expectWatermark: Schema.optionalKey(Schema.Number),
  expectWatermarks: Schema.optionalKey(Schema.Array(Schema.Number)),
  expectStatus: Schema.optionalKey(Schema.NullOr(Schema.String))
})

export const FlowCase = Schema.Struct({
  id: Schema.String,
  topic: Schema.String,
  what: Schema.String,
  watermark: Schema.Literals(["inclusive", "exclusive"]),
  agreement: Schema.Literals(["general", "engine-specific"]),
  operator: Schema.Record(Schema.String, Json),
  steps: Schema.Array(Step)
})
export type FlowCase = typeof FlowCase.Type
export type Step = typeof Step.Type
export type Row = typeof Row.Type

/** What happens, and after how many of the moments each of the other steps is looked at. */
export interface Story {
  readonly moments: ReadonlyArray<Moment>
  readonly looks: ReadonlyArray<{ readonly step: Step; readonly after: number }>
}

/** Symbolic times of a case: that of an event before all others, and a life of state. */
export const firstTime = -1000
export const lifeTime = 1000

const clockOf = (clock: number | string): number =>
  typeof clock === "number" ? clock : clock === "T+1" ? lifeTime + 1 : Number.NaN

/** The delay of each input's watermark: -1 where the case sets the watermark itself. */
const delayOf = ({ operator }: FlowCase, input: string): number | undefined => {
  const delay = operator["watermarkDelay"]
  if (typeof delay === "number") return delay
  const ofInput = Schema.is(Schema.Record(Schema.String, Schema.Number))(delay) ? delay[input] : undefined
  return ofInput
}

class Teller {
  private readonly of: FlowCase
  private readonly inputs: ReadonlyArray<string>
  readonly moments: Array<Moment> = []
  readonly looks: Array<{ readonly step: Step; readonly after: number }> = []
  private readonly byInput = new Map<string, number>()
  private watermark = -Infinity
  private clock = 0
  private isRestarted = false
  private offset = 0n

  constructor(of: FlowCase, inputs: ReadonlyArray<string>) {
    this.of = of
    this.inputs = inputs
  }

  step(step: Step): void {
    if (step.event !== undefined) return this.event(step.event)
    if (step.batch !== undefined) return this.batch(step.batch)
    if (step.put !== undefined) return this.keyed("put", step.put)
    if (step.get !== undefined) {
      this.keyed("get", step.get)
      this.looks.push({ step, after: this.moments.length })
      return
    }
    if (step.watermark !== undefined) {
      this.known(step.watermark, step.input)
      return this.moment([])
    }
    if (step.clock !== undefined) {
      this.clock = clockOf(step.clock)
      return this.moment([])
    }
    if (step.restart === true) this.isRestarted = true
    else this.looks.push({ step, after: this.moments.length })
  }

  private known(watermark: number | "end", input: string | undefined): void {
    const exclusive = watermark === "end" ? Infinity : this.of.watermark === "inclusive" ? watermark + 1 : watermark
    if (input === undefined) this.watermark = Math.max(this.watermark, exclusive)
    else {
      this.byInput.set(input, exclusive)
      this.least()
    }
  }

  private least(): void {
    const all = this.inputs.map((input) => this.byInput.get(input) ?? -Infinity)
    this.watermark = Math.max(this.watermark, Math.min(...all))
  }

  private seen(event: typeof CaseEvent.Type): void {
    const isStreamTime = this.of.operator["clock"] === "stream-time"
    const input = isStreamTime ? "all" : event.input ?? this.inputs[0]!
    const delay = delayOf(this.of, input)
    if (delay === undefined || event.time === "first") return
    const known = event.time - delay
    if (isStreamTime) this.watermark = Math.max(this.watermark, known)
    else {
      this.byInput.set(input, Math.max(this.byInput.get(input) ?? -Infinity, known))
      this.least()
    }
  }

  private event(event: typeof CaseEvent.Type): void {
    if (this.of.operator["watermarkPer"] === "record") {
      // Each record moves the time before it is judged.
      this.seen(event)
      this.moment([])
      return this.moment([this.sourceEvent(event)])
    }
    const events = [this.sourceEvent(event)]
    this.moment(events)
  }

  private batch(batch: ReadonlyArray<typeof CaseEvent.Type>): void {
    const events = batch.map((event) => this.sourceEvent(event))
    for (const event of batch) this.seen(event)
    this.moment(events)
  }

  private keyed(op: "put" | "get", row: Row): void {
    const time = Number(row["time"] ?? row["asOf"] ?? this.clock)
    this.moment([this.sourceEvent({ time, key: row["key"], value: row["value"] ?? null, op })])
  }

  private sourceEvent(event: typeof CaseEvent.Type): SourceEvent {
    const time = event.time === "first" ? firstTime : event.time
    const source = event.input ?? this.inputs[0]!
    const key = event.key ?? null
    // What has no value is known by its time.
    const value = { time, key, value: event.value === undefined ? null : event.value, op: event.op ?? "" }
    return { source, value, at: { time, source, segment: 0n, offset: this.offset++, ordinal: 0 } }
  }

  private moment(events: ReadonlyArray<SourceEvent>): void {
    this.moments.push({ events, watermark: this.watermark, clock: this.clock, isRestarted: this.isRestarted })
    this.isRestarted = false
  }
}

/** The story of a case whose flow has these sources. */
export const story = (of: FlowCase, inputs: ReadonlyArray<string>): Story => {
  const teller = new Teller(of, inputs)
  for (const step of of.steps) teller.step(step)
  return teller
}
