/**
 * A flow as part of a pipeline: compiled, checked against the pipeline's source, and with its state. One without steps needs
 * none of that: it is a process like any other.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Describe from "../../../flow/describe/Describe.ts"
import * as Key from "../../../flow/key/Key.ts"
import * as Machine from "../../../flow/machine/Machine.ts"
import * as QueryState from "../../../state/QueryState.ts"
import type { StateStoreError } from "../../../state/StateError.ts"
import { StateStore } from "../../../state/StateStore.ts"
import type { Source } from "../../source/SourceContract.ts"
import type { Union } from "../../source/SourceUnion.ts"
import type { FlowPart } from "../FlowPart.ts"

/** How many rows that are due a step takes in a batch at most, in each slot. */
const maxFirings = 100_000

/** The name of the one source of a flow that has one. */
const onlySource = "events"

/** @category models @since 0.2.0 */
export interface PipelineFlow<A, B, ES> {
  readonly isPure: boolean
  readonly structure: Schema.Json
  /** Where there are neither steps nor effects. */
  readonly process:
    | { readonly _tag: "stream"; readonly run: (events: Stream.Stream<A, ES>) => Stream.Stream<B, ES> }
    | undefined
  readonly part: FlowPart<StateStoreError, StateStore> | undefined
}

/** A flow, as far as its types are not needed. */
interface AnyFlow {
  readonly node: Parameters<typeof Machine.compile>[0]
}

/** Throws what `refused` makes. @category constructors @since 0.2.0 */
export const ofPipeline = <A, B, ES, RS>(
  { node }: AnyFlow,
  source: Source<A, ES, RS> | Union<A, ES, RS>,
  refused: (detail: string) => Error
): PipelineFlow<A, B, ES> => {
  const program = compiled(node, refused)
  const names = "sources" in source ? source.sources.map(({ name }) => name) : [onlySource]
  const unknown = program.sources.filter((name) => !names.includes(name))
  if (unknown.length > 0) {
    throw refused(`its flow reads ${quoted(unknown)}, and its sources are ${quoted(names)}`)
  }
  const unread = names.filter((name) => !program.sources.includes(name))
  if (unread.length > 0) throw refused(`its flow does not read ${quoted(unread)}`)
  const { isPure, plain } = program
  const structure = { slots: Key.defaultSlots, steps: Describe.describe(node).structure }
  if (plain !== undefined && !("sources" in source)) {
    return {
      isPure,
      structure,
      part: undefined,
      process: { _tag: "stream", run: (events) => mapped(events, source, plain) }
    }
  }
  return {
    isPure,
    structure,
    process: undefined,
    part: {
      program: "sources" in source ? program : { ...program, source: () => program.source(onlySource) },
      slots: Key.defaultSlots,
      maxFirings,
      open: Effect.fnUntraced(function*(options) {
        const store = yield* StateStore
        return yield* QueryState.open(yield* store.open(options.query), options, store.heapBytes)
      })
    }
  }
}

const compiled = (node: AnyFlow["node"], refused: (detail: string) => Error): Machine.Program => {
  try {
    return Machine.compile(node)
  } catch (cause) {
    if (cause instanceof Machine.FlowRefused) throw refused(cause.detail)
    throw cause
  }
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
