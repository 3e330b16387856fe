/**
 * Random draws that a seed repeats: the same calls in the same order give the same values, everywhere and for ever.
 * Not for secrets, and not Effect's `Random`: it is asked from plain code, millions of times.
 *
 * @since 0.1.0
 */

/** @category models @since 0.1.0 */
export interface Seeded {
  readonly seed: number
  /** From 0 up to, not including, 1. */
  readonly next: () => number
  /** A whole number from `low` to `high`, both included. */
  readonly between: (low: number, high: number) => number
  /** True with this probability; draws nothing for 0 and 1. */
  readonly chance: (probability: number) => boolean
  /** One of them; there must be one. */
  readonly pick: <A>(items: ReadonlyArray<A>) => A
  /** Another generator, whose draws do not depend on how many are taken from this one. */
  readonly fork: (name: string) => Seeded
}

/**
 * Mulberry32: small, fast, and good enough to draw faults from.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (seed: number): Seeded => {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6D2B79F5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  return {
    seed,
    next,
    between,
    chance: (probability) => probability > 0 && (probability >= 1 || next() < probability),
    pick: (items) => {
      if (items.length === 0) throw new RangeError("Seeded.pick: there is nothing to pick from")
      return items[between(0, items.length - 1)]!
    },
    fork: (name) => make(mix(seed, name))
  }
}

/** FNV-1a of the name, on top of the seed. */
const mix = (seed: number, name: string): number => {
  let hash = (seed ^ 0x811C9DC5) | 0
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash
}
