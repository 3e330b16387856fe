/**
 * The attributes of segments that Pravega itself gives a meaning, by their ids as the wire commands carry them: UUIDs in
 * lower case. Each holds a signed number of 64 bits; the least, -2^63, means "not set". Other ids are a user's; that of a
 * writer is an attribute too: its value is the number of the last event that the segment has of it.
 *
 * @see `Attributes` and `RevisionedStreamClientImpl` of Pravega 0.13.0
 * @since 0.1.0
 */

/** When the segment was created, in milliseconds since 1970. @category constants @since 0.1.0 */
export const creationTime = "80000000-0000-0000-0000-000000000000"

/**
 * How many events were appended, as their writers counted: a conditional append or a block counts 1, and merging a
 * segment into another adds nothing to the count of the other.
 *
 * @category constants
 * @since 0.1.0
 */
export const eventCount = "80000000-0000-0000-0000-000000000001"

/** How the segment's stream scales, as a number of the wire's `CreateSegment`. @category constants @since 0.1.0 */
export const scalePolicyType = "80000000-0000-0000-0000-000000000002"

/** The rate that the segment's stream scales at. @category constants @since 0.1.0 */
export const scalePolicyRate = "80000000-0000-0000-0000-000000000003"

/** The size of the segment's chunks in long-term storage, in bytes. @category constants @since 0.1.0 */
export const rolloverSize = "80000000-0000-0000-0000-000000000004"

/** What the segment is for: events, a table, ... @category constants @since 0.1.0 */
export const segmentType = "80000000-0000-0000-0000-000000000009"

/**
 * Of the single segment of a reader group's stream, or of another state synchronizer: the offset to start replaying at.
 *
 * @category constants
 * @since 0.1.0
 */
export const replayMark = "7df9a874-246c-c9d6-9397-cdd19ead68c5"
