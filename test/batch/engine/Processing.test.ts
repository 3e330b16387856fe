/** What a pipeline does with its events: its forms, lanes, what is put aside, and what a deterministic one is given. */
import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import * as DeadLetter from "../../../src/batch/pipeline/DeadLetter.ts"
import * as Pipeline from "../../../src/batch/pipeline/Pipeline.ts"
import type { CommitError } from "../../../src/batch/protocol/CommitError.ts"
import * as Sink from "../../../src/batch/sink/Sink.ts"
import * as Source from "../../../src/batch/source/Source.ts"
import { Undecodable } from "../../../src/batch/source/Undecodable.ts"
import * as Query from "../../../src/stream/query/Query.ts"
import * as Trigger from "../../../src/stream/query/Trigger.ts"
import { numbersSource } from "../source/numbersSource.ts"

/** Numbers from 0, ten per batch in two partitions; those in `bad` can't be decoded. `lanes`: by the number's rest. */
const numbers = (last: number, options: { readonly bad?: ReadonlyArray<number>; readonly lanes?: number } = {}) => {
  const { bad = [], lanes = 1 } = options
  const items = (from: number, to: number) =>
    Arr.map(Arr.range(from, to - 1), (n) => bad.includes(n) ? new Undecodable(`no ${n}`) : n)
  const strict = <A>(item: A | Undecodable): Effect.Effect<A, string> =>
    item instanceof Undecodable ? Effect.fail(item.detail) : Effect.succeed(item)
  const partition = (id: number, from: number, to: number): Source.Partition<number, string> => {
    const all = Stream.rechunk(Stream.fromArray(items(from, to)), 2)
    const inLanes = Stream.zipWithIndex(all).pipe(
      Stream.map(([item, place]) => ({
        lane: item instanceof Undecodable ? 0 : item % lanes,
        events: Arr.of(item),
        places: [place]
      }))
    )
    return {
      id: id * lanes,
      predecessors: [],
      events: Stream.mapEffect(all, strict),
      tolerant: all,
      raw: Stream.map(Stream.range(from, to - 1), (n) => ({ pointer: `at:${n}`, bytes: new Uint8Array([n]) })),
      lanes: lanes === 1 ? undefined : {
        count: lanes,
        events: Stream.mapEffect(
          inLanes,
          (some) => Effect.map(strict(some.events[0]), (event) => ({ ...some, events: Arr.of(event) }))
        ),
        tolerant: inLanes
      }
    }
  }
  return numbersSource<string>({
    available: () => last,
    end: last,
    perBatch: 10,
    partitions: (from, to) => {
      const half = Math.ceil((from + to) / 2)
      return half === to ? [partition(0, from, to)] : [partition(0, from, half), partition(1, half, to)]
    }
  })
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)
const sorted = (numbers: ReadonlyArray<number>) => numbers.toSorted((a, b) => a - b)
const run = <B, ES, E>(pipeline: Pipeline.Pipeline<number, B, ES, E, Scope.Scope>, retries = 0) =>
  Query.run(pipeline, { trigger: Trigger.availableNow, retry: Schedule.recurs(retries) }).pipe(
    Effect.provide(CheckpointLog.layerMemory)
  )

/** A sink whose first commit fails, and whose transaction is found lost from then on. */
const losesFirst = <B>(sink: Sink.Memory<B>): Sink.Sink<B, string, never> => {
  let lost: Schema.Json | undefined
  const loses = (session: Sink.SinkSession<B, never>): Sink.SinkSession<B, string> => ({
    ...session,
    commit: (batch, prepared): Effect.Effect<void, string | CommitError> => {
      if (lost !== undefined) return session.commit(batch, prepared)
      lost = prepared.handle
      return Effect.fail(`${sink.name}: the lease ran out`)
    },
    recover: (batch, prepared) =>
      prepared.handle === lost ? Effect.succeed({ _tag: "lost" }) : session.recover(batch, prepared)
  })
  return { ...sink, open: Effect.map(sink.open, loses) }
}

/** A sink whose prepared transactions of an earlier process, unless they are committed, are lost. */
const losesWhatIsPrepared = <B>(sink: Sink.Memory<B>): Sink.Sink<B, never, never> => {
  const own = new Set<Schema.Json>()
  return {
    ...sink,
    open: Effect.map(sink.open, (session) => ({
      ...session,
      begin: (batch) => Effect.tap(session.begin(batch), ({ handle }) => Effect.sync(() => void own.add(handle))),
      recover: (batch, prepared) =>
        Effect.map(
          session.recover(batch, prepared),
          (outcome) => outcome._tag === "committable" && !own.has(prepared.handle) ? { _tag: "lost" as const } : outcome
        )
    }))
  }
}

describe("a pipeline's process", () => {
  it.effect("for each event, for a partition, for a batch", () =>
    Effect.gen(function*() {
      const source = numbers(25)
      const each = Sink.memory<number>()
      yield* run(Pipeline.make("each", {
        source,
        processEach: (n) => Effect.succeed(n % 2 === 0 ? [n, -n] : []),
        sink: each
      }))
      assert.deepStrictEqual(
        sorted((yield* each.committed).filter((n) => n > 0)),
        upTo(25).filter((n) => n % 2 === 0 && n > 0)
      )
      const sums = Sink.memory<number>()
      yield* run(Pipeline.make("sums", {
        source,
        processBatch: (all) => Effect.succeed([all.length, all.reduce((sum, n) => sum + n, 0)]),
        sink: sums
      }))
      assert.deepStrictEqual(yield* sums.committed, [10, 45, 10, 145, 5, 110])
      const error = yield* Effect.flip(run(Pipeline.make("fails", {
        source,
        processBatch: (all) => all.includes(17) ? Effect.fail("17" as const) : Effect.succeed(all),
        sink: Sink.memory<number>()
      })))
      assert.strictEqual(error, "17")
    }))

  it.effect("lanes are processed at the same time, each in its order, their outputs numbered apart", () =>
    Effect.gen(function*() {
      const sink = Sink.memory<readonly [number, number]>()
      const together = yield* Deferred.make<void>()
      let waiting = 0
      yield* run(Pipeline.make("lanes", {
        source: numbers(40, { lanes: 3 }),
        processEach: (n, { partition }) =>
          Effect.gen(function*() {
            // Goes on only when three wait: they are processed at the same time.
            if (n < 3 && ++waiting === 3) yield* Deferred.succeed(together, undefined)
            if (n < 3) yield* Deferred.await(together)
            return [[partition, n] as const]
          }),
        sink
      }))
      const byPartition = Map.groupBy(yield* sink.committed, ([partition]) => partition)
      assert.deepStrictEqual(sorted([...byPartition.keys()]), [0, 1, 2, 3, 4, 5])
      for (const [partition, outputs] of byPartition) {
        const found = outputs.map(([, n]) => n)
        assert.deepStrictEqual(found, sorted(found))
        for (const n of found) assert.strictEqual(n % 3, partition % 3)
      }
      assert.deepStrictEqual(sorted((yield* sink.committed).map(([, n]) => n)), upTo(40))
    }))

  it.effect("rule 7: a successor is read when the outputs of all lanes of its predecessor are acknowledged", () =>
    Effect.gen(function*() {
      const lanes = 3
      const log: Array<string> = []
      const memory = Sink.memory<number>()
      const sink: typeof memory = {
        ...memory,
        open: Effect.map(memory.open, (session) => ({
          ...session,
          begin: (batch) =>
            Effect.map(session.begin(batch), (attempt) => ({
              ...attempt,
              write: (partition, outputs) =>
                Effect.andThen(
                  Effect.sync(() => void log.push(`write ${partition}`)),
                  attempt.write(partition, outputs)
                ),
              // acknowledged a while later
              flush: (partition) =>
                Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => void log.push(`flush ${partition}`)))
            }))
        }))
      }
      const source = numbers(10, { lanes })
      const successive: typeof source = {
        ...source,
        open: Effect.map(source.open, (session) => ({
          ...session,
          partitions: (plan) =>
            Effect.map(session.partitions(plan), ([first, second, ...others]) => {
              assert.isTrue(first !== undefined && second !== undefined && others.length === 0)
              return first === undefined || second === undefined
                ? []
                : [first, { ...second, predecessors: [first.id] }]
            })
        }))
      }
      const running = yield* Effect.forkChild(
        run(Pipeline.make("lanes", { source: successive, processEach: (n) => Effect.succeed([n]), sink }))
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(running)
      const second = log.findIndex((what) => ["write 3", "write 4", "write 5"].includes(what))
      const before = log.slice(0, second)
      assert.includeMembers(before, ["flush 0", "flush 1", "flush 2"], log.join(", "))
    }))

  it.effect("a lane that needs no more holds nothing up", () =>
    Effect.gen(function*() {
      const sink = Sink.memory<number>()
      yield* run(Pipeline.make("lanes", {
        source: numbers(500, { lanes: 2 }),
        process: (events, { partition }) => partition % 2 === 0 ? Stream.take(events, 1) : events,
        sink
      }))
      assert.strictEqual((yield* sink.committed).length, 250 + 2 * 50)
    }))

  it("events that can't be used are put aside in the same batch: each is an output or a letter, and once", () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(39)),
        fc.uniqueArray(fc.nat(39)),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        fc.boolean(),
        (bad, failing, lanes, losesOut, losesLetters) =>
          Effect.gen(function*() {
            const out = Sink.memory<number>("out")
            const letters = Sink.memory<DeadLetter.Letter>("letters")
            yield* run(
              Pipeline.make("q", {
                source: numbers(40, { bad, lanes }),
                processEach: (n) => failing.includes(n) ? Effect.fail(`not ${n}`) : Effect.succeed([n]),
                sink: losesOut ? losesFirst(out) : out,
                onPoison: DeadLetter.toSink(losesLetters ? losesFirst(letters) : letters),
                deterministic: true
              }),
              2
            )
            const usable = (n: number) => !bad.includes(n) && !failing.includes(n)
            assert.deepStrictEqual(sorted(yield* out.committed), upTo(40).filter(usable))
            const aside = (yield* letters.committed).toSorted((a, b) => a.event[0]! - b.event[0]!)
            assert.deepStrictEqual(
              aside.map(({ batch, error, event, pointer, source }) => [batch, error, event[0], pointer, source]),
              upTo(40).filter((n) => !usable(n)).map((
                n
              ) => [Math.floor(n / 10), bad.includes(n) ? `no ${n}` : `not ${n}`, n, `at:${n}`, "numbers"])
            )
          }).pipe(Effect.runPromise)
      ),
      { numRuns: 60 }
    ))

  for (const lost of ["out", "letters"] as const) {
    it.effect(`rule 10: a replay for ${lost} alone puts aside what was put aside before, and no more`, () =>
      Effect.gen(function*() {
        const out = Sink.memory<number>("out")
        const letters = Sink.memory<DeadLetter.Letter>("letters")
        let attempt = 0
        const tries: Array<string> = []
        // What it fails for is another event each time, as with a service that is asked.
        const failing = [3, 4, undefined]
        yield* run(
          Pipeline.make("q", {
            source: numbers(10),
            processEach: (n) => {
              if (n === 0) attempt++
              if (n === failing[attempt - 1]) tries.push(`${attempt}: ${n}`)
              return n === failing[attempt - 1] ? Effect.fail(`try ${attempt}`) : Effect.succeed([n])
            },
            sink: lost === "out" ? losesFirst(out) : out,
            onPoison: DeadLetter.toSink(lost === "letters" ? losesFirst(letters) : letters),
            deterministic: true
          }),
          3
        )
        assert.deepStrictEqual(tries, ["1: 3", "2: 4"])
        assert.deepStrictEqual(sorted(yield* out.committed), upTo(10).filter((n) => n !== 3))
        assert.deepStrictEqual((yield* letters.committed).map(({ error, pointer }) => [pointer, error]), [[
          "at:3",
          "try 1"
        ]])
      }))
  }

  it.effect("rule 10: what an event draws does not depend on those before it, which a replay may do without", () =>
    Effect.gen(function*() {
      for (const lanes of [1, 2]) {
        const out = Sink.memory<string>("out")
        const other = Sink.memory<string>("other")
        const letters = Sink.memory<DeadLetter.Letter>("letters")
        yield* run(
          Pipeline.make("q", {
            source: numbers(20, { lanes }),
            processEach: (n) =>
              Effect.flatMap(
                Random.nextInt,
                (drawn) => n === 3 ? Effect.fail("poison") : Effect.succeed([`${n} ${drawn}`])
              ),
            sinks: [losesFirst(out), other],
            onPoison: DeadLetter.toSink(letters),
            deterministic: true
          }),
          3
        )
        assert.deepStrictEqual((yield* out.committed).toSorted(), (yield* other.committed).toSorted())
        assert.strictEqual(new Set((yield* out.committed).map((text) => text.split(" ")[1])).size, 19)
        assert.strictEqual((yield* letters.committed).length, 1)
      }
    }))

  it.effect("a batch with too many of them fails, with the error of one", () =>
    Effect.gen(function*() {
      const out = Sink.memory<number>("out")
      const letters = Sink.memory<DeadLetter.Letter>("letters")
      const error = yield* Effect.flip(run(Pipeline.make("q", {
        source: numbers(30),
        processEach: (n) => n >= 12 && n < 16 ? Effect.fail("wrong") : Effect.succeed([n]),
        sink: out,
        onPoison: DeadLetter.toSink(letters, { limit: 3 }),
        deterministic: true
      })))
      assert.strictEqual(typeof error === "object" && error.reason._tag, "TooManyDeadLetters")
      assert.deepStrictEqual([sorted(yield* out.committed), (yield* letters.committed).length], [upTo(10), 0])
    }))

  it.effect("without dead letters an event that can't be decoded fails the batch", () =>
    Effect.gen(function*() {
      for (const lanes of [1, 2]) {
        const out = Sink.memory<number>("out")
        const pipeline = Pipeline.make("q", { source: numbers(30, { bad: [14], lanes }), process: (e) => e, sink: out })
        assert.strictEqual(yield* Effect.flip(run(pipeline)), "no 14")
        assert.deepStrictEqual(sorted(yield* out.committed), upTo(10))
      }
    }))

  it.effect("a deterministic one is given time and chance that are the same each time", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_000_000)
      const one = Sink.memory<string>("one")
      const two = Sink.memory<string>("two")
      const now = Effect.gen(function*() {
        return `${yield* Clock.currentTimeMillis} ${yield* Random.nextInt} ${yield* Random.nextInt}`
      })
      const pipeline = (form: "each" | "stream") => {
        const sinks = [losesFirst(one), two]
        const options = { source: numbers(10), sinks, deterministic: true } as const
        return form === "each"
          ? Pipeline.make(form, { ...options, processEach: () => Effect.map(now, (text) => [text]) })
          : Pipeline.make(form, { ...options, process: (events) => Stream.mapEffect(events, () => now) })
      }
      for (const form of ["each", "stream"] as const) {
        yield* Effect.forkChild(TestClock.adjust("1 hour"))
        yield* run(pipeline(form), 2)
        const outputs = (yield* one.committed).slice(-10)
        // The lost sink got what the other one had, in a later try.
        assert.deepStrictEqual(outputs.toSorted(), (yield* two.committed).slice(-10).toSorted())
        assert.strictEqual(new Set(outputs).size, 10)
      }
    }))

  it.effect("killed after any record, with several sources, sinks and dead letters: everything once, at once or later", () =>
    Effect.gen(function*() {
      let killed = 0
      for (let last = 0, wasKilled = true; wasKilled; last++) {
        for (const loses of [false, true]) {
          const even = Sink.memory<string>("even")
          const odd = Sink.memory<string>("odd")
          const letters = Sink.memory<DeadLetter.Letter>("letters")
          const pipeline = (isSecond: boolean) =>
            Pipeline.make("q", {
              source: Source.union({ a: numbers(25, { bad: [7, 18] }), b: numbers(15, { lanes: 2 }) }),
              processEach: ({ _tag, value }) =>
                value % 10 === 4 ? Effect.fail(`${_tag} ${value}`) : Effect.succeed([`${_tag} ${value}`]),
              sinks: [
                Sink.filterMapInput(even, (text: string) => Number(text.slice(2)) % 2 === 0 ? text : undefined),
                // What was prepared by the first process is lost when the second looks.
                Sink.filterMapInput(
                  isSecond && loses ? losesWhatIsPrepared(odd) : odd,
                  (text: string) => Number(text.slice(2)) % 2 === 1 ? text : undefined
                )
              ],
              onPoison: DeadLetter.toSink(letters),
              deterministic: true
            })
          yield* Effect.gen(function*() {
            const logs = yield* CheckpointLog
            let appended = 0
            const dies: CheckpointLog["Service"] = {
              ...logs,
              open: (query) =>
                Effect.map(logs.open(query), (log) => ({
                  ...log,
                  append: (sequence, bytes) =>
                    sequence > last ?
                      Effect.die("killed") :
                      Effect.tap(log.append(sequence, bytes), () => Effect.sync(() => void appended++))
                }))
            }
            const exit = yield* Effect.exit(Query.run(pipeline(false)).pipe(Effect.provideService(CheckpointLog, dies)))
            wasKilled = Exit.isFailure(exit)
            if (wasKilled) killed++
            yield* Query.run(pipeline(true), { retry: Schedule.recurs(2) })
          }).pipe(Effect.provide(Layer.fresh(CheckpointLog.layerMemory)))
          const expected = (rest: number) =>
            ["a", "b"].flatMap((source) =>
              upTo(source === "a" ? 25 : 15)
                .filter((n) => n % 10 !== 4 && n % 2 === rest && !(source === "a" && (n === 7 || n === 18)))
                .map((n) => `${source} ${n}`)
            )
          assert.deepStrictEqual((yield* even.committed).toSorted(), expected(0).toSorted(), `even, ${last}`)
          assert.deepStrictEqual((yield* odd.committed).toSorted(), expected(1).toSorted(), `odd, ${last}`)
          assert.deepStrictEqual(
            (yield* letters.committed).map(({ error, source }) => `${source}: ${error}`).toSorted(),
            ["a: a 14", "a: a 24", "a: a 4", "a: no 18", "a: no 7", "b: b 14", "b: b 4"]
          )
        }
      }
      assert.isAbove(killed, 20)
    }))

  it("refuses several sinks of a process that is not deterministic", () => {
    const parts = { source: numbers(1), process: (events: Stream.Stream<number, string>) => events }
    const letters = DeadLetter.toSink(Sink.memory<DeadLetter.Letter>("letters"))
    // @ts-expect-error dead letters are a further sink
    assert.throws(() => Pipeline.make("q", { ...parts, sink: Sink.memory<number>(), onPoison: letters }))
  })
})
