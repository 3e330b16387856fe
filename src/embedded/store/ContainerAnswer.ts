/**
 * What a container of segments and tables answers to more than one kind of request.
 *
 * @internal
 */

/** There is none of this name (any more). @category models @since 0.1.0 */
export interface NoSuchSegment {
  readonly _tag: "NoSuchSegment"
  readonly segment: string
}
/** @category models @since 0.1.0 */
export interface Sealed {
  readonly _tag: "Sealed"
  readonly segment: string
}
/** The offset lies before the segment's start, or beyond its end where it may not. @category models @since 0.1.0 */
export interface Truncated {
  readonly _tag: "Truncated"
  readonly startOffset: number
}
/** What was asked for cannot be done with this kind of segment. @category models @since 0.1.0 */
export interface Unsupported {
  readonly _tag: "Unsupported"
  readonly operation: string
}
/** @category models @since 0.1.0 */
export interface Done {
  readonly _tag: "Done"
}
