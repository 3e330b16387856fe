/** `effect-pravega group`, as processes, on a server that has a group with a reader that has died. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { fileURLToPath } from "node:url"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as ReaderGroup from "../../src/pravega/readergroup/ReaderGroup.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import * as DevServer from "../embedded/DevServer.ts"
import { numberedEvents, numberedStream } from "../numbered.ts"
import * as Program from "../Program.ts"
import { cliWith } from "./cli.ts"

const reader = fileURLToPath(new URL("groupReader.ts", import.meta.url))

const readGroup = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct({
  readers: Schema.Array(Schema.Struct({ reader: Schema.String, segments: Schema.Int })),
  unassigned: Schema.Int
})))

const stream = numberedStream("air/flights")

describe("effect-pravega group", () => {
  it.live("lists and describes groups, frees what a reader held, and deletes", () =>
    Effect.gen(function*() {
      const { controller } = yield* DevServer.start()
      const run = (...words: ReadonlyArray<string>) => cliWith({ PRAVEGA_CONTROLLER: controller }, "group", ...words)
      yield* Effect.scoped(Effect.gen(function*() {
        yield* Admin.ensureStream(stream.name, { scaling: { _tag: "Fixed", segments: 2 } })
        const none = yield* run("list", "air")
        assert.deepStrictEqual(none, { code: 0, stdout: `scope "air" has no reader groups\n`, stderr: "" })
        const writer = yield* EventWriter.make(stream)
        yield* writer.writeAll(numberedEvents(10, 5))
        yield* ReaderGroup.create("air/board", { streams: [stream.name] })
        yield* ReaderGroup.create("air/archive", { streams: [stream.name] })

        assert.deepStrictEqual(yield* run("list", "air"), { code: 0, stdout: "air/archive\nair/board\n", stderr: "" })
        assert.strictEqual((yield* run("list", "air", "--json")).stdout, `["air/archive","air/board"]\n`)
      })).pipe(Effect.provide(Pravega.layer({ controller })))
      const empty = yield* run("describe", "air/board")
      assert.strictEqual(empty.code, 0, empty.stderr)
      assert.match(empty.stdout, /^group "air\/board": \d+ bytes unread, no readers\n/)
      assert.include(empty.stdout, "reads air/flights from unbounded to unbounded")
      assert.include(empty.stdout, "2 segments nobody reads now")

      const killed = yield* Program.run([reader], {
        env: { PRAVEGA_CONTROLLER: controller },
        onOutput: (_, end) => end("SIGKILL", 0)
      })
      assert.strictEqual(killed.signal, "SIGKILL", killed.output)
      const described = yield* run("describe", "air/board", "--json")
      const { readers, unassigned } = readGroup(described.stdout)
      assert.deepStrictEqual([readers, unassigned], [[{ reader: "left-behind", segments: 2 }], 0])
      const unknown = yield* run("offline", "air/board", "nobody")
      assert.deepStrictEqual([unknown.code, unknown.stdout], [1, ""])
      assert.strictEqual(
        unknown.stderr,
        `effect-pravega: group "air/board" has no reader "nobody": it has left-behind\n`
      )
      const freed = yield* run("offline", "air/board", "left-behind")
      assert.deepStrictEqual([freed.code, freed.stdout], [0, `reader left-behind is out of group "air/board"\n`])
      assert.strictEqual(readGroup((yield* run("describe", "air/board", "--json")).stdout).unassigned, 2)

      assert.deepStrictEqual(yield* run("delete", "air/board"), {
        code: 0,
        stdout: `group "air/board" is deleted\n`,
        stderr: ""
      })
      const gone = yield* run("delete", "air/board")
      assert.deepStrictEqual([gone.code, gone.stdout], [1, ""])
      assert.include(gone.stderr, `there is no group "air/board"`)
      assert.strictEqual((yield* run("list", "air")).stdout, "air/archive\n")
      for (const words of [["describe", "air/none"], ["describe", "air"], ["list", "a b"]]) {
        const refused = yield* run(...words)
        assert.deepStrictEqual([refused.code, refused.stdout], [1, ""], words.join(" "))
        assert.notInclude(refused.stderr, "    at ", words.join(" "))
      }
      assert.strictEqual((yield* run("describe")).code, 2)
    }))
})
