import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as WireCodec from "../../../src/pravega/wire/WireCodec.ts"
import type { WireCommand } from "../../../src/pravega/wire/WireCommand.ts"
import { WireError } from "../../../src/pravega/wire/WireError.ts"
import { anyCommand, commandNamed, commandNames } from "./commandArbitrary.ts"

/** Overwrites each chunk when the parser has seen it: what was decoded may not depend on it any more. */
const decodeChunks = (chunks: Iterable<Uint8Array>, maxPayloadSize?: number): Array<WireCommand> => {
  const decoded: Array<WireCommand> = []
  const parser = WireCodec.makeParser({ maxPayloadSize })
  for (const chunk of chunks) {
    const lent = new Uint8Array(chunk)
    parser.push(lent, (command) => decoded.push(command))
    lent.fill(0xff)
  }
  assert.strictEqual(parser.pending(), 0)
  return decoded
}

/** Cuts `bytes` at the given places, which may repeat. */
const cut = (bytes: Uint8Array, places: ReadonlyArray<number>): Array<Uint8Array> => {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, i) => bytes.slice(i === 0 ? 0 : ends[i - 1], end))
}

const reasonOf = (run: () => unknown): WireError["reason"] => {
  try {
    run()
  } catch (error) {
    assert.instanceOf(error, WireError)
    return error.reason
  }
  return assert.fail("nothing was thrown")
}

const frame = (code: number, length: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array => {
  const bytes = new Uint8Array(8 + payload.length)
  const view = new DataView(bytes.buffer)
  view.setInt32(0, code)
  view.setInt32(4, length)
  bytes.set(payload, 8)
  return bytes
}

const hello: WireCommand = { _tag: "Hello", highVersion: 16, lowVersion: 5 }
const writerId = "01234567-89ab-cdef-0123-456789abcdef"

describe("WireCodec", () => {
  describe("round trip", () => {
    for (const name of commandNames) {
      it(`${name}`, () => {
        fc.assert(
          fc.property(commandNamed(name), (command) => {
            assert.deepStrictEqual(decodeChunks([WireCodec.encode(command)]), [command])
          }),
          { numRuns: 20 }
        )
      })
    }
  })

  it("any chunking of a byte stream decodes to the same commands", () => {
    fc.assert(fc.property(
      fc.array(anyCommand, { maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (commands, places) => {
        const bytes = new Uint8Array(Buffer.concat(commands.map(WireCodec.encode)))
        assert.deepStrictEqual(decodeChunks(cut(bytes, places)), commands)
      }
    ))
  })

  it("a byte at a time", () => {
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 4 }), (commands) => {
        const bytes = Buffer.concat(commands.map(WireCodec.encode))
        assert.deepStrictEqual(decodeChunks(Array.from(bytes, (byte) => Uint8Array.of(byte))), commands)
      }),
      { numRuns: 20 }
    )
  })

  it("what newer peers add at the end is passed over", () => {
    fc.assert(fc.property(
      anyCommand.filter(({ _tag }) => !["Event", "PartialEvent", "AppendBlock", "Padding"].includes(_tag)),
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
      (command, more) => {
        const known = WireCodec.encode(command).subarray(8)
        const bytes = new Uint8Array([...known, ...more])
        const code = new DataView(WireCodec.encode(command).buffer).getInt32(0)
        assert.deepStrictEqual(decodeChunks([frame(code, bytes.length, bytes)]), [command])
      }
    ))
  })

  it("random bytes throw nothing but WireError, and no more than the limit is ever held", () => {
    const limit = 200
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }), (chunks) => {
      const parser = WireCodec.makeParser({ maxPayloadSize: limit })
      try {
        for (const chunk of chunks) {
          parser.push(chunk, () => {})
          assert.isAtMost(parser.pending(), limit + WireCodec.frameHeaderSize)
        }
      } catch (error) {
        assert.instanceOf(error, WireError)
      }
    }))
  })

  it("mutated frames throw nothing but WireError", () => {
    fc.assert(
      fc.property(
        anyCommand,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 3 }),
        (command, changes, places) => {
          const bytes = WireCodec.encode(command).slice()
          // the type code stays, so that the payload's reading is what is tried
          for (const [at, value] of changes) bytes[4 + at % (bytes.length - 4)] = value
          try {
            const parser = WireCodec.makeParser({ maxPayloadSize: 1_000_000 })
            for (const chunk of cut(bytes, places)) parser.push(chunk, () => {})
          } catch (error) {
            assert.instanceOf(error, WireError)
          }
        }
      ),
      { numRuns: 1000 }
    )
  })

  it("a frame that ends inside a required field is malformed", () => {
    const whole = WireCodec.encode({ _tag: "SegmentCreated", requestId: 1n, segment: "a/b/0.#epoch.0" })
    for (let length = 0; length < whole.length - 8; length++) {
      const reason = reasonOf(() => decodeChunks([frame(21, length, whole.subarray(8, 8 + length))]))
      assert.strictEqual(reason._tag, "MalformedFrame")
    }
  })

  it("an unknown type is refused when its header is there, before any payload", () => {
    const reason = reasonOf(() => decodeChunks([frame(41, 1000)]))
    assert.deepInclude(reason, { _tag: "UnknownCommand", code: 41, length: 1000 })
  })

  it("a frame at the limit is taken, one above is refused when its header is there", () => {
    const limit = 64
    const event = { _tag: "Event", data: new Uint8Array(limit).fill(7) } as const
    const bytes = WireCodec.encode(event)
    assert.deepStrictEqual(decodeChunks([bytes], limit), [event])
    assert.deepStrictEqual(decodeChunks([bytes.slice(0, 20), bytes.slice(20)], limit), [event])
    for (const header of [frame(0, limit + 1), frame(0, -1), frame(0, 0x7fff_ffff)]) {
      assert.strictEqual(reasonOf(() => decodeChunks([header], limit))._tag, "FrameTooLarge")
      const split = [header.slice(0, 3), header.slice(3)]
      assert.strictEqual(reasonOf(() => decodeChunks(split, limit))._tag, "FrameTooLarge")
    }
  })

  it("the default limit is the Java client's", () => {
    const parser = WireCodec.makeParser()
    parser.push(frame(0, 0xff_ffff), () => {})
    assert.strictEqual(parser.pending(), 8)
    assert.strictEqual(reasonOf(() => decodeChunks([frame(0, 0x100_0000)]))._tag, "FrameTooLarge")
  })

  it("commands before a wrong frame are delivered, and the parser stays failed", () => {
    const parser = WireCodec.makeParser()
    const seen: Array<WireCommand> = []
    const bytes = new Uint8Array([...WireCodec.encode(hello), ...frame(41, 0)])
    const first = reasonOf(() => parser.push(bytes, (command) => seen.push(command)))
    assert.deepStrictEqual(seen, [hello])
    assert.strictEqual(reasonOf(() => parser.push(WireCodec.encode(hello), (command) => seen.push(command))), first)
    assert.lengthOf(seen, 1)
  })

  it("a frame's data lies in a buffer of the frame's size, however it came", () => {
    const bytes = WireCodec.encode({ _tag: "Event", data: new Uint8Array(1000) })
    const dataOf = (chunks: Array<Uint8Array>): Uint8Array => {
      const command = decodeChunks(chunks).at(-1)
      assert.strictEqual(command?._tag, "Event")
      return command?._tag === "Event" ? command.data : bytes
    }
    assert.strictEqual(dataOf([bytes]).buffer.byteLength, 1000)
    assert.strictEqual(dataOf([new Uint8Array([...bytes, ...bytes])]).buffer.byteLength, 1000)
    assert.strictEqual(dataOf([bytes.subarray(0, 500), bytes.subarray(500)]).buffer.byteLength, 1000)
  })

  it("a name that changes from frame to frame, or is none, is never taken for the one before", () => {
    const name = fc.constantFrom("", "a", "b", "ab", "\u00e4", "a\u0000")
    const reply = name.map((segment): WireCommand => ({
      _tag: "SegmentRead",
      segment,
      offset: 1n,
      atTail: true,
      endOfSegment: false,
      data: Uint8Array.of(1),
      requestId: 2n
    }))
    fc.assert(fc.property(fc.array(reply, { maxLength: 8 }), (replies) => {
      assert.deepStrictEqual(decodeChunks([new Uint8Array(Buffer.concat(replies.map(WireCodec.encode)))]), replies)
    }))
    const broken = WireCodec.encode({
      _tag: "SegmentRead",
      segment: "abc",
      offset: 1n,
      atTail: true,
      endOfSegment: true,
      data: Uint8Array.of(1),
      requestId: 2n
    })
    broken[10] = 0xff
    assert.strictEqual(reasonOf(() => decodeChunks([broken]))._tag, "MalformedFrame")
  })

  it("a list that claims more than the frame holds is refused before anything is made", () => {
    const payload = new Uint8Array(12)
    new DataView(payload.buffer).setInt32(8, 0x7fff_ffff)
    assert.strictEqual(reasonOf(() => decodeChunks([frame(75, 12, payload)]))._tag, "MalformedFrame")
  })

  describe("encode refuses", () => {
    const cases: ReadonlyArray<readonly [string, WireCommand, WireError["reason"]["_tag"]]> = [
      ["a number out of range", { _tag: "Hello", highVersion: 2 ** 31, lowVersion: 5 }, "UnencodableCommand"],
      ["a fraction", { _tag: "Hello", highVersion: 0.5, lowVersion: 5 }, "UnencodableCommand"],
      ["65 bits", { _tag: "StorageFlushed", requestId: 2n ** 63n }, "UnencodableCommand"],
      ["no UUID", { _tag: "AppendBlock", writerId: "me", data: new Uint8Array(0) }, "UnencodableCommand"],
      ["a long text", { _tag: "SegmentCreated", requestId: 1n, segment: "x".repeat(65_536) }, "UnencodableCommand"],
      ["negative padding", { _tag: "Padding", length: -1 }, "UnencodableCommand"],
      ["a large frame", { _tag: "Event", data: new Uint8Array(0xff_ffff - 7) }, "FrameTooLarge"]
    ]
    for (const [name, command, tag] of cases) {
      it(`${name}`, () => assert.strictEqual(reasonOf(() => WireCodec.encode(command))._tag, tag))
    }

    it("but takes a frame of just the largest size", () => {
      assert.lengthOf(WireCodec.encode({ _tag: "Event", data: new Uint8Array(0xff_ffff - 8) }), WireCodec.maxFrameSize)
    })
  })

  describe("makeAppendEncoder", () => {
    const encoder = WireCodec.makeAppendEncoder(writerId)

    it("frames an AppendBlockEnd around payloads that it does not copy", () => {
      const payload = [Uint8Array.of(1, 2, 3), new Uint8Array(5000).fill(9)]
      const append = { payload, length: 5003, eventCount: 7, lastEventNumber: 2n ** 40n, requestId: -5n }
      const parts = encoder.encode(append)
      assert.strictEqual(parts[1], payload[0])
      assert.strictEqual(parts[2], payload[1])
      assert.deepStrictEqual(decodeChunks(parts), [{
        _tag: "AppendBlockEnd",
        writerId,
        sizeOfWholeEvents: 5003,
        data: new Uint8Array(Buffer.concat(payload)),
        numEvents: 7,
        lastEventNumber: 2n ** 40n,
        requestId: -5n
      }])
    })

    it("at the largest append, and one byte above", () => {
      const at = (length: number) => () => {
        const payload = [new Uint8Array(length)]
        return encoder.encode({ payload, length, eventCount: 1, lastEventNumber: 1n, requestId: 1n })
      }
      const size = at(WireCodec.maxAppendSize)().reduce((sum, part) => sum + part.length, 0)
      assert.strictEqual(size, WireCodec.maxFrameSize)
      assert.strictEqual(reasonOf(at(WireCodec.maxAppendSize + 1))._tag, "FrameTooLarge")
    })
  })
})
