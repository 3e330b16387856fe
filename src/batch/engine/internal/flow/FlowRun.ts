/**
 * A pipeline's flow while its query runs: its state, its time, and one try of a batch after the other. When a try's state is
 * durable and when it becomes current is `Commit`'s.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Ask } from "../../../../flow/graph/Node.ts"
import * as Key from "../../../../flow/key/Key.ts"
import * as Machine from "../../../../flow/machine/Machine.ts"
import * as Watermarks from "../../../../flow/time/Watermarks.ts"
import type { StoredRow } from "../../../../state/QueryState.ts"
import type { LogState, UnfinishedBatch } from "../../../log/LogState.ts"
import type { FlowPart, OpenState } from "../../../pipeline/FlowPart.ts"
import type { FlowHead } from "../../../protocol/CheckpointRecord.ts"
import type { CommitError } from "../../../protocol/CommitError.ts"
import { SourceLook, TimeState } from "../../../protocol/TimeRecord.ts"
import type { Source, SourceSession } from "../../../source/SourceContract.ts"
import type { Collected } from "./Collected.ts"
import type * as FlowInput from "./FlowInput.ts"
import * as FlowProgress from "./FlowProgress.ts"
import * as FlowSteps from "./FlowSteps.ts"
import * as FlowTime from "./FlowTime.ts"

/** What a try leaves behind besides outputs: `prepared` names it. @category models @since 0.2.0 */
export type Remembered = FlowHead

/** A batch's flow, as it is reported. @category models @since 0.2.0 */
export interface Report extends FlowSteps.Counts {
  readonly watermark: number
}

/** What a source has, as it was planned. @category models @since 0.2.0 */
export interface Found {
  readonly isEnded: boolean
  /** The batch reads something of it. */
  readonly isRead: boolean
  /** There may be more. */
  readonly isUnread: boolean
}

/** What savepoints of a log name. @category models @since 0.2.0 */
export type Pinned = Effect.Effect<ReadonlyArray<FlowHead>, unknown>

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
  readonly open: (log: LogState, pinned: Pinned) => Effect.Effect<void, E | CommitError, R | Scope.Scope>
  /** What is found of the sources when a batch is planned. */
  readonly look: (
    session: SourceSession<unknown, unknown>,
    position: Schema.Json,
    found: Found
  ) => Effect.Effect<SourceLook, CommitError>
  /** Sources that are so far ahead in time that nothing of them is read while others, of these, have something (T12). */
  readonly tooFarAhead: (sources: ReadonlyArray<string>) => ReadonlySet<string>
  /** The time for a plan: never before the last one's. */
  readonly now: (log: LogState) => Effect.Effect<number>
  /** Whether a batch without input has something to do. */
  readonly isDue: (log: LogState, planned: FlowTime.Planned) => boolean
  readonly begin: (batch: UnfinishedBatch, attempt: number) => FlowTry<E>
  /** What a batch left is current from here on. */
  readonly committed: (log: LogState) => Effect.Effect<void, E | CommitError>
  /** Whether what an unfinished batch's `prepared` names can become current; if not, the batch must be run again. */
  readonly isKept: (batch: UnfinishedBatch) => Effect.Effect<boolean, E | CommitError>
  /** W(n) of the last committed batch; `-Infinity` before anything is known. */
  readonly watermark: (log: LogState) => Effect.Effect<number, CommitError>
  /** Of the last try. */
  readonly report: () => Report | undefined
  readonly size: () => { readonly rows: number; readonly bytes: number }
  readonly slotOf: (key: string) => number
  /** The rows of a step after the last committed batch, and its number (-1: none); of a slot, if one is named. */
  readonly current: (step: string, slot: number | undefined) => AsOf
}

/** @category models @since 0.2.0 */
export interface AsOf {
  readonly batch: number
  readonly rows: ReadonlyArray<StoredRow>
}

/** @category constructors @since 0.2.0 */
export const make = <A, ES, E, R>(
  query: string,
  sources: ReadonlyArray<Source<A, ES, R>>,
  part: FlowPart<E, R>,
  isDeterministic: boolean
): FlowRun<E, R> => new Running(query, sources, part, isDeterministic)

class Running<in out E, in out R> implements FlowRun<E, R> {
  readonly program: Machine.Program
  private readonly query: string
  private readonly sources: ReadonlyArray<FlowTime.TimedSource>
  private readonly part: FlowPart<E, R>
  private readonly isDeterministic: boolean
  readonly slotOf: (key: string) => number
  private state: OpenState<E> | undefined
  private progress: FlowProgress.FlowProgress = { state: undefined, time: undefined }
  /** What stands for the end of a source that can't tell it: another one whenever something was read of it. */
  private readonly ends = new Map<SourceSession<unknown, unknown>, string>()
  private last: Report | undefined
  private readonly asks = new Map<number, Ask>()
  private batch = -1

  constructor(
    query: string,
    sources: ReadonlyArray<FlowTime.TimedSource>,
    part: FlowPart<E, R>,
    isDeterministic: boolean
  ) {
    this.isDeterministic = isDeterministic
    this.query = query
    this.sources = sources
    this.part = part
    this.program = part.program
    this.slotOf = slotsOf(part.slots)
  }

  private readonly ask = (stage: Machine.EffectStage): Ask => {
    const ask = this.asks.get(stage.index) ?? stage.open()
    this.asks.set(stage.index, ask)
    return ask
  }

  private get opened(): OpenState<E> {
    if (this.state === undefined) throw new Error("the state is not open")
    return this.state
  }

  readonly report = (): Report | undefined => this.last

  readonly size = () => this.state?.size() ?? { rows: 0, bytes: 0 }

  readonly current = (step: string, slot: number | undefined): AsOf => ({
    batch: this.batch,
    rows: this.opened.current(step, slot)
  })

  readonly open = (
    log: LogState,
    pinned: Pinned
  ): Effect.Effect<void, E | CommitError, R | Scope.Scope> =>
    Effect.gen({ self: this }, function*() {
      const { epoch, head, nextBatch, started } = log
      this.progress = yield* FlowProgress.decode(head)
      this.batch = lastCommitted(log)
      const operators = Object.fromEntries(
        this.program.stages.flatMap((stage) =>
          stage._tag === "Step" ? [[stage.name, stage.operator.rows] as const] : []
        )
      )
      this.state = yield* this.part.open({
        query: this.query,
        log: started.log ?? "",
        epoch,
        lastPlanned: nextBatch - 1,
        head: this.progress.state,
        operators,
        pinned: Effect.flatMap(pinned, (heads) =>
          Effect.map(
            Effect.forEach(heads, FlowProgress.decode),
            (all) => all.flatMap(({ state }) => state === undefined ? [] : [state])
          ))
      })
    })

  readonly look = (
    session: SourceSession<unknown, unknown>,
    position: Schema.Json,
    { isEnded, isRead, isUnread }: Found
  ): Effect.Effect<SourceLook, CommitError> =>
    Effect.gen({ self: this }, function*() {
      const parts = yield* session.parts(position)
      if (parts !== undefined) {
        const told = Object.entries(parts).map(([name, { readTo, tail }]) =>
          [name, { readTo: String(readTo), tail: String(tail) }] as const
        )
        return SourceLook.make({ isEnded, parts: Object.fromEntries(told) })
      }
      // One part, without an end that is known. The time is another one each time, also of another process.
      const known = this.ends.get(session)
      const tail = isRead || isUnread || known === undefined ? String(yield* Clock.currentTimeNanos) : known
      this.ends.set(session, tail)
      return SourceLook.make({ isEnded, parts: { "": { readTo: isUnread ? "-1" : tail, tail } } })
    })

  readonly tooFarAhead = (names: ReadonlyArray<string>): ReadonlySet<string> => {
    const { time } = this.progress
    const ahead = this.sources.filter((source) => {
      if (source.time === undefined || time === undefined || !names.includes(source.name)) return false
      const reached = Object.values(time.sources[source.name] ?? {}).map(({ watermark }) => watermark)
      const others = names.filter((name) => name !== source.name).map(() => ({ isIdle: false, hasUnread: true }))
      return !Watermarks.mayTake(Math.max(...reached), time.watermark, others, source.time)
    })
    // One that holds time back is always read.
    return new Set(ahead.length < names.length ? ahead.map(({ name }) => name) : [])
  }

  readonly now = (log: LogState): Effect.Effect<number> =>
    Effect.map(
      Clock.currentTimeMillis,
      (now) => Math.max(now, this.progress.time?.at ?? 0, ...log.unfinished.map(({ planned }) => planned.at ?? 0))
    )

  readonly isDue = (log: LogState, planned: FlowTime.Planned): boolean => {
    const { time } = this.progress
    const { watermark } = FlowTime.next(time, planned, this.sources, nothingRead)
    const { rows } = this.opened.begin(log.nextBatch, 0)
    const isDue = anyDue(this.part, time, watermark, planned.at, rows)
    this.opened.discard()
    return isDue
  }

  readonly begin = ({ batch, planned }: UnfinishedBatch, attempt: number): FlowTry<E> => {
    const { maxFirings, slots } = this.part
    const { ask, isDeterministic, program, query, slotOf, sources } = this
    const before = this.progress.time
    const clock = planned.at ?? 0
    const greatest = new Map<string, Map<string, number>>()
    const counts: FlowSteps.Counts = { late: new Map(), dropped: new Map(), future: 0 }
    const { prepare, rows } = this.opened.begin(batch, attempt)
    const common = { query, batch, program, slotOf, clock, counts }
    let reached: TimeState | undefined
    return {
      input: { ...common, seen: (source, part, time) => note(greatest, source, part, time) },
      steps: (collected, write) => {
        const next = FlowTime.next(before, { at: clock, looks: planned.looks ?? {} }, sources, greatest)
        const { watermark } = next
        return Effect.map(
          FlowSteps.run(
            { ...common, slots, rows, before, watermark, maxFirings, isDeterministic, ask, write },
            collected
          ),
          (steps) => {
            reached = TimeState.make({ at: clock, watermark, sources: next.sources, steps })
            this.last = { ...counts, watermark }
          }
        )
      },
      remember: Effect.suspend(() => {
        const time = reached
        return time === undefined
          ? Effect.die(new Error("the steps have not run"))
          : Effect.map(prepare, (state) => FlowProgress.encode(state, time))
      })
    }
  }

  readonly isKept = ({ head }: UnfinishedBatch): Effect.Effect<boolean, E | CommitError> =>
    Effect.flatMap(FlowProgress.decode(head), ({ state }) => this.opened.isKept(state))

  readonly watermark = ({ head }: LogState): Effect.Effect<number, CommitError> =>
    Effect.map(FlowProgress.decode(head), ({ time }) => time?.watermark ?? -Infinity)

  readonly committed = (log: LogState): Effect.Effect<void, E | CommitError> =>
    Effect.flatMap(FlowProgress.decode(log.head), (reached) => {
      const batch = lastCommitted(log)
      const isCurrent = JSON.stringify(this.opened.head()) === JSON.stringify(reached.state)
      return Effect.map(isCurrent ? Effect.void : this.opened.commit(reached.state), () => {
        this.progress = reached
        this.batch = batch
      })
    })
}

/** The number of the last committed batch; -1: none. @category getters @since 0.2.0 */
export const lastCommitted = ({ nextBatch, unfinished }: Pick<LogState, "nextBatch" | "unfinished">): number =>
  (unfinished[0]?.batch ?? nextBatch) - 1

const note = (greatest: Map<string, Map<string, number>>, source: string, part: string, time: number): void => {
  const parts = greatest.get(source) ?? new Map<string, number>()
  greatest.set(source, parts)
  parts.set(part, Math.max(parts.get(part) ?? -Infinity, time))
}

const nothingRead: FlowTime.Greatest = new Map()

type RowsOf = ReturnType<OpenState<unknown>["begin"]>["rows"]

/** Whether a step has rows that are due, or left some over. */
const anyDue = (
  { program, slots }: Pick<FlowPart<unknown, unknown>, "program" | "slots">,
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
      if (stage.operator.usesClock && isReached(own.nextDue("clock"), input === Infinity ? Infinity : clock)) {
        return true
      }
    }
  }
  return false
}

const isReached = (due: number | undefined, now: number): boolean => due !== undefined && due <= now

/** In which slot a key's text lies. @category getters @since 0.2.0 */
export const slotOf = (key: string, slots: number): number =>
  Key.slot(Key.group(Buffer.from(key, "latin1")), Key.defaultGroups, slots)

/** Most keys come again: their slots are remembered, so many of them. */
const remembered = 100_000

const slotsOf = (slots: number): (key: string) => number => {
  const known = new Map<string, number>()
  return (key) => {
    const there = known.get(key)
    if (there !== undefined) return there
    if (known.size >= remembered) known.clear()
    const slot = slotOf(key, slots)
    known.set(key, slot)
    return slot
  }
}
