/**
 * What a server of wire connections is given, its limits, and what its connections share.
 *
 * @internal
 */
import type { SegmentContainer } from "../store/SegmentContainer.ts"

/** What a token must allow. @category models @since 0.1.0 */
export type Access = "READ" | "READ_UPDATE"

/**
 * `expiresAt` in milliseconds since 1970, Infinity for never: appends that were set up with the token end then.
 *
 * @category models
 * @since 0.1.0
 */
export type TokenCheck =
  | { readonly _tag: "Ok"; readonly expiresAt: number }
  | { readonly _tag: "Failed" }
  | { readonly _tag: "Expired" }

/** Sizes in bytes. @category models @since 0.1.0 */
export interface WireLimits {
  /**
   * Connections at once, 10,000 by default. For one more, that one is closed which has nothing under way and was silent
   * for longest; if all have something, the new one.
   */
  readonly connections: number
  /** Appends of one connection that are not acknowledged: above it, nothing is read from it. 32 MiB by default. */
  readonly unacknowledged: number
  /** Replies of one connection that wait to be sent: above it, none of its requests is looked at. 4 MiB by default. */
  readonly unsent: number
  /**
   * The items of a list in one request: keys, entries, segments to be merged. Each request is done in one turn, and others
   * wait meanwhile. Who sends more is closed. 10,000 by default; Java's client sends 256 at most.
   */
  readonly listItems: number
  /** Frames that have not arrived whole, of all connections: beyond it, who has most is closed. 512 MiB by default. */
  readonly incomplete: number
  /** Replies that peers do not take, of all connections: beyond it, who has most is closed. 512 MiB by default. */
  readonly allUnsent: number
  /**
   * What one connection has under way: reads that wait, writer ids that are set up, transient segments. Who goes beyond
   * it is closed. 20,000 by default; Java's client has about 2000.
   */
  readonly underWay: number
  /** The same of all connections: beyond it, who has most is closed. 500,000 by default: some 400 bytes each. */
  readonly allUnderWay: number
}

/** @category models @since 0.1.0 */
export interface WireServerOptions {
  readonly container: SegmentContainer
  /** Milliseconds since 1970, on the server's clock. */
  readonly now: () => number
  /** Present: authorisation is on. The token must allow it of every one of the segments. */
  readonly verifyToken?:
    | ((segments: ReadonlyArray<string>, token: string, access: Access) => TokenCheck)
    | undefined
  /** False: requests for the segment are answered by WrongHost. By default this store owns all. */
  readonly owns?: ((segment: string) => boolean) | undefined
  /** 32 hexadecimal digits that were not used before, for the names of transient segments. */
  readonly randomDigits: () => string
  readonly limits?: Partial<WireLimits> | undefined
}

/** What the connections of a server share. @category models @since 0.1.0 */
export interface WireShared {
  readonly options: WireServerOptions
  readonly limits: WireLimits
  /** Of all connections, as `WireLimits` counts them. */
  incomplete: number
  unsent: number
  underWay: number
  /** How often any of them was heard of. */
  heard: number
  /** Closes the connection that has most of it; of those that have as much, the latest. */
  readonly closeLargest: (kind: "incomplete" | "unsent" | "underWay") => void
}
