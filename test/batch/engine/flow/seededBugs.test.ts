/** Mistakes of state and time, made on purpose: the property that flows are held to in the engine must notice each. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as FastCheck from "fast-check"
import { CheckpointRecord, decode, encode, Planned } from "../../../../src/batch/protocol/CheckpointRecord.ts"
import type { Moment, Operator } from "../../../../src/flow/machine/Operator.ts"
import { StateStore } from "../../../../src/state/StateStore.ts"
import { agrees, type Part, withState } from "./flowProperty.ts"
import type * as FlowWorld from "./FlowWorld.ts"

type Bug = Pick<FlowWorld.Options, "part" | "source" | "log">

const withOperators = (part: Part, change: (operator: Operator) => Operator): Part => ({
  ...part,
  program: {
    ...part.program,
    stages: part.program.stages.map((stage) =>
      stage._tag === "Step" ? { ...stage, operator: change(stage.operator) } : stage
    )
  }
})

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

function withoutLooks(bytes: Uint8Array): Uint8Array {
  const record = Result.getOrThrow(decode(bytes))
  const entries = record.entries.map((entry) => {
    if (entry._tag !== "planned") return entry
    const { at = 0, batch, isPartial, plans, positions } = entry
    return new Planned({ at, batch, plans, positions, ...isPartial === undefined ? {} : { isPartial } })
  })
  return encode(new CheckpointRecord({ epoch: record.epoch, owner: record.owner, entries }))
}

/** A mistake must show within so many histories. */
const most = 400

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
