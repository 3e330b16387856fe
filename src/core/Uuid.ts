/**
 * UUIDs (RFC 9562) as lower-case text: new ones, and such as follow from a name.
 *
 * New ones do not come from Effect's `Random`: a program that is run with a seed would have the same ones each time, and the
 * owner of a log, or a writer, would be taken for an earlier one. A simulated run, whose world begins anew with it, gives its
 * own source.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"

/** Where new ones come from. No two may be the same. @category models @since 0.2.0 */
export interface Uuids {
  readonly nextUnsafe: () => string
}

/** The machine's, unless a simulation gives another. @category references @since 0.2.0 */
export const Uuids = Context.Reference<Uuids>("effect-pravega/core/Uuids", {
  defaultValue: () => ({ nextUnsafe: () => globalThis.crypto.randomUUID() })
})

/** A new one (version 4). @category constructors @since 0.2.0 */
export const next: Effect.Effect<string> = Effect.map(Uuids, (uuids) => uuids.nextUnsafe())

/** Those that follow from random numbers, of which each is an unsigned 32-bit one. @category constructors @since 0.2.0 */
export const fromNumbers = (next: () => number): Uuids => ({
  nextUnsafe: () => {
    const bytes = Buffer.alloc(16)
    for (let at = 0; at < 16; at += 4) bytes.writeUInt32BE(next(), at)
    return textOf(bytes, 4)
  }
})

/**
 * The same for the same namespace (a UUID) and name, different for others (version 5).
 *
 * @category hashing
 * @since 0.1.0
 */
export const named = (namespace: string, name: string): string =>
  textOf(createHash("sha1").update(Buffer.from(namespace.replaceAll("-", ""), "hex")).update(name).digest(), 5)

const textOf = (bytes: Buffer, version: 4 | 5): string => {
  bytes[6] = (bytes[6]! & 0x0F) | version << 4
  bytes[8] = (bytes[8]! & 0x3F) | 0x80
  const hex = bytes.toString("hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}
