/**
 * Tells Pravega how far a query has read a stream, so that retention deletes nothing that it has not: a reader group with
 * manual retention, the only kind of subscriber that Pravega 0.13 knows (rule 14). Nobody reads with that group.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as ReaderGroupConfig from "../../../core/ReaderGroupConfig.ts"
import type { ReaderGroupName } from "../../../core/ReaderGroupName.ts"
import type { ScopedStream } from "../../../core/ScopedStream.ts"
import type { StreamCut } from "../../../core/StreamCut.ts"
import { Pravega } from "../../../pravega/Pravega.ts"
import { ReadError } from "../../../pravega/read/ReadError.ts"
import { NoSubscriber, SourceError } from "../SourceError.ts"

/** @category models @since 0.1.0 */
export interface RetentionSubscriber {
  /** Creates the group if there is none. The stream must exist: the controller would wait for it without end. */
  readonly ensure: Effect.Effect<void, ReadError | SourceError>
  /** Returns at once; of several reports that wait the last one is made. */
  readonly report: (cut: StreamCut) => Effect.Effect<void>
}

/** @category constructors @since 0.1.0 */
export const make = Effect.fnUntraced(function*(stream: ScopedStream, name: ReaderGroupName) {
  const { controller } = yield* Pravega
  const group = { scope: stream.scope, name }
  let identity: { readonly generation: bigint; readonly id: string } | undefined

  const refused = (detail: string) => new SourceError({ reason: new NoSubscriber({ stream, group: name, detail }) })

  const ensure = Effect.gen(function*() {
    const config = yield* Effect.mapError(
      controller.createReaderGroup(group, configuration(stream)),
      (reason) => new ReadError({ reason })
    )
    if (config.retention !== "manual") {
      return yield* refused("it exists, without manual retention; name another one, or delete it")
    }
    if (!config.startingStreamCuts.has(stream.toString())) {
      return yield* refused("it exists, for other streams; name another one, or delete it")
    }
    identity = { generation: config.generation, id: config.id }
  })

  const update = (cut: StreamCut) =>
    Effect.suspend(() =>
      identity === undefined ? Effect.void : controller.updateSubscriber(group, { ...identity, cut })
    )

  const send = (cut: StreamCut) =>
    update(cut).pipe(
      // Somebody has deleted the group, or made another one of it: from then on nothing was held back.
      Effect.catchIf(
        ({ reason }) => reason._tag === "NotFound" || reason._tag === "Outdated",
        () => Effect.andThen(ensure, update(cut))
      )
    )

  /** What is to be reported; of several the last. */
  let unsent: StreamCut | undefined
  const signal = yield* Queue.sliding<void>(1)
  const sendLast = Effect.suspend(() => {
    const cut = unsent
    return cut === undefined ? Effect.void : Effect.map(send(cut), () => {
      if (unsent === cut) unsent = undefined
    })
  }).pipe(
    Effect.catch((error) =>
      Effect.logWarning(
        "how far a query has read could not be reported: retention may keep more than it must, or, if the group is gone, less",
        error
      )
    )
  )
  // The last report of a query that ends is made too.
  yield* Effect.addFinalizer(() => Effect.timeoutOption(Effect.interruptible(sendLast), Duration.seconds(10)))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Queue.take(signal), sendLast)))
  return {
    ensure,
    report: (cut) =>
      Effect.suspend(() => {
        unsent = cut
        return Effect.asVoid(Queue.offer(signal, undefined))
      })
  } satisfies RetentionSubscriber
})

const configuration = (stream: ScopedStream) =>
  ReaderGroupConfig.make({
    streams: { [stream.toString()]: {} },
    automaticCheckpoints: "off",
    retention: "manual",
    numbered: { generation: 0n, id: ReaderGroupConfig.anyId }
  })
