/**
 * The disk of a simulated server: what it committed outlives the servers that are started on it, what it only staged may
 * be lost, a unit as a whole. In memory, as a journal that a new server replays.
 */
import * as Storage from "../../embedded/store/Storage.ts"
import type { Turns } from "../seeded/Turns.ts"

type Change = (storage: Storage.Storage, state: Replayed) => void

/** What a storage in memory does not keep: the caller that put it keeps it. */
interface Replayed {
  readonly segments: Map<number, Storage.StoredSegment & { readonly attributes: Map<string, bigint> }>
  readonly records: Map<string, string>
}

/** @category models @since 0.1.0 */
export class Disk {
  /** Is called with each change that a server makes, before it is durable. */
  onChange: () => void = () => {}
  private readonly journal: Array<Change> = []
  /** Staged and not durable yet. */
  private staged: Array<Change> = []
  /** The one that was started last. */
  private owner = 0

  /** A storage for one life of a server. `turns`: of the server, so that nothing becomes durable when it is dead. */
  open(turns: Turns): Storage.Storage {
    const me = ++this.owner
    const inner = Storage.makeMemory()
    const state: Replayed = { segments: new Map(), records: new Map() }
    for (const change of this.journal) change(inner, state)
    let waiting: Array<() => void> = []
    const stage = (change: Change): void => {
      if (this.owner !== me) return
      this.staged.push(change)
      this.onChange()
    }
    const finish = (): void => {
      if (this.owner !== me) return
      this.write()
      const done = waiting
      waiting = []
      for (const tell of done) tell()
    }
    return {
      load: () => ({ segments: state.segments.values(), records: state.records }),
      putRecord: (key, text) => stage((_, { records }) => records.set(key, text)),
      deleteRecord: (key) => stage((_, { records }) => records.delete(key)),
      putSegment: (segment) => {
        inner.putSegment(segment)
        stage((storage, { segments }) => {
          storage.putSegment(segment)
          const attributes = segments.get(segment.key)?.attributes ?? new Map<string, bigint>()
          segments.set(segment.key, { ...segment, attributes })
        })
      },
      deleteSegment: (key) => {
        inner.deleteSegment(key)
        stage((storage, { segments }) => {
          storage.deleteSegment(key)
          segments.delete(key)
        })
      },
      putAttribute: (key, id, value) =>
        stage((_, { segments }) => {
          const attributes = segments.get(key)?.attributes
          if (value === undefined) attributes?.delete(id)
          else attributes?.set(id, value)
        }),
      append: (key, offset, data) => {
        inner.append(key, offset, data)
        stage((storage, { segments }) => {
          storage.append(key, offset, data)
          grow(segments, key, offset + data.length)
        })
      },
      merge: (target, offset, source) => {
        inner.merge(target, offset, source)
        stage((storage, { segments }) => {
          const from = segments.get(source)
          storage.merge(target, offset, source)
          if (from !== undefined) grow(segments, target, offset + from.length - from.startOffset)
          segments.delete(source)
        })
      },
      read: inner.read,
      commit: (done) => {
        if (waiting.push(done) === 1) turns.later(finish)
      },
      close: () => {
        if (this.owner !== me) return
        this.owner++
        this.write()
      }
    }
  }

  /** The server is dead: what it had staged is not there, nor whatever it does from now on. */
  readonly lose = (): void => {
    this.owner++
    this.staged = []
  }

  private write(): void {
    this.journal.push(...this.staged)
    this.staged = []
  }
}

const grow = (segments: Replayed["segments"], key: number, length: number): void => {
  const segment = segments.get(key)
  if (segment !== undefined) segments.set(key, { ...segment, length })
}
