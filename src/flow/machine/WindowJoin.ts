/**
 * Pairs of two inputs that are in one window. They come as soon as both are there; what had no partner comes alone when the
 * window closes, if the join is an outer one.
 *
 * Rows: `l` and `r` + start of the window + time + place: an event of the left, of the right.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import type { Codec, WindowJoin } from "../graph/Node.ts"
import { Place } from "../Place.ts"
import * as Slices from "../time/Slices.ts"
import * as Firing from "./Firing.ts"
import * as Keys from "./Keys.ts"
import type { Inputs, Operator, Ran } from "./Operator.ts"
import { OperatorBatch } from "./OperatorBatch.ts"
import * as Pairs from "./Pairs.ts"

interface Waiting {
  readonly value: unknown
  readonly at: Place
  readonly hasPartner: boolean
}

/** @category constructors @since 0.2.0 */
export const make = (name: string, operation: WindowJoin, key: Keys.KeyCodec): Operator => {
  const after = operation.window.size + operation.grace
  const due = (sub: string) => ({ line: "event" as const, time: startOf(sub) + after })
  return {
    rows: {
      l: { schema: waiting(operation.left), due },
      r: { schema: waiting(operation.right), due }
    },
    watermark: (input) => input - operation.grace,
    usesClock: false,
    run: (rows, inputs, moment, emitted) => new Batch({ name, operation, key }, rows, moment, emitted).run(inputs)
  }
}

const waiting = (value: Codec) => Schema.Struct({ value, at: Place, hasPartner: Schema.Boolean })

class Batch extends OperatorBatch<WindowJoin> {
  run({ keys, places, ports, values }: Inputs): Ran {
    const { every, size } = this.operation.window
    const closed = this.moment.before - this.operation.grace
    for (let i = 0; i < keys.length; i++) {
      const at = places[i]!
      const port = ports?.[i] ?? 0
      const last = Slices.lastEnd(this.operation.window, at.time)
      if (last <= at.time) continue // in a gap between two windows
      if (last <= closed) {
        this.emitted.late.push({ port, value: values[i], at })
        continue
      }
      const first = Slices.firstOpenEnd(this.operation.window, at.time, closed)
      for (let end = first; end <= last; end += every) {
        this.put(keys[i]!, port === 0 ? "left" : "right", end - size, values[i], at)
      }
    }
    return Firing.all(this.rows, "event", this.moment, ({ key, sub }) => this.close(key, sub))
  }

  private put(key: string, side: "left" | "right", start: number, value: unknown, at: Place): void {
    const { type, where } = this.operation
    const other = side === "left" ? "r" : "l"
    const window = `${other}${Keys.timeText(start)}`
    let hasPartner = false
    for (const { sub, value: row } of this.rows.range(key, window, `${window}\uffff`)) {
      const partner = row as Waiting
      const [left, right] = side === "left" ? [value, partner.value] : [partner.value, value]
      if (where !== undefined && !where(left, right)) continue
      if (type === "semi" && side === "right" && partner.hasPartner) continue
      hasPartner = true
      this.tell(key, start, Pairs.both(type, left, right))
      if (!partner.hasPartner) this.rows.set(key, sub, { ...partner, hasPartner: true })
      if (type === "semi" && side === "left") break
    }
    const sub = `${side === "left" ? "l" : "r"}${Keys.timeText(start)}${Keys.timeText(at.time)}${Pairs.placeText(at)}`
    this.rows.set(key, sub, { value, at, hasPartner })
  }

  private close(key: string, sub: string): void {
    const { hasPartner, value } = this.rows.get(key, sub) as Waiting
    const side = sub.startsWith("l") ? "left" : "right"
    this.rows.delete(key, sub)
    if (hasPartner || !Pairs.isOuter(this.operation.type, side)) return
    this.tell(key, startOf(sub), Pairs.alone(this.operation.type, side, value))
  }

  private tell(key: string, start: number, sides: object): void {
    const window = { start, end: start + this.operation.window.size }
    this.emitted.values.push({ key: this.key.key(key), ...sides, window })
    this.emitted.places.push(Firing.placeOf(this.name, key, window.end - 1))
  }
}

const startOf = (sub: string): number => Keys.textTime(sub.slice(1))
