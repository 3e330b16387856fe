/**
 * The attributes of a segment: numbers under UUIDs. Some have a meaning for the server, those of writers hold the number
 * of their last event, the others are clients'. The least number means "not set".
 *
 * @see `SegmentMetadataUpdateTransaction` of Pravega 0.13.0
 * @internal
 */
import * as AttributeId from "../../pravega/wire/SegmentAttribute.ts"
import type { AttributeUpdate, BadAttribute, TooManyAttributes } from "./SegmentContainer.ts"

/** What an attribute that is not set reads as: Java's Long.MIN_VALUE. @category constants @since 0.1.0 */
export const notSet = -(2n ** 63n)

/**
 * What a stream's segment has from the start, besides its creation time. `scaleType` as in the wire's CreateSegment.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofStreamSegment = (policy: {
  readonly scaleType: number
  readonly targetRate: number
  readonly rolloverSize: bigint
}): ReadonlyArray<readonly [id: string, value: bigint]> => [
  [AttributeId.scalePolicyType, BigInt(policy.scaleType)],
  [AttributeId.scalePolicyRate, BigInt(policy.targetRate)],
  [AttributeId.rolloverSize, policy.rolloverSize],
  [AttributeId.segmentType, 0n]
]

/** What a segment has from the start that dies with its connection. @category constants @since 0.1.0 */
export const ofTransientSegment: ReadonlyArray<readonly [id: string, value: bigint]> = [[AttributeId.segmentType, 128n]]

/** What a table segment has from the start: its kind, and nothing else. @category constructors @since 0.1.0 */
export const ofTableSegment = (keyLength: number): ReadonlyArray<readonly [id: string, value: bigint]> => [
  [AttributeId.segmentType, keyLength === 0 ? 1n : 5n]
]

/** How many attributes a transient segment may have, the server's own included. */
const transientMaximum = 16
/** A real transient segment has one more of its own than this server keeps. */
const transientHidden = 1

/** @category models @since 0.1.0 */
export class SegmentAttributes {
  readonly values: Map<string, bigint>
  private readonly isTransient: boolean

  constructor(values: Iterable<readonly [string, bigint]>, isTransient: boolean) {
    this.values = new Map(values)
    this.isTransient = isTransient
  }

  get(id: string): bigint {
    return this.values.get(id) ?? notSet
  }

  /** Whether an attribute may be set that perhaps is not there yet. */
  hasRoomFor(id: string): boolean {
    return !this.isTransient || this.values.has(id) || this.values.size + transientHidden < transientMaximum
  }

  set(id: string, value: bigint): void {
    if (value === notSet) this.values.delete(id)
    else this.values.set(id, value)
  }

  /** What the updates come to, one value an attribute; nothing is changed. */
  plan(updates: ReadonlyArray<AttributeUpdate>): Map<string, bigint> | BadAttribute | TooManyAttributes {
    const planned = new Map<string, bigint>()
    for (const update of updates) {
      const { attributeId } = update
      const before = planned.get(attributeId) ?? this.get(attributeId)
      const after = apply(update, before)
      if (after === undefined) return { _tag: "BadAttribute", attributeId }
      if (after !== notSet && !this.hasRoomFor(attributeId)) return { _tag: "TooManyAttributes" }
      planned.set(attributeId, after)
    }
    return planned
  }
}

/** Undefined: the value that is there forbids it. */
const apply = (update: AttributeUpdate, before: bigint): bigint | undefined => {
  const { newValue } = update
  switch (update.attributeUpdateType) {
    case 0: // only if it is not set
      return before === notSet ? newValue : undefined
    case 1:
      return newValue
    case 2:
      return before === notSet || newValue > before ? newValue : undefined
    case 3:
      return before === notSet ? newValue : BigInt.asIntN(64, before + newValue)
    case 4:
      // an attribute of the server that is not set equals nothing, not even "not set"
      return update.oldValue !== before || (before === notSet && isOwn(update.attributeId)) ? undefined : newValue
    default:
      return undefined
  }
}

const isOwn = (id: string): boolean => id.startsWith("80000000-0000-0000-")
