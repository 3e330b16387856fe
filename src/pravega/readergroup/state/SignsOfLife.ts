/**
 * What a group's log tells of the lives of its readers: how often each was heard of, and which of them beat. A reader of this
 * library beats: as long as its process lives it reports every few seconds, whatever its user does. Java's readers report
 * when their application asks for events, and may be silent for as long as it works on one.
 *
 * A beat is a form of what the log has anyway, which Java's readers never write and replay without noticing: a distance
 * without positions, behind the entry that a reader joins with, or before its report. Neither changes the state.
 *
 * @internal
 */
import { unknownDistance } from "./ReaderGroupTransition.ts"
import type { ReaderGroupUpdate } from "./ReaderGroupUpdate.ts"

const bare = (reader: string, distance: bigint): ReaderGroupUpdate => ({
  _tag: "UpdateDistanceToTail",
  reader,
  distance,
  lastRead: new Map()
})

/**
 * The updates with which a reader that beats joins. The distance is that of a reader that has just joined.
 *
 * @category transitions
 * @since 0.2.0
 */
export const joining = (reader: string): ReadonlyArray<ReaderGroupUpdate> => [
  { _tag: "AddReader", reader },
  bare(reader, unknownDistance)
]

/** The report of a reader that beats. @category transitions @since 0.2.0 */
export const beating = (
  report: Extract<ReaderGroupUpdate, { readonly _tag: "UpdateDistanceToTail" }>
): ReadonlyArray<ReaderGroupUpdate> => [bare(report.reader, report.distance), report]

interface Life {
  signs: number
  isBeating: boolean
}

/** What was heard of the readers, as far as the log was read here. @category models @since 0.2.0 */
export class SignsOfLife {
  private readonly lives = new Map<string, Life>()

  /** Reads updates that take effect together. */
  note(updates: ReadonlyArray<ReaderGroupUpdate>): void {
    let last: string | undefined = undefined
    for (const update of updates) {
      if (!("reader" in update)) continue
      const { reader } = update
      if (update._tag === "RemoveReader") {
        this.lives.delete(reader)
        continue
      }
      const life = this.lives.get(reader) ?? { signs: 0, isBeating: false }
      life.signs++
      // the second in one entry: a reader that joins again with the same id may be of another kind
      if (update._tag === "AddReader") life.isBeating = false
      else if (update._tag === "UpdateDistanceToTail" && last === reader) life.isBeating = true
      last = update._tag === "AddReader" || update._tag === "UpdateDistanceToTail" ? reader : undefined
      this.lives.set(reader, life)
    }
  }

  /** Grows whenever the reader is heard of. */
  of(reader: string): number {
    return this.lives.get(reader)?.signs ?? 0
  }

  /** It reports for as long as its process lives. */
  isBeating(reader: string): boolean {
    return this.lives.get(reader)?.isBeating === true
  }
}
