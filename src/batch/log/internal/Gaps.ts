/** Records that a home should have and has not: each gap in the numbers is marked, so that nobody reads over it. */
import type { StoredRecord } from "../LogContract.ts"

/**
 * Some records in order, with a mark for the first number of each gap. `first` is the number that the first one must have;
 * `next` is the number after the last one, where the home knows it otherwise.
 *
 * @category combinators
 * @since 0.2.0
 */
export const marked = (
  found: ReadonlyArray<StoredRecord>,
  { first, next }: { readonly first: number; readonly next?: number }
): ReadonlyArray<StoredRecord> => {
  const records: Array<StoredRecord> = []
  let expected = first
  for (const record of found) {
    if (record.sequence !== expected) records.push(missing(expected))
    records.push(record)
    expected = record.sequence + 1
  }
  if (next !== undefined && expected < next) records.push(missing(expected))
  return records
}

const missing = (sequence: number): StoredRecord => ({ sequence, bytes: new Uint8Array(0), isMissing: true })
