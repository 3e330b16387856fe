/**
 * Histories that once showed a mistake, written out: a seed means another history as soon as anything else is drawn. What
 * `explain` prints of a seed that fails is a plan, which goes here under the name of what it showed.
 */
import { noPlan, type SwarmPlan } from "./SwarmPlan.ts"

export interface NamedHistory {
  /** What it once did wrong. */
  readonly name: string
  readonly plan: SwarmPlan
  /** Of the order of fibers, and of faults. */
  readonly seed: number
}

export const namedHistories: ReadonlyArray<NamedHistory> = [
  {
    name: "who was taken over while the log is compacted says that its sink is ahead, where it is fenced",
    seed: 6464,
    plan: {
      ...noPlan,
      sources: 2,
      sourceSegments: 3,
      sinkSegments: 3,
      sinks: 3,
      keys: 3,
      events: 6,
      isScaledBefore: true,
      limit: { events: 6 },
      onTruncated: "skip",
      compactAfter: 1,
      parallelism: 2,
      outputs: "two each",
      trigger: "once",
      isOwned: true,
      blows: [
        { after: { steps: 38 }, what: { _tag: "crash", downMillis: 90_000 } },
        { after: { steps: 109 }, what: { _tag: "leases expire" } },
        { after: { record: "committed", steps: 16 }, what: { _tag: "crash", downMillis: 100 } },
        { after: { steps: 23 }, what: { _tag: "zombie", steps: 169 } }
      ]
    }
  },
  {
    name: "who stopped before it compared its sinks, and was taken over, says that its sink is ahead",
    seed: 9465,
    plan: {
      ...noPlan,
      sources: 2,
      sourceSegments: 2,
      events: 7,
      limit: { events: 4 },
      onTruncated: "skip",
      outputs: "two each",
      isOwned: true,
      disorder: 1,
      log: 0.2,
      blows: [
        { after: { record: "committed", steps: 1 }, what: { _tag: "crash", downMillis: 0 } },
        { after: { steps: 69 }, what: { _tag: "interrupt" } },
        { after: { steps: 29 }, what: { _tag: "zombie", steps: 269 } },
        { after: { steps: 66 }, what: { _tag: "outage", hours: 1 } }
      ]
    }
  },
  {
    name: "what a batch was to read is skipped as truncated, where the stream is another one by now",
    seed: 6464,
    plan: {
      ...noPlan,
      sources: 2,
      sourceSegments: 3,
      sinkSegments: 3,
      sinks: 3,
      keys: 3,
      events: 4,
      isScaledBefore: true,
      atLeast: { bytes: 30, delayMillis: 100 },
      onTruncated: "skip",
      compactAfter: 3,
      parallelism: 2,
      each: "batch",
      trigger: "once",
      leaseSeconds: 60,
      log: 0.2,
      blows: [
        { after: { record: "prepared", steps: 4 }, what: { _tag: "crash", downMillis: 90_000 } },
        { after: { steps: 76 }, what: { _tag: "source is made anew", source: 1 } },
        { after: { record: "planned", steps: 12 }, what: { _tag: "source scales", source: 0, segments: 2 } },
        { after: { record: "prepared", steps: 7 }, what: { _tag: "leases expire" } }
      ]
    }
  },
  {
    name: "a cut is not valid, where the stream is another one by now",
    seed: 3879,
    plan: {
      ...noPlan,
      sourceSegments: 2,
      events: 7,
      limit: { events: 4 },
      onTruncated: "skip",
      lanes: 3,
      form: "processEach",
      disorder: 0.05,
      log: 0.2,
      blows: [{ after: { record: "committed", steps: 10 }, what: { _tag: "source is made anew", source: 0 } }]
    }
  },
  {
    name: "a worker says that what it reads was truncated, where the stream is another one by now",
    seed: 50_065,
    plan: {
      ...noPlan,
      sourceSegments: 3,
      sinkSegments: 3,
      sinks: 2,
      events: 7,
      limit: { bytes: 100 },
      atLeast: { bytes: 1, delayMillis: 100 },
      isKeyless: true,
      isTuned: true,
      compactAfter: 3,
      parallelism: 8,
      trigger: "asFastAsPossible",
      isOwned: true,
      leaseSeconds: 60,
      disorder: 0.05,
      network: 0.2,
      blows: [
        { after: { record: "begun", steps: 20 }, what: { _tag: "upgrade" } },
        { after: { steps: 52 }, what: { _tag: "source is made anew", source: 1 } },
        { after: { record: "committed", steps: 23 }, what: { _tag: "leases expire" } },
        { after: { steps: 44 }, what: { _tag: "source scales", source: 1, segments: 3 } }
      ],
      workers: 1
    }
  },
  {
    name: "who was taken over in the middle of a commit says that its database is ahead, where it is fenced",
    seed: 1012,
    plan: {
      ...noPlan,
      sourceSegments: 2,
      sinkSegments: 3,
      keys: 3,
      events: 4,
      isScaledBefore: true,
      limit: { events: 1 },
      guarantee: "idempotent",
      isMixed: true,
      hasSql: true,
      compactAfter: 12,
      ordering: "perSegment",
      lanes: 3,
      isOwned: true,
      blows: [
        { after: { record: "prepared", steps: 0 }, what: { _tag: "zombie", steps: 169 } },
        { after: { record: "prepared", steps: 9 }, what: { _tag: "leases expire" } },
        { after: { steps: 95 }, what: { _tag: "crash", downMillis: 100 } }
      ]
    }
  }
]
