/**
 * Sums of hashes: the same in whatever order and grouping they are added, so that each slot's can be made for itself. They
 * tell a replay that made something else, and bytes that rotted; they don't keep anybody from forging.
 */
import * as KeyHash from "../../core/KeyHash.ts"

/** 128 bits, as four words. @category models @since 0.2.0 */
export class Digest {
  private readonly words = new Uint32Array(4)

  /** Adds two sums of 64 bits, each on its own. */
  private addWords(a: number, b: number, c: number, d: number): void {
    const { words } = this
    words[1] = carry(words, 0, words[1]! + b)
    words[0] = words[0]! + a
    words[3] = carry(words, 2, words[3]! + d)
    words[2] = words[2]! + c
  }

  /** Adds the hash of bytes; the same bytes have another one with another seed. */
  addBytes(bytes: Uint8Array, seed: number): void {
    const { first, second } = KeyHash.ofBytes(bytes, seed)
    this.addWords(first.high >>> 0, first.low >>> 0, second.high >>> 0, second.low >>> 0)
  }

  add({ words }: Digest): void {
    this.addWords(words[0]!, words[1]!, words[2]!, words[3]!)
  }

  /** 32 hexadecimal digits. */
  toString(): string {
    return Array.from(this.words, (word) => word.toString(16).padStart(8, "0")).join("")
  }
}

/** What a lower word leaves, with its overflow in the one above it. */
const carry = (words: Uint32Array, above: number, sum: number): number => {
  if (sum > 0xffffffff) words[above]!++
  return sum
}

/** Of bytes as they are. @category hashing @since 0.2.0 */
export const checksum = (bytes: Uint8Array): string => {
  const digest = new Digest()
  digest.addBytes(bytes, 0)
  return digest.toString()
}

/** By which the same row in another step or slot counts as another. @category models @since 0.2.0 */
export class Seeds {
  private operator = ""
  private slot = -1
  private seed = 0

  /** It remembers the last one: rows come sorted. */
  of(operator: string, slot: number): number {
    if (operator !== this.operator || slot !== this.slot) {
      this.operator = operator
      this.slot = slot
      this.seed = KeyHash.ofText(operator, slot).first.low
    }
    return this.seed
  }
}
