/** Every status of the protocol's enums has a meaning; gRPC's have theirs in `Controller.test.ts`. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { ScopedStream } from "../../../src/core/ScopedStream.ts"
import * as ControllerAddress from "../../../src/pravega/controller/ControllerAddress.ts"
import * as pb from "../../../src/pravega/controller/gen/Controller_pb.ts"
import { reasonOfStatus } from "../../../src/pravega/controller/internal/ControllerStatus.ts"

const stream = ScopedStream.fromTextUnsafe("market/trades")
const context = { operation: "test", subject: "market/trades", stream }

/** Values, not outcomes: the client turns them into its own. */
const values = ["TxnState.State", "PingTxnStatus.Status", "TxnResponse.Status"]
/** What requests carry. */
const choices = [
  "ReaderGroupConfiguration.RetentionType",
  "StreamInfo.AccessOperation",
  "ScalingPolicy.ScalingPolicyType",
  "RetentionPolicy.RetentionPolicyType"
]
const statuses = pb.file_Controller.messages
  .flatMap((message) => message.nestedEnums)
  .filter(({ typeName }) => ![...values, ...choices].some((name) => typeName.endsWith(`.${name}`)))

describe("statuses of replies", () => {
  it.each(statuses.map((description) => [description.typeName.split(".").slice(-2).join("."), description] as const))(
    "%s",
    (_, description) => {
      for (const { name, number } of description.values) {
        const reason = reasonOfStatus(description, number, context)
        const isSuccess = ["SUCCESS", "STARTED", "IN_PROGRESS"].includes(name)
        assert.strictEqual(reason === undefined, isSuccess, name)
        assert.notStrictEqual(reason?._tag, "UnexpectedReply", name)
        if (reason !== undefined) assert.match(reason.message, /market|trades/, name)
      }
      assert.strictEqual(reasonOfStatus(description, 99, context)?._tag, "UnexpectedReply")
    }
  )
})

describe("ControllerAddress", () => {
  it("reads schemes, several endpoints, and what is left out", () => {
    const read = (text: string) => Result.getOrThrow(ControllerAddress.parse(text))
    assert.deepStrictEqual(read("tcp://a:1,b:2"), { secure: false, endpoints: ["a:1", "b:2"] })
    assert.deepStrictEqual(read("tls://a.example:443"), { secure: true, endpoints: ["a.example:443"] })
    assert.deepStrictEqual(read("pravega://a"), { secure: false, endpoints: ["a:9090"] })
    assert.deepStrictEqual(read("pravegas://a/"), { secure: true, endpoints: ["a:9090"] })
    assert.deepStrictEqual(read("localhost"), { secure: false, endpoints: ["localhost:9090"] })
    assert.deepStrictEqual(read("tcp://[::1]:9090"), { secure: false, endpoints: ["[::1]:9090"] })
  })

  it("refuses the rest with a typed error", () => {
    for (
      const text of ["", "http://a:1", "tcp://", "tcp://a:0", "tcp://a:65536", "tcp://a:b", "tcp://a,,b", "tcp://a/b"]
    ) {
      const result = ControllerAddress.parse(text)
      assert.isTrue(Result.isFailure(result), text)
    }
  })
})
