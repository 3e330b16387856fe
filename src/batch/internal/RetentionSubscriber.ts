/**
 * Tells Pravega how far a query has read a stream, so that retention deletes nothing that it has not: a reader group with
 * manual retention, the only kind of subscriber that Pravega 0.13 knows (rule 14). Nobody reads with that group.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { type ReaderGroupName, subscriber } from "../../core/ReaderGroupName.ts"
import type { ScopedStream } from "../../core/ScopedStream.ts"
import type { StreamCut } from "../../core/StreamCut.ts"
import * as pb from "../../pravega/controller/gen/Controller_pb.ts"
import { Pravega } from "../../pravega/Pravega.ts"
import { ReadError } from "../../pravega/ReadError.ts"
import { NoSubscriber, SourceError } from "../SourceError.ts"

export interface RetentionSubscriber {
  /** Creates the group if there is none. The stream must exist: the controller would wait for it without end. */
  readonly ensure: Effect.Effect<void, ReadError | SourceError>
  /** Returns at once; of several reports that wait the last one is made. */
  readonly report: (cut: StreamCut) => Effect.Effect<void>
}

/** The controller chooses the id of a group that asks for this one. */
const anyId = "00000000-0000-0000-0000-000000000000"

export const make = Effect.fnUntraced(function*(stream: ScopedStream, group: ReaderGroupName) {
  const { controller } = yield* Pravega
  const { scope } = stream
  let identity: { readonly generation: bigint; readonly id: string } | undefined

  const refused = (detail: string) => new SourceError({ reason: new NoSubscriber({ stream, group, detail }) })
  const reading = <A, E extends ReadError["reason"]>(effect: Effect.Effect<A, E>) =>
    Effect.mapError(effect, (reason) => new ReadError({ reason }))

  const ensure = Effect.gen(function*() {
    const unbounded = [{ streamInfo: { scope, stream: stream.stream }, cut: {} }]
    const created = yield* reading(controller.call("createReaderGroup", {
      scope,
      readerGroupName: group,
      groupRefreshTimeMillis: 3000n,
      automaticCheckpointIntervalMillis: -1n,
      maxOutstandingCheckpointRequest: 3,
      retentionType: pb.ReaderGroupConfiguration_RetentionType.MANUAL,
      readerGroupId: anyId,
      startingStreamCuts: unbounded,
      endingStreamCuts: unbounded
    }))
    if (created.status !== pb.CreateReaderGroupResponse_Status.SUCCESS) {
      return yield* refused(`it was not created (status ${created.status})`)
    }
    const { config } = created
    const reads = config?.startingStreamCuts.map(({ streamInfo }) => `${streamInfo?.scope}/${streamInfo?.stream}`)
    if (config?.retentionType !== pb.ReaderGroupConfiguration_RetentionType.MANUAL) {
      return yield* refused("it exists, without manual retention; name another one, or delete it")
    }
    if (reads?.includes(stream.toString()) !== true) {
      return yield* refused("it exists, for other streams; name another one, or delete it")
    }
    identity = { generation: config.generation, id: config.readerGroupId }
  })

  const send = Effect.fnUntraced(function*(cut: StreamCut) {
    if (identity === undefined) return
    const { status } = yield* controller.call("updateSubscriberStreamCut", {
      subscriber: subscriber(scope, group),
      generation: identity.generation,
      readerGroupId: identity.id,
      streamCut: {
        streamInfo: { scope, stream: stream.stream },
        cut: Object.fromEntries([...cut.positions].map(([id, offset]) => [id.toString(), offset]))
      }
    })
    if (status !== pb.UpdateSubscriberStatus_Status.SUCCESS) {
      yield* Effect.logWarning("how far a query has read was not accepted: retention may keep more than it must", {
        stream: stream.toString(),
        group,
        status
      })
    }
  })

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
      Effect.logWarning("how far a query has read could not be reported: retention may keep more than it must", error)
    )
  )
  // The last report of a query that ends is made too.
  yield* Effect.addFinalizer(() => Effect.timeoutOption(sendLast, Duration.seconds(10)))
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
