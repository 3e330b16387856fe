/**
 * Watches a query's log and what reaches the controller, as they happen, and holds them against the commit protocol: what
 * is prepared is fixed, nothing else is committed, and nothing of it is aborted. It decodes the records itself and shares
 * no code with the protocol's own reading of the log.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { StoredRecord } from "../../../batch/log/CheckpointLog.ts"
import { decode, type Entry, type Planned } from "../../../batch/protocol/CheckpointRecord.ts"
import { StreamCut } from "../../../core/StreamCut.ts"
import type { Call } from "../../faults/FaultyServer.ts"

/** What must hold, as recovery's catalogue numbers it. @category models @since 0.1.0 */
export interface Violation {
  readonly invariant: string
  readonly detail: string
}

/** @category models @since 0.1.0 */
export interface MonitorOptions {
  readonly onViolation: (violation: Violation) => void
  /** Which sinks are streams that `visible` can be asked about; what others hold is not this world's. */
  readonly sinks: ReadonlySet<string>
  /** Those of them that show nothing before it is prepared. */
  readonly transactional?: ReadonlySet<string> | undefined
  /** How many events a stream shows to everybody now; undefined: nobody can look. */
  readonly visible: (stream: string) => number | undefined
}

interface Batch {
  stage: "planned" | "begun" | "prepared" | "committed"
  readonly from: string
  readonly to: string
  /** Per sink: how many events. */
  readonly prepared: Map<string, number>
}

const decodePositions = Schema.decodeUnknownSync(
  Schema.fromJsonString(Schema.Record(Schema.String, Schema.toCodecJson(StreamCut)))
)

/** @category models @since 0.1.0 */
export class ProtocolMonitor {
  private readonly options: MonitorOptions
  /** Named by a durable `prepared`, by transaction. */
  private readonly prepared = new Set<string>()
  private readonly named = new Set<string>()
  private readonly batches = new Map<number, Batch>()
  private epoch = 0
  private owner = ""
  private position: string | undefined = undefined
  private positions: Planned["positions"] = {}
  private restated = 0
  private isRepaired = false

  constructor(options: MonitorOptions) {
    this.options = options
  }

  /** How far the oldest batch is that is not committed. */
  open(): Batch["stage"] | "none" {
    return Array.from(this.batches.values()).find(({ stage }) => stage !== "committed")?.stage ?? "none"
  }

  /** Another query begins where this one stood: what was not committed is done again by it. */
  goOnAsAnother(): void {
    const [open] = Array.from(this.batches.values()).filter(({ stage }) => stage !== "committed")
    if (open !== undefined) this.position = open.from
    for (const [number, { stage }] of this.batches) if (stage !== "committed") this.batches.delete(number)
    this.epoch = 0
    this.owner = ""
  }

  /** Its log was deleted: it begins at the beginning, and what it had done is none of the new one's. */
  beginAnew(): void {
    this.batches.clear()
    this.position = undefined
    this.positions = {}
    this.epoch = 0
    this.owner = ""
  }

  /** A damaged record is left out: the log says again where the query stands, what is not committed too. */
  expectRepair(): void {
    this.isRepaired = true
  }

  /** Where the sources, which are Pravega streams, were read up to when the last committed batch ended. */
  readCuts(): ReadonlyArray<StreamCut> {
    let last: Batch | undefined
    for (const batch of this.batches.values()) if (batch.stage === "committed") last = batch
    return last === undefined ? [] : Object.values(decodePositions(last.to))
  }

  /** Whether it is recorded where the query begins. */
  isStarted(): boolean {
    return this.position !== undefined
  }

  /** How often the log was compacted. */
  compactions(): number {
    return this.restated
  }

  /** How many batches are committed. */
  committed(): number {
    return Array.from(this.batches.values()).filter(({ stage }) => stage === "committed").length
  }

  /** What all batches before this one put into a sink. */
  eventsBefore(batch: number, sink: string): number {
    let events = 0
    for (const [number, { prepared }] of this.batches) if (number < batch) events += prepared.get(sink) ?? 0
    return events
  }

  append({ bytes, sequence }: StoredRecord): void {
    const decoded = decode(bytes)
    // torn by a fault: the next claim says so
    if (Result.isFailure(decoded)) return
    const { entries, epoch, owner } = decoded.success
    const claims = entries.some((entry) => entry._tag === "claimed")
    if (claims ? epoch !== this.epoch + 1 : epoch !== this.epoch || owner !== this.owner) {
      this.violated("I5", `record ${sequence}: epoch ${epoch} of ${owner}, where ${this.epoch} of ${this.owner} is`)
    }
    this.epoch = epoch
    this.owner = owner
    this.isHidden()
    for (const entry of entries) this.entry(entry, sequence)
  }

  call({ method, transaction }: Call): void {
    if (transaction === undefined) return
    const { id, stream } = transaction
    const isOurs = this.named.has(id) || this.options.sinks.has(stream)
    if (method === "commitTransaction" && isOurs && !this.prepared.has(id)) {
      this.violated("I6", `premature-commit: transaction ${id} is committed, and no durable record prepared it`)
    }
    if (method === "abortTransaction" && this.prepared.has(id)) {
      this.violated("I6", `transaction ${id} is aborted, and a durable record prepared it`)
    }
  }

  private planned(planned: Planned, sequence: number): void {
    const { batch, looks, plans } = planned
    const { positions } = planned.whole(this.positions)
    if (this.batches.has(batch)) this.violated("I5", `record ${sequence}: batch ${batch} is planned twice`)
    const to = JSON.stringify(positions)
    // Time alone makes batches of flows (T6): these read nothing.
    const isOfTime = looks !== undefined && Object.keys(plans).length === 0
    if (!isOfTime && to === this.position) {
      this.violated("I5", `record ${sequence}: batch ${batch} ends where it starts`)
    }
    if (isOfTime && to !== this.position) {
      this.violated("I5", `record ${sequence}: batch ${batch} reads nothing, and does not end where it starts`)
    }
    this.batches.set(batch, { stage: "planned", from: this.position ?? "", to, prepared: new Map() })
    this.position = to
    this.positions = positions
  }

  private entry(entry: Entry, sequence: number): void {
    switch (entry._tag) {
      case "started": {
        // again, when the log is compacted: what came before it is forgotten
        const position = JSON.stringify(entry.positions)
        if (this.isRepaired) {
          this.isRepaired = false
          // what is open is planned again behind it, as it was
          const [open] = Array.from(this.batches.values()).filter(({ stage }) => stage !== "committed")
          if (open !== undefined) this.position = open.from
          for (const [number, { stage }] of this.batches) if (stage !== "committed") this.batches.delete(number)
        }
        const isOpen = Array.from(this.batches.values()).some(({ stage }) => stage !== "committed")
        if (isOpen || (this.position !== undefined && position !== this.position)) {
          this.violated("I5", `record ${sequence}: it restates the query where it does not stand`)
        }
        if (this.position !== undefined) this.restated++
        this.position = position
        this.positions = entry.positions
        return
      }
      case "claimed":
        return
      case "planned":
        return this.planned(entry, sequence)
      case "begun": {
        const batch = this.batch(entry.batch, sequence)
        for (const handle of Object.values(entry.sinks)) if (typeof handle === "string") this.named.add(handle)
        if (batch?.stage === "planned") batch.stage = "begun"
        if (batch?.stage === "committed") this.violated("I5", `record ${sequence}: a committed batch begins`)
        return
      }
      case "prepared": {
        const batch = this.batch(entry.batch, sequence)
        if (batch?.stage === "committed") this.violated("I5", `record ${sequence}: a committed batch is prepared`)
        if (batch === undefined) return
        batch.stage = "prepared"
        for (const [sink, prepared] of Object.entries(entry.sinks)) {
          if (prepared === null) {
            batch.prepared.delete(sink)
            continue
          }
          batch.prepared.set(sink, prepared.events)
          // others than a Pravega transaction's have a shape of their own
          if (typeof prepared.handle !== "string") continue
          this.prepared.add(prepared.handle)
          if (!this.named.has(prepared.handle)) {
            this.violated("I5", `record ${sequence}: transaction ${prepared.handle} is prepared, and never begun`)
          }
        }
        return
      }
      case "committed": {
        const batch = this.batch(entry.batch, sequence)
        if (batch === undefined) return
        if (batch.stage !== "prepared") {
          this.violated("I5", `record ${sequence}: batch ${entry.batch} was ${batch.stage}`)
        }
        batch.stage = "committed"
        for (const sink of batch.prepared.keys()) this.isVisible(entry.batch, sink)
      }
    }
  }

  /** How many events the committed batches put into a sink. */
  eventsCommitted(sink: string): number {
    let events = 0
    for (const { prepared, stage } of this.batches.values()) {
      if (stage === "committed") events += prepared.get(sink) ?? 0
    }
    return events
  }

  /** Of what no record has prepared, nothing can be read: nobody may have committed it. */
  isHidden(): void {
    for (const sink of this.options.transactional ?? []) {
      const visible = this.options.visible(sink)
      const decided = this.eventsBefore(Infinity, sink)
      if (visible === undefined || visible <= decided) continue
      this.violated("I3", `${sink} shows ${visible} events, of which ${decided} are prepared`)
    }
  }

  /** After COMMITTED, all of the batch can be read. */
  private isVisible(batch: number, sink: string): void {
    if (!this.options.sinks.has(sink)) return
    const expected = this.eventsBefore(batch + 1, sink)
    const visible = this.options.visible(sink)
    if (visible === undefined || visible >= expected) return
    this.violated("I4", `batch ${batch} is committed, ${sink} shows ${visible} events of ${expected}`)
  }

  private batch(number: number, sequence: number): Batch | undefined {
    const found = this.batches.get(number)
    if (found === undefined) this.violated("I5", `record ${sequence}: batch ${number} was never planned`)
    return found
  }

  private violated(invariant: string, detail: string): void {
    this.options.onViolation({ invariant, detail })
  }
}
