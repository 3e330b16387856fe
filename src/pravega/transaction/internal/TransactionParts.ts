/**
 * The writers that write to one transaction through one handle: what they have written, and whether all that they accepted
 * is in the transaction. A commit must know that, also of writers that are closed.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { crc32 } from "node:zlib"
import type { EventStream } from "../../../core/EventStream.ts"
import * as Segment from "../../../core/Segment.ts"
import { SegmentRouting } from "../../../core/SegmentRouting.ts"
import * as Uuid from "../../../core/Uuid.ts"
import type { Segments } from "../../segmentstore/Segments.ts"
import type { SegmentStores } from "../../segmentstore/SegmentStores.ts"
import type { AppendBlock } from "../../write/AppendBlock.ts"
import * as RoutedWriter from "../../write/RoutedWriter.ts"
import * as WriterLimits from "../../write/WriterLimits.ts"
import { InvalidWriterId, TransactionError, type TransactionErrorReason } from "../TransactionError.ts"
import * as TransactionFate from "../TransactionFate.ts"
import type { TransactionWriter, TransactionWriterOptions, WrittenSegment } from "../TransactionWriter.ts"

/** @category models @since 0.1.0 */
export interface TransactionPartsOptions<A> {
  readonly ref: TransactionFate.TransactionRef
  readonly stream: EventStream<A>
  /** With ids in the transaction's epoch. */
  readonly segments: ReadonlyArray<Segment.SegmentWithRange>
  readonly services: {
    readonly segments: Segments["Service"]
    readonly stores: SegmentStores["Service"]
  }
}

type Writer<A> = RoutedWriter.RoutedWriter<A, TransactionErrorReason>

/** @category models @since 0.1.0 */
export class TransactionParts<A> {
  private readonly options: TransactionPartsOptions<A>
  private readonly writers = new Set<Writer<A>>()
  private readonly routing: SegmentRouting
  private ended: TransactionErrorReason | undefined = undefined

  constructor(options: TransactionPartsOptions<A>) {
    this.options = options
    this.routing = SegmentRouting.make(options.segments)
  }

  /** Opens a writer for as long as the Scope is open. */
  open(
    options: TransactionWriterOptions | undefined
  ): Effect.Effect<TransactionWriter<A>, TransactionErrorReason, Scope.Scope> {
    return Effect.flatMap(Uuid.Uuids, (uuids) => {
      if (this.ended !== undefined) return Effect.fail(this.ended)
      const writerIds = this.writerIds(options?.writerId ?? uuids.nextUnsafe)
      // what is wrong with one is mostly wrong with all
      const [first] = this.options.segments
      const invalid = first === undefined ? undefined : writerIds(first.id).invalid
      return invalid === undefined ? this.openWith(writerIds, options) : Effect.fail(invalid)
    })
  }

  /** Waits until all that was accepted is in the transaction; fails when some of it never will be. */
  readonly flush: Effect.Effect<void, TransactionErrorReason> = Effect.suspend(() =>
    Effect.forEach([...this.writers], (writer) => writer.flush, { concurrency: "unbounded", discard: true })
  )

  /** Ends all writers. */
  fail(reason: TransactionErrorReason): void {
    this.ended = reason
    for (const writer of this.writers) writer.fail(reason)
  }

  private readonly openWith = Effect.fnUntraced(function*(
    this: TransactionParts<A>,
    writerIds: WriterIds,
    options: TransactionWriterOptions | undefined
  ): Effect.fn.Return<TransactionWriter<A>, never, Scope.Scope> {
    const { ref, services, stream } = this.options
    const written = new Map<Segment.SegmentId, SegmentProgress>()
    let closing: Writer<A> | undefined = undefined
    // runs after the writer's own finalizer: one that lost nothing has no say in the commit any more
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (closing !== undefined && !closing.lostEvents()) this.writers.delete(closing)
      })
    )
    const writer: Writer<A> = yield* RoutedWriter.make<A, TransactionErrorReason>({
      stream,
      transaction: ref.id,
      routing: this.routing,
      limits: WriterLimits.make(options),
      services,
      writerIdOf: (segment) => {
        const { id, invalid } = writerIds(segment)
        if (invalid !== undefined) {
          writer.fail(invalid)
          return unused
        }
        written.set(segment, new SegmentProgress(id))
        return id
      },
      takesOver: options?.takesOver,
      onGone: () => TransactionFate.gone(ref),
      onAcknowledged: options?.notesWritten === false
        ? undefined
        : (segment, block) => written.get(segment)?.add(block)
    })
    closing = writer
    this.writers.add(writer)
    const toError = (reason: TransactionErrorReason) => new TransactionError({ reason })
    return {
      write: (events) => Effect.asVoid(Effect.mapError(writer.accept(events), toError)),
      flush: Effect.mapError(writer.flush, toError),
      written: Effect.sync(() => writtenOf(written))
    }
  })

  /** Asked for segments that events go to only: there may be a thousand, and as many writers. */
  private writerIds(idOf: (segmentName: string) => string): WriterIds {
    const { stream, id: transaction } = this.options.ref
    const asked = new Map<Segment.SegmentId, WriterId>()
    return (id) => {
      const known = asked.get(id)
      if (known !== undefined) return known
      const segment = Segment.transactionName(stream, id, transaction)
      const writerId = idOf(segment)
      const invalid = uuid.test(writerId) ? undefined : new InvalidWriterId({ segment, writerId })
      asked.set(id, { id: writerId, invalid })
      return { id: writerId, invalid }
    }
  }
}

/** The id under which a writer appends to a segment, and what is wrong with it. */
interface WriterId {
  readonly id: string
  readonly invalid: InvalidWriterId | undefined
}

type WriterIds = (segment: Segment.SegmentId) => WriterId

/** That of an appender to which nothing is added, as its writer has failed. */
const unused = "00000000-0000-0000-0000-000000000000"

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

class SegmentProgress {
  readonly writerId: string
  events = 0
  length = 0
  checksum = 0

  constructor(writerId: string) {
    this.writerId = writerId
  }

  add(block: AppendBlock): void {
    this.events += block.count
    this.length += block.length
    this.checksum = crc32(block.data, this.checksum)
  }
}

const writtenOf = (
  progress: ReadonlyMap<Segment.SegmentId, SegmentProgress>
): ReadonlyMap<Segment.SegmentId, WrittenSegment> =>
  new Map(
    [...progress].filter(([, { events }]) => events > 0).map(([segment, { checksum, events, length, writerId }]) => [
      segment,
      { writerId, events: BigInt(events), bytes: BigInt(length), checksum }
    ])
  )
