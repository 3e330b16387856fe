/**
 * A pipeline's flow while its query runs: its state, its time, and one try of a batch after the other. When a try's state is
 * durable and when it becomes current is `Commit`'s.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Key from "../../../../flow/key/Key.ts"
import * as Machine from "../../../../flow/machine/Machine.ts"
import type { LogState, UnfinishedBatch } from "../../../log/LogState.ts"
import type { FlowPart, OpenState } from "../../../pipeline/FlowPart.ts"
import type { StateHead } from "../../../protocol/CheckpointRecord.ts"
import type { CommitError } from "../../../protocol/CommitError.ts"
import { SourceLook, TimeState } from "../../../protocol/TimeRecord.ts"
import type { Source, SourceSession } from "../../../source/SourceContract.ts"
import type { Collected } from "./Collected.ts"
import * as FlowInput from "./FlowInput.ts"
import * as FlowSteps from "./FlowSteps.ts"
import * as FlowTime from "./FlowTime.ts"
import * as Standing from "./Standing.ts"

/** What a try leaves behind besides outputs: `prepared` names it. @category models @since 0.2.0 */
export type Remembered = StateHead

/** A batch's flow, as it is reported. @category models @since 0.2.0 */
export interface Report extends FlowSteps.Counts {
  readonly watermark: number
}

/** One try of a batch. @category models @since 0.2.0 */
export interface FlowTry<out E> {
  readonly input: FlowInput.Options
  /** All partitions were read: in their order, what is there of them. Outputs go by slot. */
  readonly steps: <E2, R2>(
    collected: Collected,
    write: (slot: number, outputs: ReadonlyArray<unknown>) => Effect.Effect<void, E2, R2>
  ) => Effect.Effect<void, unknown, unknown>
  /** Makes durable what the steps left. To be called once, after them. */
  readonly remember: Effect.Effect<Remembered, E>
}

/** @category models @since 0.2.0 */
export interface FlowRun<out E, out R> {
  readonly program: Machine.Program
  /** Opens the state, once the log is owned. */
  readonly open: (log: LogState) => Effect.Effect<void, E | CommitError, R>
  /** What is found of the sources when a batch is planned. */
  readonly look: (
    session: SourceSession<unknown, unknown>,
    position: Schema.Json,
    range: { readonly isEnded: boolean; readonly isUnread: boolean }
  ) => Effect.Effect<SourceLook, CommitError>
  /** The time for a plan: never before the last one's. */
  readonly now: (log: LogState) => Effect.Effect<number>
  /** Whether a batch without input has something to do. */
  readonly isDue: (log: LogState, planned: FlowTime.Planned) => boolean
  readonly begin: (batch: UnfinishedBatch, attempt: number) => FlowTry<E>
  /** What a batch left is current from here on. */
  readonly committed: (log: LogState) => Effect.Effect<void, E | CommitError>
  /** Of the last try. */
  readonly report: () => Report | undefined
  readonly size: () => { readonly rows: number; readonly bytes: number }
}

/** @category constructors @since 0.2.0 */
export const make = <A, ES, E, R>(
  query: string,
  sources: ReadonlyArray<Source<A, ES, R>>,
  { maxFirings, open, program, slots }: FlowPart<E, R>
): FlowRun<E, R> => {
  const slotOf = slotsOf(slots)
  let state: OpenState<E> | undefined
  let standing: Standing.Standing = { state: undefined, time: undefined }
  let lookedAt = 0
  let report: Report | undefined
  const opened = (): OpenState<E> => {
    if (state === undefined) throw new Error("the state is not open")
    return state
  }
  const operators = Object.fromEntries(
    program.stages.flatMap((stage) => stage._tag === "Step" ? [[stage.name, stage.operator.rows] as const] : [])
  )

  return {
    program,
    report: () => report,
    size: () => state?.size() ?? { rows: 0, bytes: 0 },
    open: Effect.fnUntraced(function*({ epoch, head, nextBatch, started }) {
      standing = yield* Standing.decode(head)
      const log = started.log ?? ""
      state = yield* open({ query, log, epoch, lastPlanned: nextBatch - 1, head: standing.state, operators })
    }),
    look: (session, position, { isEnded, isUnread }) =>
      Effect.map(session.parts(position), (parts) =>
        SourceLook.make({
          isEnded,
          parts: parts === undefined
            // One part, of which is known only whether there may be more: then it has no end that stays.
            ? { "": { readTo: "0", tail: isUnread ? String(++lookedAt) : "0" } }
            : Object.fromEntries(
              Object.entries(parts).map((
                [name, { readTo, tail }]
              ) => [name, { readTo: String(readTo), tail: String(tail) }])
            )
        })),
    now: (log) =>
      Effect.map(Clock.currentTimeMillis, (now) => Math.max(now, standing.time?.at ?? 0, ...log.unfinished.map(atOf))),
    isDue: (log, planned) => {
      const { watermark } = FlowTime.next(standing.time, planned, sources, nothingRead)
      const due = opened().begin(log.nextBatch, 0)
      const isDue = program.stages.length > 0 && anyDue(program, slots, standing.time, watermark, planned.at, due.rows)
      opened().discard()
      return isDue
    },
    begin: (batch, attempt) => {
      const { planned } = batch
      const before = standing.time
      const clock = planned.at ?? 0
      const greatest = new Map<string, Map<string, number>>()
      const counts: FlowSteps.Counts = { late: new Map(), dropped: new Map(), future: 0 }
      const tried = opened().begin(batch.batch, attempt)
      let time: TimeState | undefined
      return {
        input: {
          query,
          batch: batch.batch,
          clock,
          program,
          slotOf,
          counts,
          seen: (source, part, at) => {
            const parts = greatest.get(source) ?? new Map<string, number>()
            greatest.set(source, parts)
            parts.set(part, Math.max(parts.get(part) ?? -Infinity, at))
          }
        },
        steps: Effect.fnUntraced(function*(collected, write) {
          const next = FlowTime.next(before, { at: clock, looks: planned.looks ?? {} }, sources, greatest)
          const { watermark } = next
          const steps = yield* FlowSteps.run({
            query,
            batch: batch.batch,
            program,
            slots,
            slotOf,
            rows: tried.rows,
            before,
            watermark,
            clock,
            maxFirings,
            counts,
            write
          }, collected)
          time = TimeState.make({ at: clock, watermark, sources: next.sources, steps })
          report = { ...counts, watermark }
        }),
        remember: Effect.suspend(() => {
          const reached = time
          return reached === undefined
            ? Effect.die(new Error("the steps have not run"))
            : Effect.map(tried.prepare, (state) => Standing.encode(state, reached))
        })
      }
    },
    committed: ({ head }) =>
      Effect.flatMap(Standing.decode(head), (reached) => {
        const isCurrent = JSON.stringify(opened().head()) === JSON.stringify(reached.state)
        return Effect.map(isCurrent ? Effect.void : opened().commit(reached.state), () => {
          standing = reached
        })
      })
  }
}

const nothingRead: FlowTime.Greatest = new Map()

const atOf = ({ planned }: UnfinishedBatch): number => planned.at ?? 0

type RowsOf = ReturnType<OpenState<unknown>["begin"]>["rows"]

/** Whether a step has rows that are due, or left some over. */
const anyDue = (
  program: Machine.Program,
  slots: number,
  before: TimeState | undefined,
  watermark: number,
  clock: number,
  rows: RowsOf
): boolean => {
  const outputs: Array<number> = []
  for (const stage of program.stages) {
    const input = Machine.inputWatermark(stage, watermark, outputs)
    outputs[stage.index] = input
    if (stage._tag === "Effect") continue
    outputs[stage.index] = stage.operator.watermark(input)
    if (before?.steps[stage.name]?.isLeftOver === true) return true
    for (let slot = 0; slot < slots; slot++) {
      const own = rows(stage.name, slot)
      if (isReached(own.nextDue("event"), input)) return true
      if (stage.operator.usesClock && isReached(own.nextDue("clock"), clock)) return true
    }
  }
  return false
}

const isReached = (due: number | undefined, now: number): boolean => due !== undefined && due <= now

/** Most keys come again: their slots are remembered, so many of them. */
const remembered = 100_000

const slotsOf = (slots: number): (key: string) => number => {
  const known = new Map<string, number>()
  return (key) => {
    const there = known.get(key)
    if (there !== undefined) return there
    if (known.size >= remembered) known.clear()
    const slot = Key.slot(Key.group(Buffer.from(key, "latin1")), Key.defaultGroups, slots)
    known.set(key, slot)
    return slot
  }
}
