/**
 * Cases from the test suites of other engines, through each interpreter: `npm run test:flow-cases`. Those of `cases`, or of
 * the folder that FLOW_CASES names.
 */
import { assert, describe, it } from "@effect/vitest"
import { Watermarks } from "effect-pravega/flow"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { engine } from "../batch/engine/flow/engine.ts"
import { caseFlow } from "./CaseFlow.ts"
import { droppedEvents, keptLonger, notOurs } from "./choices.ts"
import { FlowCase, type Row, type Step, story } from "./FlowCase.ts"
import { type Interpreter, machine, model, type Outcome } from "./Interpreter.ts"

const given = process.env["FLOW_CASES"] ?? ""
const folder = given === "" ? join(import.meta.dirname, "cases") : given
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(FlowCase))
const cases = readdirSync(folder).filter((file) => file.endsWith(".json") && file !== "index.json").sort()
  .map((file) => decode(readFileSync(join(folder, file), "utf8")))

/** A further one is a line here. */
const interpreters: ReadonlyArray<Interpreter> = [
  model,
  machine(),
  machine({ maxFirings: 1 }),
  engine({ seed: 1 }),
  engine({ seed: 2, cuts: true })
]

for (const interpreter of interpreters) {
  describe(`cases: ${interpreter.name}`, () => {
    for (const of of cases) {
      if (of.operator["kind"] === "combineWatermarks") continue
      it.effect.skipIf(of.id in notOurs)(of.id, () => check(of, interpreter))
    }
  })
}

describe("cases: watermarks", () => {
  for (const of of cases) {
    if (of.operator["kind"] !== "combineWatermarks") continue
    it.effect.skipIf(of.id in notOurs)(of.id, () => Effect.sync(() => combined(of)))
  }
})

it("each choice is that of a case", () => {
  if (given !== "") return
  const ids = new Set(cases.map(({ id }) => id))
  assert.deepStrictEqual(
    [...Object.keys(notOurs), ...Object.keys(droppedEvents), ...Object.keys(keptLonger)].filter((id) => !ids.has(id)),
    []
  )
})

const check = (of: FlowCase, interpreter: Interpreter): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { flow, inputs } = caseFlow(of)
    const { looks, moments } = story(of, inputs)
    const outcomes = yield* interpreter.run(flow, moments)
    const seen = new Seen(of, outcomes)
    for (const { after, step } of looks) seen.look(step, after)
  })

/** What has been looked at already. */
class Seen {
  private readonly of: FlowCase
  private readonly outcomes: ReadonlyArray<Outcome>
  private outputs = 0
  private late = 0
  private dropped = 0

  constructor(of: FlowCase, outcomes: ReadonlyArray<Outcome>) {
    this.of = of
    this.outcomes = outcomes
  }

  look(step: Step, after: number): void {
    if (step.get !== undefined) {
      const [row] = this.rows(this.outputs, after)
      this.outputs = after
      assert.deepStrictEqual(row?.["value"] ?? null, step.gives)
    }
    if (step.expect !== undefined) {
      this.compare(
        this.rows(this.outputs, after).filter((row) => row["lateOf"] === undefined),
        step.expect,
        step.ordered
      )
      this.outputs = after
    }
    if (step.expectLast !== undefined) {
      this.compare(this.rows(this.outputs, after).slice(-step.expectLast.length), step.expectLast, step.ordered)
      this.outputs = after
    }
    if (step.expectLate !== undefined) {
      this.compare(this.rows(this.late, after).filter((row) => row["lateOf"] !== undefined), step.expectLate, false)
      this.late = after
    }
    if (step.expectDropped !== undefined) {
      const expected = step.unit === undefined ? step.expectDropped : droppedEvents[this.of.id]
      assert.strictEqual(this.count(after), expected, "dropped")
      this.dropped = after
    }
    if (step.expectState !== undefined && !(this.of.id in keptLonger)) this.state(step.expectState, after)
  }

  private rows(from: number, to: number): ReadonlyArray<Row> {
    return this.outcomes.slice(from, to).flatMap(({ outputs }) =>
      outputs.map(({ at, value }) => ({ time: at.time, ...Schema.decodeUnknownSync(Row)(value) }))
    )
  }

  private count(to: number): number {
    return this.outcomes.slice(this.dropped, to).flatMap(({ late }) => Object.values(late)).reduce((a, b) => a + b, 0)
  }

  /** Of each row what the case speaks of. */
  private compare(rows: ReadonlyArray<Row>, expected: ReadonlyArray<Row>, isOrdered = false): void {
    const fields = new Set(expected.flatMap((row) => Object.keys(row)))
    // A window's result has the window's last instant as its time.
    if (this.of.operator["kind"] === "window") fields.delete("time")
    fields.delete("input")
    // Results do not say whether they came before the end of their window, at it, or after it.
    fields.delete("pane")
    // Outputs of the engine have no time but what they say themselves, and come slot by slot.
    const isEngine = rows.some(({ time }) => Number.isNaN(time))
    if (isEngine) fields.delete("time")
    const only = (row: Row) => JSON.stringify(Object.fromEntries([...fields].sort().map((name) => [name, row[name]])))
    // Ours are in order of time.
    const isSet = this.of.id === "beam-session-any-order" || this.of.id === "beam-discarding-panes"
    const ours = rows.map(isSet ? asSet : same).map(only)
    const theirs = expected.map(isSet ? asSet : same).map(only)
    if (isOrdered && !isEngine) assert.deepStrictEqual(ours, theirs)
    else assert.deepStrictEqual(ours.toSorted(), theirs.toSorted())
  }

  private state(expected: Row, after: number): void {
    const rowsOf = this.outcomes[after - 1]!.rows
    // The model keeps all, and shows nothing.
    if (rowsOf === undefined) return
    const steps = ["windows", "once", "joined", "process", "state", "latest"].flatMap((step) => rowsOf(step))
    // When a key's next window is due is told by another row, where windows overlap.
    const rows = steps.filter(({ sub }) => sub !== "n")
    if (expected["rows"] !== undefined) assert.isAtMost(rows.length, Number(expected["rows"]))
    for (const [side, letter] of [["left", "l"], ["right", "r"]] as const) {
      const times = rows.filter(({ sub }) => sub.startsWith(letter)).map(({ value }) => Waiting(value).at.time)
      if (expected[side] !== undefined) assert.deepStrictEqual(times, expected[side])
    }
    if (expected["sessions"] !== undefined) {
      const sessions = rows.map(({ key, value }) => {
        const { accumulator: [first, last, count] } = Session(value)
        return [JSON.parse(textOf(key)), first, last, count]
      })
      assert.deepStrictEqual(sessions, expected["sessions"])
    }
  }
}

const Row = Schema.Record(Schema.String, Schema.Unknown)
const Waiting = Schema.decodeUnknownSync(Schema.Struct({ at: Schema.Struct({ time: Schema.Number }) }))
const Session = Schema.decodeUnknownSync(Schema.Struct({
  // of the struct's fields, in the order of their names
  accumulator: Schema.Tuple([Schema.Number, Schema.Number, Schema.Number])
}))

const same = (row: Row): Row => row
const asSet = (row: Row): Row =>
  Array.isArray(row["value"]) ? { ...row, value: row["value"].map((one) => JSON.stringify(one)).toSorted() } : row
/** A text as key is its characters, and an end. */
const textOf = (key: string): string => key.slice(key.indexOf("\""), key.lastIndexOf("\"") + 1)

/** What several inputs' watermarks make together, and when all are idle. */
const combined = (of: FlowCase): void => {
  const inputs = Schema.decodeUnknownSync(Schema.Array(Schema.String))(of.operator["inputs"])
  const delays = Schema.decodeUnknownSync(Schema.Record(Schema.String, Schema.Number))(of.operator["delays"] ?? {})
  const segments = new Map(inputs.map((input) => [input, { watermark: -Infinity, isIdle: false }]))
  const options = { disorder: 0, whenAllIdle: "wait" as const }
  let watermark = -Infinity
  let told: Array<number> = []
  const go = (input: string, to: { readonly watermark?: number; readonly isIdle?: boolean }): void => {
    segments.set(input, { ...segments.get(input)!, ...to })
    const next = Watermarks.combine(watermark, [...segments.values()], 0, options)
    if (next > watermark) told.push(next)
    watermark = next
  }
  for (const step of of.steps) {
    const { active, batch, expectStatus, expectWatermark, expectWatermarks, idle, input, watermark: known } = step
    if (typeof known === "number" && input !== undefined) {
      const before = segments.get(input)!
      // What an idle input says is of no account.
      if (!before.isIdle) go(input, { watermark: Math.max(before.watermark, known) })
    }
    for (const event of batch ?? []) {
      const { watermark: before } = segments.get(event.input!)!
      const disorder = delays[event.input!] ?? 0
      segments.set(event.input!, {
        watermark: Watermarks.advance(before, [Number(event.time)], { disorder }),
        isIdle: false
      })
    }
    if (batch !== undefined) go(inputs[0]!, {})
    if (idle !== undefined) go(idle, { isIdle: true })
    if (active !== undefined) go(active, { isIdle: false })
    // Before anything is known others say 0.
    if (expectWatermark !== undefined) assert.strictEqual(Math.max(0, watermark), expectWatermark)
    if (expectWatermarks !== undefined) {
      assert.deepStrictEqual(told, expectWatermarks)
      told = []
    }
    if (expectStatus !== undefined) {
      const isIdle = [...segments.values()].every((segment) => segment.isIdle)
      assert.strictEqual(isIdle, expectStatus === "idle")
    }
  }
}
