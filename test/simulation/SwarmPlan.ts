/** What a history of the swarm is drawn from: a query, its streams, and everything that befalls it. */
import fc from "fast-check"

/** Something that happens: see `after` for when. */
export interface Blow {
  /**
   * When the log has got its next record of this kind, if one is named, and then the process that runs has gone so many
   * steps further; or when it has ended.
   */
  readonly after: { readonly record?: "planned" | "begun" | "prepared" | "committed"; readonly steps: number }
  readonly what:
    | { readonly _tag: "crash"; readonly downMillis: number }
    | { readonly _tag: "interrupt" }
    /** It stops in the middle of what it does, another one is started; it goes on `steps` of that one later. */
    | { readonly _tag: "zombie"; readonly steps: number }
    | { readonly _tag: "second owner" }
    | { readonly _tag: "leases expire" }
    | { readonly _tag: "server dies"; readonly downMillis: number }
    | { readonly _tag: "server stalls"; readonly millis: number }
    | { readonly _tag: "container restarts"; readonly millis: number }
    | { readonly _tag: "network stalls"; readonly millis: number }
    | { readonly _tag: "connections drop" }
    | { readonly _tag: "source scales"; readonly source: number; readonly segments: number }
    | { readonly _tag: "sink scales"; readonly sink: number; readonly segments: number }
    | { readonly _tag: "more events"; readonly count: number }
    | { readonly _tag: "truncate what is read" }
    /** Of one source, all that is there now, read or not. */
    | { readonly _tag: "truncate all"; readonly source: number }
    /** Everything that runs the query is down for longer than the controller remembers. */
    | { readonly _tag: "outage"; readonly hours: number }
    | { readonly _tag: "clock jumps"; readonly minutes: number }
    | { readonly _tag: "somebody reads" }
    /** No log can be reached. */
    | { readonly _tag: "log is away"; readonly minutes: number }
    | { readonly _tag: "sink is sealed"; readonly sink: number }
    /** It is deleted, and created again under its name, with nothing in it. */
    | { readonly _tag: "source is made anew"; readonly source: number }
    /** Of one sink, all that can be read. */
    | { readonly _tag: "sink is truncated"; readonly sink: number }
    /** All processes are stopped; a query of another name and structure goes on from a savepoint. */
    | { readonly _tag: "upgrade" }
    /** Somebody starts a pipeline of another structure under the query's name. */
    | { readonly _tag: "other structure" }
    /** It is deleted when somebody has read it, and created again under its name. */
    | { readonly _tag: "sink is made anew"; readonly sink: number }
    /** All processes are stopped, and the log is deleted: the query begins under its old name. */
    | { readonly _tag: "query is begun anew" }
    /** All processes are stopped, and a bit of a record is turned, which is not the last one: it is repaired, or put back. */
    | { readonly _tag: "log is damaged"; readonly record: number; readonly bit: number }
}

export type Guarantee = "exactly-once" | "idempotent"

export interface SwarmPlan {
  readonly sources: number
  readonly sourceSegments: number
  readonly sinkSegments: number
  readonly sinks: number
  readonly keys: number
  readonly events: number
  /** Whether the sources are scaled, and written to again, before the query starts. */
  readonly isScaledBefore: boolean
  /** What a batch reads at most; undefined: whatever there is. */
  readonly limit: { readonly events?: number; readonly bytes?: number } | undefined
  /** What must be there for a batch to be due. */
  readonly atLeast: { readonly events?: number; readonly bytes?: number; readonly delayMillis: number } | undefined
  readonly onTruncated: "fail" | "skip"
  readonly guarantee: Guarantee
  /** Whether the last one of several sinks has the other guarantee. */
  readonly isMixed: boolean
  /** Whether events have no routing keys, in sources and sinks. */
  readonly isKeyless: boolean
  /** Whether some events can't be used, and are put aside. */
  readonly isPoisoned: boolean
  /** Whether a further sink is an Effect of the user's. */
  readonly hasForeach: boolean
  /** Whether a further sink is a table of a database. */
  readonly hasSql: boolean
  /** Whether each life has other options than the one before, where they may change. */
  readonly isTuned: boolean
  /** After how many records the log is compacted. */
  readonly compactAfter: number
  readonly parallelism: number
  readonly ordering: "perKey" | "perSegment" | "none"
  /** Fibers per segment; only where there is an order to keep. */
  readonly lanes: number
  readonly each: "partition" | "batch"
  /** How the process is written. */
  readonly form: "process" | "processEach" | "processBatch" | "flow"
  readonly outputs: "same" | "two each" | "some"
  readonly trigger: "availableNow" | "once" | "asFastAsPossible" | "every"
  readonly isOwned: boolean
  readonly leaseSeconds: number
  readonly disorder: number
  /** How heavy the faults are, 0 to 1, of the network and of the log. */
  readonly network: number
  readonly log: number
  readonly blows: ReadonlyArray<Blow>
  /** Processes that work on the parts of batches, beside the query's own. */
  readonly workers: number
}

/** One event, from one segment to another, and nothing befalls it: what a history that is written out differs from. */
export const noPlan: SwarmPlan = {
  sources: 1,
  sourceSegments: 1,
  sinkSegments: 1,
  sinks: 1,
  keys: 1,
  events: 1,
  isScaledBefore: false,
  limit: undefined,
  atLeast: undefined,
  onTruncated: "fail",
  guarantee: "exactly-once",
  isMixed: false,
  isKeyless: false,
  isPoisoned: false,
  hasForeach: false,
  hasSql: false,
  isTuned: false,
  compactAfter: 256,
  parallelism: 1,
  ordering: "perKey",
  lanes: 1,
  each: "partition",
  form: "process",
  outputs: "same",
  trigger: "availableNow",
  isOwned: false,
  leaseSeconds: 10,
  disorder: 0,
  network: 0,
  log: 0,
  blows: [],
  workers: 0
}

const blow: fc.Arbitrary<Blow> = fc.record({
  after: fc.oneof(
    { weight: 2, arbitrary: fc.record({ steps: fc.integer({ min: 0, max: 120 }) }) },
    { weight: 1, arbitrary: fc.record({ steps: fc.integer({ min: 0, max: 600 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        record: fc.constantFrom("planned", "begun", "prepared", "prepared", "prepared", "committed"),
        steps: fc.integer({ min: 0, max: 25 })
      })
    }
  ),
  what: fc.oneof<Array<fc.WeightedArbitrary<Blow["what"]>>>(
    {
      weight: 10,
      arbitrary: fc.record({ _tag: fc.constant("crash"), downMillis: fc.constantFrom(0, 100, 20_000, 90_000) })
    },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("interrupt") }) },
    { weight: 3, arbitrary: fc.record({ _tag: fc.constant("zombie"), steps: fc.integer({ min: 0, max: 300 }) }) },
    { weight: 2, arbitrary: fc.record({ _tag: fc.constant("second owner") }) },
    { weight: 3, arbitrary: fc.record({ _tag: fc.constant("leases expire") }) },
    {
      weight: 2,
      arbitrary: fc.record({ _tag: fc.constant("server dies"), downMillis: fc.constantFrom(0, 500, 15_000) })
    },
    {
      weight: 1,
      arbitrary: fc.record({ _tag: fc.constant("server stalls"), millis: fc.constantFrom(50, 5000, 70_000) })
    },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("container restarts"), millis: fc.constantFrom(0, 2000) }) },
    {
      weight: 1,
      arbitrary: fc.record({ _tag: fc.constant("network stalls"), millis: fc.constantFrom(50, 5000, 70_000) })
    },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("connections drop") }) },
    {
      weight: 2,
      arbitrary: fc.record({
        _tag: fc.constant("source scales"),
        source: fc.nat(1),
        segments: fc.integer({ min: 1, max: 4 })
      })
    },
    {
      weight: 2,
      arbitrary: fc.record({
        _tag: fc.constant("sink scales"),
        sink: fc.nat(2),
        segments: fc.integer({ min: 1, max: 4 })
      })
    },
    { weight: 2, arbitrary: fc.record({ _tag: fc.constant("more events"), count: fc.integer({ min: 1, max: 6 }) }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("truncate what is read") }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("truncate all"), source: fc.nat(1) }) },
    { weight: 3, arbitrary: fc.record({ _tag: fc.constant("outage"), hours: fc.constantFrom(1, 25, 49) }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("clock jumps"), minutes: fc.constantFrom(-60, -1, 1, 60) }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("somebody reads") }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("log is away"), minutes: fc.constantFrom(0.2, 1, 10) }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("sink is sealed"), sink: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("source is made anew"), source: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("sink is truncated"), sink: fc.nat(2) }) },
    { weight: 2, arbitrary: fc.record({ _tag: fc.constant("upgrade") }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("other structure") }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("sink is made anew"), sink: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant("query is begun anew") }) },
    {
      weight: 2,
      arbitrary: fc.record({ _tag: fc.constant("log is damaged"), record: fc.nat(1000), bit: fc.nat(10_000) })
    }
  )
})

/** The moments that matter most: the decision is recorded, and not done, or done and not recorded. */
const blowToTheDecision: fc.Arbitrary<Blow> = fc.record({
  after: fc.record({ record: fc.constant("prepared"), steps: fc.integer({ min: 0, max: 15 }) }),
  what: fc.oneof<Array<fc.Arbitrary<Blow["what"]>>>(
    fc.record({ _tag: fc.constant("crash"), downMillis: fc.constantFrom(0, 90_000) }),
    fc.record({ _tag: fc.constant("outage"), hours: fc.constantFrom(25, 49) }),
    fc.record({ _tag: fc.constant("leases expire") }),
    fc.record({ _tag: fc.constant("zombie"), steps: fc.integer({ min: 0, max: 300 }) })
  )
})

const mostlyNone = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.constantFrom(0.2, 1))

const someEvents = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 3, max: 8 }) }, fc.integer({ min: 1, max: 2 }))
/** An event of the swarm has about 12 bytes. */
const someBytes = fc.constantFrom(1, 30, 60, 100)

const limit: fc.Arbitrary<SwarmPlan["limit"]> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ events: someEvents }) },
  { weight: 3, arbitrary: fc.record({ bytes: someBytes }) },
  { weight: 2, arbitrary: fc.record({ events: someEvents, bytes: someBytes }) },
  { weight: 1, arbitrary: fc.constant(undefined) }
)

const atLeast: fc.Arbitrary<SwarmPlan["atLeast"]> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(undefined) },
  fc.record({ events: fc.integer({ min: 2, max: 6 }), delayMillis: fc.constantFrom(100, 5000) }),
  fc.record({ bytes: someBytes, delayMillis: fc.constantFrom(100, 5000) })
)

const seldom = fc.oneof({ weight: 7, arbitrary: fc.constant(false) }, fc.constant(true))

const anyPlan: fc.Arbitrary<SwarmPlan> = fc.record({
  sources: fc.constantFrom(1, 1, 1, 2),
  sourceSegments: fc.oneof({ weight: 30, arbitrary: fc.integer({ min: 1, max: 3 }) }, fc.constantFrom(8, 64)),
  sinkSegments: fc.integer({ min: 1, max: 3 }),
  sinks: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 2, max: 3 })),
  keys: fc.integer({ min: 1, max: 5 }),
  events: fc.oneof({ weight: 24, arbitrary: fc.integer({ min: 1, max: 8 }) }, fc.integer({ min: 30, max: 60 })),
  isScaledBefore: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
  limit,
  atLeast,
  onTruncated: fc.constantFrom("fail", "skip"),
  guarantee: fc.constantFrom("exactly-once", "exactly-once", "exactly-once", "idempotent"),
  isMixed: seldom,
  isKeyless: seldom,
  isPoisoned: seldom,
  hasForeach: seldom,
  isTuned: seldom,
  compactAfter: fc.constantFrom(256, 256, 1, 3, 12),
  parallelism: fc.constantFrom(1, 2, 8),
  ordering: fc.constantFrom("perKey", "perKey", "perKey", "perSegment", "none"),
  lanes: fc.constantFrom(1, 1, 3),
  each: fc.constantFrom("partition", "partition", "batch"),
  form: fc.constantFrom("process", "process", "processEach", "processBatch"),
  outputs: fc.constantFrom("same", "same", "two each", "some"),
  trigger: fc.constantFrom("availableNow", "availableNow", "once", "asFastAsPossible", "every"),
  isOwned: fc.boolean(),
  leaseSeconds: fc.constantFrom(10, 60),
  disorder: fc.constantFrom(0, 0.05, 0.5, 1),
  network: mostlyNone,
  log: mostlyNone,
  blows: fc.array(fc.oneof({ weight: 4, arbitrary: blow }, blowToTheDecision), { maxLength: 4, size: "max" }),
  // last: so that what was drawn before there were any stays the same
  workers: fc.constantFrom(0, 0, 0, 1, 3),
  hasSql: seldom
})

/** The guarantee of the sink with this place. */
export const guaranteeOf = ({ guarantee, isMixed, sinks }: SwarmPlan, sink: number): Guarantee => {
  if (!isMixed || sinks === 1 || sink < sinks - 1) return guarantee
  return guarantee === "idempotent" ? "exactly-once" : "idempotent"
}

const guaranteesOf = (plan: SwarmPlan): ReadonlySet<Guarantee> =>
  new Set(Array.from({ length: plan.sinks }, (_, sink) => guaranteeOf(plan, sink)))

/** Whether a sink, or the letters, go by transactions. */
export const isTransactional = (plan: SwarmPlan): boolean => plan.isPoisoned || guaranteesOf(plan).has("exactly-once")

export const hasIdempotent = (plan: SwarmPlan): boolean => guaranteesOf(plan).has("idempotent")

/** Some of those that are given whole batches: so that a seed draws the same history otherwise. */
const isOfFlow = ({ form, parallelism }: SwarmPlan): boolean => form === "processBatch" && parallelism === 8

/**
 * A pipeline whose batches may shrink is refused where they must be the same again, and so is one that puts aside. What is
 * put aside must be known one by one.
 */
export const swarmPlan: fc.Arbitrary<SwarmPlan> = anyPlan.map((plan) => {
  const isExacting = guaranteesOf(plan).has("idempotent")
  const isPoisoned = plan.isPoisoned && !isExacting
  const form = isPoisoned ? "processEach" : isOfFlow(plan) ? "flow" : plan.form
  return {
    ...plan,
    isPoisoned,
    // events with no key have no lane
    lanes: plan.isKeyless ? 1 : plan.lanes,
    form,
    onTruncated: isExacting || plan.hasForeach || plan.hasSql ? "fail" : plan.onTruncated,
    // its outputs stay with the process that has its database
    workers: plan.hasSql ? 0 : plan.workers
  }
})

/** Whether workers get parts of it: not those of sinks, sources and steps that must be with the query's process. */
export const hasRemoteWork = (plan: SwarmPlan): boolean =>
  plan.workers > 0 && !plan.hasForeach && plan.form !== "flow" && plan.each === "partition" &&
  plan.onTruncated === "fail" &&
  plan.form !== "processBatch" && !guaranteesOf(plan).has("idempotent")

/** Nothing befalls it. */
export const isCalm = ({ blows, log, network }: SwarmPlan): boolean => blows.length === 0 && network === 0 && log === 0

/** What is in a history, by name: so that it is known how often each kind was drawn. */
export const kindsOf = (plan: SwarmPlan): ReadonlyArray<string> => {
  const limits = plan.limit === undefined ? ["none"] : Object.keys(plan.limit).sort()
  return [
    ...plan.blows.map(({ what }) => what._tag),
    `limit: ${limits.join(" and ")}`,
    ...plan.atLeast === undefined ? [] : [`at least: ${"events" in plan.atLeast ? "events" : "bytes"}`],
    plan.form,
    ...hasRemoteWork(plan) ? ["workers"] : [],
    ...guaranteesOf(plan),
    ...guaranteesOf(plan).size > 1 ? ["sinks of both guarantees"] : [],
    ...plan.isKeyless ? ["without keys"] : [],
    ...plan.isPoisoned ? ["dead letters"] : [],
    ...plan.hasForeach ? ["foreachBatch"] : [],
    ...plan.hasSql ? ["a table"] : [],
    ...plan.isTuned ? ["other options"] : [],
    ...plan.events > 8 ? ["large blocks"] : [],
    `order: ${plan.ordering}`,
    `trigger: ${plan.trigger}`,
    `sinks: ${plan.sinks}`,
    `sources: ${plan.sources}`,
    ...plan.network > 0 ? ["faults of the network"] : [],
    ...plan.log > 0 ? ["faults of the log"] : [],
    ...isCalm(plan) ? ["calm"] : []
  ]
}

/** What must be drawn at least once in a hundred histories, or it is not tested: whoever adds a kind names it here. */
export const expectedKinds: ReadonlyArray<string> = [
  ...[
    "crash",
    "interrupt",
    "zombie",
    "second owner",
    "leases expire",
    "server dies",
    "server stalls",
    "container restarts",
    "network stalls",
    "connections drop",
    "source scales",
    "sink scales",
    "more events",
    "truncate what is read",
    "truncate all",
    "outage",
    "clock jumps",
    "somebody reads",
    "log is away",
    "sink is sealed",
    "source is made anew",
    "sink is truncated",
    "upgrade",
    "other structure",
    "sink is made anew",
    "query is begun anew",
    "log is damaged"
  ] satisfies ReadonlyArray<Blow["what"]["_tag"]>,
  ...["none", "bytes", "events", "bytes and events"].map((limit) => `limit: ${limit}`),
  ...["bytes", "events"].map((least) => `at least: ${least}`),
  ...["perKey", "perSegment", "none"].map((order) => `order: ${order}`),
  ...["availableNow", "once", "asFastAsPossible", "every"].map((trigger) => `trigger: ${trigger}`),
  "process",
  "processEach",
  "processBatch",
  "flow",
  "workers",
  "exactly-once",
  "idempotent",
  "sinks of both guarantees",
  "sinks: 1",
  "sinks: 2",
  "sinks: 3",
  "sources: 1",
  "sources: 2",
  "without keys",
  "dead letters",
  "foreachBatch",
  "a table",
  "other options",
  "large blocks",
  "faults of the network",
  "faults of the log",
  "calm"
]
