/**
 * One history: the real engine over the bytes of a simulated Pravega, with everything that its plan says happening to it,
 * and then a run without faults. What the streams hold in the end, and what went on, is held against a model that fits
 * on a page: the source is an array, a sink is what the outputs of that array are.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type * as BatchRun from "../../src/batch/BatchRun.ts"
import { CommitError } from "../../src/batch/CommitError.ts"
import * as Pipeline from "../../src/batch/Pipeline.ts"
import * as Sink from "../../src/batch/Sink.ts"
import * as Source from "../../src/batch/Source.ts"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import * as Admin from "../../src/pravega/Admin.ts"
import * as BatchReader from "../../src/pravega/BatchReader.ts"
import * as EventWriter from "../../src/pravega/EventWriter.ts"
import * as Query from "../../src/stream/Query.ts"
import * as Trigger from "../../src/stream/Trigger.ts"
import { describeExit, type Incarnation, QueryWorld, tagOf } from "../../src/testing/internal/QueryWorld.ts"
import * as Simulation from "../../src/testing/Simulation.ts"
import { type Bug, wrapLog, wrapSink, wrapSource } from "./SeededBugs.ts"
import type { Blow, SwarmPlan } from "./SwarmPlan.ts"

export interface Outcome {
  /** The invariants that did not hold, with what was found instead. */
  readonly violations: ReadonlyArray<string>
  readonly timeline: string
  readonly simulatedMillis: number
  readonly events: number
  readonly crashes: number
  readonly lost: number
  readonly repeated: number
}

interface Event {
  readonly key: string
  readonly number: number
}

const text = EventCodec.utf8
const codec = EventCodec.make<Event>({
  name: "event",
  encode: ({ key, number }) => text.encode(`${key}:${number}`),
  decode: (bytes) => {
    const [key = "", number] = text.decode(bytes).split(":")
    return { key, number: Number(number) }
  }
})

const keyed = (name: string) => EventStream.make(`swarm/${name}`, { codec, routingKey: ({ key }) => key })
const source = keyed("source")
const allSinks = [keyed("one"), keyed("two"), keyed("three")]

/** What a sink gets for an event; numbers stay in order. */
const outputsOf = ({ outputs }: SwarmPlan, sink: number, event: Event): ReadonlyArray<Event> => {
  switch (outputs) {
    case "same":
      return [event]
    case "two each":
      return [event, { ...event, number: event.number + 0.5 }]
    case "some":
      return event.number % 3 === sink ? [] : [event]
  }
}

const pipelineOf = (plan: SwarmPlan, bug: Bug) => {
  const to = (sink: number) =>
    Sink.filterMapInput(
      wrapSink(
        bug,
        Sink.pravega(allSinks[sink]!, {
          guarantee: "exactly-once",
          lease: Duration.seconds(plan.leaseSeconds),
          isOwned: plan.isOwned
        })
      ),
      (output: readonly [sink: number, event: Event]) => output[0] === sink ? output[1] : undefined
    )
  return Pipeline.make("swarm", {
    source: wrapSource(
      bug,
      Source.microBatch(source, {
        limit: { events: plan.limit },
        ordering: plan.ordering,
        ...(plan.ordering === "none" ? {} : { lanes: plan.lanes })
      })
    ),
    process: (events) =>
      Stream.flattenIterable(Stream.map(events, ({ event }) =>
        Array.from(
          { length: plan.sinks },
          (_, sink) => outputsOf(plan, sink, event).map((output) => [sink, output] as const)
        ).flat())),
    each: plan.each,
    parallelism: plan.parallelism,
    sinks: Array.from({ length: plan.sinks }, (_, sink) => to(sink)),
    deterministic: true
  })
}

const triggers = {
  availableNow: Trigger.availableNow,
  once: Trigger.once,
  asFastAsPossible: Trigger.asFastAsPossible,
  every: Trigger.every("2 seconds")
}

/** At most so many lives may be needed when nothing is wrong any more. */
const lastLives = 10

export const run = (given: SwarmPlan, seed: number, bug: Bug): Effect.Effect<Outcome> => {
  const plan = bug.algorithm === undefined ? given : { ...given, sinks: 1 }
  let seen: Simulation.Simulation | undefined
  return Simulation.run({ seed, disorder: plan.disorder, tasks: 150_000, limit: "10 days" }, (simulation) => {
    seen = simulation
    return Effect.scoped(history(plan, simulation, bug))
  }).pipe(
    Effect.catchCause((cause) => {
      const failure = Cause.squash(cause)
      const detail = failure instanceof Simulation.Stuck ? `I9 stuck: ${failure.detail}` : Cause.pretty(cause)
      return Effect.succeed({
        violations: [detail],
        timeline: seen?.timeline.toString() ?? "",
        simulatedMillis: 0,
        events: 0,
        crashes: 0,
        lost: 0,
        repeated: 0
      })
    })
  )
}

const history = Effect.fnUntraced(function*(plan: SwarmPlan, simulation: Simulation.Simulation, bug: Bug) {
  const { seeded, timeline } = simulation
  const started = simulation.now()
  const world = yield* QueryWorld.make(simulation, { query: "swarm", wrapLog: wrapLog(bug), wrapClient: bug.client })
  const { server } = world
  const pipeline = pipelineOf(plan, bug)
  const sinks = allSinks.slice(0, plan.sinks)
  const written: Array<Event> = []
  const reads = new Map<number, Array<ReadonlyArray<Event>>>()
  const resolutions: Array<BatchRun.Resolution> = []
  const draws = seeded.fork("history")
  let crashes = 0
  let hasReadAll = true

  const write = (count: number) =>
    Effect.suspend(() => {
      const events = Array.from({ length: count }, () => ({
        key: `k${draws.between(1, plan.keys)}`,
        number: written.length
      })).map((event, n) => ({ ...event, number: event.number + n }))
      written.push(...events)
      timeline.add("*", "writer", events.map(({ key, number }) => `${key}:${number}`).join(" "))
      return Effect.scoped(Effect.flatMap(EventWriter.make(source), (writer) => writer.writeAll(events)))
    })

  const readSink = (sink: EventStream.EventStream<Event>) =>
    Effect.map(
      Stream.runCollect(BatchReader.stream(sink, { ordering: "perKey" })),
      (read) => read.map(({ event }) => event)
    )

  yield* server.undisturbed(Effect.gen(function*() {
    yield* Admin.ensureStream(source.name, { scaling: { _tag: "Fixed", segments: plan.sourceSegments } })
    for (const sink of sinks) {
      yield* Admin.ensureStream(sink.name, { scaling: { _tag: "Fixed", segments: plan.sinkSegments } })
    }
    yield* write(plan.events)
    if (plan.isScaledBefore) {
      yield* Admin.scaleTo(source.name, plan.sourceSegments + 1)
      yield* write(plan.events)
    }
  })).pipe(Effect.orDie)

  world.rates = {
    network: {
      refuseCall: 0.1 * plan.network,
      loseRequest: 0.05 * plan.network,
      loseReply: 0.05 * plan.network,
      duplicateCall: 0.1 * plan.network,
      delayCall: 0.1 * plan.network,
      refuseConnection: 0.1 * plan.network,
      dropConnection: 0.03 * plan.network,
      cutFrame: 0.03 * plan.network,
      halfClose: 0.01 * plan.network,
      delayFrame: 0.1 * plan.network
    },
    log: {
      unavailable: 0.1 * plan.log,
      unknownDone: 0.1 * plan.log,
      unknownNotDone: 0.1 * plan.log,
      unknownLate: 0.05 * plan.log,
      delay: 0.1 * plan.log
    }
  }

  let lives = 0
  const living = new Set<Incarnation<unknown>>()
  const all: Array<Incarnation<unknown>> = []
  const start = (trigger: Trigger.Trigger) => {
    const incarnation: Incarnation<unknown> = world.start(
      `p${++lives}`,
      bug.algorithm === undefined
        ? Query.run(pipeline, { trigger, resolve: resolutions })
        : bug.algorithm({ source, sink: allSinks[0]!, process: (event) => outputsOf(plan, 0, event) })
    )
    living.add(incarnation)
    all.push(incarnation)
    return incarnation
  }
  let current = start(triggers[plan.trigger])

  /** What a life ended with, if it is over: whoever asks may start the next one. */
  const look = (incarnation: Incarnation<unknown>): void => {
    const ended = incarnation.ended()
    if (ended === undefined) return
    living.delete(incarnation)
    if (ended === "crashed" || Exit.isSuccess(ended)) return
    for (const reason of ended.cause.reasons) {
      if (reason._tag === "Die") world.violated({ invariant: "I12", detail: `a defect: ${describeExit(ended)}` })
      if (reason._tag === "Fail") resolve(reason.error)
    }
  }

  /** Somebody looks into the sink and says what became of a transaction that nobody remembers. */
  const resolve = (error: unknown): void => {
    if (!(error instanceof CommitError) || error.reason._tag !== "AmbiguousCommit") return
    const { batch, handle, sink } = error.reason
    if (plan.isOwned) {
      world.violated({ invariant: "rule 12", detail: `an owned sink decides by itself: ${error.message}` })
    }
    const before = world.monitor.eventsBefore(batch, sink)
    const outcome = server.peek(sink).length > before ? "committed" as const : "lost" as const
    timeline.add("=", "somebody", `says that batch ${batch} of ${sink} is ${outcome}`)
    resolutions.push({ batch, sink, handle, outcome })
  }

  /** The next one, if this one is over. */
  const ensureAlive = () => {
    look(current)
    if (current.ended() !== undefined) current = start(triggers[plan.trigger])
  }

  const crash = (incarnation: Incarnation<unknown>) => {
    if (incarnation.ended() !== undefined) return
    crashes++
    incarnation.process.crash()
  }

  const happen = (what: Blow["what"]): Effect.Effect<void> => {
    timeline.add("!", "world", JSON.stringify(what))
    const sleep = (millis: number) => Effect.sleep(Duration.millis(millis))
    switch (what._tag) {
      case "crash":
        crash(current)
        return sleep(what.downMillis)
      case "interrupt":
        return Effect.andThen(current.interrupt, Effect.asVoid(Effect.timeoutOption(current.awaitEnd, "1 second")))
      case "zombie": {
        const zombie = current
        zombie.process.pause()
        current = start(triggers[plan.trigger])
        return Effect.timeoutOption(current.process.afterSteps(what.steps), "5 seconds").pipe(
          Effect.andThen(Effect.sync(zombie.process.resume))
        )
      }
      case "second owner":
        current = start(triggers[plan.trigger])
        return Effect.void
      case "leases expire":
        return Effect.sync(() => void server.expireLeases())
      case "server dies":
        return Effect.orDie(server.kill.pipe(Effect.andThen(sleep(what.downMillis)), Effect.andThen(server.start)))
      case "server stalls":
        server.pause()
        return Effect.andThen(sleep(what.millis), Effect.sync(server.resume))
      case "container restarts":
        return server.restartContainer(Duration.millis(what.millis))
      case "network stalls":
        current.faults.pause()
        return Effect.andThen(sleep(what.millis), Effect.sync(current.faults.resume))
      case "connections drop":
        return Effect.sync(current.faults.dropConnections)
      case "source scales":
        return quietly(Admin.scaleTo(source.name, Math.max(what.segments, plan.sourceSegments)))
      case "sink scales": {
        const sink = sinks[what.sink % sinks.length]!
        return quietly(Admin.scaleTo(sink.name, Math.max(what.segments, plan.sinkSegments)))
      }
      case "more events":
        return Effect.orDie(server.undisturbed(write(what.count)))
      case "truncate what is read": {
        const cut = world.monitor.readCut()
        return cut === undefined ? Effect.void : quietly(Admin.truncateStream(cut))
      }
      case "outage":
        // leases run out in the first hour, and then what became of them is forgotten
        return Effect.sync(() => living.forEach(crash)).pipe(
          Effect.andThen(simulation.leap("1 hour")),
          Effect.andThen(simulation.leap(Duration.hours(what.hours - 1)))
        )
      case "clock jumps":
        return Effect.sync(() => current.process.jump(Duration.minutes(what.minutes)))
      case "somebody reads":
        return Effect.forEach(
          sinks,
          (sink, index) =>
            Effect.map(Effect.orDie(server.undisturbed(readSink(sink))), (read) => {
              reads.set(index, [...(reads.get(index) ?? []), read])
            }),
          { discard: true }
        )
    }
  }
  const quietly = <A, E>(
    effect: Effect.Effect<
      A,
      E,
      Parameters<typeof server.undisturbed>[0] extends Effect.Effect<
        unknown,
        unknown,
        infer R
      > ? R :
        never
    >
  ): Effect.Effect<void> =>
    // a stream that is scaled or truncated at the same time says no
    Effect.asVoid(Effect.exit(server.undisturbed(effect)))

  for (const { after, what } of plan.blows) {
    const { process } = current
    const moment = after.record === undefined
      ? process.afterSteps(after.steps)
      : Effect.andThen(world.afterRecord(after.record), process.afterSteps(after.steps))
    yield* Effect.timeoutOption(Effect.raceFirst(moment, current.awaitEnd), "3 seconds")
    yield* happen(what)
    for (const incarnation of living) if (incarnation !== current) look(incarnation)
    ensureAlive()
  }

  // From here on nothing is wrong any more: the query must come to its end.
  timeline.add("!", "world", "no more faults")
  world.rates = { network: {}, log: {} }
  for (const incarnation of living) {
    incarnation.faults.stop()
    incarnation.process.resume()
  }
  server.resume()
  yield* Effect.orDie(server.start)
  let last: Incarnation<unknown> | undefined
  for (let life = 0; life < lastLives; life++) {
    last = start(Trigger.availableNow)
    yield* last.awaitEnd
    look(last)
    const ended = last.ended()
    if (ended !== undefined && ended !== "crashed" && Exit.isSuccess(ended)) break
    if (ended !== undefined && ended !== "crashed" && !mayStartAgain(ended)) break
  }
  const ended = last?.ended()
  if (ended === undefined || ended === "crashed" || Exit.isFailure(ended)) {
    hasReadAll = false
    world.violated({
      invariant: "I9",
      detail: `stuck: without faults the query ${ended === undefined || ended === "crashed" ? "" : describeExit(ended)}`
    })
  }
  for (const incarnation of living) {
    yield* incarnation.interrupt
    yield* Effect.timeoutOption(incarnation.awaitEnd, "5 minutes")
    if (incarnation.ended() === undefined) {
      world.violated({ invariant: "I9", detail: `${incarnation.process.name} can't be interrupted` })
    }
    look(incarnation)
  }

  const tally = { lost: 0, repeated: 0 }
  for (const [index, sink] of sinks.entries()) {
    const found = yield* Effect.orDie(server.undisturbed(readSink(sink)))
    const expected = written.flatMap((event) => outputsOf(plan, index, event))
    check(world, sink.name.toString(), {
      expected: hasReadAll ? expected : undefined,
      found,
      reads: reads.get(index) ?? [],
      isOrdered: keepsOrder(plan),
      tally
    })
  }

  // nothing of its own is left: every lease has run out by now
  yield* Effect.sleep(Duration.seconds(2 * plan.leaseSeconds + 60))
  const open = server.expireLeases()
  if (open > 0) world.violated({ invariant: "I10", detail: `${open} transactions are open, and nobody lives` })
  for (const { faults, process } of all) {
    if (process.state() === "dead" || faults.connections() === 0) continue
    world.violated({
      invariant: "I10",
      detail: `${process.name} has ended, with ${faults.connections()} connections open`
    })
  }
  return {
    violations: world.violations.map(({ detail, invariant }) => `${invariant}: ${detail}`),
    timeline: timeline.toString(),
    simulatedMillis: simulation.now() - started,
    events: written.length,
    crashes,
    ...tally
  } satisfies Outcome
})

/** Another owner's record, and a transaction that somebody has found out about since. */
const mayStartAgain = (exit: Exit.Exit<void, unknown>): boolean =>
  Exit.isFailure(exit) &&
  exit.cause.reasons.every((reason) =>
    reason._tag === "Fail" && ["Fenced", "AmbiguousCommit", "SequenceTaken"].includes(tagOf(reason.error))
  )

/** Whether the sink must have each key's events in the order in which they were written. */
const keepsOrder = ({ blows, isScaledBefore, ordering }: SwarmPlan): boolean =>
  ordering === "perKey" ||
  (ordering === "perSegment" && !isScaledBefore && blows.every(({ what }) => what._tag !== "source scales"))

const name = ({ key, number }: Event): string => `${key}:${number}`

/** I1, I2, I3: what is there, against the model. */
const check = (
  world: QueryWorld,
  sink: string,
  { expected, found, isOrdered, reads, tally }: {
    /** Undefined: the query has not come to its end. */
    readonly expected: ReadonlyArray<Event> | undefined
    readonly found: ReadonlyArray<Event>
    readonly reads: ReadonlyArray<ReadonlyArray<Event>>
    readonly isOrdered: boolean
    readonly tally: { lost: number; repeated: number }
  }
): void => {
  const counts = new Map<string, number>()
  for (const event of found) counts.set(name(event), (counts.get(name(event)) ?? 0) + 1)
  for (const [event, count] of counts) {
    if (count === 1) continue
    tally.repeated += count - 1
    world.violated({ invariant: "I1", detail: `duplicate: ${sink} has ${event} ${count} times` })
  }
  if (expected !== undefined) {
    const wanted = new Set(expected.map(name))
    const lost = [...wanted].filter((event) => !counts.has(event))
    const invented = [...counts.keys()].filter((event) => !wanted.has(event))
    tally.lost += lost.length
    if (lost.length > 0) world.violated({ invariant: "I1", detail: `lost: ${sink} has not ${lost.join(" ")}` })
    if (invented.length > 0) world.violated({ invariant: "I1", detail: `invented: ${sink} has ${invented.join(" ")}` })
  }
  const last = new Map<string, number>()
  for (const { key, number } of found) {
    if (isOrdered && (last.get(key) ?? -1) > number) {
      world.violated({
        invariant: "I2",
        detail: `order-inversion: ${sink} has ${key}:${number} after ${last.get(key)}`
      })
    }
    last.set(key, number)
  }
  const finals = byKey(found)
  for (const read of reads) {
    for (const [key, events] of byKey(read)) {
      const final = finals.get(key)?.slice(0, events.length) ?? []
      if (final.join() === events.join()) continue
      world.violated({
        invariant: "I3",
        detail: `un-visible: a reader saw ${key}:${events.join()}, now it is ${final.join()}`
      })
    }
  }
}

const byKey = (events: ReadonlyArray<Event>): ReadonlyMap<string, ReadonlyArray<number>> => {
  const keys = new Map<string, Array<number>>()
  for (const { key, number } of events) keys.set(key, [...(keys.get(key) ?? []), number])
  return keys
}
