/** One row of an old version of a flow, as the new version has it: by its Schema, without losing anything. */
import * as Schema from "effect/Schema"
import type { RowKind } from "../../flow/machine/Operator.ts"
import { StateStoreError, UpgradeRefused } from "../StateError.ts"
import * as StateUpgrade from "../StateUpgrade.ts"
import type { StoredRow } from "./Delta.ts"
import { codecOf } from "./RowCodec.ts"

/** @category options @since 0.2.0 */
export interface Options {
  readonly query: string
  readonly upgrade: StateUpgrade.StateUpgrade
  /** The steps of the new flow, and their kinds of rows. */
  readonly operators: Readonly<Record<string, Readonly<Record<string, RowKind>>>>
}

/** A row that a migration made too large. @category errors @since 0.2.0 */
export const tooLarge = (query: string, { operator, sub }: StoredRow): StateStoreError =>
  new StateStoreError({
    reason: new UpgradeRefused({ query, step: operator, detail: `its row "${sub}" is larger than a row may be` })
  })

const decodeJson = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Json))

/** Undefined: it is given up. Throws `StateStoreError` with `UpgradeRefused`. @category converting @since 0.2.0 */
export const upgraded = (row: StoredRow, { operators, query, upgrade }: Options): StoredRow | undefined => {
  const operator = StateUpgrade.nameOf(upgrade, row.operator)
  if (operator === undefined || row.value === undefined) return undefined
  const refused = (detail: string, cause?: unknown) =>
    new StateStoreError({
      reason: new UpgradeRefused({ query, step: row.operator, detail, ...cause === undefined ? {} : { cause } })
    })
  const kinds = operators[operator]
  if (kinds === undefined) {
    throw refused("the flow has no such step: give it its name back, rename its state, or drop it")
  }
  const migration = upgrade.migrate?.[operator]
  try {
    const { decode, encode } = codecOf(kinds, row.sub)
    const stored = decodeJson(row.value)
    const json = migration === undefined ? stored : migrated(migration, kinds[row.sub[0] ?? ""], stored)
    const value = decode(JSON.stringify(json))
    const text = encode(value)
    if (!holds(decodeJson(text), json)) {
      throw refused("the new Schema would lose something of what is stored: give a migration, or drop the step")
    }
    return { ...row, operator, value: text, due: kinds[row.sub[0] ?? ""]?.due?.(row.sub, value) }
  } catch (cause) {
    if (cause instanceof StateStoreError) throw cause
    throw refused("a stored row is none of its new Schema: give a migration, or drop the step", cause)
  }
}

/** Rows have a step's values whole, or in fields of their own; all others stay as they are. */
const migrated = ({ run }: StateUpgrade.Migration, kind: RowKind | undefined, stored: Schema.Json): Schema.Json => {
  const fields = kind === undefined ? [] : fieldsOf(kind)
  if (fields.length === 0) return typeof stored === "number" ? stored : run(stored)
  if (!isObject(stored)) return stored
  return Object.fromEntries(
    Object.entries(stored).map(([name, value]) => {
      if (!fields.includes(name)) return [name, value]
      if (name !== "told") return [name, run(value)]
      // an Option
      return [name, isObject(value) && value["value"] !== undefined ? withValue(value, run(value["value"])) : value]
    })
  )
}

const withValue = (some: { readonly [name: string]: Schema.Json }, value: Schema.Json): Schema.Json =>
  Object.fromEntries(Object.entries(some).map(([name, old]) => [name, name === "value" ? value : old]))

/** Where a kind of rows has values of a user's Schema; none: the row is one. */
const fieldsOf = ({ schema }: RowKind): ReadonlyArray<string> => {
  const names = "fields" in schema && typeof schema.fields === "object" && schema.fields !== null
    ? Object.keys(schema.fields)
    : []
  const isOurs = forms.some((form) => form.every((name) => names.includes(name)))
  return isOurs ? names.filter((name) => name === "state" || name === "accumulator" || name === "told") : []
}

/** By which rows of steps are told from values that are rows themselves. */
const forms = [["state", "used"], ["count", "accumulator"], ["end", "accumulator"]]

const isObject = (json: Schema.Json): json is { readonly [name: string]: Schema.Json } =>
  typeof json === "object" && json !== null && !Array.isArray(json)

/** Whether all that is in the second one is in the first one, too. */
const holds = (all: Schema.Json, part: Schema.Json): boolean => {
  if (Array.isArray(part)) {
    return Array.isArray(all) && all.length === part.length && part.every((item, index) => holds(all[index], item))
  }
  if (!isObject(part)) return all === part
  return isObject(all) && Object.entries(part).every(([name, value]) => {
    const there = all[name]
    return there !== undefined && holds(there, value)
  })
}
