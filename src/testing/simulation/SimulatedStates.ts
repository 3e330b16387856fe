/**
 * The state of queries of simulated processes: it outlives them, each process reaches it in its own turns, and what a dead
 * one was about to write is not written.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type { StateHome } from "../../state/StateContract.ts"
import type { StateStore } from "../../state/StateStore.ts"
import type { Process } from "./Simulation.ts"

/** @category options @since 0.2.0 */
export interface Options {
  /** Told of each object that has become durable, at once. */
  readonly onCreate?: ((query: string, name: string, process: string) => void) | undefined
}

/** @category models @since 0.2.0 */
export interface SimulatedStates {
  /** The homes, as a process reaches them. */
  readonly of: (process: Process) => StateStore["Service"]
  /** That of a query, as it is now, for checks from outside. */
  readonly peek: (query: string) => StateHome
  /** Deletes all that a query has. */
  readonly forget: (query: string) => void
}

/** More than a law's or a swarm's query remembers. */
const heapBytes = 64 * 1024 * 1024

/** @category constructors @since 0.2.0 */
export const make = ({ onCreate = () => {} }: Options = {}): SimulatedStates => {
  const homes = new Map<string, Map<string, Uint8Array>>()
  type Act = <A>(run: () => A) => Effect.Effect<A>
  const homeOf = (query: string, process: string, act: Act): StateHome => {
    const objects = homes.get(query) ?? new Map<string, Uint8Array>()
    homes.set(query, objects)
    return {
      create: (name, bytes) =>
        act(() => {
          if (objects.has(name)) return "exists"
          objects.set(name, bytes.slice())
          onCreate(query, name, process)
          return "created"
        }),
      read: (name) => act(() => objects.get(name)?.slice()),
      list: act(() => [...objects.keys()]),
      delete: (name) => act(() => void objects.delete(name))
    }
  }
  return {
    of: (process) => ({
      heapBytes,
      open: (query) => Effect.sync(() => homeOf(query, process.name, (run) => inTurns(process, run)))
    }),
    peek: (query) => homeOf(query, "outside", Effect.sync),
    forget: (query) => void homes.delete(query)
  }
}

/** One turn to the home, and one back. */
const inTurns = <A>(process: Process, run: () => A): Effect.Effect<A> =>
  Effect.callback((resume) => {
    process.turns.later(() => {
      const result = run()
      process.turns.later(() => resume(Effect.succeed(result)))
    })
  })
