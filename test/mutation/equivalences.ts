/**
 * Changes that make no difference, each with its reason: no test can notice them. Found by file and text, so that they
 * hold when lines move; one that matches nothing any more is told, and goes.
 */

export interface Equivalence {
  readonly file: string
  /** What is changed, and into what, without regard to white space; undefined: whatever it becomes. */
  readonly original: string
  readonly replacement?: string | undefined
  readonly reason: string
}

const owned = "src/batch/log/OwnedLog.ts"
const neverEmpty = "an owner's records begin with a start, or follow one: a fold of them never ends with nothing"

export const equivalences: ReadonlyArray<Equivalence> = [
  { file: owned, original: "Result.isFailure(state) || state.success === undefined", reason: neverEmpty },
  { file: owned, original: "state.success === undefined", reason: neverEmpty },
  {
    file: owned,
    original: `{ return yield* corrupt(options.query, read.next, "a claim without a start") }`,
    reason: neverEmpty
  },
  { file: owned, original: `"a claim without a start"`, reason: neverEmpty },
  {
    file: owned,
    original: "Result.isFailure(applied) || applied.success === undefined",
    replacement: "Result.isFailure(applied) && applied.success === undefined",
    reason: `${neverEmpty}; a failure has no success`
  },
  { file: owned, original: "applied.success === undefined", reason: neverEmpty },
  { file: owned, original: `"it empties the log"`, reason: neverEmpty },
  {
    file: owned,
    original: "seenEpoch !== undefined",
    replacement: "true",
    reason: "a number is never above undefined: the comparison beside it says the same"
  },
  {
    file: owned,
    original: `"another process"`,
    reason: "an epoch above one that was seen has an owner: it is for the type"
  },
  {
    file: owned,
    original: "read.state?.owner",
    reason: "an epoch above one that was seen has a state: it is for the type"
  },
  {
    file: owned,
    original: "read.state === undefined",
    replacement: "false",
    reason: "a log without a state has a torn record at most: it is compacted one record sooner"
  },
  {
    file: owned,
    original: `"effect-pravega/batch/OwnedLog/CompactAfter"`,
    reason: "a name that need only differ from others"
  },
  {
    file: "src/batch/log/LogState.ts",
    original: `entry._tag === "claimed"`,
    replacement: "true",
    reason: "a claim is the first entry of its record, and no other entry drops anything"
  }
]
