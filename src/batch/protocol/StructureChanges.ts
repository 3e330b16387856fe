/**
 * What differs between the pipeline that a log began with and the one that is there now, in words. The structures are JSON
 * that sources and sinks give; what they mean is theirs.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const Part = Schema.Struct({
  name: Schema.String,
  structure: Schema.Json,
  needsDeterministic: Schema.optionalKey(Schema.Boolean)
})
type Part = typeof Part.Type

const Flow = Schema.Struct({ slots: Schema.Json, steps: Schema.Record(Schema.String, Schema.Json) })
type Flow = typeof Flow.Type

const decode = Schema.decodeUnknownOption(Schema.Struct({
  version: Schema.String,
  each: Schema.String,
  flow: Schema.optionalKey(Flow),
  sources: Schema.Array(Part),
  sinks: Schema.Array(Part)
}))

/** One line per difference; none, if there is none. @category formatting @since 0.2.0 */
export const describe = (recorded: Schema.Json, now: Schema.Json): ReadonlyArray<string> => {
  const then = Option.getOrUndefined(decode(recorded))
  const ours = Option.getOrUndefined(decode(now))
  if (then === undefined || ours === undefined) return fields("the pipeline", recorded, now)
  return [
    ...fields("its version", then.version, ours.version),
    ...fields("what its process is given", then.each, ours.each),
    ...steps(then.flow, ours.flow),
    ...parts("source", then.sources, ours.sources),
    ...parts("sink", then.sinks, ours.sinks)
  ]
}

/** Whether the sources have other names, so that a position of the one pipeline is none of the other. @category guards @since 0.2.0 */
export const hasOtherSources = (recorded: Schema.Json, now: Schema.Json): boolean => {
  const names = (structure: Schema.Json) =>
    Option.match(decode(structure), {
      onNone: () => [],
      onSome: ({ sources }) => sources.map(({ name }) => name).toSorted()
    })
  return JSON.stringify(names(recorded)) !== JSON.stringify(names(now))
}

const steps = (then: Flow | undefined, now: Flow | undefined): ReadonlyArray<string> => {
  if (then === undefined || now === undefined) {
    return then === now ? [] : [now === undefined ? "it has no flow any more" : "it has a flow now"]
  }
  const lines = [...fields("the number of slots of its keys", then.slots, now.slots)]
  for (const [name, step] of Object.entries(then.steps)) {
    const same = now.steps[name]
    lines.push(...same === undefined ? [`step "${name}" is gone`] : fields(`step "${name}"`, step, same))
  }
  for (const name of Object.keys(now.steps)) if (then.steps[name] === undefined) lines.push(`step "${name}" is new`)
  const isReordered = lines.length === 0 && JSON.stringify(then.steps) !== JSON.stringify(now.steps)
  return isReordered ? ["the steps of its flow are in another order"] : lines
}

const parts = (kind: string, then: ReadonlyArray<Part>, now: ReadonlyArray<Part>): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const { name, structure, needsDeterministic = false } of then) {
    const same = now.find((part) => part.name === name)
    if (same === undefined) lines.push(`${kind} "${name}" is gone`)
    else {
      const changed = fields(`${kind} "${name}"`, structure, same.structure)
      lines.push(...changed)
      if (changed.length === 0 && (same.needsDeterministic ?? false) !== needsDeterministic) {
        lines.push(
          `${kind} "${name}" shows its outputs ${needsDeterministic ? "with the commit" : "before the commit"} now`
        )
      }
    }
  }
  for (const { name } of now) {
    if (!then.some((part) => part.name === name)) lines.push(`${kind} "${name}" is new`)
  }
  const names = (of: ReadonlyArray<Part>) => of.map(({ name }) => name)
  if (lines.length === 0 && JSON.stringify(names(then)) !== JSON.stringify(names(now))) {
    lines.push(`the ${kind}s are in another order: ${names(now).join(", ")}`)
  }
  return lines
}

/** Undefined: it is not there. */
const fields = (what: string, then: Schema.Json | undefined, now: Schema.Json | undefined): ReadonlyArray<string> => {
  if (JSON.stringify(then) === JSON.stringify(now)) return []
  if (!isObject(then) || !isObject(now)) return [`${what} was ${short(then)} and is ${short(now)}`]
  const lines = [...new Set([...Object.keys(then), ...Object.keys(now)])].flatMap((key) => {
    const [before, after] = [then, now].map((of) => Object.hasOwn(of, key) ? of[key] : undefined)
    return key === "codec" && isOfSchema(before) && isOfSchema(after) && before !== after
      ? [`the Schema of the events of ${what} changed`]
      : fields(`${key} of ${what}`, before, after)
  })
  return lines.length > 0 ? lines : [`${what} has its fields in another order`]
}

/** A codec that is made of a Schema: its fingerprint is a hash, which says nothing to a reader. */
const isOfSchema = (codec: Schema.Json | undefined): boolean => typeof codec === "string" && codec.startsWith("json ")

const isObject = (json: Schema.Json | undefined): json is { readonly [key: string]: Schema.Json } =>
  typeof json === "object" && json !== null && !Array.isArray(json)

const longest = 80

const short = (json: Schema.Json | undefined): string => {
  const text = json === undefined ? "absent" : JSON.stringify(json)
  return text.length > longest ? `${text.slice(0, longest)}...` : text
}
