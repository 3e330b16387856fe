/**
 * What becomes of the state of a query whose flow has changed: a value, which is applied once, to all rows, before the new
 * query begins. Nothing is dropped or changed that it doesn't name.
 *
 * **Example**
 *
 * ```ts
 * import { StateUpgrade } from "effect-pravega/state"
 * import * as Schema from "effect/Schema"
 *
 * const upgrade: StateUpgrade.StateUpgrade = {
 *   rename: { hourly: "perHour" },
 *   drop: ["experiment"],
 *   migrate: {
 *     carts: StateUpgrade.migration(
 *       Schema.Struct({ items: Schema.Int }),
 *       Schema.Struct({ items: Schema.Int, currency: Schema.String }),
 *       ({ items }) => ({ items, currency: "EUR" })
 *     )
 *   }
 * }
 * ```
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

/** @category models @since 0.2.0 */
export interface StateUpgrade {
  /** Steps whose rows are given up: they are not in the flow any more, or begin anew. By their old names. */
  readonly drop?: ReadonlyArray<string> | undefined
  /** Steps that have another name now: from the old one to the new one. */
  readonly rename?: Readonly<Record<string, string>> | undefined
  /** Of steps whose values have another Schema now, or mean something else. By their new names. */
  readonly migrate?: Readonly<Record<string, Migration>> | undefined
}

/**
 * How a step's values become those of its new version: the state of `Flow.mapState`, or the accumulators of a window or an
 * aggregate. What comes out must be a value of the new Schema.
 *
 * @category models
 * @since 0.2.0
 */
export interface Migration {
  /** From the JSON that was stored to the one that is to be. May throw: then nothing is changed. */
  readonly run: (stored: Schema.Json) => Schema.Json
}

/**
 * A migration by the Schemas of the old version and of the new one.
 *
 * @category constructors
 * @since 0.2.0
 */
export const migration = <A, B>(
  old: Schema.Codec<A, unknown>,
  now: Schema.Codec<B, unknown>,
  f: (value: A) => B
): Migration => {
  const decode = Schema.decodeUnknownSync(Schema.toCodecJson(old))
  const encode = Schema.encodeSync(Schema.toCodecJson(now))
  return { run: (stored) => encode(f(decode(stored))) }
}

/** The step's name in the new flow; undefined: its rows are given up. @category getters @since 0.2.0 */
export const nameOf = ({ drop = [], rename = {} }: StateUpgrade, step: string): string | undefined =>
  drop.includes(step) ? undefined : Object.hasOwn(rename, step) ? rename[step] : step
