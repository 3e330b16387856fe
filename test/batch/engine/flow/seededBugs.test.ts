/** Mistakes of state and time, made on purpose: the property that flows are held to in the engine must notice each. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as FastCheck from "fast-check"
import { CheckpointRecord, decode, encode, Planned } from "../../../../src/batch/protocol/CheckpointRecord.ts"
import type { Operation } from "../../../../src/flow/graph/Node.ts"
import type { Due, Inputs, Moment, Operator, RowKind, Rows } from "../../../../src/flow/machine/Operator.ts"
import * as Operators from "../../../../src/flow/machine/Operators.ts"
import { StateStore } from "../../../../src/state/StateStore.ts"
import { type AnyFlow, toldEarly } from "../../../flow/randomFlows.ts"
import { agrees, type Part, withState } from "./flowProperty.ts"
import type * as FlowWorld from "./FlowWorld.ts"

type Bug = Pick<FlowWorld.Options, "part" | "source" | "log"> & {
  /** Of which flows it is one; default: all. */
  readonly flow?: FastCheck.Arbitrary<AnyFlow>
}

const withOperators = (part: Part, change: (operator: Operator) => Operator): Part => ({
  ...part,
  program: {
    ...part.program,
    stages: part.program.stages.map((stage) =>
      stage._tag === "Step" ? { ...stage, operator: change(stage.operator) } : stage
    )
  }
})

/** Steps of this kind run as if they had been written otherwise. */
const withOperations = <Tag extends Operation["_tag"]>(
  tag: Tag,
  change: (operation: Extract<Operation, { _tag: Tag }>) => Operation
): Bug => ({
  part: (part) => ({
    ...part,
    program: {
      ...part.program,
      stages: part.program.stages.map((stage) => {
        if (stage._tag !== "Step" || stage.step.operation._tag !== tag) return stage
        const operation = change(stage.step.operation as Extract<Operation, { _tag: Tag }>)
        return { ...stage, operator: Operators.make({ ...stage.step, operation }, stage.key) }
      })
    }
  })
})

/** Each process sees rows otherwise. */
const withRows = (change: (rows: Rows, life: number) => Rows): Bug => ({
  part: (part, life) =>
    withOperators(part, (operator) => ({
      ...operator,
      run: (rows, ...rest) => operator.run(change(rows, life), ...rest)
    }))
})

const withInputs = (change: (inputs: Inputs, moment: Moment) => Inputs): Bug => ({
  part: (part) =>
    withOperators(part, (operator) => ({
      ...operator,
      run: (rows, inputs, moment, out) => operator.run(rows, change(inputs, moment), moment, out)
    }))
})

const pick = <A>(all: ReadonlyArray<A>, isIn: ReadonlyArray<boolean>): ReadonlyArray<A> => all.filter((_, i) => isIn[i])

const atMoment = (change: (moment: Moment) => Moment): Bug => ({
  part: (part) =>
    withOperators(part, (operator) => ({
      ...operator,
      run: (rows, inputs, moment, out) => operator.run(rows, inputs, change(moment), out)
    }))
})

const bugs: Readonly<Record<string, Bug>> = {
  "late is judged by W(n)": atMoment((moment) => ({ ...moment, before: moment.watermark })),
  "W(n-1) is forgotten": atMoment((moment) => ({ ...moment, before: -Infinity })),
  "the watermark is the clock of the machine": atMoment((moment) => ({ ...moment, watermark: Date.now() })),
  "what W(n) makes due fires with the next batch": atMoment((moment) => ({ ...moment, watermark: moment.before })),
  "the end of time is only late": atMoment((moment) => ({ ...moment, watermark: Math.min(moment.watermark, 1e6) })),
  "what is left over is forgotten": {
    part: (part) =>
      withOperators({ ...part, maxFirings: 1 }, (operator) => ({
        ...operator,
        run: (...args) => {
          operator.run(...args)
          return { leftOver: undefined }
        }
      }))
  },
  "an operator's output watermark is that of its input": {
    part: (part) => withOperators(part, (operator) => ({ ...operator, watermark: (input) => input }))
  },
  "a slot takes its events from the last to the first": {
    part: (part) =>
      withOperators(part, (operator) => ({
        ...operator,
        run: (rows, { keys, places, ports, values }, moment, out) =>
          operator.run(
            rows,
            {
              keys: keys.toReversed(),
              places: places.toReversed(),
              values: values.toReversed(),
              ports: ports?.toReversed()
            },
            moment,
            out
          )
      }))
  },
  "slots are as many as the process likes": { part: (part, life) => ({ ...part, slots: 1 + life % 3 }) },
  "a try goes on with what the failed one wrote": {
    part: (part) =>
      withState(part, (state) => {
        let first: ReturnType<typeof state.begin> | undefined
        return {
          ...state,
          begin: (batch, attempt) => {
            if (attempt > 1 && first !== undefined) return { ...state.begin(batch, attempt), rows: first.rows }
            return first = state.begin(batch, attempt)
          }
        }
      })
  },
  "a batch is made current when it is prepared, and tried again from there": {
    part: (part) =>
      withState(part, (state) => ({
        ...state,
        begin: (batch, attempt) => {
          const tried = state.begin(batch, attempt)
          return { ...tried, prepare: Effect.tap(tried.prepare, state.commit) }
        }
      }))
  },
  "a batch is never made current": {
    part: (part) => withState(part, (state) => ({ ...state, commit: () => Effect.sync(() => state.discard()) }))
  },
  "a delta is written after its batch is prepared": {
    part: (part) => ({
      ...part,
      open: (options) =>
        Effect.updateService(part.open(options), StateStore, ({ heapBytes, open }) => {
          let waiting: Effect.Effect<unknown> = Effect.void
          return {
            heapBytes,
            open: (query) =>
              Effect.map(open(query), (home) => ({
                ...home,
                create: (name, bytes) =>
                  Effect.suspend(() => {
                    const before = waiting
                    waiting = Effect.ignore(home.create(name, bytes.slice()))
                    return Effect.as(before, "created" as const)
                  })
              }))
          }
        })
    })
  },
  "a query with a log goes on with empty state": {
    part: (part) => ({ ...part, open: (options) => part.open({ ...options, head: undefined }) })
  },
  "what was found of the sources is not recorded": {
    log: (log) => ({
      ...log,
      open: (query) =>
        Effect.map(log.open(query), (own) => ({
          ...own,
          append: (sequence, bytes) => own.append(sequence, withoutLooks(bytes))
        }))
    })
  },
  "a key's events come as they arrive, and its timers after them": withOperations("State", (operation) => ({
    ...operation,
    order: "arrival"
  })),
  "a join frees a row when its own time has passed": {
    part: (part) =>
      withOperators(part, (operator) => ({
        ...operator,
        rows: Object.fromEntries(
          Object.entries(operator.rows).map(([kind, row]) =>
            kind === "l" || kind === "r"
              ? [
                kind,
                {
                  ...row,
                  due: (_sub, value) => ({ line: "event", time: (value as { at: { time: number } }).at.time + 1 })
                } satisfies RowKind
              ]
              : [kind, row]
          )
        )
      }))
  },
  "a session that was told and merged stays": {
    part: (part) =>
      withOperators(part, (operator) => ({
        ...operator,
        run: (rows, inputs, moment, out) => {
          const ran = operator.run(rows, inputs, moment, out)
          const isIn = out.values.map((value) => (value as { _tag?: string })._tag !== "Removed")
          out.values.splice(0, Infinity, ...pick(out.values, isIn))
          out.places.splice(0, Infinity, ...pick(out.places, isIn))
          return ran
        }
      }))
  },
  "timers are forgotten when another process goes on": (() => {
    const known = new WeakMap<object, Set<string>>()
    let of: object = {}
    let last = 0
    return withRows((rows, life) => {
      if (life !== last) of = {}
      last = life
      const own = known.get(of) ?? new Set<string>()
      known.set(of, own)
      return {
        ...forwarded(rows),
        set: (key, sub, value) => {
          own.add(key + sub)
          rows.set(key, sub, value)
        },
        due: (line, upTo, limit) => {
          const isLost = ({ key, sub }: Due) => sub.startsWith("t") && !own.has(key + sub)
          for (;;) {
            const due = rows.due(line, upTo, limit)
            const lost = due.filter(isLost)
            if (lost.length === 0) return due
            for (const { key, sub } of lost) rows.delete(key, sub)
          }
        }
      }
    })
  })(),
  "an aggregate changes its accumulator in place": withOperations("Window", (operation) => {
    const { aggregate } = operation
    const add: typeof aggregate.add = (accumulator, input, at) => {
      const next = aggregate.add(accumulator, input, at)
      if (accumulator === aggregate.initial || !Array.isArray(accumulator) || !Array.isArray(next)) return next
      accumulator.splice(0, Infinity, ...next)
      return accumulator
    }
    return {
      ...operation,
      aggregate: Object.assign(Object.create(Object.getPrototypeOf(aggregate)), aggregate, { add })
    }
  }),
  "late is what is older than the watermark, also for a window that is open": {
    part: (part) =>
      withOperators(part, (operator) => ({
        ...operator,
        run: (rows, { keys, places, ports, values }, moment, out) => {
          const isIn = places.map(({ time }) => time >= moment.before)
          const inputs = {
            keys: pick(keys, isIn),
            places: pick(places, isIn),
            values: pick(values, isIn),
            ports: ports === undefined ? undefined : pick(ports, isIn)
          }
          const late = values.flatMap((value, i) => isIn[i] ? [] : [{ port: ports?.[i] ?? 0, value, at: places[i]! }])
          out.late.push(...late)
          return operator.run(rows, inputs, moment, out)
        }
      }))
  },
  "ties are decided by where an event is in its batch": withInputs((inputs) => ({
    ...inputs,
    places: inputs.places.map(({ time }, i) => ({ time, source: "", segment: 0n, offset: BigInt(i), ordinal: 0 }))
  })),
  "what was told of a window is forgotten": {
    flow: toldEarly,
    ...withRows((rows) => ({
      ...forwarded(rows),
      get: (key, sub) => {
        const row = rows.get(key, sub)
        return typeof row === "object" && row !== null && "told" in row ? { ...row, told: Option.none() } : row
      }
    }))
  },
  "time goes by one segment only": {
    source: (source) => ({
      ...source,
      open: Effect.map(source.open, (session) => ({
        ...session,
        parts: (position) =>
          Effect.map(
            session.parts(position),
            (parts) => parts === undefined ? undefined : Object.fromEntries(Object.entries(parts).slice(0, 1))
          )
      }))
    })
  },
  "a segment that is not begun doesn't hold time back": {
    source: (source) => ({
      ...source,
      open: Effect.map(source.open, (session) => ({
        ...session,
        parts: (position) =>
          Effect.map(session.parts(position), (parts) =>
            parts === undefined
              ? undefined
              : Object.fromEntries(Object.entries(parts).filter(([, { readTo }]) => readTo > 0n)))
      }))
    })
  }
}

/** The functions of rows, which are an object of a class. */
function forwarded(rows: Rows): Rows {
  return {
    get: (key, sub) => rows.get(key, sub),
    set: (key, sub, value) => rows.set(key, sub, value),
    delete: (key, sub) => rows.delete(key, sub),
    range: (key, from, to, limit) => rows.range(key, from, to, limit),
    due: (line, upTo, limit) => rows.due(line, upTo, limit),
    nextDue: (line) => rows.nextDue(line)
  }
}

function withoutLooks(bytes: Uint8Array): Uint8Array {
  const record = Result.getOrThrow(decode(bytes))
  const entries = record.entries.map((entry) => {
    if (entry._tag !== "planned") return entry
    const { at = 0, batch, isPartial, plans, positions } = entry
    return new Planned({ at, batch, plans, positions, ...isPartial === undefined ? {} : { isPartial } })
  })
  return encode(new CheckpointRecord({ epoch: record.epoch, owner: record.owner, entries }))
}

/** A mistake must show within so many histories: of the rarest one in a hundred shows it, and seeds are drawn. */
const most = 3000

describe("Seeded bugs of state and time", () => {
  const found: Array<string> = []
  for (const [name, bug] of Object.entries(bugs)) {
    it(`is caught: ${name}`, async () => {
      const { failed, numRuns } = await FastCheck.check(agrees(bug), { numRuns: most, endOnFailure: true })
      assert.isTrue(failed, `not found in ${most} histories`)
      found.push(`${String(numRuns).padStart(5)}  ${name}`)
    })
  }

  it("and without one nothing is found", async () => {
    assert.isFalse((await FastCheck.check(agrees({}), { numRuns: 60 })).failed)
  })
  afterAll(() => console.log(["histories until a seeded bug was caught:", ...found].join("\n")))
})
