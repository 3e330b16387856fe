/**
 * What must be true of a history, held against a model that fits on a page: a source is an array, a sink is what the
 * outputs of those arrays are, and a process fails only with what its plan can do to it.
 */
import type { Violation } from "../../src/testing/simulation/internal/ProtocolMonitor.ts"
import type { Numbered } from "../numbered.ts"
import { type Blow, hasIdempotent, hasRemoteWork, isCalm, isTransactional, type SwarmPlan } from "./SwarmPlan.ts"

export interface Found {
  /** The streams' events, each with its outputs for this sink, and whether they must be there. */
  readonly events: ReadonlyArray<{ readonly outputs: ReadonlyArray<Numbered>; readonly isWanted: boolean }>
  readonly found: ReadonlyArray<Numbered>
  /** How many events the committed batches put there: fewer than that are never found, whatever ended the query. */
  readonly committed: number
  /** What somebody has read in the meantime. */
  readonly reads: ReadonlyArray<ReadonlyArray<Numbered>>
  readonly isOrdered: boolean
  /** Whether events of a key stay in one segment: what was read of them is read again in that order. */
  readonly isKeyed: boolean
  /** Whether only those must be there that it has: others were deleted with an earlier stream. */
  readonly mayLack?: boolean
  readonly tally: { lost: number; repeated: number }
}

const name = ({ key, number }: Numbered): string => `${key}:${number}`

/** What is left of it, without as many of each event as there were earlier: these come first. */
export const without = (found: ReadonlyArray<Numbered>, earlier: ReadonlyArray<Numbered>): ReadonlyArray<Numbered> => {
  const left = new Map<string, number>()
  for (const event of earlier) left.set(name(event), (left.get(name(event)) ?? 0) + 1)
  return found.filter((event) => {
    const count = left.get(name(event)) ?? 0
    if (count > 0) left.set(name(event), count - 1)
    return count === 0
  })
}

/** I1, I2, I3: what a sink holds in the end. */
export const check = (
  sink: string,
  { committed, events, found, isKeyed, isOrdered, mayLack = false, reads, tally }: Found,
  violated: (violation: Violation) => void
): void => {
  const counts = new Map<string, number>()
  for (const event of found) counts.set(name(event), (counts.get(name(event)) ?? 0) + 1)
  for (const [event, count] of counts) {
    if (count === 1) continue
    tally.repeated += count - 1
    violated({ invariant: "I1", detail: `duplicate: ${sink} has ${event} ${count} times` })
  }
  if (counts.size < committed && !mayLack) {
    tally.lost += committed - counts.size
    violated({ invariant: "I1", detail: `lost: ${sink} has ${counts.size} events, committed are ${committed}` })
  }
  const known = new Set<string>()
  for (const { isWanted, outputs } of events) {
    const names = outputs.map(name)
    for (const output of names) known.add(output)
    if (mayLack) continue
    const lost = names.filter((output) => !counts.has(output))
    // of an event that may be gone all outputs are there, or none
    if (lost.length === 0 || (!isWanted && lost.length === names.length)) continue
    tally.lost += lost.length
    violated({ invariant: "I1", detail: `lost: ${sink} has not ${lost.join(" ")}` })
  }
  const invented = [...counts.keys()].filter((event) => !known.has(event))
  if (invented.length > 0) violated({ invariant: "I1", detail: `invented: ${sink} has ${invented.join(" ")}` })
  const last = new Map<string, number>()
  for (const { key, number } of found) {
    if (isOrdered && (last.get(key) ?? -1) > number) {
      violated({ invariant: "I2", detail: `order-inversion: ${sink} has ${key}:${number} after ${last.get(key)}` })
    }
    last.set(key, number)
  }
  const finals = byKey(found)
  for (const read of reads) {
    for (const [key, events] of byKey(read)) {
      const all = finals.get(key) ?? []
      const final = isKeyed ? all.slice(0, events.length) : all.filter((number) => events.includes(number))
      if (isKeyed ? final.join() === events.join() : final.length >= events.length) continue
      violated({
        invariant: "I3",
        detail: `un-visible: a reader saw ${key}:${events.join()}, now it is ${final.join()}`
      })
    }
  }
}

const byKey = (events: ReadonlyArray<Numbered>): ReadonlyMap<string, ReadonlyArray<number>> => {
  const keys = new Map<string, Array<number>>()
  for (const { key, number } of events) keys.set(key, [...(keys.get(key) ?? []), number])
  return keys
}

/** Whether the sink must have each key's events in the order in which they were written. */
export const keepsOrder = (plan: SwarmPlan): boolean =>
  !plan.isKeyless && (plan.ordering === "perKey" || keepsSegments(plan))

const keepsSegments = (
  plan: SwarmPlan
): boolean => (plan.ordering === "perSegment" && !plan.isScaledBefore && !befalls(plan, "source scales"))

export const befalls = ({ blows }: SwarmPlan, ...what: ReadonlyArray<Blow["what"]["_tag"]>): boolean =>
  blows.some((blow) => what.includes(blow.what._tag))

/** Whether the server may be out of reach for longer than a client tries to reach it. */
const isUnreachable = (plan: SwarmPlan): boolean =>
  plan.network > 0 ||
  befalls(plan, "server dies", "server stalls", "container restarts", "network stalls", "connections drop")

/**
 * I12: what a process may fail with, by the tag of the error's reason, given all that befalls it. `Fenced` is not among it:
 * that goes by who else ran.
 */
export const mayFailWith = (plan: SwarmPlan, tag: string): boolean => {
  switch (tag) {
    case "LogUnavailable":
      return plan.log > 0 || befalls(plan, "log is away")
    // of an append to the log, or of a call of the controller
    case "OutcomeUnknown":
      return plan.log > 0 || befalls(plan, "log is away") || isUnreachable(plan)
    case "ControllerUnavailable":
    case "StoreUnavailable":
    case "ConnectionRefused":
    case "ConnectionLost":
      return isUnreachable(plan)
    // of a worker, after some tries
    case "WorkerLost":
    case "TransactionNotOpen":
    case "AppendRefused":
      return hasRemoteWork(plan) && !isCalm(plan)
    // who owns its sink, or has no transactions, finds out by itself
    case "AmbiguousCommit":
      return isTransactional(plan) &&
        ((!plan.isOwned && befalls(plan, "outage")) || befalls(plan, "sink is truncated", "sink is made anew"))
    case "SinkSegmentLost":
      return hasIdempotent(plan) && befalls(plan, "sink is truncated", "sink is made anew")
    // it owns what is another stream by now
    case "SinkBehind":
      return plan.isOwned && befalls(plan, "sink is made anew")
    // somebody has stopped in the midst of a transaction
    case "DatabaseFailed":
      return plan.hasSql && befalls(plan, "zombie", "second owner")
    // when somebody looks between its end and its new beginning
    case "StreamNotFound":
      return befalls(plan, "source is made anew", "sink is made anew")
    case "NoSuchSegment":
    case "RequestFailed":
      return befalls(plan, "sink is made anew")
    case "StreamIdentityChanged":
      return befalls(plan, "source is made anew")
    case "StreamSealed":
      return befalls(plan, "sink is sealed", "sink is made anew")
    case "TruncatedData":
      return befalls(plan, "truncate all")
    // one of several sinks has lost its part for ever, and what was to be skipped is gone from the range by now
    case "NonDeterministicReplay":
      return plan.onTruncated === "skip" && befalls(plan, "truncate all") && befalls(plan, "sink is sealed") &&
        (plan.sinks > 1 || plan.isPoisoned)
    default:
      return false
  }
}
