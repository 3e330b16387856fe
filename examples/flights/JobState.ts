/**
 * What a job that was interrupted is found by: the scope of its streams. Everything else is in the checkpoint logs.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { join } from "node:path"

const JobState = Schema.Struct({
  /** Its address; "embedded": the job's own. */
  controller: Schema.String,
  scope: Schema.String,
  count: Schema.Int,
  segments: Schema.Int,
  /** How often the job was started, this time included. */
  starts: Schema.Int
})
export type JobState = typeof JobState.Type

const Json = Schema.fromJsonString(JobState)
const file = (directory: string) => join(directory, "job.json")

/** The interrupted job of the directory, if it is the same one; else a new one. */
export const resume = Effect.fnUntraced(function*(
  directory: string,
  asked: { readonly controller: string; readonly count: number; readonly segments: number }
) {
  const fs = yield* FileSystem.FileSystem
  const before = yield* fs.readFileString(file(directory)).pipe(
    Effect.flatMap(Schema.decodeEffect(Json)),
    Effect.orElseSucceed(() => undefined)
  )
  const isSame = before !== undefined && before.controller === asked.controller && before.count === asked.count
    && before.segments === asked.segments
  const random = yield* Random.nextIntBetween(0, 2 ** 32)
  const state: JobState = isSame
    ? { ...before, starts: before.starts + 1 }
    : { ...asked, scope: `flights-${random.toString(36)}`, starts: 1 }
  yield* fs.makeDirectory(directory, { recursive: true })
  // renamed into place: a kill in between leaves the old one
  yield* fs.writeFileString(`${file(directory)}.new`, yield* Schema.encodeEffect(Json)(state))
  yield* fs.rename(`${file(directory)}.new`, file(directory))
  return state
})

export const remove = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(directory, { recursive: true, force: true })
})
