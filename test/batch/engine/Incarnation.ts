/**
 * A process that runs queries, of which nothing is heard any more from one of its steps on: a step is a frame to a segment
 * store, a call of the controller, or an append to a checkpoint log. It crashes there, before the step took effect or before
 * it heard of it; or it is paused and goes on later, with all that it had under way.
 */
import { Deferred, Effect, type Exit, Fiber, Layer } from "effect"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import type { Embedded } from "../../../src/embedded/Embedded.ts"
import { ControllerTransport } from "../../../src/pravega/controller/ControllerTransport.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import type { BytePipe, PipeHandlers } from "../../../src/pravega/segmentstore/BytePipe.ts"
import { SegmentStoreTransport } from "../../../src/pravega/segmentstore/SegmentStoreTransport.ts"

export interface Stop {
  /** From 1. */
  readonly at: number
  readonly when: "before the step" | "after the step"
  readonly how: "crash" | "pause"
}

/** What it is connected to. */
export interface Surroundings {
  readonly server: Embedded
  readonly logs: CheckpointLog["Service"]
}

export class Incarnation {
  steps = 0
  private readonly stop: Stop | undefined
  private readonly onStep: (step: number) => void
  private state: "running" | "paused" | "dead" = "running"
  private readonly held: Array<() => void> = []
  private readonly resumed = Deferred.makeUnsafe<void>()
  private readonly stopped = Deferred.makeUnsafe<void>()

  constructor(stop?: Stop, onStep: (step: number) => void = () => {}) {
    this.stop = stop
    this.onStep = onStep
  }

  /** Runs the Effect as this process, to its end (gives its exit), or to where it stops (the fiber may go on later). */
  run<A, E>(surroundings: Surroundings, effect: Effect.Effect<A, E, Pravega | CheckpointLog>) {
    return Effect.gen({ self: this }, function*() {
      const fiber = yield* Effect.forkDetach(Effect.provide(effect, this.layer(surroundings)))
      const exit = yield* Effect.raceFirst(
        Effect.map(Fiber.await(fiber), (exit): Exit.Exit<A, E> | undefined => exit),
        Effect.as(Deferred.await(this.stopped), undefined)
      )
      // Cut off first, and then disposed of. It is not waited for: what it waits for never comes.
      if (this.state === "dead") fiber.interruptUnsafe()
      return { exit, fiber }
    })
  }

  resume(): void {
    if (this.state !== "paused") return
    this.state = "running"
    for (const held of this.held.splice(0)) held()
    Deferred.doneUnsafe(this.resumed, Effect.void)
  }

  private layer({ logs, server }: Surroundings): Layer.Layer<Pravega | CheckpointLog> {
    const stores = Layer.effect(
      SegmentStoreTransport,
      Effect.map(SegmentStoreTransport, (transport) => ({
        open: (endpoint) => Effect.map(transport.open(endpoint), (pipe) => this.pipe(pipe))
      }))
    )
    const controller = Layer.effect(
      ControllerTransport,
      Effect.map(ControllerTransport, (transport) => ({
        unary: (...call: Parameters<typeof transport.unary>) => this.step(transport.unary(...call))
      }))
    )
    const log = Layer.succeed(CheckpointLog, {
      ...logs,
      open: (query) =>
        Effect.map(logs.open(query), (log) => ({
          append: (sequence, bytes) => this.step(log.append(sequence, bytes)),
          read: (from) => this.whenRunning(log.read(from)),
          compact: (before) => this.step(log.compact(before))
        }))
    })
    const transports = Layer.merge(stores, controller).pipe(Layer.provide(server.layerTransport))
    return Layer.merge(log, Pravega.layerTransport().pipe(Layer.provide(transports)))
  }

  /** Counts a step; says whether it is the one where all stops. */
  private count(): boolean {
    this.steps++
    this.onStep(this.steps)
    return this.stop?.at === this.steps
  }

  private halt(): void {
    this.state = this.stop?.how === "pause" ? "paused" : "dead"
    // whoever hears of it must not act in the middle of a step
    queueMicrotask(() => Deferred.doneUnsafe(this.stopped, Effect.void))
  }

  private whenRunning<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      if (this.state === "dead") return Effect.never
      return this.state === "paused" ? Effect.andThen(Deferred.await(this.resumed), effect) : effect
    })
  }

  private step<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      if (this.state === "running" && this.count()) {
        if (this.stop?.when === "before the step") this.halt()
        else {return Effect.flatMap(Effect.exit(effect), (exit) =>
            Effect.suspend(() => {
              this.halt()
              return this.whenRunning(exit)
            }))}
      }
      // an answer that comes after the halt is not heard
      return Effect.flatMap(Effect.exit(this.whenRunning(effect)), (exit) => this.whenRunning(exit))
    })
  }

  private pipe(pipe: BytePipe): BytePipe {
    const whenRunning = (act: () => void) => {
      if (this.state === "running") act()
      else if (this.state === "paused") this.held.push(act)
    }
    return {
      listen: ({ onClose, onData, onDrain }: PipeHandlers) =>
        pipe.listen({
          onData: (chunk) => {
            if (this.state === "running") return onData(chunk)
            const copy = chunk.slice()
            whenRunning(() => onData(copy))
          },
          onDrain: () => whenRunning(onDrain),
          onClose: (cause) => whenRunning(() => onClose(cause))
        }),
      write: (parts) => {
        const isStop = this.state === "running" && this.count()
        if (isStop && this.stop?.when === "before the step") this.halt()
        if (this.state !== "running") {
          const copies = parts.map((part) => part.slice())
          whenRunning(() => void pipe.write(copies))
          return true
        }
        const taken = pipe.write(parts)
        // What was written arrives, whatever happens to the process.
        if (isStop) this.halt()
        return taken
      },
      pause: pipe.pause,
      resume: pipe.resume,
      close: () => pipe.close(),
      finish: () => pipe.finish()
    }
  }
}
