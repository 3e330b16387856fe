/**
 * Changes: what became of a result that was told before. A flow of changes can be followed by steps that take back what
 * they were told; one of updates can't.
 *
 * @since 0.2.0
 */

/** A result that was told for the first time, that took the place of another, or that is none any more. @category models @since 0.2.0 */
export type Change<A> =
  | { readonly _tag: "Added"; readonly after: A }
  | { readonly _tag: "Replaced"; readonly before: A; readonly after: A }
  | { readonly _tag: "Removed"; readonly before: A }

/** @category constructors @since 0.2.0 */
export const added = <A>(after: A): Change<A> => ({ _tag: "Added", after })
/** @category constructors @since 0.2.0 */
export const replaced = <A>(before: A, after: A): Change<A> => ({ _tag: "Replaced", before, after })
/** @category constructors @since 0.2.0 */
export const removed = <A>(before: A): Change<A> => ({ _tag: "Removed", before })

/** @category combinators @since 0.2.0 */
export const map = <A, B>(change: Change<A>, f: (value: A) => B): Change<B> => {
  switch (change._tag) {
    case "Added":
      return added(f(change.after))
    case "Replaced":
      return replaced(f(change.before), f(change.after))
    case "Removed":
      return removed(f(change.before))
  }
}

/** What is left of it where only some results are looked at: undefined if none of its two is. @category combinators @since 0.2.0 */
export const filter = <A>(change: Change<A>, predicate: (value: A) => boolean): Change<A> | undefined => {
  const before = change._tag !== "Added" && predicate(change.before)
  const after = change._tag !== "Removed" && predicate(change.after)
  if (change._tag === "Replaced") {
    if (before && after) return change
    if (before) return removed(change.before)
    return after ? added(change.after) : undefined
  }
  return before || after ? change : undefined
}

/** One row of an expanded change: what was taken back, or what was put in. @category models @since 0.2.0 */
export interface Row<out A> {
  readonly change: "-" | "+"
  readonly value: A
}

/** As rows: what is taken back comes first. @category converting @since 0.2.0 */
export const rows = <A>(change: Change<A>): ReadonlyArray<Row<A>> => {
  const all: Array<Row<A>> = []
  if (change._tag !== "Added") all.push({ change: "-", value: change.before })
  if (change._tag !== "Removed") all.push({ change: "+", value: change.after })
  return all
}
