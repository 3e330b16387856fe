/**
 * The segments of an embedded server, in memory, with what changes staged in a storage: `SegmentContainer` implemented.
 *
 * Facts: Pravega 0.13's `StreamSegmentContainer` and `PravegaRequestProcessor`.
 *
 * @internal
 */
import * as AttributeId from "../../pravega/wire/SegmentAttribute.ts"
import type { Done, NoSuchSegment, Sealed, Truncated } from "./ContainerAnswer.ts"
import type { LiveSegment } from "./internal/LiveSegment.ts"
import { emptyRead, LongPolls, PollQueue, type PollRequest } from "./internal/LongPolls.ts"
import { TableIndex } from "./internal/TableIndex.ts"
import { recordKey, TableSegments } from "./internal/TableSegments.ts"
import { notSet, ofTableSegment, SegmentAttributes } from "./SegmentAttributes.ts"
import type {
  AppendRequest,
  AppendResult,
  AttributeUpdate,
  BadAttribute,
  ContainerOptions,
  CreateOptions,
  Merged,
  Poll,
  ReadData,
  ReadResult,
  SegmentContainer,
  SegmentInfo,
  StorageFailed,
  TooManyAttributes
} from "./SegmentContainer.ts"
import type { Storage, StoredSegment } from "./Storage.ts"

/** The least and the most that a read asks for, whatever its request says. In bytes. */
const readMinimum = 8
const readMaximum = 2 * 1024 * 1024
/** How many names of merged segments are remembered, so that a merge that is asked for again is answered as done. */
const mergedNamesMaximum = 10_000

/**
 * The container of what the storage holds. Segments that died with their connections are deleted first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (options: ContainerOptions): SegmentContainer => new Container(options)

class Container implements SegmentContainer {
  readonly tables: TableSegments
  private readonly storage: Storage
  private readonly now: () => number
  private readonly segments = new Map<string, LiveSegment>()
  private readonly longPolls: LongPolls
  private readonly mergedNames = new Set<string>()
  private lastKey = 0
  /** Segments whose waiting reads may have an answer after the next commit. */
  private readonly due = new Set<LiveSegment>()

  constructor({ monotonic, now, state, storage }: ContainerOptions) {
    this.storage = storage
    this.now = now
    this.longPolls = new LongPolls(monotonic ?? now)
    this.tables = new TableSegments({
      storage,
      find: (name) => this.segments.get(name),
      changed: (segment) => this.touch(segment),
      remove: (segment) => this.remove(segment)
    })
    const { records, segments } = state ?? storage.load()
    for (const { attributes, ...stored } of segments) {
      this.lastKey = Math.max(this.lastKey, stored.key)
      if (isTransient(stored.name)) storage.deleteSegment(stored.key)
      else this.segments.set(stored.name, live(stored, attributes))
    }
    this.tables.load(records, this.segments.values())
  }

  readonly create = (name: string, options: CreateOptions = {}): "created" | "exists" => {
    if (this.segments.has(name)) return "exists"
    const lastModified = this.now()
    const created = [AttributeId.creationTime, BigInt(lastModified)] as const
    const { tableKeyLength } = options
    const segment = live(
      { key: ++this.lastKey, name, tableKeyLength, startOffset: 0, length: 0, isSealed: false, lastModified },
      [...(tableKeyLength === undefined ? [created] : ofTableSegment(tableKeyLength)), ...(options.attributes ?? [])]
    )
    this.segments.set(name, segment)
    this.mergedNames.delete(name)
    this.storage.putSegment(stored(segment))
    for (const [id, value] of segment.attributes.values) this.storage.putAttribute(segment.key, id, value)
    return "created"
  }

  get reusesAppends(): boolean {
    return this.storage.reusesAppends === true
  }

  readonly info = (name: string): SegmentInfo | undefined => {
    const segment = this.segments.get(name)
    if (segment === undefined) return undefined
    const { isSealed, lastModified, length, startOffset, tableKeyLength } = segment
    return { name, isTable: tableKeyLength !== undefined, startOffset, length, isSealed, lastModified }
  }

  readonly names = (): Iterable<string> => this.segments.keys()

  readonly count = (): number => this.segments.size

  readonly append = (request: AppendRequest): AppendResult => {
    const segment = this.segments.get(request.segment)
    if (segment === undefined) return noSuchSegment(request.segment)
    if (segment.table !== undefined) return { _tag: "Unsupported", operation: "append" }
    if (segment.isSealed) return { _tag: "Sealed", segment: request.segment }
    const { attributes } = segment
    const { expectedOffset, writerId } = request
    if (attributes.get(writerId) !== request.previousEventNumber) return { _tag: "BadAttribute", attributeId: writerId }
    if (expectedOffset !== undefined && expectedOffset !== segment.length) {
      return { _tag: "BadOffset", length: segment.length }
    }
    if (!attributes.hasRoomFor(writerId)) return { _tag: "TooManyAttributes" }
    this.setAttribute(segment, writerId, request.eventNumber)
    this.grow(segment, request.data, request.eventCount)
    return { _tag: "Appended", length: segment.length }
  }

  readonly appendOwn = (name: string, data: Uint8Array, eventCount: number): AppendResult => {
    const segment = this.segments.get(name)
    if (segment === undefined) return noSuchSegment(name)
    if (segment.table !== undefined) return { _tag: "Unsupported", operation: "append" }
    if (segment.isSealed) return { _tag: "Sealed", segment: name }
    this.grow(segment, data, eventCount)
    return { _tag: "Appended", length: segment.length }
  }

  readonly read = (
    name: string,
    offset: number,
    length: number,
    later: (result: ReadResult) => void,
    hasRoom?: () => boolean
  ): ReadResult | Poll => {
    const segment = this.segments.get(name)
    if (segment === undefined) return noSuchSegment(name)
    if (segment.table !== undefined || offset < 0) return { _tag: "OutOfRange" }
    if (offset < segment.startOffset) return { _tag: "Truncated", startOffset: segment.startOffset }
    const asked = Math.min(readMaximum, Math.max(readMinimum, length))
    if (offset < segment.length) return this.readNow(segment, offset, asked)
    if (!segment.isSealed) return this.longPolls.add(segment.polls, { offset, length: asked, later, hasRoom })
    if (offset > segment.length) return { _tag: "OutOfRange" }
    return { _tag: "ReadData", offset, atTail: false, endOfSegment: true, data: noBytes }
  }

  readonly attributes = (name: string): ReadonlyMap<string, bigint> | undefined =>
    this.segments.get(name)?.attributes.values

  readonly updateAttributes = (
    name: string,
    updates: ReadonlyArray<AttributeUpdate>
  ): Done | NoSuchSegment | Sealed | BadAttribute | TooManyAttributes => {
    const segment = this.segments.get(name)
    if (segment === undefined) return noSuchSegment(name)
    return this.updateSegment(segment, updates) ?? { _tag: "Done" }
  }

  readonly seal = (name: string): Done | NoSuchSegment | Sealed => {
    const segment = this.segments.get(name)
    if (segment === undefined) return noSuchSegment(name)
    if (segment.isSealed) return { _tag: "Sealed", segment: name }
    this.sealSegment(segment)
    return { _tag: "Done" }
  }

  readonly truncate = (name: string, offset: number): Done | NoSuchSegment | Truncated => {
    const segment = this.segments.get(name)
    if (segment === undefined) return noSuchSegment(name)
    if (offset < segment.startOffset || offset > segment.length) {
      return { _tag: "Truncated", startOffset: segment.startOffset }
    }
    segment.startOffset = offset
    this.storage.putSegment(stored(segment))
    this.notify(segment)
    return { _tag: "Done" }
  }

  readonly delete = (name: string): Done | NoSuchSegment => {
    const segment = this.segments.get(name)
    if (segment === undefined) return noSuchSegment(name)
    this.remove(segment)
    return { _tag: "Done" }
  }

  readonly merge = (
    target: string,
    source: string,
    attributeUpdates: ReadonlyArray<AttributeUpdate> = []
  ): Merged | NoSuchSegment | Sealed | BadAttribute | TooManyAttributes => {
    const into = this.segments.get(target)
    const from = this.segments.get(source)
    if (into === undefined) return noSuchSegment(source)
    if (from === undefined) {
      return this.mergedNames.has(source) ? { _tag: "Merged", length: into.length } : noSuchSegment(source)
    }
    // whatever comes of it: the source is sealed first, and stays so
    if (!from.isSealed) this.sealSegment(from)
    const refusal = into.isSealed ? sealed(source) : this.updateSegment(into, attributeUpdates)
    if (refusal !== undefined) return refusal
    this.mergeSegments(into, from)
    return { _tag: "Merged", length: into.length }
  }

  readonly mergeBatch = (
    target: string,
    sources: ReadonlyArray<string>
  ): { readonly _tag: "MergedBatch"; readonly lengths: ReadonlyArray<number> } | NoSuchSegment | Sealed => {
    const lengths: Array<number> = []
    const into = this.segments.get(target)
    // no sources, no merging: then the target need not exist
    if (into === undefined) return sources.length === 0 ? { _tag: "MergedBatch", lengths } : noSuchSegment(target)
    for (const source of sources) {
      const from = this.segments.get(source)
      if (from !== undefined) {
        if (!from.isSealed) this.sealSegment(from)
        // an empty source is only deleted, and that also goes when the target is sealed
        if (into.isSealed && from.length > from.startOffset) return sealed(target)
        this.mergeSegments(into, from)
      }
      lengths.push(into.length)
    }
    return { _tag: "MergedBatch", lengths }
  }

  readonly expirePolls = (): void => this.longPolls.expire()

  readonly commit = (done: () => void): void => this.storage.commit(done)

  private grow(segment: LiveSegment, data: Uint8Array, eventCount: number): void {
    const { attributes } = segment
    const counted = attributes.get(AttributeId.eventCount)
    const added = BigInt(eventCount)
    this.setAttribute(segment, AttributeId.eventCount, counted === notSet ? added : BigInt.asIntN(64, counted + added))
    if (data.length === 0) return
    this.storage.append(segment.key, segment.length, data)
    segment.length += data.length
    segment.lastModified = this.now()
    this.notify(segment)
  }

  private setAttribute(segment: LiveSegment, id: string, value: bigint): void {
    segment.attributes.set(id, value)
    this.storage.putAttribute(segment.key, id, value === notSet ? undefined : value)
  }

  private updateSegment(
    segment: LiveSegment,
    updates: ReadonlyArray<AttributeUpdate>
  ): Sealed | BadAttribute | TooManyAttributes | undefined {
    if (segment.isSealed) return sealed(segment.name)
    const planned = segment.attributes.plan(updates)
    if ("_tag" in planned) return planned
    for (const [id, value] of planned) this.setAttribute(segment, id, value)
    return undefined
  }

  /** `offset` lies within the segment. What ends where the segment does and asked for more, says so. */
  private readNow({ isSealed, key, length }: LiveSegment, offset: number, asked: number): ReadData | StorageFailed {
    const available = length - offset
    const data = this.storage.read(key, offset, Math.min(asked, available))
    if (data === undefined) return { _tag: "StorageFailed" }
    const wantsMore = data.length === available && asked > available
    return { _tag: "ReadData", offset, atTail: wantsMore && !isSealed, endOfSegment: wantsMore && isSealed, data }
  }

  private sealSegment(segment: LiveSegment): void {
    segment.isSealed = true
    this.touch(segment)
    this.notify(segment)
  }

  private mergeSegments(into: LiveSegment, from: LiveSegment): void {
    const moved = from.length - from.startOffset
    if (moved > 0) {
      this.storage.merge(into.key, into.length, from.key)
      into.length += moved
      into.lastModified = this.now()
      this.notify(into)
    }
    this.remove(from)
    this.mergedNames.add(from.name)
    if (this.mergedNames.size > mergedNamesMaximum) {
      for (const oldest of this.mergedNames) {
        this.mergedNames.delete(oldest)
        break
      }
    }
  }

  private touch(segment: LiveSegment): void {
    segment.lastModified = this.now()
    this.storage.putSegment(stored(segment))
  }

  private remove(segment: LiveSegment): void {
    segment.isDeleted = true
    this.segments.delete(segment.name)
    if (segment.table !== undefined) {
      for (const key of segment.table.keys()) this.storage.deleteRecord(recordKey(segment.key, key))
    }
    this.storage.deleteSegment(segment.key)
    this.notify(segment)
  }

  /** Answers the segment's waiting reads, if any, when what is staged now is durable. */
  private notify(segment: LiveSegment): void {
    if (segment.polls.waiting.size === 0) return
    this.due.add(segment)
    if (this.due.size === 1) this.storage.commit(this.settleDue)
  }

  private readonly settleDue = (): void => {
    const due = Array.from(this.due)
    this.due.clear()
    for (const segment of due) {
      this.longPolls.settle(segment.polls, (request) => this.pollResult(segment, request))
    }
  }

  private pollResult(segment: LiveSegment, { hasRoom, length: asked, offset }: PollRequest): ReadResult | undefined {
    if (segment.isSealed && offset >= segment.length) return sealed(segment.name)
    // as a real store does it: the next request learns that the segment is gone
    if (segment.isDeleted) return emptyRead(offset)
    if (offset < segment.startOffset) return { _tag: "Truncated", startOffset: segment.startOffset }
    const length = hasRoom?.() === false ? readMinimum : asked
    if (offset >= segment.length) return undefined
    const result = this.readNow(segment, offset, length)
    return result._tag === "ReadData" ? { ...result, atTail: true } : result
  }
}

const noBytes = new Uint8Array(0)

const noSuchSegment = (segment: string): NoSuchSegment => ({ _tag: "NoSuchSegment", segment })
const sealed = (segment: string): Sealed => ({ _tag: "Sealed", segment })

const live = (segment: StoredSegment, attributes: Iterable<readonly [string, bigint]>): LiveSegment => ({
  ...segment,
  attributes: new SegmentAttributes(attributes, isTransient(segment.name)),
  table: segment.tableKeyLength === undefined ? undefined : new TableIndex(segment.tableKeyLength),
  polls: new PollQueue(),
  isDeleted: false
})

const stored = (segment: LiveSegment): StoredSegment => ({
  key: segment.key,
  name: segment.name,
  tableKeyLength: segment.tableKeyLength,
  startOffset: segment.startOffset,
  length: segment.length,
  isSealed: segment.isSealed,
  lastModified: segment.lastModified
})

/** Transient segments die with the connection that made them. @category guards @since 0.1.0 */
export const isTransient = (name: string): boolean => name.includes("#transient.")
