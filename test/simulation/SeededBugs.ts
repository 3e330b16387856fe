/** Mistakes made on purpose, so that it is known that the suite would find them. */
import type { CheckpointLog } from "../../src/batch/CheckpointLog.ts"
import type * as Sink from "../../src/batch/Sink.ts"
import type * as Source from "../../src/batch/Source.ts"
import type { Pravega } from "../../src/pravega/Pravega.ts"

/** What is put between the engine and what it works with. */
export interface Bug {
  readonly name: string
  readonly log?: ((log: CheckpointLog["Service"]) => CheckpointLog["Service"]) | undefined
  readonly client?: ((pravega: Pravega["Service"]) => Pravega["Service"]) | undefined
  readonly source: <A, E, R>(source: Source.Source<A, E, R>) => Source.Source<A, E, R>
  readonly sink: <B, E, R>(sink: Sink.Sink<B, E, R>) => Sink.Sink<B, E, R>
  readonly process: <B>(outputs: ReadonlyArray<B>) => ReadonlyArray<B>
}

export const none: Bug = {
  name: "none",
  source: (source) => source,
  sink: (sink) => sink,
  process: (outputs) => outputs
}
