/**
 * Names in the order in which a real controller lists them, and the tokens with which its lists go on. It keeps names in
 * hash tables, which are gone through by the first half of the names' SHA-256, as two signed numbers.
 *
 * Facts: Pravega 0.13's `KeyHasher` and `IteratorStateImpl`.
 *
 * @internal
 */
import { createHash } from "node:crypto"
import { Refusal } from "../Refusal.ts"

interface Listed {
  readonly name: string
  /** Compares as the hash does. */
  readonly place: string
}

/** @category models @since 0.2.0 */
export class NameList {
  private readonly sorted: Array<Listed> = []

  add(name: string): void {
    const listed = { name, place: placeOf(hash(name)) }
    const at = this.after(listed.place)
    if (this.sorted[at - 1]?.name !== name) this.sorted.splice(at, 0, listed)
  }

  delete(name: string): void {
    const at = this.after(placeOf(hash(name))) - 1
    if (this.sorted[at]?.name === name) this.sorted.splice(at, 1)
  }

  /**
   * What comes after the token's name and is listed for the caller. The token of a page is never empty unless everything
   * is: clients go on until a page is.
   */
  page(
    token: string,
    isListed: (name: string) => boolean
  ): { readonly names: ReadonlyArray<string>; readonly token: string } {
    const names: Array<string> = []
    for (let at = token === "" ? 0 : this.after(placeOf(readToken(token))); at < this.sorted.length; at++) {
      const { name } = this.sorted[at]!
      if (!isListed(name)) continue
      names.push(name)
      if (names.length === pageSize) break
    }
    const last = names.at(-1)
    return { names, token: last === undefined ? token : makeToken(hash(last)) }
  }

  /** Where the first one lies that comes after the place. */
  private after(place: string): number {
    let low = 0
    let high = this.sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.sorted[middle]!.place <= place) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** As many as a page holds at most. */
const pageSize = 1_000

const hashSize = 16

const hash = (name: string): Buffer => createHash("sha256").update(name).digest().subarray(0, hashSize)

/** With the signs of both numbers turned, so that bytes compare as the numbers do. */
const placeOf = (bytes: Uint8Array): string => {
  const turned = Buffer.from(bytes)
  for (const at of [0, hashSize / 2]) turned[at] = turned[at]! ^ 0x80
  return turned.toString("latin1")
}

/** Version 0 of Pravega's serialisation, version 0 of the state, one revision of 16 bytes. */
const tokenHeader = Uint8Array.of(0, 0, 1, 0, 0, 0, 0, hashSize)

const makeToken = (bytes: Uint8Array): string => Buffer.concat([tokenHeader, bytes]).toString("base64")

const readToken = (token: string): Uint8Array => {
  const bytes = Buffer.from(token.slice(0, 2 * (tokenHeader.length + hashSize)), "base64")
  const isOurs = bytes.length === tokenHeader.length + hashSize && tokenHeader.every((byte, i) => bytes[i] === byte)
  if (!isOurs) throw new Refusal({ code: "INVALID_ARGUMENT", details: "not a continuation token of this server" })
  return bytes.subarray(tokenHeader.length)
}
