/**
 * What the steps of a query remember, for those who ask: as of the last committed batch, of one key, of a range of keys, or of all
 * of them. What one answer has is of one and the same batch.
 *
 * **Details**
 *
 * `Query.state` asks a query that runs in this process. `open` asks the log and the home of the state: of a query that runs in
 * another process, or does not run. Both are asked by the pipeline's own value, which says what is stored.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Later from "../../core/Later.ts"
import type * as Node from "../../flow/graph/Node.ts"
import type { StepStage } from "../../flow/machine/Machine.ts"
import type { StoredRow } from "../../state/QueryState.ts"
import type { StateStoreError } from "../../state/StateError.ts"
import type { StateStore } from "../../state/StateStore.ts"
import { CheckpointLog } from "../log/CheckpointLog.ts"
import * as LogState from "../log/LogState.ts"
import type { Pipeline } from "../pipeline/Pipeline.ts"
import type { CheckpointLogError } from "../protocol/CheckpointLogError.ts"
import type { QueryName } from "../protocol/QueryName.ts"
import { StateQueryError } from "../protocol/StateQueryError.ts"
import type { AsOf } from "./internal/flow/FlowRun.ts"

export { StateQueryError } from "../protocol/StateQueryError.ts"

/** The Schemas of a step's keys and of what it remembers of each. @category options @since 0.2.0 */
export interface Schemas<K, V> {
  /** That of `Flow.keyBy`. */
  readonly key: Schema.Codec<K, unknown>
  /**
   * Of `Flow.mapState` the state; of a window or an aggregate its result so far; of `Flow.topN` one of the values; of the table of
   * a join that goes by arrival its row.
   */
  readonly value: Schema.Codec<V, unknown>
}

/** What a step remembers of a key. @category models @since 0.2.0 */
export interface Entry<out K, out V> {
  readonly key: K
  readonly value: V
  /** Of windows: which one is open; of overlapping ones the slices that they are made of. Milliseconds since 1970. */
  readonly window: { readonly start: number; readonly end: number } | undefined
}

/** @category models @since 0.2.0 */
export interface Answer<out K, out V> {
  /** The last committed batch, of which all of it is; -1: none was yet. */
  readonly batch: number
  /** In the order of the keys, then of the windows. */
  readonly entries: ReadonlyArray<Entry<K, V>>
}

/** @category options @since 0.2.0 */
export interface Bounds<out K> {
  /** Left out: from the first key. */
  readonly from?: K | undefined
  /** Left out: to the last key. */
  readonly to?: K | undefined
}

/** What a step remembers. Each answer is of the batch that is committed last when it is asked for. @category models @since 0.2.0 */
export interface StepState<in out K, out V, out E = never> {
  /** Of a key: nothing, one entry, or one per window that is open. */
  readonly get: (key: K) => Effect.Effect<Answer<K, V>, StateQueryError | E>
  /** Of the keys with `from <= key < to`, in the order of keys (see `Key`). */
  readonly range: (bounds: Bounds<K>) => Effect.Effect<Answer<K, V>, StateQueryError | E>
  readonly all: Effect.Effect<Answer<K, V>, StateQueryError | E>
}

/** What a query remembers, by its steps. @category models @since 0.2.0 */
export interface States<out E = never> {
  /**
   * What the step of this name remembers. Fails with `StateQueryError` if the flow has no such step, if it is of a kind that keeps
   * nothing to be asked for (deduplication, joins), or if the Schemas are not its own.
   */
  readonly state: <K, V>(step: string, schemas: Schemas<K, V>) => StepState<K, V, E>
}

/** How rows are come by. @internal @category options @since 0.2.0 */
export interface Asked<out E> {
  readonly query: string
  readonly steps: ReadonlyArray<StepStage>
  /** Of a key's text. */
  readonly slotOf: (key: string) => number | undefined
  readonly rows: (stage: StepStage, slot: number | undefined) => Effect.Effect<AsOf, E>
}

/** @internal @category constructors @since 0.2.0 */
export const make = <E>(asked: Asked<E>): States<E> => ({
  state: (step, schemas) => stateOf(asked, step, schemas)
})

const stateOf = <K, V, E>(asked: Asked<E>, name: string, schemas: Schemas<K, V>): StepState<K, V, E> => {
  const { query, steps } = asked
  const failure = (detail: string, cause?: unknown) =>
    new StateQueryError({ query, step: name, detail, ...cause === undefined ? {} : { cause } })
  const trying = <A>(run: () => A): Effect.Effect<A, StateQueryError> =>
    Effect.try({ try: run, catch: (cause) => failure("the Schemas are not those of what is stored", cause) })
  const isKey = Schema.decodeUnknownSync(Schema.toType(schemas.key))
  const isValue = Schema.decodeUnknownSync(Schema.toType(schemas.value))

  const stageOf = Effect.suspend(() => {
    const stage = steps.find((stage) => stage.name === name)
    const there = steps.map((stage) => `"${stage.name}"`).join(", ")
    if (stage === undefined) return Effect.fail(failure(`the flow has no such step with state; it has ${there}`))
    return isAskable(stage)
      ? Effect.succeed(stage)
      : Effect.fail(failure("a step of its kind keeps nothing to be asked for"))
  })
  const ask = Effect.fnUntraced(function*(stage: StepStage, slot: number | undefined, has: (key: string) => boolean) {
    const { batch, rows } = yield* asked.rows(stage, slot)
    const { decode } = yield* loadState
    const entries = yield* trying(() =>
      rows.filter((row) => has(row.key)).toSorted(byKey).flatMap((row): ReadonlyArray<Entry<K, V>> => {
        const there = entryOf(stage, row, (row) => decode(stage.operator.rows, row))
        if (there === undefined) return []
        return [{ key: isKey(stage.key.key(row.key)), value: isValue(there.value), window: there.window }]
      })
    )
    const answer: Answer<K, V> = { batch, entries }
    return answer
  })
  const textOf = (stage: StepStage, key: K) => trying(() => stage.key.text(isKey(key)))

  return {
    get: Effect.fnUntraced(function*(key: K) {
      const stage = yield* stageOf
      const text = yield* textOf(stage, key)
      return yield* ask(stage, asked.slotOf(text), (other) => other === text)
    }),
    range: Effect.fnUntraced(function*({ from, to }: Bounds<K>) {
      const stage = yield* stageOf
      const least = from === undefined ? "" : yield* textOf(stage, from)
      const end = to === undefined ? undefined : yield* textOf(stage, to)
      return yield* ask(stage, undefined, (key) => key >= least && (end === undefined || key < end))
    }),
    all: Effect.flatMap(stageOf, (stage) => ask(stage, undefined, () => true))
  }
}

const byKey = (a: StoredRow, b: StoredRow): number =>
  a.key < b.key ? -1 : a.key > b.key ? 1 : a.sub < b.sub ? -1 : a.sub > b.sub ? 1 : 0

/** What is stored is decoded where it is. */
const loadState = Later.load(() => import("../../state/StateView.ts"))

const isAskable = ({ step: { operation } }: StepStage): boolean =>
  operation._tag === "State" || operation._tag === "Window" || operation._tag === "Aggregate" ||
  operation._tag === "TopN" ||
  (operation._tag === "TableJoin" && operation.asOf === "arrival")

interface Stored {
  readonly value: unknown
  readonly window: Entry<never, never>["window"]
}

/** Undefined: the row is not what is asked for, but a timer, or something that waits. */
const entryOf = (
  { step: { operation } }: StepStage,
  row: StoredRow,
  decode: (row: StoredRow) => unknown
): Stored | undefined => {
  const kind = row.sub[0]
  switch (operation._tag) {
    case "State":
      return kind === "v" ? { value: field(decode(row), "state"), window: undefined } : undefined
    case "Aggregate":
      return { value: operation.aggregate.result(field(decode(row), "accumulator")), window: undefined }
    case "TopN":
      return { value: field(decode(row), "value"), window: undefined }
    case "TableJoin":
      return kind === "c" ? { value: decode(row), window: undefined } : undefined
    case "Window":
      return typeof row.value === "string" ? windowOf(operation, row, decode(row)) : undefined
    default:
      return undefined
  }
}

const windowOf = ({ aggregate, window }: Node.Windowed, { sub }: StoredRow, stored: unknown): Stored | undefined => {
  // the end of the next window, or when something is to be told
  if (typeof stored === "number" && sub[0] !== "s") return undefined
  const start = startOf(sub)
  if (sub[0] === "s" && window._tag === "Sliced") {
    return { value: aggregate.result(stored), window: { start, end: start + window.every } }
  }
  const from = sub[0] === "s" ? start : Number(field(stored, "start"))
  return {
    value: aggregate.result(field(stored, "accumulator")),
    window: { start: from, end: Number(field(stored, "end")) }
  }
}

const field = (stored: unknown, name: string): unknown =>
  typeof stored === "object" && stored !== null ? Reflect.get(stored, name) : undefined

/** How often the log is read again because the query has gone on, and deleted what was being read. */
const maxTries = 8

/** @category errors @since 0.2.0 */
export type OpenError = StateQueryError | CheckpointLogError | StateStoreError

/**
 * What the query of a pipeline remembers, from its log and the home of its state; each answer is read anew. The query may run
 * elsewhere, and is not disturbed. A home in memory is that of its own process.
 *
 * **Example**
 *
 * ```ts
 * import { type Pipeline, StateQuery } from "effect-pravega/batch"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const balance = <A, B, ES, E, R>(accounts: Pipeline.Pipeline<A, B, ES, E, R>, account: string) =>
 *   Effect.gen(function*() {
 *     const { state } = yield* StateQuery.open(accounts)
 *     return yield* state("balances", { key: Schema.String, value: Schema.Number }).get(account)
 *   })
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const open = Effect.fnUntraced(function*<A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>
): Effect.fn.Return<States<OpenError>, OpenError, CheckpointLog | StateStore> {
  const query = pipeline.name
  const log = yield* (yield* CheckpointLog).open(query)
  const { FlowProgress, FlowRun, StateStore } = yield* loadFlows
  const home = yield* (yield* StateStore).open(query)
  const { rows: read } = yield* loadState
  const none = (step: string, detail: string, cause?: unknown) =>
    new StateQueryError({ query, step, detail, ...cause === undefined ? {} : { cause } })

  const once = Effect.fnUntraced(function*(stage: StepStage, slot: number | undefined) {
    const { contradiction, read: { state } } = LogState.fold(yield* log.read(0))
    if (contradiction !== undefined) return yield* LogState.refusal(query, contradiction)
    if (state === undefined) return yield* none(stage.name, "the query was never started")
    if (JSON.stringify(state.started.structure) !== JSON.stringify(pipeline.structure)) {
      return yield* none(stage.name, "the query is that of another pipeline: ask by the one that it runs with")
    }
    const { state: head } = yield* Effect.mapError(
      FlowProgress.decode(state.head),
      (cause) => none(stage.name, "what the log says of its state can't be read", cause)
    )
    const batch = FlowRun.lastCommitted(state)
    return head === undefined
      ? { batch, rows: [] }
      : { batch, rows: yield* read(home, { query, head, operator: stage.name, slot }) }
  })
  return make({
    query,
    steps: stepsOf(pipeline),
    slotOf: (key) => FlowRun.slotOf(key, pipeline.flow?.slots ?? 1),
    rows: (stage, slot) => Effect.retry(once(stage, slot), { times: maxTries, while: isOutrun })
  })
})

/** What a step keeps, as it is stored. @category models @since 0.2.0 */
export interface StoredState {
  /** The last committed batch; -1: none was yet. */
  readonly batch: number
  /** How the step's keys are put into bytes (`Key.fingerprint`). */
  readonly keyForm: string
  /** In the order of the keys. `key`: its bytes, a character each; `sub`: what is kept of it; `value`: JSON. */
  readonly rows: ReadonlyArray<StoredRow>
}

const Steps = Schema.Struct({
  flow: Schema.optionalKey(Schema.Struct({
    steps: Schema.Record(
      Schema.String,
      Schema.Struct({ keys: Schema.NonEmptyArray(Schema.Struct({ form: Schema.String })) })
    )
  }))
})

/**
 * What a step keeps, by the log alone: for tools that have no pipeline. Nothing is made where there is no state.
 *
 * @category inspection
 * @since 0.2.0
 */
export const stored = Effect.fnUntraced(function*(
  query: QueryName,
  step: string
): Effect.fn.Return<StoredState, OpenError, CheckpointLog | StateStore> {
  const log = yield* (yield* CheckpointLog).open(query)
  const { FlowProgress, FlowRun, StateStore } = yield* loadFlows
  const store = yield* StateStore
  const { rows: read } = yield* loadState
  const failed = (detail: string, cause?: unknown) =>
    new StateQueryError({ query, step, detail, ...cause === undefined ? {} : { cause } })
  return yield* Effect.gen(function*() {
    const { contradiction, read: { state } } = LogState.fold(yield* log.read(0))
    if (contradiction !== undefined) return yield* LogState.refusal(query, contradiction)
    if (state === undefined) return yield* failed("the query was never started")
    const { flow } = yield* Effect.mapError(
      Schema.decodeUnknownEffect(Steps)(state.started.structure),
      (cause) => failed("what the log says of the flow can't be read", cause)
    )
    const found = Object.entries(flow?.steps ?? {})
    const form = found.find(([name]) => name === step)?.[1].keys[0].form
    if (form === undefined) {
      const there = found.length === 0 ? "none" : found.map(([name]) => `"${name}"`).join(", ")
      return yield* failed(`the query has no such step with state; it has ${there}`)
    }
    const { state: head } = yield* Effect.mapError(
      FlowProgress.decode(state.head),
      (cause) => failed("what the log says of its state can't be read", cause)
    )
    const rows = head === undefined ? [] : yield* read(yield* store.open(query), { query, head, operator: step })
    return { batch: FlowRun.lastCommitted(state), keyForm: form, rows: rows.toSorted(byKey) }
  }).pipe(Effect.retry({ times: maxTries, while: isOutrun }))
})

/** What was being read was deleted meanwhile, as the query has gone on. */
const isOutrun = (error: OpenError): boolean => "reason" in error && error.reason._tag === "StateMissing"

const loadFlows = Later.load(() =>
  Promise.all([
    import("./internal/flow/FlowProgress.ts"),
    import("./internal/flow/FlowRun.ts"),
    import("../../state/StateStore.ts")
  ])
).pipe(Effect.map(([FlowProgress, FlowRun, { StateStore }]) => ({ FlowProgress, FlowRun, StateStore })))

/** @internal @category getters @since 0.2.0 */
export const stepsOf = <A, B, ES, E, R>({ flow }: Pick<Pipeline<A, B, ES, E, R>, "flow">): ReadonlyArray<StepStage> =>
  flow?.program.stages.flatMap((stage) => stage._tag === "Step" ? [stage] : []) ?? []

/** A time is written into a row's name. */
const startOf = (sub: string): number => Number.parseInt(sub.slice(1, 12), 36) - 2 ** 52
