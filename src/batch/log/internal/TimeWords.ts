/**
 * What a log says of a flow's time and state, for people: a line or a part of one. A log shows as much as it has: what can't
 * be decoded is shown as it stands.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { FlowHead } from "../../protocol/CheckpointRecord.ts"
import { type Looks, TimeState } from "../../protocol/TimeRecord.ts"

/** What is shown of a version's name: how it is made is the state's affair. */
const Version = Schema.Struct({ version: Schema.Int, epoch: Schema.Int, attempt: Schema.Int })

const timeOf = Schema.decodeUnknownOption(Schema.toCodecJson(TimeState))
const versionOf = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.toCodecJson(Schema.NullOr(Version))))

/** A point of event time. */
const point = (time: number): string => {
  if (time === -Infinity) return "not known yet"
  if (time === Infinity) return "the end of time"
  // what is no date that JavaScript has
  return Math.abs(time) > 8.64e15 ? `${time} ms` : new Date(time).toISOString()
}

/** What was found of the sources when a batch was planned. @category converting @since 0.2.0 */
export const looks = (found: Looks | undefined): string => {
  const sources = Object.entries(found ?? {}).map(([source, { isEnded, parts }]) => {
    const each = Object.entries(parts).map(([part, { readTo, tail }]) =>
      `${part === "" ? "" : `part ${part} `}to ${readTo} of ${tail}`
    )
    return `${source} ${isEnded ? "to its end" : each.join(", ")}`.trimEnd()
  })
  return sources.length === 0 ? "" : `, reads ${sources.join("; ")}`
}

/** Which state a batch left. @category converting @since 0.2.0 */
export const head = (state: FlowHead | undefined): string =>
  state === undefined ? "" : `; state ${versionWords(state)}, watermark ${watermarkWords(state)}`

const versionWords = ({ head }: FlowHead): string =>
  Option.match(versionOf(head), {
    onNone: () => JSON.stringify(head),
    onSome: (version) =>
      version === null ? "empty" : `${version.version} (epoch ${version.epoch}, try ${version.attempt})`
  })

const watermarkWords = ({ watermark }: FlowHead): string =>
  Option.match(timeOf(watermark), {
    onNone: () => JSON.stringify(watermark ?? null),
    onSome: (time) => point(time.watermark)
  })

/** Where a query's time and state stand: lines. @category converting @since 0.2.0 */
export const standing = (state: FlowHead | undefined): ReadonlyArray<string> => {
  if (state === undefined) return []
  const lines = [`  state ${versionWords(state)}, watermark ${watermarkWords(state)}`]
  const time = Option.getOrUndefined(timeOf(state.watermark))
  for (const [source, parts] of Object.entries(time?.sources ?? {})) {
    for (const [part, { since, watermark }] of Object.entries(parts)) {
      const silent = since === undefined ? "" : `, its end the same since ${point(since.at)}`
      lines.push(`    source "${source}"${part === "" ? "" : `, part ${part}`}: watermark ${point(watermark)}${silent}`)
    }
  }
  for (const [step, { input, isLeftOver, output }] of Object.entries(time?.steps ?? {})) {
    const more = isLeftOver ? ", with more that is due" : ""
    lines.push(`    step "${step}": input ${point(input)}, output ${point(output)}${more}`)
  }
  return lines
}
