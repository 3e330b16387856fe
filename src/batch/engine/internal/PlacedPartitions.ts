/**
 * The partitions of a batch: those of all sources, numbered one source after the other. What is read of them is counted.
 */
import * as Effect from "effect/Effect"
import type { UnfinishedBatch } from "../../log/LogState.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import type { SourceSession } from "../../source/SourceContract.ts"
import type { Placed } from "./PartitionInput.ts"
import type { Pass, Read } from "./Pass.ts"
import * as PutAsideEvents from "./PutAsideEvents.ts"

/** @category constructors @since 0.2.0 */
export const of = Effect.fnUntraced(function*<A, B, ES, E, R>(
  pipeline: Pipeline<A, B, ES, E, R>,
  sources: ReadonlyMap<string, SourceSession<A, ES>>,
  batch: UnfinishedBatch["batch"],
  { first: start = 0, onRead, pass, plans }: {
    /** The place of the first one. Default: 0. */
    readonly first?: number | undefined
    readonly plans: UnfinishedBatch["planned"]["plans"]
    readonly pass: Pass
    /** Told how many events were read of all. */
    readonly onRead: (events: number) => void
  }
) {
  const all: Array<Placed<A, ES>> = []
  let free = start
  for (const [source, session] of sources) {
    const plan = plans[source]
    if (plan === undefined) continue
    const read: Read = { events: 0, bytes: 0 }
    pass.reads.set(source, read)
    const count = (events: number): void => {
      read.events += events
      onRead(totalOf(pass.reads))
    }
    const first = free
    for (const partition of yield* session.partitions(plan)) {
      read.bytes += partition.bytes ?? 0
      const id = first + partition.id
      free = Math.max(free, id + (partition.lanes?.count ?? 1))
      const aside = PutAsideEvents.make(pipeline, batch, { partition: id, source, pass })
      all.push({
        ...partition,
        id,
        first,
        source,
        predecessors: partition.predecessors.map((before) => first + before),
        count,
        aside
      })
    }
  }
  return all
})

const totalOf = (reads: ReadonlyMap<string, Read>): number => {
  let events = 0
  for (const read of reads.values()) events += read.events
  return events
}
