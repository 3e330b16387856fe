/**
 * A flow as part of a pipeline: compiled, checked against the pipeline's source, and with its state. One without steps needs
 * none of that: it is a process like any other. Of flows and state there are only types here: code of theirs comes with a
 * flow, and with a state that is opened.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Later from "../../../core/Later.ts"
import type { Flow, Mode } from "../../../flow/graph/Typed.ts"
import type { StateStoreError } from "../../../state/StateError.ts"
import type { StateStore } from "../../../state/StateStore.ts"
import type { Source } from "../../source/SourceContract.ts"
import type { Union } from "../../source/SourceUnion.ts"
import type { FlowPart, OpenState } from "../FlowPart.ts"

/** How many rows that are due a step takes in a batch at most, in each slot. */
const maxFirings = 100_000

/** The name of the one source of a flow that has one. */
const onlySource = "events"

/** @category models @since 0.2.0 */
export interface PipelineFlow<A, B, ES> {
  readonly isPure: boolean
  /** Its steps remember something. */
  readonly isStateful: boolean
  readonly structure: Schema.Json
  /** Where there are neither steps nor effects. */
  readonly process:
    | { readonly _tag: "stream"; readonly run: (events: Stream.Stream<A, ES>) => Stream.Stream<B, ES> }
    | undefined
  readonly part: FlowPart<StateStoreError, StateStore> | undefined
}

/** Throws what `refused` makes. @category constructors @since 0.2.0 */
export const ofPipeline = <A, B, ES, RS>(
  flow: Pick<Flow<never, unknown, Mode, unknown, unknown>, "~compiled">,
  source: Source<A, ES, RS> | Union<A, ES, RS>,
  refused: (detail: string) => Error
): PipelineFlow<A, B, ES> => {
  const compiled = flow["~compiled"]()
  if (Result.isFailure(compiled)) throw refused(compiled.failure)
  const { program, slots } = compiled.success
  const names = "sources" in source ? source.sources.map(({ name }) => name) : [onlySource]
  const unknown = program.sources.filter((name) => !names.includes(name))
  if (unknown.length > 0) {
    throw refused(`its flow reads ${quoted(unknown)}, and its sources are ${quoted(names)}`)
  }
  const unread = names.filter((name) => !program.sources.includes(name))
  if (unread.length > 0) throw refused(`its flow does not read ${quoted(unread)}`)
  const { isPure, plain } = program
  const isStateful = program.stages.some(({ _tag }) => _tag === "Step")
  const structure = { slots, steps: compiled.success.structure }
  if (plain !== undefined && !("sources" in source)) {
    return {
      isPure,
      isStateful,
      structure,
      part: undefined,
      process: { _tag: "stream", run: (events) => mapped(events, source, plain) }
    }
  }
  return {
    isPure,
    isStateful,
    structure,
    process: undefined,
    part: {
      program: "sources" in source ? program : { ...program, source: () => program.source(onlySource) },
      slots,
      maxFirings,
      open: isStateful ? openState : () => Effect.succeed(noState)
    }
  }
}

const openState: FlowPart<StateStoreError, StateStore>["open"] = Effect.fnUntraced(function*(options) {
  const { QueryState, StateStore } = yield* stateModules
  const store = yield* StateStore
  return yield* QueryState.open(yield* store.open(options.query), options, store.heapBytes)
})

/** Loaded when state is opened. */
const stateModules = Later.load(() =>
  Promise.all([import("../../../state/QueryState.ts"), import("../../../state/StateStore.ts")])
).pipe(Effect.map(([QueryState, { StateStore }]) => ({ QueryState, StateStore })))

/** That of effects, and of sources put together: nothing is remembered. */
const noState: OpenState<never> = {
  head: () => undefined,
  size: () => ({ rows: 0, bytes: 0 }),
  current: () => [],
  begin: () => ({
    rows: (step) => {
      throw new RangeError(`the flow has no step "${step}" with state`)
    },
    prepare: Effect.undefined
  }),
  discard: () => {},
  isKept: () => Effect.succeed(true),
  commit: () => Effect.void
}

const quoted = (names: ReadonlyArray<string>): string => names.map((name) => `"${name}"`).join(", ")

/** A function over arrays, over a Stream's own arrays. */
const mapped = <A, B, ES>(
  events: Stream.Stream<A, ES>,
  { inFlow }: Pick<Source<A, unknown, unknown>, "inFlow">,
  f: (values: ReadonlyArray<unknown>) => Array<unknown>
): Stream.Stream<B, ES> => {
  const chunks = Stream.mapArray(events, (some): Arr.NonEmptyReadonlyArray<ReadonlyArray<B>> => {
    const outputs = f(inFlow === undefined ? some : some.map((event) => inFlow.value(event)))
    // A flow's outputs have lost their types: its own type says what they are.
    return [outputs as ReadonlyArray<B>]
  })
  return Stream.flattenArray(Stream.filter(chunks, Arr.isReadonlyArrayNonEmpty))
}
