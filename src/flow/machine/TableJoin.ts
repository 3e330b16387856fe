/**
 * Events with the row that a table has of their key: as of the event's time, or when the event comes.
 *
 * By time, an event waits until the watermark has passed it, for then all rows of its time have come; a table's rows are
 * kept as versions, for as long as an event could ask for them. A late row changes no result that was told, and is the
 * current one only if it is the newest.
 *
 * Rows: `e` + time + place: a waiting event. `h` + time + place: a version. `c`: the current row, where time does not count.
 *
 * @since 0.2.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { TableJoin } from "../graph/Node.ts"
import { Place } from "../Place.ts"
import * as Firing from "./Firing.ts"
import * as Keys from "./Keys.ts"
import type { Inputs, Operator, Ran } from "./Operator.ts"
import { OperatorBatch } from "./OperatorBatch.ts"
import * as Pairs from "./Pairs.ts"

interface Waiting {
  readonly value: unknown
  readonly at: Place
}

interface Version {
  readonly row: unknown
  readonly time: number
  readonly isDeleted: boolean
  /** When the next version begins; null: it is the newest. */
  readonly until: number | null
}

/** @category constructors @since 0.2.0 */
export const make = (name: string, operation: TableJoin, key: Keys.KeyCodec): Operator =>
  operation.asOf === "time" ? byTime(name, operation, key) : byArrival(operation, key)

const answer = ({ type }: TableJoin, key: unknown, left: unknown, row: Option.Option<unknown>) => {
  if (type === "left") return { key, left, right: row }
  return Option.isSome(row) ? { key, left, right: row.value } : undefined
}

const byArrival = (operation: TableJoin, { key: keyOf }: Keys.KeyCodec): Operator => ({
  rows: { c: { schema: operation.row } },
  watermark: (input) => input,
  usesClock: false,
  run: (rows, { keys, places, ports, values }, _moment, emitted) => {
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!
      if ((ports?.[i] ?? 0) === 1) {
        if (operation.isDeleted?.(values[i]) === true) rows.delete(key, "c")
        else rows.set(key, "c", values[i])
        continue
      }
      const row = rows.get(key, "c")
      const told = answer(operation, keyOf(key), values[i], row === undefined ? Option.none() : Option.some(row))
      if (told === undefined) continue
      emitted.values.push(told)
      emitted.places.push(places[i]!)
    }
    return { leftOver: undefined }
  }
})

const byTime = (name: string, operation: TableJoin, key: Keys.KeyCodec): Operator => {
  const { history } = operation
  return {
    rows: {
      e: {
        schema: Schema.Struct({ value: operation.event, at: Place }),
        due: (_sub, event) => ({ line: "event", time: (event as Waiting).at.time + 1 })
      },
      h: {
        schema: Schema.Struct({
          row: operation.row,
          time: Schema.Int,
          isDeleted: Schema.Boolean,
          until: Schema.NullOr(Schema.Int)
        }),
        // Nobody asks for what was over before the history begins. What is deleted and the newest says nothing any more.
        due: (_sub, version) => {
          const { isDeleted, time, until } = version as Version
          const over = until ?? (isDeleted ? time : undefined)
          return over === undefined || history === Infinity ? undefined : { line: "event", time: over + history }
        }
      }
    },
    watermark: (input) => input,
    usesClock: false,
    run: (rows, inputs, moment, emitted) => new Batch({ name, operation, key }, rows, moment, emitted).run(inputs)
  }
}

class Batch extends OperatorBatch<TableJoin> {
  run({ keys, places, ports, values }: Inputs): Ran {
    const late = this.moment.before - this.operation.history
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!
      const at = places[i]!
      const port = ports?.[i] ?? 0
      if (port === 1) this.version(key, values[i], at, late)
      else if (at.time < late) this.emitted.late.push({ port, value: values[i], at })
      else this.rows.set(key, subOf("e", at), { value: values[i], at })
    }
    return Firing.all(this.rows, "event", this.moment, ({ key, sub }) => {
      if (sub.startsWith("e")) this.meet(key, this.rows.get(key, sub) as Waiting)
      this.rows.delete(key, sub)
    })
  }

  private version(key: string, row: unknown, at: Place, late: number): void {
    const sub = subOf("h", at)
    const [next] = this.rows.range(key, sub, "i")
    const before = this.rows.range(key, "h", sub).at(-1)
    const isNewest = next === undefined && (before !== undefined || this.operation.isDeleted === undefined)
    if (at.time < late && !isNewest) {
      this.emitted.late.push({ port: 1, value: row, at })
      return
    }
    if (before !== undefined) this.rows.set(key, before.sub, { ...before.value as Version, until: at.time })
    this.rows.set(key, sub, {
      row,
      time: at.time,
      isDeleted: this.operation.isDeleted?.(row) === true,
      until: next === undefined ? null : (next.value as Version).time
    })
  }

  private meet(key: string, { at, value }: Waiting): void {
    const version = this.rows.range(key, "h", `h${Keys.timeText(at.time + 1)}`).at(-1)?.value as Version | undefined
    const row = version === undefined || version.isDeleted ? Option.none() : Option.some(version.row)
    const told = answer(this.operation, this.key.key(key), value, row)
    if (told === undefined) return
    this.emitted.values.push(told)
    this.emitted.places.push(at)
  }
}

const subOf = (kind: "e" | "h", at: Place): string => `${kind}${Keys.timeText(at.time)}${Pairs.placeText(at)}`
