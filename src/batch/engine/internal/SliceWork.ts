/**
 * The events of one partition or lane go through the pipeline's process, and the outputs to the sinks, under its number. An
 * event that the process fails for is put aside, where the pipeline does so. What a partition consists of is `PartitionWork`'s.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Pipeline, Slice } from "../../pipeline/Pipeline.ts"
import * as Deterministic from "./Deterministic.ts"
import * as PartitionInput from "./PartitionInput.ts"

/** @category constructors @since 0.2.0 */
export const make = Effect.fnUntraced(function*<A, B, ES, E, R, EW>(
  { isDeterministic, name, process }: Pipeline<A, B, ES, E, R>,
  { at, batch }: { readonly batch: number; readonly at: number | undefined },
  write: (id: number, outputs: Arr.NonEmptyReadonlyArray<B>) => Effect.Effect<void, EW>
) {
  const services = yield* Deterministic.make(`${name}/${batch}`, at ?? 0)

  const asStream = (
    run: Extract<typeof process, { readonly _tag: "stream" }>["run"],
    events: Stream.Stream<A, ES>,
    slice: Slice
  ) => {
    const outputs = isDeterministic
      ? services.slice(slice.partition).stream(events, (own) => run(own, slice))
      : run(events, slice)
    return Stream.runForEachArray(outputs, (some) => write(slice.partition, some))
  }

  /** One event after the other: the outputs of a chunk are written together. */
  const oneByOne = <I>(
    events: Stream.Stream<I, ES>,
    slice: Slice,
    one: (event: I) => Effect.Effect<ReadonlyArray<B>, E, R>
  ) =>
    Stream.runForEachArray(events, (some) =>
      Effect.flatMap(Effect.forEach(some, one), (outputs) => {
        const all = outputs.flat()
        return Arr.isReadonlyArrayNonEmpty(all) ? write(slice.partition, all) : Effect.void
      }))

  return (input: PartitionInput.Input<A, ES>, id: number): Effect.Effect<void, E | ES | EW, R> => {
    const slice: Slice = { batch, partition: id }
    if (process._tag === "stream") return asStream(process.run, PartitionInput.events(input), slice)
    if (input._tag === "plain") {
      const own = isDeterministic ? services.slice(id) : undefined
      return oneByOne(
        input.events,
        slice,
        (event) => own === undefined ? process.run(event, slice) : own.effect(process.run(event, slice))
      )
    }
    const { aside, events } = input
    // What one draws may not depend on those before it: a replay does without those that were put aside.
    const one = ({ event, place }: PartitionInput.At<A>) =>
      isDeterministic
        ? services.slice(`${id}/${place}`).effect(process.run(event, slice))
        : process.run(event, slice)
    if (!aside.isOpen) return oneByOne(events, slice, one)
    const orAside = (at: PartitionInput.At<A>) =>
      one(at).pipe(Effect.catch((error) =>
        Effect.sync((): ReadonlyArray<B> => {
          aside.put(at.place, textOf(error))
          return []
        })
      ))
    return oneByOne(events, slice, orAside)
  }
})

/** What a letter says of an error. */
const textOf = (error: unknown): string => {
  if (error instanceof Error) return error.message === "" ? error.name : `${error.name}: ${error.message}`
  return typeof error === "string" ? error : JSON.stringify(error) ?? String(error)
}
