/**
 * Pairs of two inputs whose times lie within bounds. Each side's events are kept until no partner can come any more; then
 * one that had none comes alone, if the join is an outer one.
 *
 * Rows: `l` and `r` + time + place: an event of the left, of the right.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import type { Codec, JoinWithin } from "../graph/Node.ts"
import { Place } from "../Place.ts"
import * as Firing from "./Firing.ts"
import * as Keys from "./Keys.ts"
import type { Emitted, Inputs, Moment, Operator, Ran, Rows } from "./Operator.ts"
import { type KeyedStep, OperatorBatch } from "./OperatorBatch.ts"
import * as Pairs from "./Pairs.ts"

interface Waiting {
  readonly value: unknown
  readonly at: Place
  readonly hasPartner: boolean
}

/** @category constructors @since 0.2.0 */
export const make = (name: string, operation: JoinWithin, key: Keys.KeyCodec): Operator => {
  const { grace, lower, type, upper } = operation
  const hold = Math.max(0, Pairs.isOuter(type, "left") ? upper : 0, Pairs.isOuter(type, "right") ? -lower : 0)
  return {
    rows: {
      l: { schema: waiting(operation.left), due: (_sub, row) => due(row, upper + grace) },
      r: { schema: waiting(operation.right), due: (_sub, row) => due(row, grace - lower) }
    },
    watermark: (input) => input - grace - hold,
    usesClock: false,
    run: (rows, inputs, moment, emitted) => new Batch({ name, operation, key }, rows, moment, emitted).run(inputs)
  }
}

const waiting = (value: Codec) => Schema.Struct({ value, at: Place, hasPartner: Schema.Boolean })

/** When the watermark has passed the time of the last partner that there could be. */
const due = (row: unknown, after: number) => ({ line: "event" as const, time: (row as Waiting).at.time + after + 1 })

class Batch extends OperatorBatch<JoinWithin> {
  private readonly leftComesAlone: boolean
  private readonly rightComesAlone: boolean

  constructor(step: KeyedStep<JoinWithin>, rows: Rows, moment: Moment, emitted: Emitted) {
    super(step, rows, moment, emitted)
    this.leftComesAlone = Pairs.isOuter(step.operation.type, "left")
    this.rightComesAlone = Pairs.isOuter(step.operation.type, "right")
  }

  run({ keys, places, ports, values }: Inputs): Ran {
    const late = this.moment.before - this.operation.grace
    for (let i = 0; i < keys.length; i++) {
      const at = places[i]!
      const port = ports?.[i] ?? 0
      if (at.time < late) this.emitted.late.push({ port, value: values[i], at })
      else if (port === 0) this.left(keys[i]!, values[i], at)
      else this.right(keys[i]!, values[i], at)
    }
    const pairs = this.emitted.values.length
    const ran = Firing.all(this.rows, "event", this.moment, ({ key, sub }) => this.free(key, sub))
    if (this.emitted.values.length > pairs && pairs > 0) Pairs.sortByTime(this.emitted)
    return ran
  }

  private left(key: string, value: unknown, at: Place): void {
    const { lower, type, upper } = this.operation
    let hasPartner = false
    for (const { sub, value: row } of this.between(key, "r", at.time + lower, at.time + upper)) {
      const right = row as Waiting
      if (!this.fits(value, right.value)) continue
      if (type === "semi") return this.pair(key, value, at, right.value, right.at)
      hasPartner = true
      this.pair(key, value, at, right.value, right.at)
      if (this.rightComesAlone && !right.hasPartner) this.rows.set(key, sub, { ...right, hasPartner: true })
    }
    this.rows.set(key, subOf("l", at), { value, at, hasPartner: hasPartner && this.leftComesAlone })
  }

  private right(key: string, value: unknown, at: Place): void {
    const { lower, type, upper } = this.operation
    let hasPartner = false
    for (const { sub, value: row } of this.between(key, "l", at.time - upper, at.time - lower)) {
      const left = row as Waiting
      if (!this.fits(left.value, value)) continue
      hasPartner = true
      this.pair(key, left.value, left.at, value, at)
      if (type === "semi") this.rows.delete(key, sub)
      else if (this.leftComesAlone && !left.hasPartner) this.rows.set(key, sub, { ...left, hasPartner: true })
    }
    this.rows.set(key, subOf("r", at), { value, at, hasPartner: hasPartner && this.rightComesAlone })
  }

  private between(key: string, side: "l" | "r", from: number, to: number) {
    return this.rows.range(key, `${side}${Keys.timeText(from)}`, `${side}${Keys.timeText(to + 1)}`)
  }

  private fits(left: unknown, right: unknown): boolean {
    const { where } = this.operation
    return where === undefined || where(left, right)
  }

  private pair(key: string, left: unknown, leftAt: Place, right: unknown, rightAt: Place): void {
    const { type } = this.operation
    this.emitted.values.push({ key: this.key.key(key), ...Pairs.both(type, left, right) })
    this.emitted.places.push(type === "semi" ? leftAt : Pairs.placeOf(this.name, key, leftAt, rightAt))
  }

  private free(key: string, sub: string): void {
    const { at, hasPartner, value } = this.rows.get(key, sub) as Waiting
    const side = sub.startsWith("l") ? "left" : "right"
    this.rows.delete(key, sub)
    if (hasPartner || !(side === "left" ? this.leftComesAlone : this.rightComesAlone)) return
    this.emitted.values.push({ key: this.key.key(key), ...Pairs.alone(this.operation.type, side, value) })
    this.emitted.places.push(at)
  }
}

const subOf = (side: "l" | "r", at: Place): string => `${side}${Keys.timeText(at.time)}${Pairs.placeText(at)}`
