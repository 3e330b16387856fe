/**
 * What differs between the steps of a flow that state was kept by and those of the flow that is to go on with it: what must be
 * said of each, in words, before anything is touched. Pure.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { StateUpgrade } from "../../../state/StateUpgrade.ts"

/** @category models @since 0.2.0 */
export interface Compared {
  /** What stands in the way, a line each. */
  readonly problems: ReadonlyArray<string>
  /** Steps that are what they were. */
  readonly same: ReadonlySet<string>
}

const Step = Schema.Record(Schema.String, Schema.Json)
const decode = Schema.decodeUnknownOption(Schema.Struct({
  flow: Schema.optionalKey(Schema.Struct({ slots: Schema.Int, steps: Schema.Record(Schema.String, Step) }))
}))

/** What a step's stored values are, or mean: a migration can say what becomes of them. All else decides where rows lie. */
const ofValues = new Set(["aggregate", "accumulator", "state", "maps", "event", "left", "right", "row", "emit"])

/** Schemas: that stored values are those of the new one is found out by reading them. Where late events go is no state. */
const free = new Set(["accumulator", "state", "maps", "event", "left", "right", "row", "late"])

/** Of two pipelines, as logs know them. @category getters @since 0.2.0 */
export const compare = (recorded: Schema.Json, now: Schema.Json, upgrade: StateUpgrade): Compared => {
  const then = Option.getOrUndefined(decode(recorded))?.flow
  const ours = Option.getOrUndefined(decode(now))?.flow
  const before = then?.steps ?? {}
  const after = ours?.steps ?? {}
  const problems = mistakes(upgrade, Object.keys(before), Object.keys(after))
  const same = new Set<string>()
  if (then !== undefined && ours !== undefined && then.slots !== ours.slots) {
    problems.push(`its keys lie in ${ours.slots} slots, and those of the state in ${then.slots}`)
  }
  for (const [name, step] of Object.entries(before)) {
    if (upgrade.drop?.includes(name) === true) continue
    const next = upgrade.rename?.[name] ?? name
    const found = after[next]
    if (found === undefined) {
      problems.push(`step "${next}" is not in the flow, and there is state of it: name it in drop, or in rename`)
    } else if (JSON.stringify(step) !== JSON.stringify(found)) {
      problems.push(...changesOf(next, step, found, upgrade.migrate?.[next] !== undefined))
    } else if (next === name && upgrade.migrate?.[name] === undefined) {
      same.add(name)
    }
  }
  return { problems, same }
}

/** What the upgrade names must be there, and no two steps may become one. */
const mistakes = (
  { drop = [], migrate = {}, rename = {} }: StateUpgrade,
  before: ReadonlyArray<string>,
  after: ReadonlyArray<string>
): Array<string> => {
  const problems: Array<string> = []
  for (const name of [...drop, ...Object.keys(rename)]) {
    if (!before.includes(name)) problems.push(`there was no step "${name}"`)
  }
  for (const name of Object.keys(migrate)) {
    if (!after.includes(name)) problems.push(`the flow has no step "${name}", for which there is a migration`)
  }
  const names = before.filter((name) => !drop.includes(name)).map((name) => rename[name] ?? name)
  for (const name of new Set(names.filter((name, index) => names.indexOf(name) !== index))) {
    problems.push(`the state of two steps would become that of "${name}"`)
  }
  return problems
}

const changesOf = (
  name: string,
  then: typeof Step.Type,
  now: typeof Step.Type,
  isMigrated: boolean
): ReadonlyArray<string> => {
  const problems: Array<string> = []
  for (const field of new Set([...Object.keys(then), ...Object.keys(now)])) {
    if (JSON.stringify(then[field]) === JSON.stringify(now[field])) continue
    if (free.has(field) || (isMigrated && ofValues.has(field))) continue
    problems.push(
      ofValues.has(field)
        ? `${field} of step "${name}" is another one: say in migrate what becomes of its state, or name it in drop`
        : `${field} of step "${name}" is another one, so that its state is of no use: give it a new name, and name the old ` +
          `one in drop`
    )
  }
  return problems
}
