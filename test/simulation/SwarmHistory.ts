/**
 * One history: the real engine over the bytes of a simulated Pravega, with everything that its plan says happening to it,
 * and then a run without faults. What the streams hold in the end, and what went on, is held against a model that fits
 * on a page: the source is an array, a sink is what the outputs of that array are.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import type * as BatchRun from "../../src/batch/engine/BatchRun.ts"
import { local } from "../../src/batch/engine/Workers.ts"
import type { CheckpointLog } from "../../src/batch/log/CheckpointLog.ts"
import { CommitError } from "../../src/batch/protocol/CommitError.ts"
import type * as EventStream from "../../src/core/EventStream.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import type { Pravega } from "../../src/pravega/Pravega.ts"
import * as BatchReader from "../../src/pravega/read/BatchReader.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import type { StateStore } from "../../src/state/StateStore.ts"
import { describeExit, type Incarnation, preload, QueryWorld, tagOf } from "../../src/testing/simulation/QueryWorld.ts"
import * as Simulation from "../../src/testing/simulation/Simulation.ts"
import { decodeNumbered, type Numbered } from "../numbered.ts"
import { type Bug, wrapLog } from "./SeededBugs.ts"
import * as SwarmLog from "./SwarmLog.ts"
import { befalls, check, keepsOrder, mayFailWith, without } from "./SwarmModel.ts"
import { type Blow, guaranteeOf, isCalm, type SwarmPlan } from "./SwarmPlan.ts"
import {
  isPoison,
  letters,
  type Life,
  outputsOf,
  runQuery,
  sinksOf,
  sourcesOf,
  type Told,
  upgrade,
  workerOf
} from "./SwarmQuery.ts"
import * as SwarmState from "./SwarmState.ts"
import * as SwarmTable from "./SwarmTable.ts"
import * as SwarmWorkers from "./SwarmWorkers.ts"

export interface Outcome {
  /** The invariants that did not hold, with what was found instead. */
  readonly violations: ReadonlyArray<string>
  readonly timeline: string
  readonly simulatedMillis: number
  readonly events: number
  readonly crashes: number
  /** Of the log. */
  readonly compactions: number
  readonly lost: number
  readonly repeated: number
}

/** An event that was written, and where. */
interface Written {
  readonly event: Numbered
  readonly source: number
  /** It may have been truncated before anybody read it, and nobody minds. */
  mayBeGone: boolean
}

/** At most so many lives may be needed when nothing is wrong any more. */
const lastLives = 10

/** What a query may need for a few events, of which some triggers let two seconds pass for each batch. */
const calmSeconds = 300

/** What other algorithms than the engine's know nothing of. */
const plain = { isMixed: false, isKeyless: false, isPoisoned: false, hasForeach: false, hasSql: false, isTuned: false }

export const run = (given: SwarmPlan, seed: number, bug: Bug): Effect.Effect<Outcome> => {
  const plan: SwarmPlan = bug.algorithm === undefined
    ? given
    : { ...given, sources: 1, sinks: 1, guarantee: "exactly-once", ...plain }
  let seen: Simulation.Simulation | undefined
  const living = Simulation.run((simulation) => {
    seen = simulation
    return Effect.scoped(history(plan, simulation, bug))
  }, { seed, disorder: plan.disorder, tasks: 150_000, limit: "10 days" })
  return preload.pipe(
    Effect.andThen(living),
    Effect.catchCause((cause) => {
      const failure = Cause.squash(cause)
      const detail = failure instanceof Simulation.Stuck ? `I9 stuck: ${failure.detail}` : Cause.pretty(cause)
      return Effect.succeed({
        violations: [detail],
        timeline: seen?.timeline.toString() ?? "",
        simulatedMillis: 0,
        events: 0,
        crashes: 0,
        compactions: 0,
        lost: 0,
        repeated: 0
      })
    })
  )
}

const history = Effect.fnUntraced(function*(plan: SwarmPlan, simulation: Simulation.Simulation, bug: Bug) {
  const { seeded, timeline } = simulation
  const started = simulation.now()
  const sources = sourcesOf(plan)
  const sinks = sinksOf(plan)
  const streams = plan.isPoisoned ? [...sinks, letters] : sinks
  const world = yield* QueryWorld.make(simulation, {
    sinks: streams,
    transactional: (sink) => {
      const place = sinks.findIndex(({ name }) => name.toString() === sink.toString())
      return place < 0 || guaranteeOf(plan, place) === "exactly-once"
    },
    wrapLog: wrapLog(bug),
    wrapClient: bug.client
  })
  const { server } = world
  const written: Array<Written> = []
  const reads = new Map<number, Array<ReadonlyArray<Numbered>>>()
  const resolutions: Array<BatchRun.Resolution> = []
  const draws = seeded.fork("history")
  let crashes = 0

  const write = (count: number) =>
    Effect.suspend(() => {
      const more = Array.from({ length: count }, (_, n) => {
        const source = plan.sources === 1 ? 0 : draws.between(0, plan.sources - 1)
        const event = { key: `${"kl"[source]}${draws.between(1, plan.keys)}`, number: written.length + n }
        return { event, source, mayBeGone: false }
      })
      written.push(...more)
      timeline.add("*", "writer", more.map(({ event: { key, number } }) => `${key}:${number}`).join(" "))
      return Effect.forEach(sources, (stream, index) => {
        const events = more.filter(({ source }) => source === index).map(({ event }) => event)
        return events.length === 0
          ? Effect.void
          : Effect.scoped(Effect.flatMap(EventWriter.make(stream), (writer) => writer.writeAll(events)))
      }, { discard: true })
    })

  const readSink = (sink: EventStream.EventStream<Numbered>) =>
    Effect.map(
      Stream.runCollect(BatchReader.stream(sink, { ordering: "perKey" })),
      (read) => read.map(({ event }) => event)
    )

  yield* server.undisturbed(Effect.gen(function*() {
    for (const source of sources) {
      yield* Admin.ensureStream(source.name, { scaling: { _tag: "Fixed", segments: plan.sourceSegments } })
    }
    for (const sink of streams) {
      yield* Admin.ensureStream(sink.name, { scaling: { _tag: "Fixed", segments: plan.sinkSegments } })
    }
    yield* write(plan.events)
    if (plan.isScaledBefore) {
      for (const source of sources) yield* Admin.scaleTo(source.name, plan.sourceSegments + 1)
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

  const table = plan.hasSql ? yield* SwarmTable.make(seeded.seed) : undefined
  /** With a connection of its own, which ends with the process. */
  const connected = (
    named: string,
    effect: (sql: SqlClient | undefined) => Effect.Effect<void, unknown, Pravega | CheckpointLog | StateStore>
  ): Incarnation<unknown> => {
    if (table === undefined) return world.start(named, effect(undefined))
    const { close, run } = table.connection()
    const incarnation: Incarnation<unknown> = world.start(named, run(effect))
    incarnation.process.onDeath(close)
    return incarnation
  }

  let lives = 0
  const told: Told = new Map()
  const living = new Set<Incarnation<unknown>>()
  const all: Array<Incarnation<unknown>> = []
  /** Those beside which another one was started, or was left. */
  const contested = new Set<Incarnation<unknown>>()
  let query = "swarm"
  const workers = plan.workers === 0 ? undefined : SwarmWorkers.make(world, {
    count: plan.workers,
    faults: isCalm(plan) ? 0 : 0.2,
    seeded: seeded.fork("workers"),
    workerOf: (name) => workerOf(plan, name),
    bug: bug.workers
  })
  const lifeOf = (name: string, trigger: SwarmPlan["trigger"]): Life => ({
    name,
    version: name,
    trigger,
    resolutions,
    told,
    workers: workers?.workers ?? local,
    onOther: (batch) =>
      world.violated({ invariant: "rule 13", detail: `batch ${batch} has other outputs, and was told before` })
  })
  const start = (trigger: SwarmPlan["trigger"]) => {
    const life = lifeOf(query, trigger)
    const options = tuned(plan, ++lives)
    const incarnation = connected(`p${lives}`, (sql) => runQuery(options, bug, withTable(life, sql)))
    const others = [...living].filter((other) => other.ended() === undefined)
    for (const other of others) contested.add(other).add(incarnation)
    living.add(incarnation)
    all.push(incarnation)
    return incarnation
  }
  let current = start(plan.trigger)

  /** What a life ended with, if it is over: whoever asks may start the next one. */
  const look = (incarnation: Incarnation<unknown>): void => {
    const ended = incarnation.ended()
    if (ended === undefined) return
    living.delete(incarnation)
    if (ended === "crashed" || Exit.isSuccess(ended)) return
    for (const reason of ended.cause.reasons) {
      if (reason._tag === "Die") world.violated({ invariant: "I12", detail: `a defect: ${describeExit(ended)}` })
      if (reason._tag !== "Fail") continue
      const tag = tagOf(reason.error)
      const isContested = contested.has(incarnation) || mayFailWith(plan, "LogUnavailable")
      if (tag === "Fenced" ? !isContested : !mayFailWith(plan, tag)) {
        world.violated({ invariant: "I12", detail: `what can't happen here: ${describeExit(ended)}` })
      }
      resolve(reason.error)
    }
  }

  /** Somebody looks into the sink and says what became of a transaction that nobody remembers. */
  const resolve = (error: unknown): void => {
    if (!(error instanceof CommitError) || error.reason._tag !== "AmbiguousCommit") return
    const { batch, handle, sink } = error.reason
    if (plan.isOwned && !befalls(plan, "sink is truncated", "sink is made anew")) {
      world.violated({ invariant: "rule 12", detail: `an owned sink decides by itself: ${error.message}` })
    }
    const before = world.monitor.eventsBefore(batch, sink)
    const outcome = (world.visible(sink) ?? 0) > before ? "committed" as const : "lost" as const
    timeline.add("=", "somebody", `says that batch ${batch} of ${sink} is ${outcome}`)
    resolutions.push({ batch, sink, handle, outcome })
  }

  /** The next one, if this one is over. */
  const ensureAlive = () => {
    look(current)
    if (current.ended() !== undefined) current = start(plan.trigger)
  }

  /** I9, I10: with nothing in its way the first life does all there is to do, ends as it should, and leaves nothing. */
  const comesToItsEnd = Effect.gen(function*() {
    const endsItself = plan.trigger === "availableNow" || plan.trigger === "once"
    const isReadAll = () =>
      sinks.every((sink, index) =>
        server.peek(sink.name.toString()).length ===
          written.reduce((sum, { event }) => sum + outputsOf(plan, index, event).length, 0)
      )
    for (
      let second = 0;
      second < calmSeconds && (endsItself ? current.ended() === undefined : !isReadAll());
      second++
    ) {
      yield* Effect.sleep("1 second")
    }
    const ended = current.ended()
    if (endsItself ? ended === undefined : ended !== undefined) {
      const how = ended === undefined ? "has not ended" : ended === "crashed" ? "is dead" : describeExit(ended)
      world.violated({ invariant: "I9", detail: `undisturbed, the query ${how}` })
    }
    if (plan.trigger !== "once" && !isReadAll()) {
      world.violated({ invariant: "I9", detail: "undisturbed, the query has not read everything" })
    }
    if (!endsItself) yield* current.interrupt
    yield* Effect.timeoutOption(current.awaitEnd, "1 minute")
    look(current)
    const open = server.expireLeases()
    if (open > 0) world.violated({ invariant: "I10", detail: `undisturbed, the query left ${open} transactions open` })
  })

  const crash = (incarnation: Incarnation<unknown>) => {
    if (incarnation.ended() !== undefined) return
    crashes++
    incarnation.process.crash()
  }

  /** What was truncated of each sink was read before. */
  const gone = new Map<number, ReadonlyArray<Numbered>>()
  /** What was there before the query was begun anew. */
  const earlier = new Map<number, ReadonlyArray<Numbered>>()
  let earlierLetters: ReadonlyArray<Numbered> = []
  /** How many events of its own the query has put into a sink, of which these can't be seen any more. */
  const note = (index: number, all: ReadonlyArray<Numbered>) => {
    world.truncated.set(sinks[index]!.name.toString(), all.length - (earlier.get(index) ?? []).length)
    gone.set(index, all)
  }
  const truncateSink = Effect.fnUntraced(function*(index: number) {
    const sink = sinks[index]!
    const name = sink.name.toString()
    const cut = yield* Admin.latestCut(sink.name)
    const read = yield* Stream.runCollect(BatchReader.stream(sink, { ordering: "perKey", end: cut }))
    const all = [...gone.get(index) ?? [], ...read.map(({ event }) => event)]
    world.truncated.set(name, undefined)
    yield* Admin.truncateStream(cut)
    note(index, all)
  })

  /** Those sinks that are other streams than they were. */
  const anew = new Set<number>()
  const makeSinkAnew = Effect.fnUntraced(function*(index: number) {
    const sink = sinks[index]!
    yield* Admin.sealStream(sink.name)
    const all = [...gone.get(index) ?? [], ...yield* readSink(sink)]
    world.truncated.set(sink.name.toString(), undefined)
    anew.add(index)
    yield* Admin.deleteStream(sink.name)
    yield* Admin.ensureStream(sink.name, { scaling: { _tag: "Fixed", segments: plan.sinkSegments } })
    note(index, all)
    if (guaranteeOf(plan, index) === "exactly-once") return
    // what was seen at once, and then deleted, may be written again by who does not know that it was
    gone.delete(index)
    reads.delete(index)
    earlier.delete(index)
  })

  let others = 0
  /** Something in a process of its own, beside the history, with a minute's time and no faults. */
  const aside = (
    effect:
      | Effect.Effect<void, unknown, Pravega | CheckpointLog | StateStore>
      | ((sql: SqlClient | undefined) => Effect.Effect<void, unknown, Pravega | CheckpointLog | StateStore>)
  ) =>
    Effect.gen(function*() {
      const { rates } = world
      world.rates = { network: {}, log: {} }
      const named = `s${++others}`
      const other: Incarnation<unknown> = typeof effect === "function"
        ? connected(named, effect)
        : world.start(named, effect)
      yield* Effect.timeoutOption(other.awaitEnd, "1 minute")
      world.rates = rates
      if (other.ended() === undefined) other.process.crash()
      return other.ended() ?? "crashed"
    })

  /** Whoever starts a pipeline of another structure under the query's name is refused, and takes nothing from its owner. */
  const startOther = Effect.gen(function*() {
    if (bug.algorithm !== undefined || !world.monitor.isStarted()) return
    const life = { ...lifeOf(query, "availableNow"), version: "other" }
    const ended = yield* aside((sql) => runQuery(plan, bug, withTable(life, sql)))
    if (ended !== "crashed" && failsWith(ended, ["StructureChanged"])) return
    const how = ended === "crashed" ? "has not ended" : describeExit(ended)
    world.violated({ invariant: "rule 4", detail: `a query of another structure ${how}` })
  })

  const damageLog = (record: number, bit: number) =>
    Effect.suspend(() => {
      living.forEach(crash)
      return SwarmLog.damage(world, {
        query,
        record,
        bit,
        aside,
        life: aside((sql) => runQuery(plan, bug, withTable(lifeOf(query, "once"), sql))),
        isCorrupt: (ended) => ended !== "crashed" && failsWith(ended, ["CheckpointCorrupt"])
      })
    })

  /** All that there is, a little later: what was accepted, and what was left open, has come to its end. */
  const beginAnew = Effect.gen(function*() {
    living.forEach(crash)
    yield* Effect.sleep("10 seconds")
    server.expireLeases()
    yield* Effect.sleep("10 seconds")
    for (const [index, sink] of sinks.entries()) {
      earlier.set(index, yield* Effect.orDie(server.undisturbed(readSink(sink))))
      gone.delete(index)
      reads.delete(index)
      note(index, [])
    }
    if (plan.isPoisoned) {
      earlierLetters = yield* readLetters
      world.truncated.set(letters.name.toString(), -server.peek(letters.name.toString()).length)
    }
    const isCut = befalls(plan, "truncate what is read", "truncate all", "source is made anew")
    for (const event of written) if (isCut) event.mayBeGone = true
    resolutions.length = 0
    told.clear()
    table?.clear()
    world.logs.forget(query)
    world.states.forget(query)
    world.monitor.beginAnew()
  })

  /** Of an event that was truncated after it was read only the pointer is left. */
  const readLetters = Effect.suspend(() =>
    Effect.orDie(server.undisturbed(Stream.runCollect(BatchReader.stream(letters))))
  ).pipe(
    Effect.map((found) => found.flatMap(({ event: { event } }) => event.length === 0 ? [] : [decodeNumbered(event)]))
  )

  /** Nobody runs any more; another query goes on, unless a batch is decided, or can be seen, and is not done. */
  const upgradeNow = Effect.gen(function*() {
    const { rates } = world
    world.rates = { network: {}, log: {} }
    living.forEach(crash)
    const next = `swarm${lives}`
    const { monitor } = world
    const open = monitor.open()
    const expected = !monitor.isStarted() ? "NoSuchQuery" : open === "prepared" ? "BatchPrepared" : undefined
    const upgraded = lifeOf(next, "availableNow")
    const upgrading = connected(`u${lives}`, (sql) => upgrade(plan, query, withTable(upgraded, sql)))
    yield* Effect.timeoutOption(upgrading.awaitEnd, "1 minute")
    world.rates = rates
    const ended = upgrading.ended()
    const isRefused = ended !== undefined && ended !== "crashed" && Exit.isFailure(ended)
    const how = ended === undefined || ended === "crashed" ? "none" : describeExit(ended)
    const isRight = expected === undefined
      ? !isRefused || (plan.guarantee === "idempotent" || plan.isMixed) && failsWith(ended, ["BatchVisibleInPart"])
      : isRefused && failsWith(ended, [expected])
    if (ended === undefined || !isRight) {
      world.violated({ invariant: "savepoint", detail: `a savepoint where a batch is ${open}: ${how}` })
    }
    if (ended === undefined || isRefused) return
    query = next
  })

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
        current = start(plan.trigger)
        return Effect.timeoutOption(current.process.afterSteps(what.steps), "5 seconds").pipe(
          Effect.andThen(Effect.sync(zombie.process.resume))
        )
      }
      case "second owner":
        current = start(plan.trigger)
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
      case "source scales": {
        const source = sources[what.source % sources.length]!
        return quietly(Admin.scaleTo(source.name, Math.max(what.segments, plan.sourceSegments)))
      }
      case "sink scales": {
        const sink = sinks[what.sink % sinks.length]!
        return quietly(Admin.scaleTo(sink.name, Math.max(what.segments, plan.sinkSegments)))
      }
      case "more events":
        return Effect.orDie(server.undisturbed(write(what.count)))
      case "truncate what is read":
        return Effect.forEach(world.monitor.readCuts(), (cut) => quietly(Admin.truncateStream(cut)), { discard: true })
      case "truncate all": {
        const index = what.source % sources.length
        // a query that has not begun yet begins with what is left
        const isMinded = plan.onTruncated === "fail" && world.monitor.isStarted()
        for (const event of written) if (event.source === index && !isMinded) event.mayBeGone = true
        return quietly(Effect.flatMap(Admin.latestCut(sources[index]!.name), Admin.truncateStream))
      }
      case "outage":
        // leases run out in the first hour, and then what became of them is forgotten
        return Effect.sync(() => living.forEach(crash)).pipe(
          Effect.andThen(simulation.leap("1 hour")),
          // the server was running meanwhile, which a leap is not
          Effect.andThen(Effect.sync(() => void server.expireLeases())),
          Effect.andThen(simulation.leap(Duration.hours(what.hours - 1)))
        )
      case "log is away": {
        const { log, network } = world.rates
        world.rates = { network, log: { ...log, unavailable: 1 } }
        return Effect.andThen(
          sleep(what.minutes * 60_000),
          Effect.sync(() => {
            world.rates = { network, log }
          })
        )
      }
      case "sink is sealed":
        return quietly(Admin.sealStream(sinks[what.sink % sinks.length]!.name))
      case "source is made anew": {
        const index = what.source % sources.length
        const { name } = sources[index]!
        for (const event of written) if (event.source === index) event.mayBeGone = true
        return quietly(
          Admin.sealStream(name).pipe(
            Effect.andThen(Admin.deleteStream(name)),
            Effect.andThen(
              Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments: plan.sourceSegments } })
            )
          )
        )
      }
      case "sink is truncated":
        return Effect.asVoid(Effect.exit(server.undisturbed(truncateSink(what.sink % sinks.length))))
      case "upgrade":
        return upgradeNow
      case "other structure":
        return startOther
      case "sink is made anew":
        return Effect.asVoid(Effect.exit(server.undisturbed(makeSinkAnew(what.sink % sinks.length))))
      case "query is begun anew":
        return beginAnew
      case "log is damaged":
        return damageLog(what.record, what.bit)
      case "clock jumps":
        return Effect.sync(() => current.process.jump(Duration.minutes(what.minutes)))
      case "somebody reads":
        return Effect.forEach(
          sinks,
          (sink, index) =>
            Effect.map(Effect.orDie(server.undisturbed(readSink(sink))), (read) => {
              reads.set(index, [...(reads.get(index) ?? []), [...gone.get(index) ?? [], ...read]])
            }),
          { discard: true }
        )
    }
  }
  const quietly = <A, E>(effect: Effect.Effect<A, E, Pravega>): Effect.Effect<void> =>
    // a stream that is scaled or truncated at the same time says no
    Effect.asVoid(Effect.exit(server.undisturbed(effect)))

  if (isCalm(plan)) yield* comesToItsEnd

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
  workers?.calm()
  for (const incarnation of living) {
    incarnation.faults.stop()
    incarnation.process.resume()
  }
  server.resume()
  yield* Effect.orDie(server.start)
  let last: Incarnation<unknown> | undefined
  for (let life = 0; life < lastLives; life++) {
    last = start("availableNow")
    yield* last.awaitEnd
    look(last)
    const ended = last.ended()
    if (ended !== undefined && ended !== "crashed" && Exit.isSuccess(ended)) break
    if (ended !== undefined && ended !== "crashed" && !mayStartAgain(ended)) break
  }
  const ended = last?.ended()
  const isDone = ended !== undefined && ended !== "crashed" && Exit.isSuccess(ended)
  const isOver = ended !== undefined && ended !== "crashed" &&
    finalErrors.some((tag) => mayFailWith(plan, tag) && failsWith(ended, [tag]))
  // that nothing can mend, and it was said
  if (!isDone && !isOver) {
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
    const before = earlier.get(index) ?? []
    check(sink.name.toString(), {
      events: written.map(({ event, mayBeGone }) => ({
        outputs: outputsOf(plan, index, event),
        isWanted: isDone && !mayBeGone
      })),
      found: without([...gone.get(index) ?? [], ...yield* Effect.orDie(server.undisturbed(readSink(sink)))], before),
      mayLack: anew.has(index) && guaranteeOf(plan, index) === "idempotent",
      reads: (reads.get(index) ?? []).map((read) => without(read, before)),
      committed: world.monitor.eventsCommitted(sink.name.toString()),
      isOrdered: keepsOrder(plan),
      isKeyed: !plan.isKeyless,
      tally
    }, (violation) => world.violated(violation))
  }
  const besides = { reads: [], isOrdered: false, isKeyed: false, tally }
  if (plan.isPoisoned) {
    check("the letters", {
      ...besides,
      events: written.map(({ event, mayBeGone }) => ({
        outputs: isPoison(plan, event) ? [event] : [],
        isWanted: isDone && !mayBeGone
      })),
      found: without(yield* readLetters, earlierLetters),
      committed: 0
    }, (violation) => world.violated(violation))
  }
  if (plan.hasForeach) {
    check("the user's Effect", {
      ...besides,
      events: written.map(({ event, mayBeGone }) => ({
        outputs: outputsOf(plan, 0, event),
        isWanted: isDone && !mayBeGone
      })),
      found: [...told].toSorted(([a], [b]) => a - b).flatMap(([, events]) => events),
      committed: world.monitor.eventsCommitted("each"),
      isOrdered: keepsOrder(plan)
    }, (violation) => world.violated(violation))
  }

  if (table !== undefined) {
    check("the table", {
      ...besides,
      events: written.map(({ event, mayBeGone }) => ({
        outputs: outputsOf(plan, 0, event),
        isWanted: isDone && !mayBeGone
      })),
      found: table.rows(),
      committed: world.monitor.eventsCommitted(SwarmTable.name),
      isOrdered: keepsOrder(plan)
    }, (violation) => world.violated(violation))
  }

  if (plan.form === "flow" && isDone) {
    const keys = new Set(written.map(({ event }) => event.key))
    const kept = yield* Effect.orDie(
      SwarmState.kept(query, world.logs.records(query), world.states.peek(query), keys)
    )
    const wanted = written.map(({ event, mayBeGone }) => ({ event, isWanted: !mayBeGone }))
    for (const detail of SwarmState.differences(kept, wanted)) world.violated({ invariant: "I1", detail })
  }

  workers?.end()
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
    compactions: world.monitor.compactions(),
    ...tally
  } satisfies Outcome
})

const withTable = (life: Life, sql: SqlClient | undefined): Life => sql === undefined ? life : { ...life, sql }

/** What may change from life to life, and does. */
const tuned = (plan: SwarmPlan, life: number): SwarmPlan =>
  !plan.isTuned || life % 2 === 1
    ? plan
    : { ...plan, limit: { events: 1 + life % 5 }, parallelism: plan.parallelism === 1 ? 4 : 1, atLeast: undefined }

/** What another start of the query finds again. */
const finalErrors = [
  "TruncatedData",
  "StreamSealed",
  "StreamIdentityChanged",
  "SinkSegmentLost",
  "SinkBehind",
  "NonDeterministicReplay"
]

/** Another owner's record, and a transaction that somebody has found out about since. */
const mayStartAgain = (exit: Exit.Exit<void, unknown>): boolean =>
  failsWith(exit, ["Fenced", "AmbiguousCommit", "SequenceTaken"])

const failsWith = (exit: Exit.Exit<void, unknown>, tags: ReadonlyArray<string>): boolean =>
  Exit.isFailure(exit) &&
  exit.cause.reasons.every((reason) => reason._tag === "Fail" && tags.includes(tagOf(reason.error)))
