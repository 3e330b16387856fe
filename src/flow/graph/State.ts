/**
 * What `Flow.mapState` keeps of a key beside its one value: maps, whose entries are rows of their own, in order of their
 * keys. A list by time or number is a map by time or number.
 *
 * A `View` is what the functions of a flow see of a map: it never changes; `set` and `delete` give another one, which is
 * given back to be kept.
 *
 * @since 0.2.0
 */
import type * as Schema from "effect/Schema"

/** A map of each key's own. @category models @since 0.2.0 */
export interface MapOf<out K, out V> {
  readonly key: Schema.Codec<K, unknown>
  readonly value: Schema.Codec<V, unknown>
}

/**
 * A map of each key's own, of which only the entries that are asked for are read.
 *
 * **Example**
 *
 * ```ts
 * import { State } from "effect-pravega/flow"
 * import { Schema } from "effect"
 *
 * const seenAt = State.map(Schema.String, Schema.Int)
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const map = <K, V>(key: Schema.Codec<K, unknown>, value: Schema.Codec<V, unknown>): MapOf<K, V> => ({
  key,
  value
})

/** What a function sees of a map. @category models @since 0.2.0 */
export interface View<in out K, in out V> {
  readonly get: (key: K) => V | undefined
  readonly has: (key: K) => boolean
  readonly set: (key: K, value: V) => View<K, V>
  readonly delete: (key: K) => View<K, V>
  /** From a key on, to before another one, in the order of the keys; without bounds, all. */
  readonly range: (from?: K, to?: K) => ReadonlyArray<readonly [key: K, value: V]>
}
