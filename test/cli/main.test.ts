/** The program `effect-pravega`, as a process. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as Command from "effect/cli/Command"
import { TestConsole } from "effect/testing"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as DevCommand from "../../src/cli/dev/DevCommand.ts"
import * as Environment from "../../src/cli/Environment.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as DevServer from "../embedded/DevServer.ts"
import { temporaryFolder } from "../temporary.ts"

const program = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
const once = (...words: ReadonlyArray<string>) =>
  spawnSync(process.execPath, ["--conditions=source", "--no-warnings", program, ...words], { encoding: "utf8" })

describe("effect-pravega", () => {
  it.effect("reads what was typed", () =>
    Effect.gen(function*() {
      const read: Array<unknown> = []
      const dev = Command.withHandler(DevCommand.command, (options) => Effect.sync(() => void read.push(options)))
      const type = (...words: ReadonlyArray<string>) =>
        Command.runWith(dev, { version: "0" })(words).pipe(Effect.provide([Environment.layer, TestConsole.layer]))
      const none = { host: "127.0.0.1", port: 0, storePort: 0, data: Option.none(), durability: "process" }
      yield* type()
      yield* type("--port", "9090", "--store-port=1", "--data", "d", "--durability", "power", "--host", "h")
      assert.deepStrictEqual(read, [
        none,
        { host: "h", port: 9090, storePort: 1, data: Option.some("d"), durability: "power" }
      ])
      const refused = [
        ["--port", "x"],
        ["--port", "65536"],
        ["--port"],
        ["more"],
        ["--durability", "eternal"],
        ["--nonsense"]
      ]
      for (const words of refused) {
        const error = yield* Effect.flip(type(...words))
        assert.strictEqual(error._tag === "ShowHelp" ? error.errors.length : 0, 1, words.join(" "))
      }
      assert.lengthOf(read, 2)
    }))

  it("explains itself, and what it did not understand", () => {
    assert.include(once("--help").stdout, "effect-pravega dev")
    assert.match(once("--version").stdout, /^\d+\.\d+\.\d+\n$/)
    const { status, stderr } = once("dev", "--port", "nine")
    assert.strictEqual(status, 2)
    assert.include(stderr, "--port is a number")
    assert.strictEqual(once("nonsense").status, 2)
  })

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it.live(`dev: serves until ${signal}, then stops cleanly and can be started again`, () =>
      Effect.gen(function*() {
        const directory = yield* temporaryFolder
        const server = yield* DevServer.start("--data", directory)
        const client = Pravega.layer({ controller: server.controller })
        assert.isTrue(yield* Effect.provide(Admin.createScope("kept"), client))
        const held = yield* Effect.flip(DevServer.start("--data", directory))
        assert.include(held.message, "in use by another embedded server")
        assert.strictEqual(yield* server.end(signal), 0)
        const again = yield* DevServer.start("--data", directory)
        const sameClient = Pravega.layer({ controller: again.controller })
        assert.isFalse(yield* Effect.provide(Admin.createScope("kept"), sameClient))
      }))
  }
})
