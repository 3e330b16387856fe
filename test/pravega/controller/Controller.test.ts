/** The controller client over a scripted transport: retries, deadlines, lost replies read back, statuses. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { ReaderGroupName } from "../../../src/core/ReaderGroupName.ts"
import * as ScalingPolicy from "../../../src/core/ScalingPolicy.ts"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import { makeId } from "../../../src/core/Segment.ts"
import { StreamConfiguration } from "../../../src/core/StreamConfiguration.ts"
import { StreamCut } from "../../../src/core/StreamCut.ts"
import * as TransactionId from "../../../src/core/TransactionId.ts"
import { Controller, type ControllerOptions } from "../../../src/pravega/controller/Controller.ts"
import type { ControllerError } from "../../../src/pravega/controller/ControllerError.ts"
import * as Credentials from "../../../src/pravega/controller/Credentials.ts"
import { UpdateSubscriberStatus_Status } from "../../../src/pravega/controller/gen/Controller_pb.ts"
import { lost, methodsOf, reply, requestOf, type Script, scripted, status, unsent } from "./ScriptedTransport.ts"

const stream = ScopedStream.fromTextUnsafe("market/trades")
const { scope } = stream
const configuration = new StreamConfiguration({ scaling: ScalingPolicy.fixed(2) })
const info = { scope: "market", stream: "trades" }
const ours = { streamInfo: info, scalingPolicy: { minNumSegments: 2 } }
const id = TransactionId.fromBits({ high: 1n << 32n, low: 7n })
const lease = Duration.seconds(30)

type Use<A> = (client: Controller["Service"]) => Effect.Effect<A, ControllerError>

/** Runs a call with as much time as it wants; what came of it, and what was asked. */
const run = Effect.fnUntraced(function*<A>(
  script: Script,
  use: Use<A>,
  options?: ControllerOptions,
  isUnderWay: () => boolean = () => false
) {
  const { asked, layer } = scripted(script, options)
  const fiber = yield* Effect.forkChild(
    Effect.result(Effect.flatMap(Controller, use)).pipe(Effect.provide(layer))
  )
  // loading the client takes a turn of the real event loop, which the test's clock does not
  while (asked.length === 0 && !isUnderWay() && fiber.pollUnsafe() === undefined) {
    yield* Effect.promise(() => new Promise((resume) => setImmediate(resume)))
  }
  yield* TestClock.adjust("1 hour")
  const result = yield* Fiber.join(fiber)
  return { asked, methods: methodsOf(asked), result }
})

const value = <A>({ result }: { readonly result: { readonly _tag: string; readonly success?: A } }): A | undefined =>
  result.success

const reasonOf = (
  { result }: { readonly result: { readonly _tag: string; readonly failure?: ControllerError } }
): ControllerError["reason"] | undefined => result.failure?.reason

const exists = (...answers: ReadonlyArray<boolean>) => answers.map((exists) => reply("checkStreamExists", { exists }))
const scopeExists = (...answers: ReadonlyArray<boolean>) =>
  answers.map((exists) => reply("checkScopeExists", { exists }))

describe("reads", () => {
  it.effect("are repeated, later and later, until they are answered", () =>
    Effect.gen(function*() {
      const done = yield* run(
        { getURI: [unsent, lost, status("INTERNAL"), reply("getURI", { endpoint: "host", port: 12345 })] },
        (client) => client.endpoint(stream, makeId(0, 0))
      )
      assert.deepStrictEqual(value(done), { host: "host", port: 12345 })
      const gaps = done.asked.slice(1).map(({ at }, i) => at - done.asked[i]!.at)
      // 50, 100, 200 ms, give or take a fifth
      assert.deepStrictEqual(gaps.map((gap, i) => Math.abs(gap / (50 * 2 ** i) - 1) <= 0.21), [true, true, true])
    }))

  it.effect("end as ControllerUnavailable, after as many attempts as were allowed", () =>
    Effect.gen(function*() {
      const done = yield* run({ getURI: [unsent] }, (client) => client.endpoint(stream, makeId(0, 0)), { attempts: 4 })
      assert.lengthOf(done.asked, 4)
      const reason = reasonOf(done)
      assert.deepInclude(reason, {
        _tag: "ControllerUnavailable",
        attempts: 4,
        status: "UNAVAILABLE",
        subject: "market/trades"
      })
      assert.isTrue(reason?.isRetryable)
      assert.deepInclude(reason?.cause, { _tag: "TransportError", code: "UNAVAILABLE", sent: false })
    }))

  it.effect("of a cut that somebody else told a subscriber at the same time is told again, some times", () =>
    Effect.gen(function*() {
      const answer = (status: UpdateSubscriberStatus_Status) => reply("updateSubscriberStreamCut", { status })
      const { FAILURE, STREAM_CUT_NOT_VALID, SUCCESS } = UpdateSubscriberStatus_Status
      const tell = (...statuses: ReadonlyArray<UpdateSubscriberStatus_Status>) =>
        run(
          { updateSubscriberStreamCut: statuses.map(answer) },
          ({ updateSubscriber }) =>
            updateSubscriber({ scope, name: ReaderGroupName.make("group") }, {
              id: "00000000-0000-0000-0000-000000000001",
              generation: 0n,
              cut: new StreamCut({ stream, positions: new Map([[makeId(0, 0), 0n]]) })
            })
        )
      const told = yield* tell(FAILURE, FAILURE, SUCCESS)
      assert.strictEqual(told.result._tag, "Success")
      assert.lengthOf(told.asked, 3)
      const never = yield* tell(FAILURE)
      assert.strictEqual(reasonOf(never)?._tag, "RequestFailed")
      assert.lengthOf(never.asked, 6)
      const refused = yield* tell(STREAM_CUT_NOT_VALID)
      assert.strictEqual(reasonOf(refused)?._tag, "InvalidStreamCut")
      assert.lengthOf(refused.asked, 1)
    }))

  it.effect("have a deadline each, on the test's clock, and are given up after three of them", () =>
    Effect.gen(function*() {
      const done = yield* run({ getURI: [Effect.never] }, (client) => client.endpoint(stream, makeId(0, 0)), {
        timeout: "10 seconds"
      })
      assert.lengthOf(done.asked, 3)
      assert.isAtLeast(done.asked[1]!.at - done.asked[0]!.at, 10_000)
      assert.deepInclude(reasonOf(done), { _tag: "ControllerUnavailable", status: "DEADLINE_EXCEEDED" })
    }))

  it.effect("of what can't be repaired by waiting are asked once", () =>
    Effect.gen(function*() {
      const expected = {
        UNAUTHENTICATED: "Unauthenticated",
        PERMISSION_DENIED: "PermissionDenied",
        NOT_FOUND: "StreamNotFound",
        ALREADY_EXISTS: "AlreadyExists",
        INVALID_ARGUMENT: "InvalidRequest",
        OUT_OF_RANGE: "InvalidRequest",
        UNIMPLEMENTED: "RequestFailed"
      } as const
      for (const [code, tag] of Object.entries(expected)) {
        const done = yield* run(
          { getStreamConfiguration: [status(code as keyof typeof expected)] },
          (client) => client.streamConfiguration(stream)
        )
        assert.lengthOf(done.asked, 1)
        assert.strictEqual(reasonOf(done)?._tag, tag)
      }
    }))

  it.effect("whose reply is nonsense fail as UnexpectedReply", () =>
    Effect.gen(function*() {
      const nonsense: ReadonlyArray<Script> = [
        { getCurrentSegments: [Effect.succeed(Uint8Array.of(0xff, 0xff, 0xff))] },
        { getCurrentSegments: [reply("getCurrentSegments", { segmentRanges: [{ minKey: 0, maxKey: 1 }] })] },
        { getCurrentSegments: [reply("getCurrentSegments", { segmentRanges: [{ segmentId: { segmentId: -1n } }] })] }
      ]
      for (const script of nonsense) {
        const done = yield* run(script, (client) => client.currentSegments(stream))
        assert.strictEqual(reasonOf(done)?._tag, "UnexpectedReply")
      }
    }))

  it.effect("carry the credentials", () =>
    Effect.gen(function*() {
      const script = { checkScopeExists: scopeExists(true) }
      const basic = yield* run(script, (client) => client.scopeExists(scope), {
        credentials: Credentials.basic("admin", Redacted.make("gehëim"))
      })
      assert.deepStrictEqual(basic.asked[0]?.metadata, {
        authorization: `Basic ${Buffer.from("admin:gehëim").toString("base64")}`
      })
      const token = yield* run(script, (client) => client.scopeExists(scope), {
        credentials: { _tag: "token", method: "Bearer", token: Redacted.make("abc") }
      })
      assert.deepStrictEqual(token.asked[0]?.metadata, { authorization: "Bearer abc" })
    }))

  it.effect("fetch a token that runs out again in time, and once more when it is refused", () =>
    Effect.gen(function*() {
      let fetched = 0
      const fetch = Effect.sync(() => ({ token: `t${++fetched}`, life: "100 seconds" as const }))
      const script = {
        checkScopeExists: [...scopeExists(true, true, true), status("UNAUTHENTICATED"), ...scopeExists(true)]
      }
      const { asked } = yield* run(
        script,
        (client) =>
          Effect.gen(function*() {
            const ask = client.scopeExists(scope)
            yield* Effect.all([ask, ask], { concurrency: 2 })
            yield* Effect.sleep("91 seconds")
            yield* ask
            return yield* ask
          }),
        { credentials: Credentials.refreshed("Bearer", fetch) }
      )
      assert.deepStrictEqual(
        asked.map(({ metadata }) => metadata["authorization"]),
        ["Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"]
      )
    }))

  it.effect("that are refused although they are fresh fail at once; those that can't be had are tried for again", () =>
    Effect.gen(function*() {
      const refused = yield* run(
        { checkScopeExists: [status("UNAUTHENTICATED")] },
        (client) => client.scopeExists(scope),
        { credentials: Credentials.refreshed("Bearer", Effect.succeed({ token: "t", life: "1 hour" })) }
      )
      assert.strictEqual(reasonOf(refused)?._tag, "Unauthenticated")
      assert.lengthOf(refused.asked, 2)
      let tries = 0
      const late = Effect.suspend(() =>
        ++tries < 4 ? Effect.fail("no such realm") : Effect.succeed({ token: "t", life: "1 hour" } as const)
      )
      // the first call is made when there is a token: until then the clock would wait for it
      const had = yield* run({ checkScopeExists: scopeExists(true) }, (client) => client.scopeExists(scope), {
        credentials: Credentials.refreshed("Bearer", late)
      }, () => tries > 0)
      assert.isTrue(value(had))
      assert.strictEqual(tries, 4)
    }))
})

describe("a change whose reply was lost", () => {
  it.effect("is sent again without a look if it was never sent", () =>
    Effect.gen(function*() {
      const done = yield* run(
        { checkScopeExists: scopeExists(false), createScope: [unsent, reply("createScope", {})] },
        (client) => client.createScope(scope)
      )
      assert.isTrue(value(done))
      assert.deepStrictEqual(done.methods, ["checkScopeExists", "createScope", "createScope"])
    }))

  it.effect("createScope: the scope is there, so it was created", () =>
    Effect.gen(function*() {
      const done = yield* run(
        { checkScopeExists: scopeExists(false, true), createScope: [lost] },
        (client) => client.createScope(scope)
      )
      assert.isTrue(value(done))
      assert.deepStrictEqual(done.methods, ["checkScopeExists", "createScope", "checkScopeExists"])
    }))

  it.effect("createScope: what was there before was not created", () =>
    Effect.gen(function*() {
      const done = yield* run({ checkScopeExists: scopeExists(true) }, (client) => client.createScope(scope))
      assert.isFalse(value(done))
    }))

  it.effect("createStream: not there, so it is sent again; there by then, it is ours", () =>
    Effect.gen(function*() {
      const done = yield* run({
        checkStreamExists: exists(false, false),
        createStream: [lost, reply("createStream", { status: 2 })],
        getStreamConfiguration: [reply("getStreamConfiguration", ours)]
      }, (client) => client.createStream(stream, configuration))
      assert.isTrue(value(done))
    }))

  it.effect("createStream: there with another configuration, it is somebody else's", () =>
    Effect.gen(function*() {
      const done = yield* run({
        checkStreamExists: exists(false, true),
        createStream: [lost],
        getStreamConfiguration: [
          reply("getStreamConfiguration", { ...ours, scalingPolicy: { minNumSegments: 5 } })
        ]
      }, (client) => client.createStream(stream, configuration))
      assert.isFalse(value(done))
    }))

  it.effect("updateStream: the configuration tells", () =>
    Effect.gen(function*() {
      const other = { ...ours, scalingPolicy: { minNumSegments: 5 } }
      const done = yield* run({
        updateStream: [lost],
        getStreamConfiguration: [reply("getStreamConfiguration", other), reply("getStreamConfiguration", ours)]
      }, (client) => client.updateStream(stream, configuration))
      assert.strictEqual(done.result._tag, "Success")
      assert.lengthOf(done.methods.filter((method) => method === "updateStream"), 2)
    }))

  it.effect("deleteStream: gone, so it was deleted; also if the second attempt finds nothing", () =>
    Effect.gen(function*() {
      const gone = yield* run(
        { checkStreamExists: exists(true, false), deleteStream: [lost] },
        (client) => client.deleteStream(stream)
      )
      assert.isTrue(value(gone))
      const later = yield* run(
        { checkStreamExists: exists(true, true), deleteStream: [lost, reply("deleteStream", { status: 2 })] },
        (client) => client.deleteStream(stream)
      )
      assert.isTrue(value(later))
    }))

  it.effect("truncateStream: the head tells", () =>
    Effect.gen(function*() {
      const cut = new StreamCut({ stream, positions: new Map([[makeId(0, 0), 10n]]) })
      const at = (offset: bigint) =>
        reply("getSegments", { segments: [{ segmentId: { streamInfo: info, segmentId: 0n }, offset }] })
      const done = yield* run(
        { truncateStream: [lost], getSegments: [at(0n), at(10n)] },
        (client) => client.truncateStream(cut)
      )
      assert.strictEqual(done.result._tag, "Success")
      const refused = yield* run(
        { truncateStream: [reply("truncateStream", { status: 1 })], getSegments: [at(20n)] },
        (client) => client.truncateStream(cut)
      )
      assert.strictEqual(reasonOf(refused)?._tag, "InvalidStreamCut")
    }))

  it.effect("startScale: the sealed segments' successors tell whose scaling it was", () =>
    Effect.gen(function*() {
      const range = (segmentId: bigint, minKey: number, maxKey: number) => ({
        segmentId: { streamInfo: info, segmentId },
        minKey,
        maxKey
      })
      const plan = { seal: [makeId(0, 0)], create: [{ low: 0, high: 0.5 }, { low: 0.5, high: 1 }] }
      const [low, high] = [range((3n << 32n) | 1n, 0, 0.5), range((3n << 32n) | 2n, 0.5, 1)]
      const successors = (...segments: ReadonlyArray<typeof low>) => [
        reply("getSegmentsImmediatelyFollowing", { segments: segments.map((segment) => ({ segment, value: [0n] })) })
      ]
      const current = [reply("getCurrentSegments", { segmentRanges: [low, high] })]
      const done = yield* run(
        { scale: [lost], getCurrentSegments: current, getSegmentsImmediatelyFollowing: successors(low, high) },
        (client) => client.startScale(stream, plan)
      )
      assert.deepStrictEqual(value(done), {
        epoch: 2,
        segments: [
          { id: makeId(1, 3), range: { low: 0, high: 0.5 } },
          { id: makeId(2, 3), range: { low: 0.5, high: 1 } }
        ]
      })
      const others = yield* run(
        {
          scale: [lost],
          getCurrentSegments: current,
          getSegmentsImmediatelyFollowing: successors(range(1n << 32n, 0, 1))
        },
        (client) => client.startScale(stream, plan)
      )
      assert.strictEqual(reasonOf(others)?._tag, "ScalePreconditionFailed")
      const again = yield* run({
        scale: [lost, reply("scale", { segments: [low, high], epoch: 2 })],
        getCurrentSegments: [reply("getCurrentSegments", { segmentRanges: [range(0n, 0, 1)] })]
      }, (client) => client.startScale(stream, plan))
      assert.strictEqual(value(again)?.epoch, 2)
    }))

  const states = { UNKNOWN: 0, OPEN: 1, COMMITTING: 2, COMMITTED: 3, ABORTING: 4, ABORTED: 5 } as const
  const state = (name: keyof typeof states) => reply("checkTransactionState", { state: states[name] })

  it.effect("commitTransaction: the state tells", () =>
    Effect.gen(function*() {
      const commit: Use<void> = (client) => client.commitTransaction(stream, id)
      for (const name of ["COMMITTING", "COMMITTED"] as const) {
        const done = yield* run({ commitTransaction: [lost], checkTransactionState: [state(name)] }, commit)
        assert.deepStrictEqual(done.methods, ["commitTransaction", "checkTransactionState"])
        assert.strictEqual(done.result._tag, "Success")
      }
      for (const name of ["ABORTING", "ABORTED"] as const) {
        const done = yield* run({ commitTransaction: [lost], checkTransactionState: [state(name)] }, commit)
        assert.deepInclude(reasonOf(done), { _tag: "TransactionNotOpen", state: name.toLowerCase() as "aborted" })
      }
      const open = yield* run(
        { commitTransaction: [lost, reply("commitTransaction", {})], checkTransactionState: [state("OPEN")] },
        commit
      )
      assert.strictEqual(open.result._tag, "Success")
    }))

  it.effect("commitTransaction: a transaction that the controller forgot is an unknown outcome", () =>
    Effect.gen(function*() {
      const done = yield* run({
        commitTransaction: [lost, reply("commitTransaction", { status: 1 })],
        checkTransactionState: [state("UNKNOWN")]
      }, (client) => client.commitTransaction(stream, id))
      assert.strictEqual(reasonOf(done)?._tag, "OutcomeUnknown")
      const refused = yield* run({
        commitTransaction: [reply("commitTransaction", { status: 1 })],
        checkTransactionState: [state("UNKNOWN")]
      }, (client) => client.commitTransaction(stream, id))
      assert.deepInclude(reasonOf(refused), { _tag: "TransactionNotOpen", state: "unknown" })
    }))

  it.effect("abortTransaction: of a committed one says so", () =>
    Effect.gen(function*() {
      const done = yield* run(
        { abortTransaction: [lost], checkTransactionState: [state("COMMITTED")] },
        (client) => client.abortTransaction(stream, id)
      )
      assert.deepInclude(reasonOf(done), { _tag: "TransactionNotOpen", state: "committed" })
    }))

  it.effect("createTransaction: another one is made, the first is left to its lease", () =>
    Effect.gen(function*() {
      const done = yield* run(
        { createTransaction: [lost, reply("createTransaction", { txnId: { highBits: 1n << 32n, lowBits: 7n } })] },
        (client) => client.createTransaction(stream, { lease })
      )
      assert.strictEqual(value(done)?.id, id)
      assert.strictEqual(requestOf("createTransaction", done.asked)?.lease, 30_000n)
    }))

  it.effect("is an unknown outcome, with what was seen, if it can't be read back", () =>
    Effect.gen(function*() {
      const done = yield* run(
        { checkScopeExists: [...scopeExists(false), unsent], createScope: [lost] },
        (client) => client.createScope(scope),
        { attempts: 2 }
      )
      const reason = reasonOf(done)
      assert.strictEqual(reason?._tag, "OutcomeUnknown")
      assert.isFalse(reason?.isRetryable)
      assert.include(reason?.message, "market")
    }))

  it.effect("through `call` is never sent again", () =>
    Effect.gen(function*() {
      const done = yield* run(
        { deleteReaderGroup: [lost] },
        (client) => client.call("deleteReaderGroup", { scope, readerGroup: "group" })
      )
      assert.lengthOf(done.asked, 1)
      assert.deepInclude(reasonOf(done), { _tag: "OutcomeUnknown", subject: "market/group" })
    }))
})

describe("users' mistakes", () => {
  it.effect("that the server would call its own are found before anything is sent", () =>
    Effect.gen(function*() {
      const uses: ReadonlyArray<Use<unknown>> = [
        (client) => client.createTransaction(stream, { lease: Duration.millis(9_999) }),
        (client) => client.createTransaction(stream, { lease: Duration.millis(600_001) }),
        (client) => client.pingTransaction(stream, id, { lease: Duration.millis(1) }),
        (client) => client.startScale(stream, { seal: [], create: [{ low: 0, high: 1 }] }),
        (client) => client.startScale(stream, { seal: [makeId(0, 0)], create: [{ low: 0.5, high: 0.5 }] }),
        (client) => client.truncateStream(new StreamCut({ stream, positions: new Map() }))
      ]
      for (const use of uses) {
        const done = yield* run({}, use)
        assert.lengthOf(done.asked, 0)
        assert.isFalse(reasonOf(done)?.isRetryable)
      }
    }))

  it.effect("that it calls INTERNAL or UNKNOWN are not sent again", () =>
    Effect.gen(function*() {
      const sealed = yield* run(
        { createTransaction: [status("INTERNAL")], getCurrentSegments: [reply("getCurrentSegments", {})] },
        (client) => client.createTransaction(stream, { lease })
      )
      assert.deepStrictEqual(sealed.methods, ["createTransaction", "getCurrentSegments"])
      assert.strictEqual(reasonOf(sealed)?._tag, "StreamSealed")
      const cut = new StreamCut({ stream, positions: new Map([[makeId(0, 0), 0n]]) })
      const reversed = yield* run(
        { getSegmentsBetween: [status("UNKNOWN")] },
        (client) => client.segmentsBetween(stream, cut, cut)
      )
      assert.lengthOf(reversed.asked, 1)
      assert.strictEqual(reasonOf(reversed)?._tag, "InvalidStreamCut")
    }))

  it.effect("a scope that is not empty is not asked to go: the refused request would harm it", () =>
    Effect.gen(function*() {
      const done = yield* run({
        checkScopeExists: scopeExists(true),
        listStreamsInScope: [reply("listStreamsInScope", { streams: [info] })]
      }, (client) => client.deleteScope(scope))
      assert.strictEqual(reasonOf(done)?._tag, "ScopeNotEmpty")
      assert.notInclude(done.methods, "deleteScope")
    }))
})
