/**
 * A world in one thread: processes whose fibers are ordered by a seed, and a time that passes only when there is nothing
 * else to do. Hours take milliseconds, and a seed repeats a run exactly. Processes are crashed, paused and resumed as
 * a machine's are.
 *
 * What a process does must go through Effect (its fibers, its `Clock`) or through a `Turns` of the process. Plain microtasks
 * are fine, too. Real timers, input and output are not seen, and break repetition. It knows no Pravega.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as NumberOption from "../../core/NumberOption.ts"
import * as Uuid from "../../core/Uuid.ts"
import * as Seeded from "../seeded/Seeded.ts"
import type { Turns } from "../seeded/Turns.ts"
import { TimerQueue } from "./internal/TimerQueue.ts"
import * as Timeline from "./Timeline.ts"

/** Nothing can happen any more, or has not happened for too long, and the run is not done. @category errors @since 0.1.0 */
export class Stuck extends Schema.TaggedError<Stuck>()("Stuck", {
  seed: Schema.Finite,
  detail: Schema.String
}) {
  override get message(): string {
    return `the simulation with seed ${this.seed} is stuck: ${this.detail}`
  }
}

/** @category models @since 0.1.0 */
export interface Options {
  readonly seed: number
  /**
   * How often the next task is drawn, in place of the one that waits longest. With 0 tasks run in the order of a real
   * process, with 1 in any order. Default: drawn from the seed.
   */
  readonly disorder?: number | undefined
  /** How much simulated time a run may take until it is `Stuck`. Default: 30 days. */
  readonly limit?: Duration.Input | undefined
  /** How many tasks a run may take until it is `Stuck`. Default: 2,000,000. */
  readonly tasks?: number | undefined
}

/** A process of the simulated world. @category models @since 0.1.0 */
export interface Process {
  readonly name: string
  readonly state: () => "running" | "paused" | "dead"
  /** What its Effects run with: scheduler, clock and random numbers are the simulation's. */
  readonly context: Context.Context<never>
  /** How plain code of the process defers and delays. */
  readonly turns: Turns
  /** Runs something in the process. If the process dies, nothing more is heard of it. */
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  /** Runs something in the process and waits for it, from another one; `undefined` when the process died of a crash. */
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<Exit.Exit<A, E> | undefined>
  /** Stops the process until it is resumed. What arrives for it waits. */
  readonly pause: () => void
  readonly resume: () => void
  /**
   * Ends the process as a lost machine ends: no instruction of it runs any more, and no finalizer either. What it is connected
   * to (network, disks) is told first: see `onDeath`.
   */
  readonly crash: () => void
  /** Waits until the process has run so many more tasks, or is dead. What others do meanwhile does not matter. */
  readonly afterSteps: (steps: number) => Effect.Effect<void>
  /** How many tasks it has run. */
  readonly steps: () => number
  /** Crashes it just before its task number `step`, counted from 0. */
  readonly crashAt: (step: number) => void
  /** Called when it dies, before anything else happens. */
  readonly onDeath: (callback: () => void) => void
  /** Sets its wall clock forward or back. It sleeps by the monotonic clock, which is not changed. */
  readonly jump: (by: Duration.Input) => void
}

/** @category models @since 0.1.0 */
export interface Simulation {
  readonly seeded: Seeded.Seeded
  readonly timeline: Timeline.Timeline
  /** Milliseconds since 1970, by a clock that is right. */
  readonly now: () => number
  readonly process: (name: string) => Process
  /**
   * Lets time pass at once, as on a machine that was asleep: every timer that is due by then fires once, and late. So hours
   * pass without a heartbeat for each of their seconds.
   */
  readonly leap: (by: Duration.Input) => Effect.Effect<void>
  /** How many tasks ran until now. */
  readonly steps: () => number
}

/** 2026-01-01, so that times look like times. */
const beginning = Date.UTC(2026, 0, 1)

/**
 * Runs a world. `main` is the process that nothing happens to: it starts the others, and decides what happens to them. Fails
 * with `Stuck` if it waits for something that will never come.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A, E>(
  main: (simulation: Simulation) => Effect.Effect<A, E>,
  options: Options
): Effect.Effect<A, E | Stuck> =>
  Effect.callback<A, E | Stuck>((resume) => {
    const world = new World(options)
    world.start(
      Effect.suspend(() => main(world)),
      (exit) => resume(exit),
      (detail) => resume(Effect.fail(new Stuck({ seed: options.seed, detail }))),
      (defect) => resume(Effect.die(defect))
    )
    return Effect.sync(() => world.end())
  })

interface Task {
  readonly process: SimulatedProcess
  readonly run: () => void
}

/** How many tasks run before the event loop gets a turn. */
const burst = 512

class World implements Simulation {
  readonly seeded: Seeded.Seeded
  readonly timeline: Timeline.Timeline
  private readonly order: Seeded.Seeded
  private readonly disorder: number
  private readonly deadline: number
  private readonly maximum: number
  private readonly ready: Array<Task> = []
  private readonly timers = new TimerQueue<Task>()
  private time = beginning
  private count = 0
  private processes = 0
  private isPumping = false
  private isOver = false
  private stuck: (detail: string) => void = () => {}
  private threw: (defect: unknown) => void = () => {}

  constructor({ disorder, limit, seed, tasks }: Options) {
    this.seeded = Seeded.make(seed)
    this.order = this.seeded.fork("order")
    if (!(disorder === undefined || (disorder >= 0 && disorder <= 1))) {
      throw new RangeError(`Simulation: disorder is from 0 to 1, not ${disorder}`)
    }
    this.disorder = disorder ?? this.seeded.fork("disorder").pick([0, 0.05, 0.3, 1])
    this.deadline = beginning + Duration.toMillis(Duration.fromInputUnsafe(limit ?? Duration.days(30)))
    this.maximum = NumberOption.check("tasks", tasks, { least: 1, most: Infinity, otherwise: 2_000_000 })
    this.timeline = Timeline.make(() => this.time - beginning)
  }

  readonly now = (): number => this.time
  readonly steps = (): number => this.count
  readonly process = (name: string): SimulatedProcess => new SimulatedProcess(this, name, this.processes++)

  readonly leap = (by: Duration.Input): Effect.Effect<void> =>
    Effect.andThen(
      Effect.sync(() => {
        this.time += Duration.toMillis(Duration.fromInputUnsafe(by))
        this.fire()
      }),
      Effect.yieldNow
    )

  start<A, E>(
    main: Effect.Effect<A, E>,
    done: (exit: Exit.Exit<A, E>) => void,
    stuck: (detail: string) => void,
    threw: (defect: unknown) => void
  ): void {
    this.stuck = (detail) => {
      this.end()
      stuck(detail)
    }
    this.threw = (defect) => {
      this.end()
      threw(defect)
    }
    const fiber = this.process("world").fork(main)
    fiber.addObserver((exit) => {
      if (this.isOver) return
      this.end()
      done(exit)
    })
  }

  end(): void {
    this.isOver = true
    this.ready.length = 0
    this.timers.clear()
  }

  schedule(process: SimulatedProcess, run: () => void): void {
    if (this.isOver) return
    this.ready.push({ process, run })
    if (this.isPumping) return
    this.isPumping = true
    queueMicrotask(this.pump)
  }

  after(process: SimulatedProcess, millis: number, run: () => void): () => void {
    const entry = this.timers.add(this.time + Math.max(0, millis), { process, run })
    if (!this.isPumping && !this.isOver) {
      this.isPumping = true
      queueMicrotask(this.pump)
    }
    return () => this.timers.cancel(entry)
  }

  /** One task, then whatever microtasks it has made; when nothing is ready, the next time at which something is. */
  private readonly pump = (): void => {
    if (this.isOver) return
    const task = this.take()
    if (task === undefined) return void setImmediate(this.settle)
    this.count++
    if (this.count > this.maximum) return this.stuck(`${this.maximum} tasks were not enough`)
    try {
      task.process.perform(task.run)
    } catch (defect) {
      return this.threw(defect) // of plain code: an Effect's own are in its Exit
    }
    if (this.count % burst === 0) setImmediate(this.pump)
    else queueMicrotask(this.pump)
  }

  private take(): Task | undefined {
    const { ready } = this
    if (ready.length === 0) return undefined
    if (ready.length === 1 || !this.order.chance(this.disorder)) return ready.shift()
    return ready.splice(this.order.between(0, ready.length - 1), 1)[0]
  }

  /** No microtask is left either. */
  private readonly settle = (): void => {
    if (this.isOver) return
    if (this.ready.length === 0) {
      const next = this.timers.peek()
      if (next === undefined) return this.stuck("nobody will do anything any more")
      if (next > this.deadline) {
        return this.stuck(`${Duration.format(Duration.millis(this.deadline - beginning))} have passed`)
      }
      this.time = Math.max(this.time, next)
      this.fire()
    }
    this.pump()
  }

  private fire(): void {
    for (;;) {
      const next = this.timers.peek()
      if (next === undefined || next > this.time) return
      const task = this.timers.take()
      if (task !== undefined) this.schedule(task.process, task.run)
    }
  }
}

class SimulatedProcess implements Process {
  readonly name: string
  readonly context: Context.Context<never>
  readonly turns: Turns
  private readonly world: World
  private readonly dispatcher: Scheduler.SchedulerDispatcher
  private condition: "running" | "paused" | "dead" = "running"
  private held: Array<() => void> = []
  private mourners: Array<() => void> = []
  private offset = 0
  private performed = 0
  private crashesAt = Infinity
  private watchers: Array<{ readonly at: number; readonly tell: () => void }> = []

  constructor(world: World, name: string, number: number) {
    this.world = world
    this.name = name
    const schedule = (task: () => void) => {
      if (this.condition !== "dead") world.schedule(this, task)
    }
    this.dispatcher = { scheduleTask: schedule, flush: () => {} }
    this.turns = {
      later: schedule,
      after: (millis, task) => {
        if (millis <= 0) schedule(task)
        else if (this.condition !== "dead") world.after(this, millis, task)
      }
    }
    this.context = Context.make(Scheduler.Scheduler, {
      executionMode: "async",
      shouldYield: (fiber) => fiber.currentOpCount >= 2048,
      makeDispatcher: () => this.dispatcher
    }).pipe(
      Context.add(Clock.Clock, this.clock()),
      Context.add(Random.Random, randomOf(world.seeded.fork(`${name}/${number}`))),
      Context.add(Uuid.Uuids, uuidsOf(world.seeded.fork(`${name}/${number}/uuids`)))
    )
  }

  readonly state = () => this.condition

  readonly fork = <A, E>(effect: Effect.Effect<A, E>): Fiber.Fiber<A, E> =>
    Effect.runForkWith(this.context)(Effect.andThen(Effect.yieldNow, effect))

  readonly run = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<Exit.Exit<A, E> | undefined> =>
    Effect.callback((resume) => {
      if (this.condition === "dead") return resume(died)
      this.onDeath(() => resume(died))
      const fiber = this.fork(effect)
      fiber.addObserver((exit) => resume(Effect.succeed(exit)))
      return Effect.sync(() => fiber.interruptUnsafe())
    })

  readonly steps = (): number => this.performed

  readonly afterSteps = (steps: number): Effect.Effect<void> =>
    Effect.callback((resume) => {
      const tell = () => resume(Effect.void)
      if (this.condition === "dead" || steps <= 0) return tell()
      const watcher = { at: this.performed + steps, tell }
      this.watchers.push(watcher)
      this.onDeath(tell)
      return Effect.sync(() => {
        this.watchers = this.watchers.filter((other) => other !== watcher)
      })
    })

  readonly crashAt = (step: number): void => {
    this.crashesAt = step
  }

  readonly pause = (): void => {
    if (this.condition === "running") this.condition = "paused"
  }

  readonly resume = (): void => {
    if (this.condition !== "paused") return
    this.condition = "running"
    const { held } = this
    this.held = []
    for (const task of held) this.world.schedule(this, task)
  }

  readonly crash = (): void => {
    if (this.condition === "dead") return
    this.condition = "dead"
    this.held = []
    const { mourners } = this
    this.mourners = []
    for (const tell of mourners) tell()
  }

  readonly onDeath = (callback: () => void): void => {
    this.mourners.push(callback)
  }

  readonly jump = (by: Duration.Input): void => {
    this.offset += Duration.toMillis(Duration.fromInputUnsafe(by))
  }

  perform(task: () => void): void {
    if (this.condition === "running") {
      if (this.performed === this.crashesAt) return this.crash()
      this.performed++
      task()
      if (this.watchers.length > 0) this.tellWatchers()
    } else if (this.condition === "paused") this.held.push(task)
  }

  private tellWatchers(): void {
    const due = this.watchers.filter(({ at }) => at <= this.performed)
    if (due.length === 0) return
    this.watchers = this.watchers.filter(({ at }) => at > this.performed)
    for (const { tell } of due) tell()
  }

  private clock(): Clock.Clock {
    const millis = () => Math.floor(this.world.now()) + this.offset
    const nanos = () => BigInt(millis()) * nanosPerMilli
    const monotonic = () => BigInt(Math.floor(this.world.now())) * nanosPerMilli
    return {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: monotonic,
      monotonicTimeNanos: Effect.sync(monotonic),
      sleep: (duration) => {
        const length = Duration.toMillis(duration)
        if (length <= 0) return Effect.yieldNow
        if (!Number.isFinite(length)) return Effect.never
        return Effect.callback((resume) => Effect.sync(this.world.after(this, length, () => resume(Effect.void))))
      }
    }
  }
}

const died = Effect.undefined

const nanosPerMilli = BigInt(1_000_000)

const uuidsOf = (seeded: Seeded.Seeded) => Uuid.fromNumbers(() => Math.floor(seeded.next() * 2 ** 32))

const randomOf = (seeded: Seeded.Seeded): typeof Random.Random.Service => ({
  nextDoubleUnsafe: seeded.next,
  nextIntUnsafe: () => Math.floor((seeded.next() * 2 - 1) * Number.MAX_SAFE_INTEGER)
})
