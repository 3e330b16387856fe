/**
 * Everything the controller knows, in memory, with a record in the storage for each part: what is put here is staged
 * there in the same turn. It decides nothing.
 *
 * @internal
 */
import { ScopedStream } from "../../../core/ScopedStream.ts"
import { ScopeName } from "../../../core/ScopeName.ts"
import { StreamName } from "../../../core/StreamName.ts"
import * as Epochs from "./Epochs.ts"
import * as Model from "./Model.ts"
import { NameList } from "./NameList.ts"
import { type RecordStorage, RecordTable } from "./RecordTable.ts"

/** A stream with all that belongs to it. Changed by `ControllerState` only. @category models @since 0.1.0 */
export interface StreamState {
  readonly name: ScopedStream
  readonly record: Model.StreamRecord
  /** Not decided, or not yet merged; by id. */
  readonly open: ReadonlyMap<string, Model.OpenTransaction>
  /** Those of them that are to be committed. */
  readonly decided: ReadonlySet<string>
  /** Oldest first. */
  readonly completed: ReadonlyMap<string, Model.CompletedTransaction>
  /** By `scope/group`. */
  readonly subscribers: ReadonlyMap<string, Model.Subscriber>
  readonly writers: ReadonlyMap<string, Model.WriterMark>
  readonly watermark: Model.LastWatermark | undefined
  readonly tails: Model.RecordedTails
}

/** @category models @since 0.1.0 */
export interface ScopeState {
  readonly streamList: Pages
  readonly tableList: Pages
  readonly streams: ReadonlyMap<string, StreamState>
  readonly groups: ReadonlyMap<string, Model.ReaderGroup>
  readonly tables: ReadonlyMap<string, Model.KeyValueTable>
}

/** Names, to be listed. */
type Pages = Pick<NameList, "page">

class Stream implements StreamState {
  readonly name: ScopedStream
  record: Model.StreamRecord
  readonly open = new Map<string, Model.OpenTransaction>()
  readonly decided = new Set<string>()
  readonly completed = new Map<string, Model.CompletedTransaction>()
  readonly subscribers = new Map<string, Model.Subscriber>()
  readonly writers = new Map<string, Model.WriterMark>()
  watermark: Model.LastWatermark | undefined = undefined
  tails: Model.RecordedTails = []

  constructor(name: ScopedStream, record: Model.StreamRecord) {
    this.name = name
    this.record = record
  }
}

class Scope implements ScopeState {
  readonly streamList = new NameList()
  readonly tableList = new NameList()
  readonly streams = new Map<string, Stream>()
  readonly groups = new Map<string, Model.ReaderGroup>()
  readonly tables = new Map<string, Model.KeyValueTable>()
  readonly former = new Map<string, Model.FormerStream>()
}

/** Numbers are taken from the storage this many at a time, and those not given out are lost by a crash. */
const reserved = 1_000

/** @category models @since 0.1.0 */
export class ControllerState {
  private readonly scopesByName = new Map<string, Scope>()
  private readonly scopeNames = new NameList()
  private readonly tables: Tables
  private next: { -readonly [K in keyof Model.Counters]: number } = { transaction: 1 }
  /** Up to here they are reserved. */
  private limit: Model.Counters = { transaction: 1 }

  /** `records`: all that the storage holds, other parts' too. Throws a `SchemaError` for a record it cannot read. */
  constructor(storage: RecordStorage, records: Iterable<readonly [key: string, text: string]>) {
    this.tables = makeTables(storage)
    this.restore(records)
  }

  get scopes(): ReadonlyMap<string, ScopeState> {
    return this.scopesByName
  }

  get scopeList(): Pages {
    return this.scopeNames
  }

  /** The last time that was noted with anything; undefined: none was. */
  get latestTime(): number | undefined {
    let latest: number | undefined
    const note = (time: number | undefined): void => {
      if (time !== undefined && (latest === undefined || time > latest)) latest = time
    }
    for (const { streams } of this.scopesByName.values()) {
      for (const { completed, open, tails, writers } of streams.values()) {
        for (const transaction of completed.values()) note(transaction.completed)
        for (const { created } of open.values()) note(created)
        for (const { noted } of writers.values()) note(noted)
        note(tails.at(-1)?.recorded)
      }
    }
    return latest
  }

  /** Never the same number again: the lower half of a transaction's id. */
  nextTransaction(): number {
    this.reserve("transaction")
    return this.next.transaction++
  }

  putScope(name: string): void {
    this.addScope(name)
    this.tables.scope.put(name, {})
  }

  /** It must be empty. */
  deleteScope(name: string): void {
    const scope = this.scope(name)
    for (const stream of scope.former.keys()) this.tables.former.delete(`${name}/${stream}`)
    this.tables.scope.delete(name)
    this.scopesByName.delete(name)
    this.scopeNames.delete(name)
  }

  putStream(name: ScopedStream, record: Model.StreamRecord): StreamState {
    const { epochs, ...header } = record
    let stream = this.scope(name.scope).streams.get(name.stream)
    const known = stream?.record.epochs.length ?? 0
    if (stream === undefined) this.addStream(stream = new Stream(name, record))
    else stream.record = record
    for (const epoch of epochs.slice(known)) this.tables.epoch.put(`${name.toString()}/${epoch.epoch}`, epoch)
    this.tables.stream.put(name.toString(), header)
    return stream
  }

  /** The number from which on a stream of this name numbers its segments. */
  firstNumber(name: ScopedStream): number {
    return this.scope(name.scope).former.get(name.stream)?.nextNumber ?? 0
  }

  /** With all that belongs to it. `nextNumber`: for a stream that may be made again under that name. */
  deleteStream({ name }: StreamState, nextNumber: number): void {
    const scope = this.scope(name.scope)
    const stream = this.stream(name)
    const key = name.toString()
    for (const id of stream.open.keys()) this.tables.open.delete(`${key}/${id}`)
    for (const id of stream.completed.keys()) this.tables.completed.delete(`${key}/${id}`)
    for (const subscriber of stream.subscribers.keys()) this.tables.subscriber.delete(`${key}/${subscriber}`)
    for (const writer of stream.writers.keys()) this.tables.writer.delete(`${key}/${writer}`)
    if (stream.watermark !== undefined) this.tables.watermark.delete(key)
    if (stream.tails.length > 0) this.tables.tails.delete(key)
    for (const { epoch } of stream.record.epochs) this.tables.epoch.delete(`${key}/${epoch}`)
    this.tables.stream.delete(key)
    scope.streams.delete(name.stream)
    scope.streamList.delete(name.stream)
    scope.former.set(name.stream, { nextNumber })
    this.tables.former.put(key, { nextNumber })
  }

  putOpen({ name }: StreamState, transaction: Model.OpenTransaction): void {
    keep(this.stream(name), transaction)
    this.tables.open.put(`${name.toString()}/${transaction.id}`, transaction)
  }

  /** Ends an open transaction. */
  putCompleted({ name }: StreamState, id: string, transaction: Model.CompletedTransaction): void {
    const stream = this.stream(name)
    const key = `${name.toString()}/${id}`
    stream.decided.delete(id)
    if (stream.open.delete(id)) this.tables.open.delete(key)
    stream.completed.set(id, transaction)
    this.tables.completed.put(key, transaction)
  }

  deleteCompleted({ name }: StreamState, id: string): void {
    if (this.stream(name).completed.delete(id)) this.tables.completed.delete(`${name.toString()}/${id}`)
  }

  putSubscriber({ name }: StreamState, subscriber: string, value: Model.Subscriber | undefined): void {
    put(this.stream(name).subscribers, this.tables.subscriber, subscriber, `${name.toString()}/${subscriber}`, value)
  }

  putWriter({ name }: StreamState, writer: string, value: Model.WriterMark | undefined): void {
    put(this.stream(name).writers, this.tables.writer, writer, `${name.toString()}/${writer}`, value)
  }

  putWatermark({ name }: StreamState, watermark: Model.LastWatermark): void {
    this.stream(name).watermark = watermark
    this.tables.watermark.put(name.toString(), watermark)
  }

  putTails({ name }: StreamState, tails: Model.RecordedTails): void {
    this.stream(name).tails = tails
    this.tables.tails.put(name.toString(), tails)
  }

  putGroup(scope: string, group: string, value: Model.ReaderGroup | undefined): void {
    put(this.scope(scope).groups, this.tables.group, group, `${scope}/${group}`, value)
  }

  putTable(scope: string, table: string, value: Model.KeyValueTable | undefined): void {
    const { tableList, tables } = this.scope(scope)
    put(tables, this.tables.table, table, `${scope}/${table}`, value)
    if (value === undefined) tableList.delete(table)
    else tableList.add(table)
  }

  private addScope(name: string): void {
    this.scopesByName.set(name, new Scope())
    this.scopeNames.add(name)
  }

  private addStream(stream: Stream): void {
    const { streamList, streams } = this.scope(stream.name.scope)
    streams.set(stream.name.stream, stream)
    streamList.add(stream.name.stream)
  }

  private scope(name: string): Scope {
    const scope = this.scopesByName.get(name)
    if (scope === undefined) throw new Error(`scope ${name} is not there`)
    return scope
  }

  private stream({ scope, stream }: ScopedStream): Stream {
    const state = this.scope(scope).streams.get(stream)
    if (state === undefined) throw new Error(`stream ${scope}/${stream} is not there`)
    return state
  }

  private reserve(counter: keyof Model.Counters): void {
    if (this.next[counter] < this.limit[counter]) return
    this.limit = { ...this.limit, [counter]: this.next[counter] + reserved }
    this.tables.counters.put("", this.limit)
  }

  /** Parts come after what they belong to, so all is read before anything is put together. */
  private restore(records: Iterable<readonly [key: string, text: string]>): void {
    const all = [...records]
    const each = <A>(table: RecordTable<A>, put: (names: ReadonlyArray<string>, value: A) => void): void => {
      for (const [key, text] of all) {
        const record = table.read(key, text)
        if (record !== undefined) put(record.name.split("/"), record.value)
      }
    }
    const { tables } = this
    each(tables.counters, (_, counters) => {
      this.next = { ...counters }
      this.limit = counters
    })
    each(tables.scope, ([name]) => this.addScope(name!))
    const epochs = new Map<string, Array<Epochs.Epoch>>()
    each(tables.epoch, ([scope, stream], epoch) => {
      const name = `${scope}/${stream}`
      const known = epochs.get(name)
      if (known === undefined) epochs.set(name, [epoch])
      else known.push(epoch)
    })
    each(tables.stream, ([scope, stream], header) => {
      const ordered = (epochs.get(`${scope}/${stream}`) ?? []).toSorted((a, b) => a.epoch - b.epoch)
      this.addStream(new Stream(scopedStream(scope!, stream!), { ...header, epochs: ordered }))
    })
    each(tables.former, ([scope, stream], former) => this.scope(scope!).former.set(stream!, former))
    each(tables.open, ([scope, stream], open) => keep(this.at(scope!, stream!), open))
    const completed: Array<readonly [Stream, string, Model.CompletedTransaction]> = []
    each(
      tables.completed,
      ([scope, stream, id], transaction) => completed.push([this.at(scope!, stream!), id!, transaction])
    )
    for (const [stream, id, transaction] of completed.toSorted((a, b) => a[2].completed - b[2].completed)) {
      stream.completed.set(id, transaction)
    }
    each(tables.subscriber, ([scope, stream, ...name], subscriber) => {
      this.at(scope!, stream!).subscribers.set(name.join("/"), subscriber)
    })
    each(tables.writer, ([scope, stream, ...name], mark) => {
      this.at(scope!, stream!).writers.set(name.join("/"), mark)
    })
    each(tables.watermark, ([scope, stream], watermark) => {
      this.at(scope!, stream!).watermark = watermark
    })
    each(tables.tails, ([scope, stream], tails) => {
      this.at(scope!, stream!).tails = tails
    })
    each(tables.group, ([scope, group], value) => this.scope(scope!).groups.set(group!, value))
    each(tables.table, ([scope, table], record) => {
      const state = this.scope(scope!)
      state.tables.set(table!, record)
      state.tableList.add(table!)
    })
  }

  private at(scope: string, stream: string): Stream {
    return this.stream(scopedStream(scope, stream))
  }
}

const keep = (stream: Stream, transaction: Model.OpenTransaction): void => {
  stream.open.set(transaction.id, transaction)
  if (transaction.commit !== undefined) stream.decided.add(transaction.id)
}

/** Throws for names that no stream can have. @category getters @since 0.1.0 */
export const scopedStream = (scope: string, stream: string): ScopedStream =>
  new ScopedStream({ scope: ScopeName.make(scope), stream: StreamName.make(stream) })

const put = <A>(
  map: Map<string, A>,
  table: RecordTable<A>,
  name: string,
  key: string,
  value: A | undefined
): void => {
  if (value === undefined) {
    if (map.delete(name)) table.delete(key)
    return
  }
  map.set(name, value)
  table.put(key, value)
}

type Tables = ReturnType<typeof makeTables>

const makeTables = (storage: RecordStorage) => ({
  counters: new RecordTable(storage, "counters", Model.Counters),
  scope: new RecordTable(storage, "scope", Model.ScopeRecord),
  stream: new RecordTable(storage, "stream", Model.StreamHeader),
  epoch: new RecordTable(storage, "epoch", Epochs.Epoch),
  former: new RecordTable(storage, "former", Model.FormerStream),
  open: new RecordTable(storage, "open", Model.OpenTransaction),
  completed: new RecordTable(storage, "completed", Model.CompletedTransaction),
  subscriber: new RecordTable(storage, "subscriber", Model.Subscriber),
  writer: new RecordTable(storage, "writer", Model.WriterMark),
  watermark: new RecordTable(storage, "watermark", Model.LastWatermark),
  tails: new RecordTable(storage, "tails", Model.RecordedTails),
  group: new RecordTable(storage, "group", Model.ReaderGroup),
  table: new RecordTable(storage, "table", Model.KeyValueTable)
})
