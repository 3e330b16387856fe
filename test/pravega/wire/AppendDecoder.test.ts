import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as AppendDecoder from "../../../src/pravega/wire/AppendDecoder.ts"
import * as WireCodec from "../../../src/pravega/wire/WireCodec.ts"
import type { Command, WireCommand } from "../../../src/pravega/wire/WireCommand.ts"
import { WireError } from "../../../src/pravega/wire/WireError.ts"
import { anyCommand } from "./commandArbitrary.ts"

const writerId = "01234567-89ab-cdef-0123-456789abcdef"
const otherId = "f1234567-89ab-cdef-0123-456789abcdef"
const bytes = (...values: Array<number>): Uint8Array => Uint8Array.from(values)

const setup = (id: string = writerId, segment: string = "s/a/0.#epoch.0"): WireCommand => ({
  _tag: "SetupAppend",
  requestId: 1n,
  writerId: id,
  segment,
  delegationToken: ""
})
const block = (data: Uint8Array, id: string = writerId): WireCommand => ({ _tag: "AppendBlock", writerId: id, data })
const end = (fields: Partial<Command<"AppendBlockEnd">> = {}): WireCommand => ({
  _tag: "AppendBlockEnd",
  writerId,
  sizeOfWholeEvents: 0,
  data: bytes(),
  numEvents: 1,
  lastEventNumber: 1n,
  requestId: 9n,
  ...fields
})
const conditional = (eventNumber: bigint): WireCommand => ({
  _tag: "ConditionalBlockEnd",
  writerId,
  eventNumber,
  expectedOffset: 0n,
  data: bytes(1),
  requestId: 2n
})

const pushAll = (...commands: Array<WireCommand>) => {
  const decoder = AppendDecoder.make()
  return commands.map((command) => decoder.push(command))
}
const dataOf = (...commands: Array<WireCommand>): Uint8Array => {
  const last = pushAll(...commands).at(-1)
  return last?._tag === "Append" ? last.data : assert.fail("no append")
}

describe("AppendDecoder", () => {
  it("whole events, a partial event and its rest are one append", () => {
    const partial = WireCodec.encode({ _tag: "PartialEvent", data: bytes(3, 4) })
    const data = dataOf(setup(), block(bytes(1, 2, ...partial)), end({ sizeOfWholeEvents: 2, data: bytes(5) }))
    assert.deepStrictEqual(data, bytes(1, 2, 3, 4, 5))
  })

  it("a writer that is forgotten is refused until it is set up again, and counted no more", () => {
    const decoder = AppendDecoder.make()
    decoder.push(setup())
    decoder.push(setup(otherId))
    assert.strictEqual(decoder.writerCount, 2)
    decoder.forget(writerId)
    assert.strictEqual(decoder.writerCount, 1)
    assert.throws(() => decoder.push(end()), WireError)
    decoder.push(setup())
    assert.strictEqual(decoder.push(end())?._tag, "Append")
  })

  it("padding never reaches the segment", () => {
    const padding = WireCodec.encode({ _tag: "Padding", length: 5 })
    assert.deepStrictEqual(dataOf(setup(), block(bytes(1, 2, ...padding)), end({ sizeOfWholeEvents: 2 })), bytes(1, 2))
  })

  it("without a block the size of whole events is not looked at", () => {
    assert.deepStrictEqual(dataOf(setup(), end({ sizeOfWholeEvents: 99, data: bytes(7) })), bytes(7))
  })

  it("other commands pass through, also within a block", () => {
    const keepAlive: WireCommand = { _tag: "KeepAlive" }
    const out = pushAll(keepAlive, setup(), block(bytes(1)), keepAlive, end({ sizeOfWholeEvents: 1 }))
    assert.deepStrictEqual(out.map((item) => item?._tag), [
      "KeepAlive",
      "SetupAppend",
      undefined,
      "KeepAlive",
      "Append"
    ])
  })

  it("a second set-up of a writer redirects it, and its numbers start over", () => {
    const out = pushAll(setup(), end({ lastEventNumber: 9n }), setup(writerId, "s/b/0.#epoch.0"), end())
    assert.deepInclude(out.at(-1), { segment: "s/b/0.#epoch.0", eventNumber: 1n })
  })

  const padded = (more: Uint8Array) => block(bytes(...WireCodec.encode({ _tag: "Padding", length: 1 }), ...more))
  const refused: ReadonlyArray<readonly [string, ReadonlyArray<WireCommand>]> = [
    ["an append without a set-up", [end()]],
    ["a block without a set-up", [block(bytes(1))]],
    ["a conditional append without a set-up", [conditional(1n)]],
    ["no events", [setup(), end({ numEvents: 0 })]],
    ["a number that goes back", [setup(), end({ lastEventNumber: 3n }), end({ lastEventNumber: 2n })]],
    ["a conditional number that goes back", [setup(), end({ lastEventNumber: 3n }), conditional(2n)]],
    ["a negative number", [setup(), end({ lastEventNumber: -1n })]],
    ["a set-up within a block", [setup(), block(bytes(1)), setup(otherId)]],
    ["a block within a block", [setup(), block(bytes(1)), block(bytes(1))]],
    ["a conditional append within a block", [setup(), block(bytes(1)), conditional(1n)]],
    ["padding within a block", [setup(), block(bytes(1)), { _tag: "Padding", length: 1 }]],
    ["a partial event of its own", [{ _tag: "PartialEvent", data: bytes(1) }]],
    ["an event of its own", [{ _tag: "Event", data: bytes(1) }]],
    ["another writer's end", [setup(), setup(otherId), block(bytes(1), otherId), end({ sizeOfWholeEvents: 1 })]],
    ["more whole events than the block has", [setup(), block(bytes(1)), end({ sizeOfWholeEvents: 2 })]],
    ["fewer than none", [setup(), block(bytes(1)), end({ sizeOfWholeEvents: -1 })]],
    ["data after padding", [setup(), padded(bytes()), end({ data: bytes(1) })]],
    ["an inner frame that is cut", [setup(), block(bytes(255, 255, 255, 254)), end()]],
    ["an inner frame that is too long", [setup(), block(bytes(255, 255, 255, 254, 0, 0, 0, 1)), end()]],
    ["an inner frame of another type", [setup(), block(WireCodec.encode({ _tag: "KeepAlive" })), end()]]
  ]
  for (const [name, commands] of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(() => pushAll(...commands), WireError, /unexpected/)
    })
  }

  it("any commands in any order: an append, a command, nothing or the typed error", () => {
    fc.assert(fc.property(fc.array(fc.oneof(anyCommand, fc.constant(setup())), { maxLength: 10 }), (commands) => {
      try {
        pushAll(...commands)
      } catch (error) {
        assert.instanceOf(error, WireError)
      }
    }))
  })
})
