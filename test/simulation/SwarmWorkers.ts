/**
 * Workers in processes of their own, beside the query's: they crash, stop for a minute, and wake up. Orders and answers get
 * lost, and are delivered twice.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { PartAnswer, PartOrder } from "../../src/batch/engine/PartOrder.ts"
import type { PartWorker } from "../../src/batch/engine/PartWorker.ts"
import { remote, type Workers } from "../../src/batch/engine/Workers.ts"
import { CommitError, WorkerLost } from "../../src/batch/protocol/CommitError.ts"
import type { Pravega } from "../../src/pravega/Pravega.ts"
import type { StateStore } from "../../src/state/StateStore.ts"
import type { Seeded } from "../../src/testing/seeded/Seeded.ts"
import type { Incarnation, QueryWorld } from "../../src/testing/simulation/QueryWorld.ts"

/** Mistakes that a driver could make with its workers. */
export type WorkersBug =
  | "takes the answer of another try"
  | "takes no answer for nothing read"
  | "names the transactions of the first try"

interface Task {
  readonly order: PartOrder
  readonly answer: Deferred.Deferred<PartAnswer, CommitError>
}

interface Place {
  readonly tasks: Queue.Queue<Task>
  readonly incarnation: Incarnation<unknown>
}

export interface SwarmWorkersOptions {
  readonly count: number
  /** How often something befalls an order, 0 to 1. */
  readonly faults: number
  readonly seeded: Seeded
  /** The program of the workers, for the query of this name. */
  readonly workerOf: (query: string) => Effect.Effect<PartWorker<Pravega | StateStore>, never, Scope.Scope>
  readonly bug?: WorkersBug | undefined
}

/** How long a driver waits for an answer. */
const patience = Duration.minutes(2)

export interface SwarmWorkers {
  readonly workers: Workers
  /** Nothing befalls them any more. */
  readonly calm: () => void
  /** All end. */
  readonly end: () => void
}

const withSinks = (order: PartOrder, sinks: PartOrder["sinks"]): PartOrder => {
  const { at, attempt, batch, decided, first, part, plan, query, source, structure, version } = order
  const rest = { ...at === undefined ? {} : { at }, ...decided === undefined ? {} : { decided } }
  return new PartOrder({ query, version, structure, batch, attempt, part, source, plan, first, sinks, ...rest })
}

export const make = (world: QueryWorld, options: SwarmWorkersOptions): SwarmWorkers => {
  const { bug, count, seeded, workerOf } = options
  let { faults } = options
  const all: Array<Incarnation<unknown>> = []

  const spawn = (): Place => {
    const tasks = Effect.runSync(Queue.unbounded<Task>())
    const incarnation = world.start(
      `w${all.length + 1}`,
      Effect.scoped(Effect.gen(function*() {
        const open = new Map<string, PartWorker<Pravega | StateStore>>()
        const process = Effect.fnUntraced(function*(order: PartOrder) {
          const worker = open.get(order.query) ?? (yield* workerOf(order.query))
          open.set(order.query, worker)
          return yield* worker.process(order)
        })
        for (;;) {
          const { answer, order } = yield* Queue.take(tasks)
          yield* Effect.forkScoped(
            Effect.onExit(
              process(order),
              (exit) => Exit.isSuccess(exit) || !Exit.hasInterrupts(exit) ? Deferred.done(answer, exit) : Effect.void
            )
          )
        }
      }))
    )
    all.push(incarnation)
    return { tasks, incarnation }
  }

  const places = Array.from({ length: count }, spawn)

  const replace = (place: Place) => {
    places[places.indexOf(place)] = spawn()
  }

  /** What it was at is answered by nobody. */
  const kill = (place: Place) => {
    place.incarnation.process.crash()
    replace(place)
  }

  /** Another one works in its place meanwhile, so that it wakes up when its work was given to others. */
  const stop = (place: Place) => {
    const { process } = place.incarnation
    process.pause()
    replace(place)
    const wakeUp = Effect.sync(() => process.resume())
    return Effect.andThen(Effect.sleep(Duration.minutes(seeded.pick([1, 3, 10]))), wakeUp)
  }

  const old = new Map<string, PartAnswer>()
  const first = new Map<number, PartOrder["sinks"]>()
  const send = (order: PartOrder) => {
    switch (bug) {
      case "takes no answer for nothing read":
        return sendOnce(order).pipe(
          Effect.catch(() => Effect.succeed(new PartAnswer({ events: 0, aside: [], shares: {} })))
        )
      case "takes the answer of another try": {
        const key = `${order.batch}/${order.part}`
        const before = old.get(key)
        if (before !== undefined) return Effect.succeed(before)
        return Effect.tap(sendOnce(order), (answer) => Effect.sync(() => old.set(key, answer)))
      }
      case "names the transactions of the first try": {
        const sinks = first.get(order.batch) ?? order.sinks
        first.set(order.batch, sinks)
        return sendOnce(withSinks(order, sinks))
      }
      case undefined:
        return sendOnce(order)
    }
  }

  const sendOnce = Effect.fnUntraced(function*(order: PartOrder) {
    const { batch, part, query } = order
    const lost = (detail: string) => new CommitError({ reason: new WorkerLost({ query, batch, part, detail }) })
    const place = seeded.pick(places)
    const answer = Deferred.makeUnsafe<PartAnswer, CommitError>()
    const offer = (to: Place) => Queue.offer(to.tasks, { answer, order })
    const fault = seeded.chance(faults)
      ? seeded.pick(["order", "answer", "twice", "killed", "killed later", "stopped"] as const)
      : undefined
    if (fault !== undefined) world.simulation.timeline.add("~", "workers", `part ${part} of ${batch}: ${fault}`)
    switch (fault) {
      case "order":
        return yield* lost("the order was lost")
      case "answer":
        yield* offer(place)
        if (seeded.chance(0.5)) yield* Deferred.await(answer)
        return yield* lost("the answer was lost")
      case "twice":
        yield* offer(place)
        yield* offer(seeded.pick(places))
        break
      case "killed":
        yield* offer(place)
        if (places.includes(place)) kill(place)
        break
      case "killed later":
        yield* offer(place)
        yield* Effect.sleep(Duration.millis(seeded.between(0, 30)))
        if (places.includes(place)) kill(place)
        break
      case "stopped":
        yield* offer(place)
        yield* Effect.forkDetach(stop(place))
        break
      case undefined:
        yield* offer(place)
    }
    return yield* Deferred.await(answer).pipe(
      Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(lost("no answer")) })
    )
  })

  return {
    workers: remote(send),
    calm: () => {
      faults = 0
    },
    end: () => {
      for (const { ended, process } of all) if (ended() === undefined) process.crash()
    }
  }
}
