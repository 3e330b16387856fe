/**
 * What the query of a history remembers, where its process is written as a flow: of each key all numbers, in the order in which
 * they came. In the end it must be the fold of what was committed.
 */
import { Flow } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as FlowProgress from "../../src/batch/engine/internal/flow/FlowProgress.ts"
import type { StoredRecord } from "../../src/batch/log/CheckpointLog.ts"
import * as LogState from "../../src/batch/log/LogState.ts"
import * as Key from "../../src/flow/key/Key.ts"
import * as Machine from "../../src/flow/machine/Machine.ts"
import * as QueryState from "../../src/state/QueryState.ts"
import type { StateHome } from "../../src/state/StateContract.ts"
import type { Numbered } from "../numbered.ts"

const step = "numbers"

/** It remembers what it has seen, and makes of each event what it is told. */
export const flowOf = <const Name extends string, B>(
  sources: ReadonlyArray<Name>,
  outputs: (event: Numbered) => ReadonlyArray<B>
) => {
  const from = Flow.sources<{ readonly [K in Name]: Numbered }>()
  return Flow.merge(sources.map((source) => from(source))).pipe(
    Flow.keyBy("key", Schema.String, ({ key }: Numbered) => key),
    Flow.mapState(step, {
      order: "arrival",
      state: Schema.Array(Schema.Number),
      initial: [],
      onEvent: (numbers, event: Numbered) => [[...numbers, event.number], outputs(event)]
    })
  )
}

const Kept = Schema.decodeUnknownSync(Schema.Struct({ state: Schema.Array(Schema.Number) }))

/** What is kept of each of these keys, at the version that the log names last. */
export const kept = Effect.fnUntraced(function*(
  query: string,
  records: ReadonlyArray<StoredRecord>,
  home: StateHome,
  keys: Iterable<string>
) {
  const { state } = yield* Effect.fromResult(LogState.fromRecords(records))
  const numbers = new Map<string, ReadonlyArray<number>>()
  if (state === undefined) return numbers
  const { epoch, head, nextBatch, started } = state
  const progress = yield* FlowProgress.decode(head)
  const { stages } = Machine.compile(flowOf(["events"], () => []).node)
  const [stage] = stages
  if (stage?._tag !== "Step") return yield* Effect.die(new Error("the flow has no step"))
  const open = yield* QueryState.open(home, {
    query,
    log: started.log ?? "",
    epoch,
    lastPlanned: nextBatch - 1,
    head: progress.state,
    operators: { [step]: stage.operator.rows }
  }, 2 ** 26)
  const { rows } = open.begin(nextBatch, 0)
  for (const key of keys) {
    const text = stage.key.text(key)
    const slot = Key.slot(Key.group(Buffer.from(text, "latin1")), Key.defaultGroups, Key.defaultSlots)
    const row = rows(step, slot).get(text, "v")
    numbers.set(key, row === undefined ? [] : Kept(row).state)
  }
  return numbers
})

/** What was written, and whether it must have been read. */
export interface Wanted {
  readonly event: Numbered
  readonly isWanted: boolean
}

/** What of this is not the fold of what was written. */
export const differences = (
  numbers: ReadonlyMap<string, ReadonlyArray<number>>,
  written: ReadonlyArray<Wanted>
): ReadonlyArray<string> =>
  Array.from(numbers).flatMap(([key, found]) => {
    const own = written.filter(({ event }) => event.key === key)
    const known = new Set(own.map(({ event }) => event.number))
    return [
      ...found.filter((number, i) => found.indexOf(number) < i).map((number) => `state has ${key}:${number} twice`),
      ...found.filter((number) => !known.has(number)).map((number) => `state has ${key}:${number}, which never was`),
      ...own.filter(({ event, isWanted }) => isWanted && !found.includes(event.number)).map(({ event }) =>
        `state has not ${key}:${event.number}`
      )
    ]
  })
