/**
 * One try of a batch of a flow: its partitions are read in the order that keys need, then its steps run. What goes past all
 * steps is written as its partition's output, what steps make as that of their slot.
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Program } from "../../../../flow/machine/Machine.ts"
import type { Letter } from "../../../pipeline/Letter.ts"
import type { Pipeline } from "../../../pipeline/Pipeline.ts"
import type { CommitError } from "../../../protocol/CommitError.ts"
import type { LazySink, Stops } from "../LazySink.ts"
import type { Placed } from "../PartitionInput.ts"
import type { Pass } from "../Pass.ts"
import { Collected } from "./Collected.ts"
import * as FlowInput from "./FlowInput.ts"
import type { FlowTry } from "./FlowRun.ts"

/** Of partitions there are fewer. So a slot's outputs have the same number whatever a batch reads (F6). */
const firstSlot = 2 ** 20

/** @category running @since 0.2.0 */
export const run = Effect.fnUntraced(function*<A, B, ES, E, R>(
  { sources }: Pipeline<A, B, ES, E, R>,
  program: Program,
  tried: FlowTry<E>,
  { partitions, pass, sinks, spread }: {
    readonly partitions: ReadonlyArray<Placed<A, ES>>
    readonly sinks: ReadonlyArray<LazySink<B | Letter, E>>
    readonly pass: Pass
    /** Processes all partitions, in the order that keys need. */
    readonly spread: <EP, RP>(
      partitions: ReadonlyArray<Placed<A, ES>>,
      process: (partition: Placed<A, ES>) => Effect.Effect<void, EP, RP>
    ) => Effect.Effect<void, EP | CommitError, RP>
  }
) {
  const write = (id: number, outputs: Arr.NonEmptyReadonlyArray<B | Letter>) =>
    Effect.forEach(sinks, (sink) => sink.write(id, outputs), { discard: true })
  // A flow's outputs have lost their types: its pipeline's say that they are those of the sinks.
  const writeTo = (id: number) => (outputs: ReadonlyArray<unknown>) =>
    write(id, outputs as Arr.NonEmptyReadonlyArray<B>)
  const flush = (id: number) => Effect.forEach(sinks, (sink) => sink.flush(id), { discard: true })

  const read = new Map<number, Collected>()
  const one = Effect.fnUntraced(function*(partition: Placed<A, ES>) {
    const { aside, id } = partition
    const source = sources.find(({ name }) => name === partition.source)
    if (source === undefined) return yield* Effect.die(new Error(`no source "${partition.source}"`))
    read.set(id, yield* FlowInput.read(tried.input, source, partition, writeTo(id)))
    if (aside !== undefined) yield* Stream.runForEachArray(aside.letters(partition), (letters) => write(id, letters))
    yield* flush(id)
  })
  yield* spread(partitions, one)

  const collected = new Collected(program.stages.length, tried.input.slotOf)
  for (const { id } of partitions) {
    const more = read.get(id)
    if (more !== undefined) collected.add(more)
  }
  const written = new Set<number>()
  const steps = tried.steps(collected, (slot, outputs) => {
    written.add(firstSlot + slot)
    return writeTo(firstSlot + slot)(outputs)
  })
  // What steps fail with and need, their effects' too, is said by the pipeline's type.
  yield* steps as Effect.Effect<void, E | Stops, R>
  yield* Effect.forEach(written, flush, { discard: true })
  if (pass.refused !== undefined) return yield* pass.refused
})
