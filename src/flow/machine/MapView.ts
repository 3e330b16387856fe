/**
 * A view of a map: what is stored, and what was changed since, over it. Views never change.
 *
 * @since 0.2.0
 */
import type { View } from "../graph/State.ts"
import type { KeyCodec } from "./Keys.ts"

/** What is stored of a map, by the texts of its keys. @category models @since 0.2.0 */
export interface Stored {
  readonly get: (text: string) => unknown
  readonly range: (from: string, to: string | undefined) => ReadonlyArray<readonly [text: string, value: unknown]>
}

/** Undefined: deleted. */
type Changes = ReadonlyMap<string, { readonly value: unknown } | undefined>

/** @category models @since 0.2.0 */
export class MapView implements View<unknown, unknown> {
  private readonly keys: KeyCodec
  private readonly stored: Stored
  /** What is to be written. */
  readonly changes: Changes

  constructor(keys: KeyCodec, stored: Stored, changes: Changes = new Map()) {
    this.keys = keys
    this.stored = stored
    this.changes = changes
  }

  get(key: unknown): unknown {
    const text = this.keys.text(key)
    return this.changes.has(text) ? this.changes.get(text)?.value : this.stored.get(text)
  }

  has(key: unknown): boolean {
    return this.get(key) !== undefined
  }

  set(key: unknown, value: unknown): MapView {
    return this.with(key, { value })
  }

  delete(key: unknown): MapView {
    return this.with(key, undefined)
  }

  range(from?: unknown, to?: unknown): ReadonlyArray<readonly [unknown, unknown]> {
    const first = from === undefined ? "" : this.keys.text(from)
    const end = to === undefined ? undefined : this.keys.text(to)
    const all = new Map(this.stored.range(first, end))
    for (const [text, change] of this.changes) {
      if (text < first || (end !== undefined && text >= end)) continue
      if (change === undefined) all.delete(text)
      else all.set(text, change.value)
    }
    return [...all].sort(([a], [b]) => a < b ? -1 : 1).map(([text, value]) => [this.keys.key(text), value])
  }

  private with(key: unknown, change: { readonly value: unknown } | undefined): MapView {
    return new MapView(this.keys, this.stored, new Map(this.changes).set(this.keys.text(key), change))
  }
}
