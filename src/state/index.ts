/**
 * State of queries that lasts: homes, and the versions in them.
 *
 * @since 0.2.0
 */
export * as QueryState from "./QueryState.ts"
export type * from "./StateContract.ts"
export * as StateCopy from "./StateCopy.ts"
export * as StateError from "./StateError.ts"
export { type Options as StateStoreOptions, type SqlOptions as StateStoreSqlOptions, StateStore } from "./StateStore.ts"
export * as StateUpgrade from "./StateUpgrade.ts"
export * as StateView from "./StateView.ts"
