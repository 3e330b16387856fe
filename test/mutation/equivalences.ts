/**
 * Changes that make no difference, each with its reason: no test can notice them. Found by file and text, so that they
 * hold when lines move; one that matches nothing any more is told, and goes.
 */

export interface Equivalence {
  readonly file: string
  /** What is changed, and into what, without regard to white space; undefined: whatever it becomes. */
  readonly original: string
  readonly replacement?: string | undefined
  readonly reason: string
}

export const equivalences: ReadonlyArray<Equivalence> = []
