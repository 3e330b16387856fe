/** `effect-pravega group`: reader groups, seen from outside. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { ReaderGroupBound } from "../../core/ReaderGroupConfig.ts"
import { Pravega } from "../../pravega/Pravega.ts"
import * as ReaderGroup from "../../pravega/readergroup/ReaderGroup.ts"
import * as Json from "../Json.ts"

interface Options {
  readonly controller: Option.Option<string>
  readonly json: boolean
}

interface OfGroup extends Options {
  readonly group: string
}

/** The group has no such reader. @category errors @since 0.2.0 */
export class NoSuchReader extends Schema.TaggedError<NoSuchReader>()("NoSuchReader", {
  group: Schema.String,
  reader: Schema.String,
  readers: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const there = this.readers.length === 0 ? "it has none" : `it has ${this.readers.join(", ")}`
    return `group "${this.group}" has no reader "${this.reader}": ${there}`
  }
}

/** There is no such group. @category errors @since 0.2.0 */
export class NoSuchGroup extends Schema.TaggedError<NoSuchGroup>()("NoSuchGroup", { group: Schema.String }) {
  override get message(): string {
    return `there is no group "${this.group}" (effect-pravega group list SCOPE says which there are)`
  }
}

/** @category running @since 0.2.0 */
export const list = ({ controller, json, scope }: Options & { readonly scope: string }) =>
  Effect.flatMap(Stream.runCollect(ReaderGroup.list(scope)), (groups) => {
    if (json) return Console.log(Json.groups(groups))
    return Console.log(groups.length === 0 ? `scope "${scope}" has no reader groups` : groups.join("\n"))
  }).pipe(on(controller))

/** @category running @since 0.2.0 */
export const describe = ({ controller, group, json }: OfGroup) =>
  Effect.gen(function*() {
    const opened = yield* ReaderGroup.open(group)
    const { automaticCheckpointInterval, endingStreamCuts, retention, startingStreamCuts } = yield* opened.config
    const { segments, unassigned } = yield* opened.distribution
    const unreadBytes = yield* opened.unreadBytes
    const streams = Array.from(startingStreamCuts, ([stream, start]) => ({
      stream,
      start: boundText(start),
      end: boundText(endingStreamCuts.get(stream) ?? "unbounded")
    }))
    const readers = Array.from(segments, ([reader, count]) => ({ reader, segments: count }))
    const takesCheckpoints = automaticCheckpointInterval !== undefined
    if (json) return yield* Console.log(Json.group({ group, streams, readers, unassigned, unreadBytes, retention }))
    const lines = [
      `group "${group}": ${unreadBytes} bytes unread, ${
        readers.length === 0 ? "no readers" : count(readers.length, "reader")
      }`,
      ...streams.map(({ end, start, stream }) => `  reads ${stream} from ${start} to ${end}`),
      ...readers.map(({ reader, segments }) => `  reader ${reader} has ${count(segments, "segment")}`),
      ...unassigned === 0 ? [] : [`  ${count(unassigned, "segment")} nobody reads now`],
      `  retention ${retention}, checkpoints ${takesCheckpoints ? "by itself" : "when asked"}`
    ]
    yield* Console.log(lines.join("\n"))
  }).pipe(Effect.scoped, on(controller))

/** @category running @since 0.2.0 */
export const offline = ({ controller, group, json, reader }: OfGroup & { readonly reader: string }) =>
  Effect.gen(function*() {
    const opened = yield* ReaderGroup.open(group)
    const readers = yield* opened.onlineReaders
    if (!readers.includes(reader)) return yield* new NoSuchReader({ group, reader, readers })
    yield* opened.readerOffline(reader)
    yield* Console.log(json ? Json.offline({ group, offline: reader }) : `reader ${reader} is out of group "${group}"`)
  }).pipe(Effect.scoped, on(controller))

/** @category running @since 0.2.0 */
export const deleteGroup = ({ controller, group, json }: OfGroup) =>
  Effect.gen(function*() {
    if (!(yield* ReaderGroup.delete(group))) return yield* new NoSuchGroup({ group })
    yield* Console.log(json ? Json.deleted({ deleted: group }) : `group "${group}" is deleted`)
  }).pipe(on(controller))

const on = (controller: Option.Option<string>) =>
  Effect.provide(Pravega.layerConfig({ controller: Option.getOrUndefined(controller) }))

const boundText = (bound: ReaderGroupBound): string => bound === "unbounded" ? bound : bound.toString()

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`
